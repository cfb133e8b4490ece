use super::Window;
use crate::ratio::Ratio;
use std::num::NonZeroU32;
use std::time::Duration;

/// When a closed circuit opens: one condition, or several joined by [`or`](Self::or).
///
/// At most one of each kind, each with a window of its own; given twice, the later one counts. All
/// comparisons are "at least" and exact in integers.
///
/// # Examples
///
/// ```
/// use seawall::Ratio;
/// use seawall::circuit_breaker::{Trip, Window};
/// use std::time::Duration;
///
/// let trip = Trip::ratio(Ratio::percent(50))
///     .over(Window::time(Duration::from_secs(20)))
///     .min_calls(10)
///     .or(Trip::slow(Duration::from_secs(4), Ratio::percent(80)))
///     .or(Trip::run_of(5));
/// # let _ = trip;
/// ```
///
/// # Defaults
///
/// | setting | default | why |
/// |---|---|---|
/// | condition | [`ratio`](Self::ratio) 50 % | a peer that fails half its calls is worth leaving alone |
/// | window | 30 s in 10 slices | long enough for a low rate, short enough for a fast verdict |
/// | `min_calls` | 20 | a peer that fails one call in five shows ten failures of twenty about once in 400 |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trip {
    pub(super) run: Option<u32>,
    pub(super) count: Option<(u32, Duration)>,
    pub(super) ratio: Option<RatioTrip>,
    pub(super) slow: Option<SlowTrip>,
}

impl Trip {
    const NEVER: Self = Self { run: None, count: None, ratio: None, slow: None };

    /// Opens when failures make up at least `ratio` of the recorded results.
    ///
    /// ```
    /// use seawall::Ratio;
    /// use seawall::circuit_breaker::{CircuitBreaker, Trip, Window};
    /// let trip = Trip::ratio(Ratio::percent(25)).over(Window::calls(100)).min_calls(40);
    /// let breaker = CircuitBreaker::new("payments", trip);
    /// ```
    #[must_use]
    pub const fn ratio(ratio: Ratio) -> RatioTrip {
        RatioTrip { ratio, window: DEFAULT_WINDOW, min_calls: MIN_CALLS }
    }

    /// Opens when calls that took longer than `limit` make up at least `ratio`; a call still in flight
    /// beyond the limit counts already. It costs a clock reading at each end of a call.
    ///
    /// ```
    /// use seawall::Ratio;
    /// use seawall::circuit_breaker::{CircuitBreaker, Trip};
    /// use std::time::Duration;
    /// let trip = Trip::slow(Duration::from_secs(2), Ratio::percent(80));
    /// let breaker = CircuitBreaker::new("payments", trip);
    /// ```
    #[must_use]
    pub const fn slow(limit: Duration, ratio: Ratio) -> SlowTrip {
        SlowTrip { limit, ratio, window: DEFAULT_WINDOW, min_calls: MIN_CALLS }
    }

    /// Opens at `failures` failures within a time: for calls too rare or too uneven for a ratio.
    ///
    /// ```
    /// use seawall::circuit_breaker::{CircuitBreaker, Trip};
    /// use std::time::Duration;
    /// let trip = Trip::count(5).within(Duration::from_secs(60));
    /// let breaker = CircuitBreaker::new("payments", trip);
    /// ```
    pub const fn count(failures: u32) -> CountTrip {
        CountTrip { failures }
    }

    /// Opens when the last `failures` recorded results were failures. Zero is read as one.
    ///
    /// ```
    /// use seawall::circuit_breaker::{CircuitBreaker, Trip};
    /// let breaker = CircuitBreaker::new("payments", Trip::run_of(5));
    /// ```
    #[must_use]
    pub const fn run_of(failures: u32) -> Self {
        Self { run: Some(if failures == 0 { 1 } else { failures }), ..Self::NEVER }
    }

    /// Opens under either condition. What `other` has of the same kind replaces this one's.
    ///
    /// ```
    /// use seawall::Ratio;
    /// use seawall::circuit_breaker::Trip;
    /// let trip = Trip::run_of(5).or(Trip::ratio(Ratio::percent(50)));
    /// assert_eq!(trip.or(Trip::run_of(3)), Trip::run_of(3).or(Trip::ratio(Ratio::percent(50))));
    /// ```
    #[must_use]
    pub fn or(self, other: impl Into<Self>) -> Self {
        let other = other.into();
        Self {
            run: other.run.or(self.run),
            count: other.count.or(self.count),
            ratio: other.ratio.or(self.ratio),
            slow: other.slow.or(self.slow),
        }
    }
}

const MIN_CALLS: u32 = 20;
const DEFAULT_WINDOW: Window = Window::time(Duration::from_secs(30));
const HALF: Ratio = Ratio::of(1, NonZeroU32::new(2).expect("two is not zero"));

