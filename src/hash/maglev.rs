use super::nodes::Nodes;
use super::placement::{Met, Placement, fold};
use super::prime::TableSize;
use xxhash_rust::xxh64::xxh64;

/// A table of slots, dealt to the nodes in turn (Maglev, NSDI '16): the evenest spread and the cheapest lookup.
///
/// Equal weights have equally many slots, give or take one. It is not minimal: when one of n nodes comes or goes,
/// up to 1 % more keys move than must. An overloaded node's keys spill over many others instead of one neighbour.
///
/// # Examples
///
/// ```
/// use seawall::hash::{Maglev, Placement};
///
/// let table = Maglev::new(["a", "b", "c"]);
/// let home = table.lookup_key("user-1").unwrap();
/// assert_eq!(table.successors(table.hash(b"user-1")).next(), Some(home));
/// ```
///
/// # Memory
///
/// Two bytes a slot: 131 KB at the default of 65 537 slots, whatever the number of nodes; four bytes above 65 535
/// nodes.
#[derive(Clone, Debug)]
pub struct Maglev {
    nodes: Nodes,
    table: Table,
    size: TableSize,
}

#[derive(Clone, Debug)]
enum Table {
    Narrow(Box<[u16]>),
    Wide(Box<[u32]>),
}

impl Maglev {
    /// A table of 65 537 slots.
    ///
    /// ```
    /// use seawall::hash::{Maglev, Placement};
    /// assert_eq!(Maglev::new(["a"]).lookup(7), Some("a"));
    /// ```
    pub fn new(nodes: impl Into<Nodes>) -> Self {
        Self::with(nodes, TableSize::default())
    }

    /// A table of this size, or of the first prime that has a slot for each node.
    ///
    /// ```
    /// use seawall::hash::{Maglev, Placement, TableSize};
    /// let table = Maglev::with(["a", "b"], TableSize::at_least(1_000));
    /// # let _ = table;
    /// ```
    pub fn with(nodes: impl Into<Nodes>, size: TableSize) -> Self {
        let nodes = nodes.into();
        let slots = size.for_nodes(nodes.len());
        let sequences: Vec<_> = nodes.ids().map(|id| Sequence::of(id, slots)).collect();
        let table = match u16::try_from(nodes.len()) {
            Ok(_) => {
                let mut table = vec![u16::MAX; slots as usize];
                deal(&mut table, u16::MAX, &sequences, nodes.weights(), |node| node as u16);
                Table::Narrow(table.into())
            }
            Err(_) => {
                let mut table = vec![u32::MAX; slots as usize];
                deal(&mut table, u32::MAX, &sequences, nodes.weights(), |node| node);
                Table::Wide(table.into())
            }
        };
        Self { nodes, table, size }
    }

    #[inline]
    fn slots(&self) -> u64 {
        match &self.table {
            Table::Narrow(table) => table.len() as u64,
            Table::Wide(table) => table.len() as u64,
        }
    }

    #[inline]
    fn at(&self, slot: u64) -> u32 {
        match &self.table {
            Table::Narrow(table) => table[slot as usize].into(),
            Table::Wide(table) => table[slot as usize],
        }
    }
}

/// The order in which a node asks for slots: `at`, `at + skip`, `at + 2·skip`, … around the table.
#[derive(Clone, Copy, Debug)]
struct Sequence {
    at: u32,
    skip: u32,
}

impl Sequence {
    fn of(id: &str, slots: u32) -> Self {
        let (at, skip) = (xxh64(id.as_bytes(), 0), xxh64(id.as_bytes(), 1));
        Self { at: (at % u64::from(slots)) as u32, skip: (skip % u64::from(slots - 1)) as u32 + 1 }
    }
}

/// Deals all slots: in each round each node, in order, takes the first free one of its sequence; a lighter node
/// sits out as many rounds as its weight is less than the greatest.
fn deal<T: Copy + Eq>(
    table: &mut [T],
    free: T,
    sequences: &[Sequence],
    weights: &[u32],
    name: impl Fn(u32) -> T,
) {
    let slots = table.len() as u32;
    let most = u64::from(weights.iter().copied().max().unwrap_or_default());
    // Where each stands in its sequence, and what a round's multiple of its weight must reach.
    let mut standing: Vec<(Sequence, u64)> = sequences.iter().map(|&sequence| (sequence, 0)).collect();
    let mut left = if sequences.is_empty() { 0 } else { slots };
    for round in 1u64.. {
        for (node, (sequence, target)) in (0..).zip(&mut standing) {
            if left == 0 {
                return;
            }
            if round * u64::from(weights[node as usize]) < *target {
                continue;
            }
            *target += most;
            while table[sequence.at as usize] != free {
                sequence.at = around(sequence.at + sequence.skip, slots);
            }
            table[sequence.at as usize] = name(node);
            left -= 1;
        }
        if left == 0 {
            return;
        }
    }
}

