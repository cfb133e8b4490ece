use super::Tally;

/// The last n entries, truly: the n+1st pushes the oldest out, one by one, for ever.
///
/// One bit an entry, so the longest window the breaker allows is 8 KiB.
#[derive(Clone, Debug)]
pub(crate) struct LastN {
    bits: Box<[u64]>,
    capacity: u32,
    len: u32,
    /// Where the next entry goes; once full, where the oldest stands.
    next: u32,
    marked: u32,
}

impl LastN {
    /// Room for `capacity` entries, at least one.
    pub(crate) fn new(capacity: u32) -> Self {
        let capacity = capacity.max(1);
        let words = capacity.div_ceil(u64::BITS) as usize;
        Self { bits: vec![0; words].into(), capacity, len: 0, next: 0, marked: 0 }
    }

    pub(crate) fn push(&mut self, marked: bool) {
        let (word, bit) = ((self.next / u64::BITS) as usize, 1 << (self.next % u64::BITS));
        // Before the window is full the place is empty, and its bit is zero.
        self.marked -= u32::from(self.bits[word] & bit != 0);
        self.marked += u32::from(marked);
        if marked {
            self.bits[word] |= bit;
        } else {
            self.bits[word] &= !bit;
        }
        self.len = (self.len + 1).min(self.capacity);
        self.next = if self.next + 1 == self.capacity { 0 } else { self.next + 1 };
    }

    /// As many unmarked entries at once.
    pub(crate) fn push_unmarked(&mut self, count: u64) {
        let count = u32::try_from(count).unwrap_or(u32::MAX).min(self.capacity);
        let end = self.next + count;
        self.unmark(self.next, end.min(self.capacity));
        self.unmark(0, end.saturating_sub(self.capacity));
        self.len = (self.len + count).min(self.capacity);
        self.next = end % self.capacity;
    }

    /// Empties the places `from..to`, a word of them at a time.
    fn unmark(&mut self, from: u32, to: u32) {
        if self.marked == 0 || from >= to {
            return;
        }
        let (first, last) = (from / u64::BITS, (to - 1) / u64::BITS);
        for word in first..=last {
            let mut places = u64::MAX;
            if word == first {
                places &= u64::MAX << (from % u64::BITS);
            }
            if word == last {
                places &= u64::MAX >> (u64::BITS - 1 - (to - 1) % u64::BITS);
            }
            let bits = &mut self.bits[word as usize];
            self.marked -= (*bits & places).count_ones();
            *bits &= !places;
        }
    }

    pub(crate) const fn tally(&self) -> Tally {
        Tally { total: self.len as u64, marked: self.marked as u64 }
    }

    pub(crate) fn clear(&mut self) {
        self.bits.fill(0);
        (self.len, self.next, self.marked) = (0, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    proptest! {
        /// The twin remembers every entry.
        #[test]
        fn it_holds_the_last_n_whatever_came_before(
            capacity in 1u32..200,
            entries in prop::collection::vec((any::<bool>(), 0u64..300), 0..400),
        ) {
            let (mut window, mut twin) = (LastN::new(capacity), VecDeque::new());
            for (marked, unmarked) in entries {
                if unmarked < 200 {
                    window.push(marked);
                    twin.push_back(marked);
                } else {
                    window.push_unmarked(unmarked);
                    twin.extend((0..unmarked).map(|_| false));
                }
                while twin.len() > capacity as usize {
                    twin.pop_front();
                }
                let marked = twin.iter().filter(|marked| **marked).count() as u64;
                prop_assert_eq!(window.tally(), Tally { total: twin.len() as u64, marked });
            }
        }
    }

    #[test]
    fn more_than_could_ever_fit_fills_it() {
        let mut window = LastN::new(65_536);
        window.push(true);
        window.push_unmarked(u64::MAX);
        assert_eq!(window.tally(), Tally { total: 65_536, marked: 0 });
    }
}
