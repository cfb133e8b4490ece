use super::lineup::{Lineup, onward};
use super::smooth::Cycle;
use super::stride::Stride;

/// One after the other in proportion to the weights.
///
/// While everybody is in, this is nginx's smooth sequence: 5, 1, 1 give `a a b a c a a`. While somebody is out, or
/// if that sequence would be longer than a million steps, turns are skipped by static stride (gRFC A58), which
/// keeps the proportions among those who are in. State: one counter.
///
/// # Examples
///
/// ```
/// use seawall::balance::{Endpoint, Pool, WeightedRoundRobin};
///
/// let pool = Pool::new("api", WeightedRoundRobin::new().starting_at(0));
/// pool.set([Endpoint::new("a", ()).weight(5), Endpoint::new("b", ()), Endpoint::new("c", ())]);
/// let picked: String = (0..7).map(|_| pool.pick().unwrap().id().to_string()).collect();
/// assert_eq!(picked, "aabacaa");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[doc(alias = "wrr")]
#[doc(alias = "smooth")]
pub struct WeightedRoundRobin {
    start: Option<u64>,
}

impl WeightedRoundRobin {
    /// Begins anywhere.
    ///
    /// ```
    /// let picker = seawall::balance::WeightedRoundRobin::new();
    /// # let _ = picker;
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { start: None }
    }

    /// Begins at this step of its sequence.
    ///
    /// ```
    /// let picker = seawall::balance::WeightedRoundRobin::new().starting_at(0);
    /// # let _ = picker;
    /// ```
    #[must_use]
    pub const fn starting_at(mut self, step: u64) -> Self {
        self.start = Some(step);
        self
    }

    pub(crate) const fn start(self) -> Option<u64> {
        self.start
    }
}

/// The turns of a lineup, in the form that suits its weights.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wheel<'a> {
    /// Equal weights: everyone in turn.
    Even,
    Cycle(&'a Cycle),
    Stride(&'a Stride),
}

impl Wheel<'_> {
    /// Whose turn it is, whether or not it fits; `None` of nobody.
    #[inline]
    pub(crate) fn turn(self, n: usize, mut count: impl FnMut() -> u64) -> Option<usize> {
        match self {
            _ if n == 0 => None,
            Self::Even => Some((count() % n as u64) as usize),
            Self::Cycle(cycle) => Some(cycle.slot(count())),
            Self::Stride(stride) => stride.next(count),
        }
    }
}

/// The one whose turn it is; one that does not fit passes on to the next turn.
#[inline]
pub(crate) fn weighted_round_robin(
    lineup: &(impl Lineup + ?Sized),
    wheel: Wheel<'_>,
    mut count: impl FnMut() -> u64,
) -> Option<usize> {
    let first = wheel.turn(lineup.len(), &mut count)?;
    if lineup.fits(first) {
        return Some(first);
    }
    // Few turns are enough unless the heavy ones do not fit; then the order of the ids decides.
    let mut turns = (0..2 * lineup.len()).filter_map(|_| wheel.turn(lineup.len(), &mut count));
    turns.find(|&index| lineup.fits(index)).or_else(|| onward(lineup, first))
}

#[cfg(test)]
mod tests {
    use super::super::bench::Bench;
    use super::*;

    #[test]
    fn who_does_not_fit_passes_on_to_the_next_turn() {
        let mut bench = Bench::of(&[(0, 5), (0, 1), (0, 1)]);
        let cycle = Cycle::of(&[5, 1, 1]).unwrap();
        bench.bar(0);
        let mut count = 0..;
        let mut pick =
            |bench: &Bench| weighted_round_robin(bench, Wheel::Cycle(&cycle), || count.next().unwrap());
        assert_eq!([(); 4].map(|()| pick(&bench)), [Some(1), Some(2), Some(1), Some(2)]);
        bench.bar(1);
        bench.bar(2);
        assert_eq!(pick(&bench), None);
    }

    #[test]
    fn one_that_fits_is_found_however_seldom_its_turn_is() {
        let mut bench = Bench::of(&[(0, 1_000_000), (0, 1)]);
        bench.bar(0);
        let stride = Stride::of([1_000_000, 1].into_iter());
        let mut count = 0..;
        let pick = weighted_round_robin(&bench, Wheel::Stride(&stride), || count.next().unwrap());
        assert_eq!(pick, Some(1));
        assert_eq!(weighted_round_robin(&Bench::of(&[]), Wheel::Even, || 0), None);
    }
}
