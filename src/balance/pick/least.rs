use super::lineup::Lineup;

/// The fewest calls in flight per weight. It looks at everyone: advised up to 64 endpoints.
///
/// The look starts where a round robin points, so that an idle pool is served in turn instead of always by its
/// first endpoint. Failures weigh like calls in flight, so an endpoint that fails fast does not look idle.
///
/// # Examples
///
/// ```
/// use seawall::balance::{Endpoint, LeastConnections, Pool};
///
/// let pool = Pool::new("api", LeastConnections::new());
/// pool.set(["a", "b"].map(|id| Endpoint::new(id, ())));
/// let (one, two) = (pool.pick().unwrap(), pool.pick().unwrap());
/// assert_ne!(one.id(), two.id());
/// ```
///
/// # Not for
///
/// Many endpoints behind many balancers: all of them find the same least one and herd there.
/// [`P2c`](super::P2c) looks at two and is nearly as even.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[doc(alias = "LeastRequest")]
#[doc(alias = "WeightedLeastConnections")]
pub struct LeastConnections {
    start: Option<u64>,
}

impl LeastConnections {
    /// The least loaded of all.
    ///
    /// ```
    /// let picker = seawall::balance::LeastConnections::new();
    /// # let _ = picker;
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { start: None }
    }

    /// Begins its first look at this place in the order of ids; by default anywhere.
    ///
    /// ```
    /// let picker = seawall::balance::LeastConnections::new().starting_at(0);
    /// # let _ = picker;
    /// ```
    #[must_use]
    pub const fn starting_at(mut self, place: u64) -> Self {
        self.start = Some(place);
        self
    }

    pub(crate) const fn start(self) -> Option<u64> {
        self.start
    }
}

/// The least loaded per weight; among equals the first, looking from `start` onward and around.
#[inline]
pub(crate) fn least(lineup: &(impl Lineup + ?Sized), start: usize) -> Option<usize> {
    let n = lineup.len();
    let start = start.min(n);
    let mut best: Option<(usize, u64, u64)> = None;
    for index in (start..n).chain(0..start) {
        let (load, weight) = (u64::from(lineup.load(index)), u64::from(lineup.weight(index)));
        // Crosswise, and so exactly.
        let is_lighter = best.is_none_or(|(_, least, of)| load * of < least * weight);
        if is_lighter && lineup.fits(index) {
            best = Some((index, load, weight));
        }
    }
    best.map(|(index, ..)| index)
}

#[cfg(test)]
mod tests {
    use super::super::bench::Bench;
    use super::*;

    #[test]
    fn the_least_per_weight_wins_and_equals_go_to_the_first_looked_at() {
        assert_eq!(least(&Bench::of(&[(3, 1), (1, 1), (1, 1)]), 0), Some(1));
        assert_eq!(least(&Bench::of(&[(3, 1), (1, 1), (1, 1)]), 2), Some(2));
        // 6/4 carries less per weight than 2/1.
        assert_eq!(least(&Bench::of(&[(2, 1), (6, 4)]), 0), Some(1));
        assert_eq!(least(&Bench::of(&[]), 0), None);
    }

    #[test]
    fn the_least_that_does_not_fit_is_passed_over() {
        let mut bench = Bench::of(&[(0, 1), (5, 1), (4, 1)]);
        bench.bar(0);
        assert_eq!(least(&bench, 0), Some(2));
        bench.bar(1);
        bench.bar(2);
        assert_eq!(least(&bench, 1), None);
    }

    #[test]
    fn no_weight_and_no_load_overflows() {
        let bench = Bench::of(&[(u32::MAX, 1), (u32::MAX, u32::MAX), (u32::MAX, 2)]);
        assert_eq!(least(&bench, 0), Some(1));
    }
}
