//! Keys and what belongs to them, found by hash: the decision only. [`Keyed`](super::Keyed) shares it.

/// A table that runs no code of the key but `==`: hashes come from outside and are kept, so growing asks
/// nobody. What is in it stands in one dense row, so that a sweep can go on where the last one ended.
#[derive(Debug)]
pub(crate) struct Table<K, V> {
    entries: Vec<Entry<K, V>>,
    /// Where in the row the entry of a hash stands, by linear probing; a power of two long, never full.
    slots: Vec<u32>,
    hand: usize,
}

#[derive(Debug)]
pub(crate) struct Entry<K, V> {
    hash: u64,
    pub(crate) key: K,
    pub(crate) value: V,
}

const EMPTY: u32 = u32::MAX;

impl<K, V> Table<K, V> {
    pub(crate) const fn new() -> Self {
        Self { entries: Vec::new(), slots: Vec::new(), hand: 0 }
    }

    pub(crate) const fn len(&self) -> usize {
        self.entries.len()
    }

    /// All values, in no order.
    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.iter().map(|entry| &entry.value)
    }

    /// The value of the key of this hash that `is_key` recognizes.
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut is_key: impl FnMut(&K) -> bool) -> Option<&V> {
        if self.slots.is_empty() {
            return None;
        }
        let mut slot = self.home(hash);
        loop {
            let index = self.slots[slot];
            if index == EMPTY {
                return None;
            }
            let entry = &self.entries[index as usize];
            if entry.hash == hash && is_key(&entry.key) {
                return Some(&entry.value);
            }
            slot = self.after(slot);
        }
    }

    /// Puts in a key that is not there.
    pub(crate) fn insert(&mut self, hash: u64, key: K, value: V) {
        // At most three quarters full.
        if (self.entries.len() + 1) * 4 > self.slots.len() * 3 {
            self.slots = vec![EMPTY; (self.slots.len() * 2).max(8)];
            for index in 0..self.entries.len() {
                self.place(self.entries[index].hash, index as u32);
            }
        }
        self.place(hash, self.entries.len() as u32);
        self.entries.push(Entry { hash, key, value });
    }

    /// Takes out the first entry that may go, of the next `steps` since the last sweep.
    pub(crate) fn sweep(&mut self, steps: usize, mut may_go: impl FnMut(&V) -> bool) -> Option<Entry<K, V>> {
        for _ in 0..steps.min(self.entries.len()) {
            if self.hand >= self.entries.len() {
                self.hand = 0;
            }
            if may_go(&self.entries[self.hand].value) {
                return Some(self.remove(self.hand));
            }
            self.hand += 1;
        }
        None
    }

    /// Takes out the entry of least `rank` among the next `steps` since the last look.
    pub(crate) fn take_least<R: Ord>(
        &mut self,
        steps: usize,
        mut rank: impl FnMut(&V) -> R,
    ) -> Option<Entry<K, V>> {
        let len = self.entries.len();
        let steps = steps.min(len);
        let looked = (self.hand..self.hand + steps).map(|n| n % len);
        let least = looked.min_by_key(|&n| rank(&self.entries[n].value))?;
        self.hand = (self.hand + steps) % len;
        Some(self.remove(least))
    }

    /// Takes an entry out of the row; the last one moves into its place.
    fn remove(&mut self, index: usize) -> Entry<K, V> {
        let hole = self.slot_of(index);
        self.close(hole);
        let last = self.entries.len() - 1;
        if index != last {
            let moved = self.slot_of(last);
            self.slots[moved] = index as u32;
        }
        self.entries.swap_remove(index)
    }

    /// The slot that points to an entry of the row.
    fn slot_of(&self, index: usize) -> usize {
        let mut slot = self.home(self.entries[index].hash);
        while self.slots[slot] != index as u32 {
            slot = self.after(slot);
        }
        slot
    }

    /// Empties a slot: those behind it move up, as far as their home allows, so that no search stops early.
    fn close(&mut self, mut hole: usize) {
        let mut slot = self.after(hole);
        while self.slots[slot] != EMPTY {
            let home = self.home(self.entries[self.slots[slot] as usize].hash);
            // How far from its home it stands, and how far it would.
            let mask = self.slots.len() - 1;
            if slot.wrapping_sub(home) & mask >= slot.wrapping_sub(hole) & mask {
                self.slots[hole] = self.slots[slot];
                hole = slot;
            }
            slot = self.after(slot);
        }
        self.slots[hole] = EMPTY;
    }

    fn place(&mut self, hash: u64, index: u32) {
        let mut slot = self.home(hash);
        while self.slots[slot] != EMPTY {
            slot = self.after(slot);
        }
        self.slots[slot] = index;
    }

    #[inline]
    const fn home(&self, hash: u64) -> usize {
        hash as usize & (self.slots.len() - 1)
    }

    #[inline]
    const fn after(&self, slot: usize) -> usize {
        (slot + 1) & (self.slots.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Put(u8),
        /// Sweeps so many steps for values below the mark.
        Sweep(usize, u8),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => any::<u8>().prop_map(Step::Put),
            2 => (0..40usize, any::<u8>()).prop_map(|(steps, mark)| Step::Sweep(steps, mark)),
        ]
    }

    proptest! {
        /// Few hashes for many keys, and homes at the end of the table: collisions and wrapping.
        #[test]
        fn it_holds_what_a_list_would(steps in proptest::collection::vec(step(), 0..200)) {
            let hash = |key: u8| u64::from(key % 13).wrapping_mul(7).wrapping_sub(3);
            let (mut table, mut twin) = (Table::new(), Vec::new());
            for step in steps {
                match step {
                    Step::Put(key) => {
                        if table.find(hash(key), |k| *k == key).is_none() {
                            table.insert(hash(key), key, key);
                            twin.push(key);
                        }
                    }
                    Step::Sweep(steps, mark) => {
                        let gone = table.sweep(steps, |value| *value < mark).map(|entry| entry.key);
                        if let Some(key) = gone {
                            prop_assert!(key < mark);
                            twin.retain(|k| *k != key);
                        } else if steps >= table.len() {
                            prop_assert!(twin.iter().all(|key| *key >= mark));
                        }
                    }
                }
                prop_assert_eq!(table.len(), twin.len());
                for key in 0..=u8::MAX {
                    let found = table.find(hash(key), |k| *k == key).copied();
                    prop_assert_eq!(found, twin.contains(&key).then_some(key));
                }
            }
        }
    }

    #[test]
    fn a_sweep_goes_on_where_the_last_one_ended() {
        let mut table = Table::new();
        for key in 0..6_u64 {
            table.insert(key, key, key);
        }
        let mut seen = Vec::new();
        for _ in 0..3 {
            table.sweep(2, |value| {
                seen.push(*value);
                false
            });
        }
        assert_eq!(seen, [0, 1, 2, 3, 4, 5]);
    }
}
