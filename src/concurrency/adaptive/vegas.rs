use super::algorithm::{Advice, Algorithm, Bounds, Reading};
use crate::time::{Instant, nanos};
use std::time::Duration;

/// Grows while calls are hardly slower than the fastest known, and shrinks when they queue: TCP Vegas
/// (Brakmo and Peterson), as Netflix's concurrency-limits adapted it.
///
/// For peers whose time for an unloaded call is stable. The queue at the peer is `L · (1 − baseline / rtt)`
/// calls; between α and β the limit stands still.
///
/// # Baseline
///
/// One lucky mean must not hold the limit down for ever, nor a long jam become the normal state. So if no window
/// has been as fast as the baseline for [`baseline_age`](Self::baseline_age), the limit is halved for one window, in
/// which the peer can work its queue off, and that window's mean is the new baseline (as BBR probes its RTT).
///
/// # Examples
///
/// ```
/// use seawall::Instant;
/// use seawall::concurrency::{Algorithm, Reading, Vegas};
/// use std::time::Duration;
///
/// let mut vegas = Vegas::new();
/// let reading = |ms| Reading { rtt: Some(Duration::from_millis(ms)), in_flight: 20, dropped: false };
/// assert_eq!(vegas.update(reading(10), Instant::ZERO).limit(), 20); // the baseline
/// assert_eq!(vegas.update(reading(10), Instant::ZERO).limit(), 26); // no queue: + β
/// assert_eq!(vegas.update(reading(20), Instant::ZERO).limit(), 25); // a queue of 13: − g
/// ```
///
/// # Defaults
///
/// | setting | default | why |
/// |---|---|---|
/// | `initial` | 20 | |
/// | `between` | 5, 1000 | a limit of 1 cannot tell recovery from jam |
/// | step g | max(1, ⌊log₁₀ L⌋) | small limits move by one |
/// | α, β | 3 g, 6 g | the queue at the peer that is welcome |
/// | `smoothing` | 1 | each step counts in full |
/// | `baseline_age` | 30 s | a probe costs half the limit for about 0.1 s in 30 |
#[derive(Clone, Copy, Debug)]
pub struct Vegas {
    limit: f64,
    bounds: Bounds,
    smoothing: f64,
    baseline_age: Duration,
    trusted: (u64, u64),
    baseline: Option<u64>,
    /// When a window was last as fast as the baseline.
    confirmed: Instant,
    probing: bool,
}

