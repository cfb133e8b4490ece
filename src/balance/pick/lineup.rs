/// Those who may be picked from, as a picker sees them: numbered from 0, in the order of their ids.
///
/// A picker of your own reads it, see [`Pick`](crate::balance::Pick).
pub trait Lineup {
    /// How many there are.
    fn len(&self) -> usize;

    /// Whether there is nobody.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether `index` may be picked now: not tried before, below its limit, not refused by its own gate.
    fn fits(&self, index: usize) -> bool;

    /// The calls in flight at `index`, and what its recent failures weigh on top.
    fn load(&self, index: usize) -> u32;

    /// The weight of `index`, at least 1.
    fn weight(&self, index: usize) -> u32;

    /// The nanoseconds that calls at `index` have lately taken, at their peaks; 0 while none is known. Only
    /// known to a picker that [asks for it](crate::balance::Pick::wants_cost).
    fn cost(&self, index: usize) -> u64;
}

/// The first index that fits, from `start` onward and around.
#[inline]
pub(crate) fn onward(lineup: &(impl Lineup + ?Sized), start: usize) -> Option<usize> {
    let n = lineup.len();
    if start < n && lineup.fits(start) {
        return Some(start);
    }
    (start + 1..n).chain(0..start.min(n)).find(|&index| lineup.fits(index))
}

/// Whether `a` carries less per weight than `b`, compared crosswise and so exactly.
#[inline]
pub(crate) fn lighter(lineup: &(impl Lineup + ?Sized), a: usize, b: usize) -> bool {
    u64::from(lineup.load(a)) * u64::from(lineup.weight(b))
        < u64::from(lineup.load(b)) * u64::from(lineup.weight(a))
}