#[inline]
const fn around(at: u32, slots: u32) -> u32 {
    if at >= slots { at - slots } else { at }
}

impl Placement for Maglev {
    fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    #[inline]
    fn first(&self, hash: u64) -> Option<usize> {
        if self.nodes.is_empty() {
            return None;
        }
        Some(self.at(hash % self.slots()) as usize)
    }

    fn walk(&self, hash: u64) -> impl Iterator<Item = usize> {
        let (n, slots) = (self.nodes.len(), self.slots());
        let (mut slot, step) = (hash % slots, 1 + fold(hash) % (slots - 1));
        let mut met = Met::default();
        // The number of slots is prime, so that so many steps of any length visit them all.
        let visits = if n == 0 { 0 } else { slots };
        let visited = (0..visits).map(move |_| {
            let here = slot;
            slot += step;
            if slot >= slots {
                slot -= slots;
            }
            self.at(here)
        });
        visited
            .filter_map(move |node| (met.len() < n && met.is_new(node, n)).then_some(node as usize))
            .take(n)
    }

    fn fingerprint(&self) -> u64 {
        self.nodes.fingerprint("maglev", [self.size.get().into(), 0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dealt(sequences: &[(u32, u32)]) -> Vec<u16> {
        let sequences: Vec<_> = sequences.iter().map(|&(at, skip)| Sequence { at, skip }).collect();
        let mut table = vec![u16::MAX; 7];
        deal(&mut table, u16::MAX, &sequences, &vec![1; sequences.len()], |node| node as u16);
        table
    }

    #[test]
    fn the_tables_are_those_of_the_paper() {
        assert_eq!(dealt(&[(3, 4), (0, 2), (3, 1)]), [1, 0, 1, 0, 2, 2, 0]);
        // Without the middle one; the paper still calls the last one 2.
        let without: Vec<_> = dealt(&[(3, 4), (3, 1)]).into_iter().map(|node| node * 2).collect();
        assert_eq!(without, [0, 0, 0, 0, 2, 2, 2]);
    }

    #[test]
    fn the_table_is_that_of_envoys_own_test() {
        let ids =
            ["127.0.0.1:90", "127.0.0.1:91", "127.0.0.1:92", "127.0.0.1:93", "127.0.0.1:94", "127.0.0.1:95"];
        let table = Maglev::with(ids, TableSize::at_least(7));
        let ports: Vec<_> = (0..7).map(|slot| table.at(slot) + 90).collect();
        assert_eq!(ports, [92, 94, 90, 91, 95, 90, 93]);
        let walked: Vec<_> = table.walk(0).map(|node| node + 90).collect();
        assert_eq!(walked, [92, 94, 90, 91, 95, 93]);
    }

    #[test]
    fn equal_weights_differ_by_at_most_one_slot_and_others_are_in_proportion() {
        let slots = |table: &Maglev| {
            let mut slots = vec![0u32; table.nodes.len()];
            (0..table.slots()).for_each(|slot| slots[table.at(slot) as usize] += 1);
            slots
        };
        let equal = Maglev::new(Nodes::equal((0..97).map(|i| format!("node-{i}"))));
        let equal = slots(&equal);
        assert!(equal.iter().max().unwrap() - equal.iter().min().unwrap() <= 1, "{equal:?}");
        let weighted = slots(&Maglev::new([("a", 1), ("b", 2), ("c", 7)]));
        for (slots, weight) in weighted.iter().zip([1, 2, 7]) {
            assert!(slots.abs_diff(65_537 * weight / 10) <= 2, "{weighted:?}");
        }
    }

    #[test]
    fn even_the_lightest_has_a_slot_and_a_small_table_grows() {
        let table = Maglev::with([("a", u32::MAX), ("b", 1)], TableSize::at_least(3));
        assert!((0..3).any(|slot| table.at(slot) == 1));
        let crowded = Maglev::with(Nodes::equal((0..50).map(|i| i.to_string())), TableSize::at_least(3));
        assert_eq!(crowded.slots(), 53);
        assert_eq!(crowded.walk(9).count(), 50);
    }
}