impl Vegas {
    /// The defaults.
    ///
    /// ```
    /// use seawall::concurrency::{Algorithm, Vegas};
    /// assert_eq!(Vegas::new().limit(), 20.0);
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self {
            limit: 20.0,
            bounds: Bounds::new(5, 1000),
            smoothing: 1.0,
            baseline_age: Duration::from_secs(30),
            trusted: (0, u64::MAX),
            baseline: None,
            confirmed: Instant::ZERO,
            probing: false,
        }
    }

    /// The limit at the start.
    ///
    /// ```
    /// use seawall::concurrency::{Algorithm, Vegas};
    /// assert_eq!(Vegas::new().initial(50).limit(), 50.0);
    /// ```
    #[must_use]
    pub fn initial(mut self, limit: u32) -> Self {
        self.limit = self.bounds.clamp(limit.into());
        self
    }

    /// The least and the largest limit.
    ///
    /// ```
    /// use seawall::concurrency::{Algorithm, Vegas};
    /// assert_eq!(Vegas::new().between(30, 90).limit(), 30.0);
    /// ```
    #[must_use]
    pub fn between(mut self, min: u32, max: u32) -> Self {
        self.set_bounds(min, max);
        self
    }

    /// How much of each step counts, in `[0, 1]`.
    ///
    /// ```
    /// let sluggish = seawall::concurrency::Vegas::new().smoothing(0.5);
    /// # let _ = sluggish;
    /// ```
    #[must_use]
    pub const fn smoothing(mut self, share: f64) -> Self {
        self.smoothing = share.clamp(0.0, 1.0);
        self
    }

    /// How long a baseline is trusted that no window comes near any more.
    ///
    /// ```
    /// let restless = seawall::concurrency::Vegas::new().baseline_age(std::time::Duration::from_secs(10));
    /// # let _ = restless;
    /// ```
    #[must_use]
    pub const fn baseline_age(mut self, age: Duration) -> Self {
        self.baseline_age = age;
        self
    }

    /// Keeps the baseline within what is known of the peer.
    ///
    /// ```
    /// use std::time::Duration;
    /// let informed = seawall::concurrency::Vegas::new()
    ///     .baseline_between(Duration::from_millis(5), Duration::from_millis(20));
    /// # let _ = informed;
    /// ```
    #[must_use]
    pub const fn baseline_between(mut self, least: Duration, most: Duration) -> Self {
        self.trusted = (nanos(least), nanos(most));
        self
    }

    /// A mean as a baseline.
    fn trust(&self, rtt: u64) -> u64 {
        rtt.max(self.trusted.0).min(self.trusted.1)
    }

    /// By how much the limit moves.
    fn step(&self) -> f64 {
        f64::from(self.bounds.whole(self.limit).checked_ilog10().unwrap_or(0).max(1))
    }

    fn set(&mut self, new: f64) {
        let new = self.bounds.clamp(new);
        self.limit = (1.0 - self.smoothing).mul_add(self.limit, self.smoothing * new);
    }

    fn adopt(&mut self, rtt: u64, now: Instant) {
        (self.baseline, self.confirmed, self.probing) = (Some(self.trust(rtt)), now, false);
    }

    fn move_by(&mut self, rtt: u64, baseline: u64) {
        let (g, queueing) = (self.step(), rtt.saturating_sub(baseline) as f64);
        let queue = (self.limit * queueing / rtt.max(1) as f64).ceil();
        let (alpha, beta) = (3.0 * g, 6.0 * g);
        if queue <= g {
            self.set(self.limit + beta);
        } else if queue < alpha {
            self.set(self.limit + g);
        } else if queue > beta {
            self.set(self.limit - g);
        }
    }
}

impl Default for Vegas {
    fn default() -> Self {
        Self::new()
    }
}

impl Algorithm for Vegas {
    fn limit(&self) -> f64 {
        self.limit
    }

    fn update(&mut self, reading: Reading, now: Instant) -> Advice {
        let rtt = reading.rtt.map(nanos);
        match (rtt, self.baseline) {
            // A probe that saw a drop, or nothing, is made again.
            (Some(rtt), _) if self.probing && !reading.dropped => self.adopt(rtt, now),
            (_, _) if reading.dropped => self.set(self.limit - self.step()),
            (None, _) => {}
            (Some(rtt), Some(baseline)) if self.trust(rtt) >= baseline => {
                if !reading.is_app_limited(self.limit) {
                    self.move_by(rtt, baseline);
                }
            }
            (Some(_), _) => {}
        }
        if let Some(rtt) = rtt
            && !self.probing
        {
            match self.baseline {
                Some(baseline) if self.trust(rtt) > baseline => {}
                _ => self.adopt(rtt, now),
            }
        }
        if self.baseline.is_some() && now - self.confirmed >= self.baseline_age {
            self.probing = true;
        }
        if self.probing {
            return Advice::Probe(self.bounds.whole((self.limit / 2.0).floor()));
        }
        Advice::Limit(self.bounds.whole(self.limit))
    }

    fn set_bounds(&mut self, min: u32, max: u32) {
        self.bounds = Bounds::new(min, max);
        self.limit = self.bounds.clamp(self.limit);
    }

