use super::algorithm::{Advice, Algorithm, Reading};
use super::moving::{Moving, moves};
use super::probe::{Probe, probes};
use crate::ratio::Ratio;
use crate::time::{Instant, nanos};
use std::time::Duration;

/// Shrinks as calls get slower than their own long-term mean: Gradient2 of Netflix's concurrency-limits.
///
/// For peers whose time drifts slowly. Netflix's overlooks drops; this one shrinks after them. And Netflix's learns a jam that
/// lasts for minutes as the normal state: its mean follows the queue that the limit lets stand, and the limit the mean.
///
/// # Baseline
///
/// So after [`baseline_age`](Self::baseline_age) in which the limit and not the callers set the pace, the limit is halved for
/// one window, in which the peer can work its queue off. That window's mean replaces the long-term one, and under load it
/// only falls from then on, until the next probe or until the load has gone.
///
/// # Examples
///
/// ```
/// use seawall::Instant;
/// use seawall::concurrency::{Algorithm, Gradient, Reading};
/// use std::time::Duration;
///
/// let mut gradient = Gradient::new();
/// let reading = |ms| Reading { rtt: Some(Duration::from_millis(ms)), in_flight: 20, dropped: false };
/// gradient.update(reading(10), Instant::ZERO);
/// assert_eq!(gradient.limit(), 20.8); // steady: grows by a fifth of the queue
/// ```
///
/// # Defaults
///
/// | setting | default | why |
/// |---|---|---|
/// | `initial` | 20 | |
/// | `between` | 5, 200 | a limit of 1 cannot tell recovery from jam |
/// | `tolerance` | 1.5 | a call may be half as slow again before the limit shrinks |
/// | `queue` | 4 | how many more may wait at the peer |
/// | `smoothing` | 20 % | each step counts a fifth |
/// | `long` | 600 windows | about a minute of them |
/// | `baseline_age` | 30 s | a probe costs half the limit for about 0.1 s in 30 |
#[derive(Clone, Copy, Debug)]
pub struct Gradient {
    limit: Moving,
    tolerance: f64,
    queue: u32,
    smoothing: Ratio,
    /// Sure as long as the callers, not the limit, set the pace.
    probe: Probe,
    long: Long,
    /// Whether the mean is that of a probe, and windows under load do not raise it.
    held: bool,
}

impl Gradient {
    /// The defaults.
    ///
    /// ```
    /// use seawall::concurrency::{Algorithm, Gradient};
    /// assert_eq!(Gradient::new().limit(), 20.0);
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self {
            limit: Moving::new(20, 5, 200),
            tolerance: 1.5,
            queue: 4,
            smoothing: Ratio::percent(20),
            probe: Probe::new(),
            long: Long::new(600),
            held: false,
        }
    }

    /// How many times the long-term mean a call may take before the limit shrinks; at least once.
    ///
    /// ```
    /// let patient = seawall::concurrency::Gradient::new().tolerance(2.0);
    /// # let _ = patient;
    /// ```
    #[must_use]
    pub const fn tolerance(mut self, times: f64) -> Self {
        self.tolerance = times.max(1.0);
        self
    }

    /// How many calls may wait at the peer: what the limit grows by.
    ///
    /// ```
    /// let eager = seawall::concurrency::Gradient::new().queue(8);
    /// # let _ = eager;
    /// ```
    #[must_use]
    pub const fn queue(mut self, calls: u32) -> Self {
        self.queue = calls;
        self
    }

    /// Over how many windows the long-term mean goes.
    ///
    /// ```
    /// let short = seawall::concurrency::Gradient::new().long(100);
    /// # let _ = short;
    /// ```
    #[must_use]
    pub const fn long(mut self, windows: u32) -> Self {
        self.long = Long::new(windows);
        self
    }

    /// Lets a window teach the long-term mean, which is returned.
    fn learn(&mut self, rtt: f64, reading: Reading, now: Instant) -> f64 {
        if self.probe.is_on() {
            // A probe that saw a drop is made again.
            if !reading.dropped {
                self.long.mean = self.probe.trust(rtt);
                self.held = true;
                self.probe.confirm(now);
            }
            return self.long.mean;
        }
        if self.long.seen == 0 || reading.is_app_limited(self.limit.limit()) {
            self.held = false;
            self.probe.confirm(now);
        }
        if !self.held || rtt < self.long.mean {
            self.long.add(rtt);
        }
        let long = self.probe.trust(self.long.mean);
        // A jam has ended: the mean must not take as long to forget it as it took to learn it.
        self.long.mean = if long / rtt > 2.0 { long * 0.95 } else { long };
        long
    }
}

moves!(Gradient);
probes!(Gradient);

