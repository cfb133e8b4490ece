use super::algorithm::{Advice, Algorithm, Reading};
use super::moving::{Moving, moves};
use super::probe::{Probe, probes};
use crate::ratio::Ratio;
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
/// | `smoothing` | 100 % | each step counts in full |
/// | `baseline_age` | 30 s | a probe costs half the limit for about 0.1 s in 30 |
#[derive(Clone, Copy, Debug)]
pub struct Vegas {
    limit: Moving,
    smoothing: Ratio,
    /// Sure as long as windows are as fast as the baseline.
    probe: Probe,
    /// In nanoseconds.
    baseline: Option<f64>,
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
        Self { limit: Moving::new(20, 5, 1000), smoothing: Ratio::ONE, probe: Probe::new(), baseline: None }
    }

    /// By how much the limit moves.
    fn step(&self) -> f64 {
        f64::from(self.limit.whole().checked_ilog10().unwrap_or(0).max(1))
    }

    fn move_by(&mut self, step: f64) {
        self.limit.approach(self.limit.limit() + step, self.smoothing);
    }

    fn learn(&mut self, rtt: f64, reading: Reading, now: Instant) {
        let trusted = self.probe.trust(rtt);
        match self.baseline {
            // A probe that saw a drop is made again.
            _ if self.probe.is_on() && reading.dropped => return,
            Some(baseline) if !self.probe.is_on() => {
                if trusted >= baseline && !reading.dropped && !reading.is_app_limited(self.limit.limit()) {
                    self.follow(rtt, baseline);
                }
                if trusted > baseline {
                    return;
                }
            }
            _ => {}
        }
        self.baseline = Some(trusted);
        self.probe.confirm(now);
    }

    /// Goes by the queue at the peer.
    fn follow(&mut self, rtt: f64, baseline: f64) {
        let queue = (self.limit.limit() * (rtt - baseline).max(0.0) / rtt).ceil();
        let g = self.step();
        let (alpha, beta) = (3.0 * g, 6.0 * g);
        if queue <= g {
            self.move_by(beta);
        } else if queue < alpha {
            self.move_by(g);
        } else if queue > beta {
            self.move_by(-g);
        }
    }
}

moves!(Vegas);
probes!(Vegas);

impl Algorithm for Vegas {
    fn limit(&self) -> f64 {
        self.limit.limit()
    }

    fn update(&mut self, reading: Reading, now: Instant) -> Advice {
        if reading.dropped {
            self.move_by(-self.step());
        }
        if let Some(rtt) = reading.rtt {
            self.learn(nanos(rtt).max(1) as f64, reading, now);
        }
        self.probe.advise(self.limit, now)
    }

    fn set_bounds(&mut self, min: u32, max: u32) {
        self.limit.bound(min, max);
    }

    fn reference(&self) -> Option<Duration> {
        self.baseline.map(|nanos| Duration::from_nanos(nanos as u64))
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