    fn reference(&self) -> Option<Duration> {
        self.baseline.map(Duration::from_nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(millis: u64, in_flight: u32) -> Reading {
        Reading { rtt: Some(Duration::from_millis(millis)), in_flight, dropped: false }
    }

    fn small() -> Vegas {
        let mut vegas = Vegas::new().between(1, 20).initial(10);
        assert_eq!(vegas.update(reading(10, 10), Instant::ZERO).limit(), 10);
        vegas
    }

    /// CC-14.
    #[test]
    fn the_queue_at_the_peer_decides() {
        for (millis, in_flight, limit) in [
            (10, 11, 16),
            (11, 11, 16),
            (12, 11, 11),
            (14, 14, 10),
            (25, 11, 10),
            (26, 11, 9),
            (50, 11, 9),
            (50, 4, 10),
        ] {
            let moved = small().update(reading(millis, in_flight), Instant::ZERO);
            assert_eq!(moved.limit(), limit, "{millis} ms, {in_flight} in flight");
        }
        let dropped = Reading { dropped: true, ..reading(50, 4) };
        assert_eq!(small().update(dropped, Instant::ZERO).limit(), 9);
    }

    /// CC-15.
    #[test]
    fn large_limits_take_large_steps() {
        let mut vegas = Vegas::new().between(1, 20_000).initial(10_000);
        assert_eq!(vegas.update(reading(10_000, 5000), Instant::ZERO).limit(), 10_000);
        assert_eq!(vegas.update(reading(10_000, 6000), Instant::ZERO).limit(), 10_024);
    }

    /// CC-16.
    #[test]
    fn the_step_is_the_logarithm() {
        for (limit, step) in
            [(1, 1.0), (9, 1.0), (99, 1.0), (100, 2.0), (999, 2.0), (1000, 3.0), (10_000, 4.0)]
        {
            assert_eq!(Vegas::new().between(1, 20_000).initial(limit).step(), step, "{limit}");
        }
    }

    #[test]
    fn an_old_baseline_is_probed_at_half_the_limit_and_replaced() {
        let mut vegas = small();
        let at = |seconds: u64| Instant::from_nanos(seconds * 1_000_000_000);
        // The peer is slower for good: the limit sinks, until the baseline is too old.
        for second in 1..30 {
            assert!(matches!(vegas.update(reading(50, 10), at(second)), Advice::Limit(_)));
        }
        let sunk = vegas.limit();
        assert_eq!(sunk, 7.0, "a queue of six is welcome");
        assert_eq!(vegas.update(reading(50, 10), at(30)), Advice::Probe(3));
        // A drop in the probe shrinks, and the probe is made again.
        let dropped = Reading { dropped: true, ..reading(45, 3) };
        assert_eq!(vegas.update(dropped, at(31)), Advice::Probe(3));
        assert_eq!(vegas.update(reading(45, 3), at(31)), Advice::Limit(6));
        assert_eq!(vegas.reference(), Some(Duration::from_millis(45)));
        assert_eq!(vegas.update(reading(45, 5), at(32)), Advice::Limit(12));
    }

    #[test]
    fn a_lucky_window_does_not_hold_the_limit_down_for_ever() {
        let mut vegas = small();
        let at = |seconds: u64| Instant::from_nanos(seconds * 1_000_000_000);
        vegas.update(reading(1, 10), at(1));
        for second in 2..=31 {
            vegas.update(reading(10, 10), at(second));
        }
        assert_eq!(vegas.update(reading(10, 10), at(32)), Advice::Limit(vegas.limit() as u32));
        assert_eq!(vegas.reference(), Some(Duration::from_millis(10)));
    }

    #[test]
    fn a_known_baseline_is_kept_within_what_is_known() {
        let mut vegas = Vegas::new().baseline_between(Duration::from_millis(5), Duration::from_millis(20));
        vegas.update(reading(1, 20), Instant::ZERO);
        assert_eq!(vegas.reference(), Some(Duration::from_millis(5)));
        // Faster than it is trusted to be: no queue, so the limit grows.
        assert_eq!(vegas.update(reading(1, 20), Instant::ZERO), Advice::Limit(26));
    }
}
