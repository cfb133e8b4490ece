use super::lineup::{Lineup, lighter};
use super::shares::Shares;
use super::two_choices::choose;
use crate::chance::Chance;
use std::time::Duration;

/// The one of two that will answer sooner, by how long calls there have taken lately, at their peaks, and how
/// many are in flight (Finagle's peak EWMA).
///
/// A slower answer raises the cost at once, faster ones lower it over [`decay`](Self::decay), and so does time
/// alone. The cost changes only when a call ends; looking at it changes nothing, so that the estimate does not
/// depend on the traffic. While one of the two has not answered yet, or has just failed, both are compared by their
/// load alone: there is no made-up first latency to live down, and failing fast is not being fast.
///
/// Two clock readings per call.
///
/// # Examples
///
/// ```
/// use seawall::balance::{Endpoint, PeakEwma, Pool};
///
/// let pool = Pool::new("api", PeakEwma::new());
/// pool.set(["a", "b"].map(|id| Endpoint::new(id, ())));
/// pool.pick().unwrap().settle(seawall::Class::Success);
/// ```
///
/// # Defaults
///
/// | what | default | why |
/// |---|---|---|
/// | [`decay`](Self::decay) | 10 s | Finagle's and linkerd's |
/// | [`penalty`](Self::penalty) | none | fixed at 5 s it took the p99 of ten endpoints with 0.1 % errors from 37 to 131 ms in simulation |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "ewma")]
#[doc(alias = "latency")]
pub struct PeakEwma {
    pub(crate) decay: Duration,
    pub(crate) penalty: Option<Duration>,
}

impl PeakEwma {
    /// With the defaults.
    ///
    /// ```
    /// let picker = seawall::balance::PeakEwma::new();
    /// # let _ = picker;
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { decay: Duration::from_secs(10), penalty: None }
    }

    /// The time in which a cost falls to 1/e of itself; at least a millisecond.
    ///
    /// ```
    /// use std::time::Duration;
    /// let picker = seawall::balance::PeakEwma::new().decay(Duration::from_secs(30));
    /// # let _ = picker;
    /// ```
    #[must_use]
    #[doc(alias = "tau")]
    pub const fn decay(mut self, decay: Duration) -> Self {
        self.decay = decay;
        self
    }

    /// Lets each failure count as a call that took at least so long.
    ///
    /// ```
    /// use std::time::Duration;
    /// let picker = seawall::balance::PeakEwma::new().penalty(Duration::from_secs(1));
    /// # let _ = picker;
    /// ```
    #[must_use]
    pub const fn penalty(mut self, penalty: Duration) -> Self {
        self.penalty = Some(penalty);
        self
    }
}

impl Default for PeakEwma {
    fn default() -> Self {
        Self::new()
    }
}

/// The one of two drawn that will answer sooner.
#[inline]
pub(crate) fn peak_ewma(
    lineup: &(impl Lineup + ?Sized),
    shares: &Shares,
    chance: &mut Chance,
) -> Option<usize> {
    choose(lineup, shares, 2, chance, sooner)
}

/// Whether `a` will answer sooner than `b`, compared crosswise and so exactly.
#[inline]
fn sooner(lineup: &(impl Lineup + ?Sized), a: usize, b: usize) -> bool {
    let cost = |index| u128::from(lineup.cost(index));
    let (cost_a, cost_b) = (cost(a), cost(b));
    if cost_a == 0 || cost_b == 0 {
        return lighter(lineup, a, b);
    }
    let calls = |index| u128::from(lineup.load(index).saturating_add(1));
    let weight = |index| u128::from(lineup.weight(index));
    cost_a * calls(a) * weight(b) < cost_b * calls(b) * weight(a)
}

#[cfg(test)]
mod tests {
    use super::super::bench::Bench;
    use super::*;

    #[test]
    fn the_sooner_one_is_less_cost_times_calls_per_weight() {
        let mut bench = Bench::of(&[(0, 1), (4, 1), (0, 2)]);
        bench.costs = vec![50, 9, 99];
        assert!(sooner(&bench, 1, 0), "9 × 5 before 50 × 1");
        assert!(sooner(&bench, 2, 0), "99 / 2 before 50 / 1");
        assert!(!sooner(&bench, 0, 0), "a tie is nobody's");
    }

    #[test]
    fn without_a_sample_on_either_side_the_load_decides() {
        let mut bench = Bench::of(&[(1, 1), (0, 1)]);
        bench.costs = vec![1, 0];
        assert!(sooner(&bench, 1, 0) && !sooner(&bench, 0, 1));
    }

    #[test]
    fn the_greatest_numbers_do_not_overflow() {
        let mut bench = Bench::of(&[(u32::MAX, 1), (u32::MAX, u32::MAX)]);
        bench.costs = vec![u64::MAX; 2];
        assert!(sooner(&bench, 1, 0));
    }
}
