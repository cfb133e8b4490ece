use crate::time::Instant;
use std::time::Duration;

/// What one sample window saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The mean time of its successful calls, in whole nanoseconds; none if it had none.
    pub rtt: Option<Duration>,
    /// The largest number in flight that one of its calls saw when it was admitted, itself included.
    pub in_flight: u32,
    /// Whether a call was answered with overload, or timed out.
    pub dropped: bool,
}

impl Reading {
    /// Whether the callers, not the limit, kept the number in flight down: then nothing may grow.
    ///
    /// ```
    /// use seawall::concurrency::Reading;
    /// let reading = Reading { rtt: None, in_flight: 9, dropped: false };
    /// assert!(reading.is_app_limited(20.0));
    /// assert!(!reading.is_app_limited(18.0));
    /// ```
    #[must_use]
    pub fn is_app_limited(&self, limit: f64) -> bool {
        2.0 * f64::from(self.in_flight) < limit
    }
}

/// What an algorithm makes of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// The limit from now on.
    Limit(u32),
    /// The limit for one window that takes samples only of calls admitted from now on.
    Probe(u32),
}

impl Advice {
    /// The limit in either case.
    ///
    /// ```
    /// assert_eq!(seawall::concurrency::Advice::Probe(5).limit(), 5);
    /// ```
    #[must_use]
    pub const fn limit(self) -> u32 {
        match self {
            Self::Limit(limit) | Self::Probe(limit) => limit,
        }
    }
}

/// Finds the limit from what windows of calls have seen: a pure function of its state, a reading and the time.
///
/// It is called once per sample window, never per call, and under no lock.
///
/// # Examples
///
/// One of your own, that knows only drops:
///
/// ```
/// use seawall::concurrency::{AdaptiveLimit, Advice, Algorithm, Reading};
/// use seawall::Instant;
///
/// #[derive(Debug)]
/// struct Halving(f64);
///
/// impl Algorithm for Halving {
///     fn limit(&self) -> f64 { self.0 }
///     fn update(&mut self, reading: Reading, _: Instant) -> Advice {
///         if reading.dropped {
///             self.0 = (self.0 / 2.0).max(1.0);
///         } else if !reading.is_app_limited(self.0) {
///             self.0 += 1.0;
///         }
///         Advice::Limit(self.0 as u32)
///     }
///     fn set_bounds(&mut self, min: u32, max: u32) {
///         self.0 = self.0.clamp(min.into(), max.into());
///     }
/// }
///
/// assert_eq!(AdaptiveLimit::new("db", Halving(16.0)).limit(), 16);
/// ```
pub trait Algorithm: std::fmt::Debug + Send + 'static {
    /// The limit as a real number; the whole part is in force.
    fn limit(&self) -> f64;

    /// The limit after a window that closed at `now`.
    fn update(&mut self, reading: Reading, now: Instant) -> Advice;

    /// Keeps the limit within `[min, max]` from now on, which is where it is then.
    fn set_bounds(&mut self, min: u32, max: u32);

    /// What it takes for the time of an unloaded call, if it keeps such a thing.
    fn reference(&self) -> Option<Duration> {
        None
    }
}