impl Algorithm for Gradient {
    fn limit(&self) -> f64 {
        self.limit.limit()
    }

    fn update(&mut self, reading: Reading, now: Instant) -> Advice {
        let (limit, probing) = (self.limit.limit(), self.probe.is_on());
        let rtt = reading.rtt.map(|rtt| nanos(rtt).max(1) as f64);
        let long = rtt.map(|rtt| self.learn(rtt, reading, now));
        if reading.dropped {
            self.limit.set(limit * 0.9);
        } else if let (Some(rtt), Some(long)) = (rtt, long)
            && !(probing || reading.is_app_limited(limit))
        {
            let gradient = (self.tolerance * long / rtt).clamp(0.5, 1.0);
            self.limit.approach(limit.mul_add(gradient, self.queue.into()), self.smoothing);
        }
        self.probe.advise(self.limit, now)
    }

    fn set_bounds(&mut self, min: u32, max: u32) {
        self.limit.bound(min, max);
    }

    fn reference(&self) -> Option<Duration> {
        (self.long.seen > 0).then(|| Duration::from_nanos(self.long.mean as u64))
    }
}

/// The mean of the first few, then a moving one.
#[derive(Clone, Copy, Debug)]
struct Long {
    mean: f64,
    seen: u32,
    window: u32,
}

/// How many means are taken in full before the moving mean begins.
const WARM_UP: u32 = 10;
/// How many times the mean a window counts for at most.
const OUTLIER: f64 = 10.0;

impl Long {
    const fn new(window: u32) -> Self {
        Self { mean: 0.0, seen: 0, window }
    }

    fn add(&mut self, mut rtt: f64) {
        let weight = if self.seen < WARM_UP {
            self.seen += 1;
            1.0 / f64::from(self.seen)
        } else {
            // A stall of an hour is one window like another.
            rtt = rtt.min(OUTLIER * self.mean);
            2.0 / (f64::from(self.window) + 1.0)
        };
        self.mean = (rtt - self.mean).mul_add(weight.min(1.0), self.mean);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(millis: u64, in_flight: u32) -> Reading {
        Reading { rtt: Some(Duration::from_millis(millis)), in_flight, dropped: false }
    }

    fn rounded(value: f64, digits: i32) -> f64 {
        (value * 10_f64.powi(digits)).round() / 10_f64.powi(digits)
    }

    /// CC-17.
    #[test]
    fn a_step_up_in_time_is_a_step_down_of_the_limit() {
        let mut gradient = Gradient::new().between(20, 200);
        let mut limits = Vec::new();
        for millis in [10, 10, 10, 10, 10, 40, 40, 40, 40] {
            gradient.update(reading(millis, gradient.limit() as u32), Instant::ZERO);
            limits.push(rounded(gradient.limit(), 4));
        }
        assert_eq!(limits, [20.8, 21.6, 22.4, 23.2, 24.0, 22.7, 22.1218, 22.0231, 22.2725]);
    }

    /// CC-18.
    #[test]
    fn a_jam_is_forgotten_faster_than_it_was_learnt() {
        let mut gradient = Gradient::new();
        for _ in 0..10 {
            gradient.update(reading(100, 1), Instant::ZERO);
        }
        assert_eq!(gradient.reference(), Some(Duration::from_millis(100)));
        let mut longs = Vec::new();
        for _ in 0..4 {
            gradient.update(reading(10, 1), Instant::ZERO);
            longs.push(rounded(gradient.long.mean / 1e6, 4));
        }
        assert_eq!(longs, [94.7155, 89.7119, 84.9743, 80.4885]);
        assert_eq!(gradient.limit(), 20.0);
    }

    /// CC-19.
    #[test]
    fn the_long_mean_warms_up() {
        let mut long = Long::new(100);
        let mut mean_with = |rtt| {
            long.add(rtt);
            long.mean
        };
        let means: Vec<_> = (10..20).map(|rtt| mean_with(f64::from(rtt))).collect();
        let expected: Vec<_> = (0..10).map(|n| f64::from(n).mul_add(0.5, 10.0)).collect();
        assert_eq!(means, expected);
        assert_eq!(rounded(mean_with(100.0), 3), 16.193);
    }

    #[test]
    fn it_takes_few_bytes() {
        assert!(size_of::<Gradient>() <= 128, "{}", size_of::<Gradient>());
    }

    #[test]
    fn a_drop_shrinks_and_still_feeds_the_mean() {
        let mut gradient = Gradient::new();
        gradient.update(Reading { dropped: true, ..reading(10, 1) }, Instant::ZERO);
        assert_eq!((gradient.limit(), gradient.reference()), (18.0, Some(Duration::from_millis(10))));
    }
}
