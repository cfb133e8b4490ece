//! A point in time that fits an atomic.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

/// A point in time: whole nanoseconds since a zero that lies shortly before the process started.
///
/// Everything in this crate that decides takes one of these as an argument, so a decision can be
/// tested, simulated and replayed without waiting. [`Instant::now`] is the only clock; it follows
/// tokio's, so `#[tokio::test(start_paused = true)]` freezes every primitive and layer alike.
///
/// Arithmetic saturates: no input panics and none wraps. 2⁶⁴ nanoseconds are 584 years.
///
/// # Examples
///
/// ```
/// use seawall::Instant;
/// use std::time::Duration;
///
/// let start = Instant::from_nanos(5_000_000_000);
/// let later = start + Duration::from_millis(250);
///
/// assert_eq!(later - start, Duration::from_millis(250));
/// assert_eq!(start - later, Duration::ZERO);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(u64);

impl Instant {
    /// The zero of the clock.
    ///
    /// ```
    /// assert_eq!(seawall::Instant::ZERO.as_nanos(), 0);
    /// ```
    pub const ZERO: Self = Self(0);

    /// The last point in time: "never", for a deadline.
    ///
    /// ```
    /// use seawall::Instant;
    /// assert_eq!(Instant::MAX + std::time::Duration::from_secs(1), Instant::MAX);
    /// ```
    pub const MAX: Self = Self(u64::MAX);

    /// The point `nanos` nanoseconds after [`Instant::ZERO`].
    ///
    /// ```
    /// assert_eq!(seawall::Instant::from_nanos(7).as_nanos(), 7);
    /// ```
    #[must_use]
    #[inline]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since [`Instant::ZERO`].
    ///
    /// ```
    /// assert_eq!(seawall::Instant::MAX.as_nanos(), u64::MAX);
    /// ```
    #[must_use]
    #[inline]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// `self + duration`, at most [`Instant::MAX`]. The `+` operator is this method.
    ///
    /// ```
    /// use seawall::Instant;
    /// use std::time::Duration;
    /// assert_eq!(Instant::ZERO.saturating_add(Duration::MAX), Instant::MAX);
    /// ```
    #[must_use]
    #[inline]
    pub const fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }

    /// The time from `earlier` to `self`; zero if `earlier` is later. The `-` operator is this method.
    ///
    /// ```
    /// use seawall::Instant;
    /// use std::time::Duration;
    /// let then = Instant::from_nanos(10);
    /// assert_eq!(Instant::from_nanos(25).saturating_since(then), Duration::from_nanos(15));
    /// assert_eq!(then.saturating_since(Instant::MAX), Duration::ZERO);
    /// ```
    #[must_use]
    #[inline]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    #[inline]
    fn add(self, duration: Duration) -> Self {
        self.saturating_add(duration)
    }
}

impl AddAssign<Duration> for Instant {
    #[inline]
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub for Instant {
    type Output = Duration;

    #[inline]
    fn sub(self, earlier: Self) -> Duration {
        self.saturating_since(earlier)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Instant({:?})", Duration::from_nanos(self.0))
    }
}

/// A duration in whole nanoseconds, saturating: `Duration::MAX` is legal wherever time is an argument.
#[inline]
pub(crate) const fn nanos(duration: Duration) -> u64 {
    const SECOND: u64 = 1_000_000_000;
    match duration.as_secs().checked_mul(SECOND) {
        Some(whole) => whole.saturating_add(duration.subsec_nanos() as u64),
        None => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        assert_eq!(Instant::ZERO - Instant::MAX, Duration::ZERO);
        assert_eq!(Instant::MAX + Duration::MAX, Instant::MAX);
        assert_eq!(nanos(Duration::MAX), u64::MAX);
        assert_eq!(nanos(Duration::from_nanos(u64::MAX)), u64::MAX);
    }
}
