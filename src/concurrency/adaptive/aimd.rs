use super::algorithm::{Advice, Algorithm, Reading};
use super::moving::{Moving, moves};
use crate::ratio::Ratio;
use crate::time::Instant;
use std::time::Duration;

/// Additive increase, multiplicative decrease: one more each window, a tenth less after a drop.
///
/// For peers that say clearly when they have too much to do (429, 503, timeouts). It looks at windows, not at
/// calls, so it adds one per window, not one per answer, which would double the limit in each round trip.
///
/// # Examples
///
/// ```
/// use seawall::Instant;
/// use seawall::concurrency::{Aimd, Algorithm, Reading};
/// use std::time::Duration;
///
/// let mut aimd = Aimd::new();
/// let busy = Reading { rtt: Some(Duration::from_millis(1)), in_flight: 20, dropped: false };
/// assert_eq!(aimd.update(busy, Instant::ZERO).limit(), 21);
/// assert_eq!(aimd.update(Reading { dropped: true, ..busy }, Instant::ZERO).limit(), 18);
/// ```
///
/// # Defaults
///
/// | setting | default | why |
/// |---|---|---|
/// | `initial` | 20 | |
/// | `between` | 5, 200 | a limit of 1 cannot tell recovery from jam |
/// | `factor` | 90 % | as Netflix has it: halving, as TCP does, wastes half the peer |
/// | `slow` | 5 s | so slow a mean is as good as a timeout |
#[derive(Clone, Copy, Debug)]
pub struct Aimd {
    limit: Moving,
    factor: Ratio,
    slow: Duration,
}

impl Aimd {
    /// The defaults.
    ///
    /// ```
    /// use seawall::concurrency::{Aimd, Algorithm};
    /// assert_eq!(Aimd::new().limit(), 20.0);
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { limit: Moving::new(20, 5, 200), factor: Ratio::percent(90), slow: Duration::from_secs(5) }
    }

    /// What is left of the limit after a drop; more than all of it is all of it.
    ///
    /// ```
    /// use seawall::{Ratio, concurrency::Aimd};
    /// let halving = Aimd::new().factor(Ratio::percent(50));
    /// # let _ = halving;
    /// ```
    #[must_use]
    pub const fn factor(mut self, factor: Ratio) -> Self {
        self.factor = factor;
        self
    }

    /// A mean above this counts as a drop.
    ///
    /// ```
    /// use seawall::concurrency::Aimd;
    /// let strict = Aimd::new().slow(std::time::Duration::from_millis(500));
    /// # let _ = strict;
    /// ```
    #[must_use]
    pub const fn slow(mut self, slow: Duration) -> Self {
        self.slow = slow;
        self
    }
}

moves!(Aimd);

impl Algorithm for Aimd {
    fn limit(&self) -> f64 {
        self.limit.limit()
    }

    fn update(&mut self, reading: Reading, _: Instant) -> Advice {
        if reading.dropped || reading.rtt.is_some_and(|rtt| rtt > self.slow) {
            // Exact: 0.9 is no binary fraction.
            let whole = u64::from(self.limit.whole());
            let part = u64::from(self.factor.parts().min(self.factor.whole().get()));
            self.limit.set((whole * part / u64::from(self.factor.whole().get())) as f64);
        } else if !reading.is_app_limited(self.limit.limit()) {
            self.limit.set(self.limit.limit() + 1.0);
        }
        Advice::Limit(self.limit.whole())
    }

    fn set_bounds(&mut self, min: u32, max: u32) {
        self.limit.bound(min, max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(initial: u32, millis: u64, in_flight: u32, dropped: bool) -> u32 {
        let reading = Reading { rtt: Some(Duration::from_millis(millis)), in_flight, dropped };
        Aimd::new().initial(initial).update(reading, Instant::ZERO).limit()
    }

    /// CC-13.
    #[test]
    fn one_more_a_tenth_less() {
        assert_eq!(after(20, 1, 10, false), 21);
        assert_eq!(after(20, 1, 9, false), 20);
        assert_eq!(after(20, 6000, 1, false), 18);
        assert_eq!(after(30, 1, 30, true), 27);
        let reading = Reading { rtt: Some(Duration::from_millis(1)), in_flight: 20, dropped: false };
        let mut full = Aimd::new().between(5, 21).initial(21);
        assert_eq!(full.update(reading, Instant::ZERO).limit(), 21);
    }

    #[test]
    fn drops_alone_shrink_to_the_floor_and_no_further() {
        let mut aimd = Aimd::new();
        let drops = Reading { rtt: None, in_flight: 0, dropped: true };
        for _ in 0..100 {
            aimd.update(drops, Instant::ZERO);
        }
        assert_eq!(aimd.limit(), 5.0);
    }
}