impl Trip {
    pub(super) const DEFAULT: Self = Self { ratio: Some(Self::ratio(HALF)), ..Self::NEVER };
}

impl Default for Trip {
    fn default() -> Self {
        Self::DEFAULT
    }
}

macro_rules! share_of_a_window {
    ($trip:ident, $slot:ident, $make:literal, $what:literal) => {
        impl $trip {
            #[doc = concat!("Over which calls the share of ", $what, " is taken.")]
            ///
            /// ```
            /// use seawall::{Ratio, circuit_breaker::{Trip, Window}};
            #[doc = concat!("let trip = ", $make, ".over(Window::calls(100));")]
            /// # let _ = trip;
            /// ```
            #[must_use]
            pub const fn over(mut self, window: Window) -> Self {
                self.window = window;
                self
            }

            /// How many results there must be before there is a ratio at all, whatever the window's size.
            /// Over a call window it is at most the window's length.
            ///
            /// ```
            /// use seawall::{Ratio, circuit_breaker::Trip};
            #[doc = concat!("let trip = ", $make, ".min_calls(10);")]
            /// # let _ = trip;
            /// ```
            #[must_use]
            pub const fn min_calls(mut self, min_calls: u32) -> Self {
                self.min_calls = min_calls;
                self
            }

            /// Opens under either condition.
            ///
            /// ```
            /// use seawall::{Ratio, circuit_breaker::Trip};
            #[doc = concat!("let trip = ", $make, ".or(Trip::run_of(5));")]
            /// # let _ = trip;
            /// ```
            #[must_use]
            pub fn or(self, other: impl Into<Trip>) -> Trip {
                Trip::from(self).or(other)
            }

            pub(super) const fn needed(&self) -> u64 {
                self.window.min_calls(self.min_calls)
            }
        }

        impl From<$trip> for Trip {
            fn from(trip: $trip) -> Self {
                Self { $slot: Some(trip), ..Self::NEVER }
            }
        }
    };
}

/// A share of failures; made by [`Trip::ratio`].
///
/// ```
/// use seawall::{Ratio, circuit_breaker::{Trip, Window}};
/// let trip = Trip::ratio(Ratio::percent(50)).over(Window::calls(20)).min_calls(10);
/// # let _ = trip;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RatioTrip {
    pub(super) ratio: Ratio,
    pub(super) window: Window,
    min_calls: u32,
}

share_of_a_window!(RatioTrip, ratio, "Trip::ratio(Ratio::percent(50))", "failures");

/// A share of slow calls; made by [`Trip::slow`].
///
/// ```
/// use seawall::{Ratio, circuit_breaker::{Trip, Window}};
/// use std::time::Duration;
/// let trip = Trip::slow(Duration::from_secs(4), Ratio::percent(80)).over(Window::calls(50));
/// # let _ = trip;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlowTrip {
    pub(super) limit: Duration,
    pub(super) ratio: Ratio,
    pub(super) window: Window,
    min_calls: u32,
}

share_of_a_window!(
    SlowTrip,
    slow,
    "Trip::slow(std::time::Duration::from_secs(4), Ratio::percent(80))",
    "slow calls"
);

/// A number of failures, still without its time; made by [`Trip::count`].
///
/// ```
/// use seawall::circuit_breaker::Trip;
/// use std::time::Duration;
/// let trip: Trip = Trip::count(5).within(Duration::from_secs(60));
/// # let _ = trip;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a number of failures becomes a condition by its time: `.within(d)`"]
pub struct CountTrip {
    failures: u32,
}

impl CountTrip {
    /// Within the last `length`, kept in ten slices.
    ///
    /// ```
    /// use seawall::circuit_breaker::Trip;
    /// use std::time::Duration;
    /// let trip = Trip::count(5).within(Duration::from_secs(60));
    /// # let _ = trip;
    /// ```
    #[must_use]
    pub const fn within(self, length: Duration) -> Trip {
        let failures = if self.failures == 0 { 1 } else { self.failures };
        Trip { count: Some((failures, length)), ..Trip::NEVER }
    }
}

/// Why a circuit opened.
///
/// Non-exhaustive: a new kind of trip brings its own cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// So many failures in a row.
    Run,
    /// So many failures within a time.
    Count,
    /// Too large a share of failures.
    Ratio,
    /// Too large a share of slow calls.
    Slow,
    /// Too many bad probes.
    Probes,
    /// Probes that never came back.
    Hung,
    /// Opened by hand for a time.
    Hand,
}

impl Cause {
    /// The cause as metrics and logs spell it.
    ///
    /// ```
    /// assert_eq!(seawall::circuit_breaker::Cause::Ratio.as_str(), "ratio");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Count => "count",
            Self::Ratio => "ratio",
            Self::Slow => "slow",
            Self::Probes => "probes",
            Self::Hung => "hung",
            Self::Hand => "hand",
        }
    }
}
