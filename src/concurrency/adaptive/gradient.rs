use super::algorithm::{Advice, Algorithm, Bounds, Reading};
use crate::time::{Instant, nanos};
use std::time::Duration;

/// Shrinks as calls get slower than their own long-term mean: Gradient2 of Netflix's concurrency-limits.
///
/// For peers whose time drifts slowly. Netflix's overlooks drops; this one shrinks after them.
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
/// | `smoothing` | 0.2 | each step counts a fifth |
/// | `long` | 600 windows | about a minute of them |
#[derive(Clone, Copy, Debug)]
pub struct Gradient {
    limit: f64,
    bounds: Bounds,
    tolerance: f64,
    queue: u32,
    smoothing: f64,
    trusted: (u64, u64),
    long: Long,
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
            limit: 20.0,
            bounds: Bounds::new(5, 200),
            tolerance: 1.5,
            queue: 4,
            smoothing: 0.2,
            trusted: (0, u64::MAX),
            long: Long::new(600),
        }
    }

    /// The limit at the start.
    ///
    /// ```
    /// use seawall::concurrency::{Algorithm, Gradient};
    /// assert_eq!(Gradient::new().initial(50).limit(), 50.0);
    /// ```
    #[must_use]
    pub fn initial(mut self, limit: u32) -> Self {
        self.limit = self.bounds.clamp(limit.into());
        self
    }

    /// The least and the largest limit.
    ///
    /// ```
    /// use seawall::concurrency::{Algorithm, Gradient};
    /// assert_eq!(Gradient::new().between(30, 90).limit(), 30.0);
    /// ```
    #[must_use]
    pub fn between(mut self, min: u32, max: u32) -> Self {
        self.set_bounds(min, max);
        self
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

    /// How much of each step counts, in `[0, 1]`.
    ///
    /// ```
    /// let quick = seawall::concurrency::Gradient::new().smoothing(0.5);
    /// # let _ = quick;
    /// ```
    #[must_use]
    pub const fn smoothing(mut self, share: f64) -> Self {
        self.smoothing = share.clamp(0.0, 1.0);
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

    /// Keeps the long-term mean within what is known of the peer.
    ///
    /// ```
    /// use std::time::Duration;
    /// let informed = seawall::concurrency::Gradient::new()
    ///     .baseline_between(Duration::from_millis(5), Duration::from_millis(20));
    /// # let _ = informed;
    /// ```
    #[must_use]
    pub const fn baseline_between(mut self, least: Duration, most: Duration) -> Self {
        self.trusted = (nanos(least), nanos(most));
        self
    }
}

impl Default for Gradient {
    fn default() -> Self {
        Self::new()
    }
}

impl Algorithm for Gradient {
    fn limit(&self) -> f64 {
        self.limit
    }

    fn update(&mut self, reading: Reading, _: Instant) -> Advice {
        let rtt = reading.rtt.map(|rtt| nanos(rtt).max(1) as f64);
        let long = rtt.map(|rtt| {
            let long = self.long.add(rtt).max(self.trusted.0 as f64).min(self.trusted.1 as f64);
            // A jam has ended: the mean must not take as long to forget it as it took to learn it.
            self.long.mean = if long / rtt > 2.0 { long * 0.95 } else { long };
            long
        });
        if reading.dropped {
            self.limit = self.bounds.clamp(self.limit * 0.9);
        } else if let (Some(rtt), Some(long)) = (rtt, long)
            && !reading.is_app_limited(self.limit)
        {
            let gradient = (self.tolerance * long / rtt).clamp(0.5, 1.0);
            let new = self.limit.mul_add(gradient, self.queue.into());
            self.limit = self.bounds.clamp((1.0 - self.smoothing).mul_add(self.limit, self.smoothing * new));
        }
        Advice::Limit(self.bounds.whole(self.limit))
    }

    fn set_bounds(&mut self, min: u32, max: u32) {
        self.bounds = Bounds::new(min, max);
        self.limit = self.bounds.clamp(self.limit);
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

impl Long {
    const fn new(window: u32) -> Self {
        Self { mean: 0.0, seen: 0, window }
    }

    fn add(&mut self, rtt: f64) -> f64 {
        let weight = if self.seen < WARM_UP {
            self.seen += 1;
            1.0 / f64::from(self.seen)
        } else {
            2.0 / (f64::from(self.window) + 1.0)
        };
        self.mean = (rtt - self.mean).mul_add(weight.min(1.0), self.mean);
        self.mean
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
        let means: Vec<_> = (10..20).map(|rtt| long.add(f64::from(rtt))).collect();
        let expected: Vec<_> = (0..10).map(|n| f64::from(n).mul_add(0.5, 10.0)).collect();
        assert_eq!(means, expected);
        assert_eq!(rounded(long.add(100.0), 3), 16.193);
    }

    #[test]
    fn a_drop_shrinks_and_still_feeds_the_mean() {
        let mut gradient = Gradient::new();
        gradient.update(Reading { dropped: true, ..reading(10, 1) }, Instant::ZERO);
        assert_eq!((gradient.limit(), gradient.reference()), (18.0, Some(Duration::from_millis(10))));
    }
}
