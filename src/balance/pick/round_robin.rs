use super::lineup::{Lineup, onward};

/// One after the other. State: one counter, which a change of the endpoints keeps.
///
/// The first pick begins anywhere, by a draw, so that many processes started together do not all call the same
/// endpoint first; [`starting_at`](Self::starting_at) fixes it.
///
/// # Examples
///
/// ```
/// use seawall::balance::{Endpoint, Pool, RoundRobin};
///
/// let pool = Pool::new("api", RoundRobin::new().starting_at(0));
/// pool.set(["a", "b", "c"].map(|id| Endpoint::new(id, ())));
/// let picked: Vec<_> = (0..4).map(|_| pool.pick().unwrap().id().to_string()).collect();
/// assert_eq!(picked, ["a", "b", "c", "a"]);
/// ```
///
/// # Not for
///
/// Endpoints or calls of unequal speed: it sends a slow one as many as a fast one. [`P2c`](super::P2c) looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[doc(alias = "rr")]
pub struct RoundRobin {
    start: Option<u64>,
}

impl RoundRobin {
    /// Begins anywhere.
    ///
    /// ```
    /// let picker = seawall::balance::RoundRobin::new();
    /// # let _ = picker;
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { start: None }
    }

    /// Begins at this place in the order of ids.
    ///
    /// ```
    /// let picker = seawall::balance::RoundRobin::new().starting_at(0);
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

/// The pick of count `count`: that place in the lineup, or the next that fits.
#[inline]
pub(crate) fn round_robin(lineup: &(impl Lineup + ?Sized), count: u64) -> Option<usize> {
    match lineup.len() {
        0 => None,
        n => onward(lineup, (count % n as u64) as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::super::bench::Bench;
    use super::*;

    #[test]
    fn it_goes_around_and_passes_over_what_does_not_fit() {
        let mut bench = Bench::of(&[(0, 1); 4]);
        let picks = |bench: &Bench| (0..6).map(|c| round_robin(bench, c).unwrap()).collect::<Vec<_>>();
        assert_eq!(picks(&bench), [0, 1, 2, 3, 0, 1]);
        bench.bar(1);
        assert_eq!(picks(&bench), [0, 2, 2, 3, 0, 2]);
        bench.bar(3);
        assert_eq!(picks(&bench), [0, 2, 2, 0, 0, 2]);
        bench.bar(0);
        bench.bar(2);
        assert_eq!(round_robin(&bench, 0), None);
        assert_eq!(round_robin(&Bench::of(&[]), 9), None);
    }
}
