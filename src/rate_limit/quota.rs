use crate::time::nanos;
use std::fmt;
use std::time::Duration;

/// How much: so many permits in a period, and how many of them may come at once.
///
/// A quota is the exact fraction, never an interval rounded to nanoseconds: three a second is three a second.
/// [`per_second(n)`](Self::per_second) is `n` a second; "one each ten seconds" is
/// [`per(1, Duration::from_secs(10))`](Self::per).
///
/// # Examples
///
/// ```
/// use seawall::rate_limit::Quota;
/// use std::time::Duration;
///
/// const API: Quota = Quota::per_second(100).burst(20);
/// assert_eq!((API.permits(), API.period(), API.capacity()), (100, Duration::from_secs(1), 20));
/// assert_eq!(API.to_string(), "100/s burst 20");
/// ```
///
/// # Defaults
///
/// | what | default | why |
/// |---|---|---|
/// | burst | the permits of one period | a caller that was idle for a period may use what the period allows |
///
/// A zero anywhere (permits, period, burst) is [`deny_all`](Self::deny_all): it fails closed and shows at once.
/// Where the numbers come from outside, [`Quota::new`] names the field instead.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[doc(alias = "rate")]
pub struct Quota {
    permits: u32,
    burst: u32,
    // Nanoseconds; 0 only in `unlimited`.
    period: u64,
}

impl Quota {
    /// `permits` a second.
    ///
    /// ```
    /// use seawall::rate_limit::Quota;
    /// assert_eq!(Quota::per_second(100).capacity(), 100);
    /// ```
    #[must_use]
    pub const fn per_second(permits: u32) -> Self {
        Self::per(permits, Duration::from_secs(1))
    }

    /// `permits` a minute.
    ///
    /// ```
    /// use seawall::rate_limit::Quota;
    /// use std::time::Duration;
    /// assert_eq!(Quota::per_minute(7).period(), Duration::from_secs(60));
    /// ```
    #[must_use]
    pub const fn per_minute(permits: u32) -> Self {
        Self::per(permits, Duration::from_secs(60))
    }

    /// `permits` an hour.
    ///
    /// ```
    /// use seawall::rate_limit::Quota;
    /// use std::time::Duration;
    /// assert_eq!(Quota::per_hour(5000).period(), Duration::from_secs(3600));
    /// ```
    #[must_use]
    pub const fn per_hour(permits: u32) -> Self {
        Self::per(permits, Duration::from_secs(3600))
    }

    /// `permits` a day.
    ///
    /// ```
    /// use seawall::rate_limit::Quota;
    /// use std::time::Duration;
    /// assert_eq!(Quota::per_day(1).period(), Duration::from_secs(86_400));
    /// ```
    #[must_use]
    pub const fn per_day(permits: u32) -> Self {
        Self::per(permits, Duration::from_secs(86_400))
    }

    /// `permits` in each `period`. A period longer than 584 years is one of 584 years.
    ///
    /// ```
    /// use seawall::rate_limit::Quota;
    /// use std::time::Duration;
    /// let one_each_ten_seconds = Quota::per(1, Duration::from_secs(10));
    /// assert_eq!(one_each_ten_seconds.to_string(), "1/10s");
    /// assert_eq!(Quota::per(1, Duration::ZERO), Quota::deny_all());
    /// ```
    #[must_use]
    pub const fn per(permits: u32, period: Duration) -> Self {
        let period = nanos(period);
        if permits == 0 || period == 0 { Self::deny_all() } else { Self { permits, burst: permits, period } }
    }

    /// So many permits may be taken at once, after idleness; fewer than a period's smooth the traffic, more
    /// let idle periods be made up for.
    ///
    /// ```
    /// use seawall::rate_limit::Quota;
    /// assert_eq!(Quota::per_second(100).burst(1).capacity(), 1);
    /// assert_eq!(Quota::per_second(100).burst(0), Quota::deny_all());
    /// ```
    #[must_use]
    pub const fn burst(mut self, burst: u32) -> Self {
        if burst == 0 {
            return Self::deny_all();
        }
        if !self.is_deny_all() && !self.is_unlimited() {
            self.burst = burst;
        }
        self
    }

    /// A quota from numbers that come from outside.
    ///
    /// ```
    /// use seawall::rate_limit::{Quota, QuotaError};
    /// use std::time::Duration;
    /// let minute = Duration::from_secs(60);
    /// assert_eq!(Quota::new(100, minute, 20), Ok(Quota::per_minute(100).burst(20)));
    /// assert_eq!(Quota::new(100, minute, 0), Err(QuotaError::ZeroBurst));
    /// ```
    ///
    /// # Errors
    ///
    /// [`QuotaError`] says which number is zero.
    pub const fn new(permits: u32, period: Duration, burst: u32) -> Result<Self, QuotaError> {
        if permits == 0 {
            Err(QuotaError::ZeroPermits)
        } else if period.is_zero() {
            Err(QuotaError::ZeroPeriod)
        } else if burst == 0 {
            Err(QuotaError::ZeroBurst)
        } else {
            Ok(Self::per(permits, period).burst(burst))
        }
    }

    /// Nothing at all: each call costs more than can ever be admitted.
    ///
    /// ```
    /// use seawall::{RateLimiter, Reason, rate_limit::Quota};
    /// let shut = RateLimiter::new("api", Quota::deny_all());
    /// assert_eq!(shut.check().unwrap_err().reason(), Reason::TooLarge);
    /// ```
    #[must_use]
    pub const fn deny_all() -> Self {
        Self { permits: 0, burst: 0, period: 1 }
    }

    /// No limit.
    ///
    /// ```
    /// use seawall::{RateLimiter, rate_limit::Quota};
    /// let open = RateLimiter::new("api", Quota::unlimited());
    /// assert!((0..1000).all(|_| open.check().is_ok()));
    /// ```
    #[must_use]
    pub const fn unlimited() -> Self {
        Self { permits: u32::MAX, burst: u32::MAX, period: 0 }
    }

    /// Permits in a period.
    ///
    /// ```
    /// assert_eq!(seawall::rate_limit::Quota::per_minute(7).permits(), 7);
    /// ```
    #[must_use]
    pub const fn permits(self) -> u32 {
        self.permits
    }

    /// The period; zero only if there is no limit.
    ///
    /// ```
    /// use seawall::rate_limit::Quota;
    /// assert_eq!(Quota::per_minute(7).period(), std::time::Duration::from_secs(60));
    /// ```
    #[must_use]
    pub const fn period(self) -> Duration {
        Duration::from_nanos(self.period)
    }

    /// How many permits may be taken at once: the burst.
    ///
    /// ```
    /// assert_eq!(seawall::rate_limit::Quota::per_minute(7).burst(3).capacity(), 3);
    /// ```
    #[must_use]
    pub const fn capacity(self) -> u32 {
        self.burst
    }

    /// Whether nothing is ever admitted.
    ///
    /// ```
    /// assert!(seawall::rate_limit::Quota::per_second(0).is_deny_all());
    /// ```
    #[must_use]
    pub const fn is_deny_all(self) -> bool {
        self.permits == 0
    }

    /// Whether there is no limit.
    ///
    /// ```
    /// assert!(seawall::rate_limit::Quota::unlimited().is_unlimited());
    /// ```
    #[must_use]
    pub const fn is_unlimited(self) -> bool {
        self.period == 0
    }

    pub(crate) const fn to_words(self) -> [u64; 2] {
        [(self.permits as u64) << 32 | self.burst as u64, self.period]
    }

    pub(crate) const fn from_words([counts, period]: [u64; 2]) -> Self {
        Self { permits: (counts >> 32) as u32, burst: counts as u32, period }
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_deny_all() {
            return f.write_str("deny all");
        }
        if self.is_unlimited() {
            return f.write_str("unlimited");
        }
        let Self { permits, burst, .. } = *self;
        match (self.period % 1_000_000_000, self.period / 1_000_000_000) {
            (0, 1) => write!(f, "{permits}/s")?,
            (0, 60) => write!(f, "{permits}/min")?,
            (0, 3600) => write!(f, "{permits}/h")?,
            (0, 86_400) => write!(f, "{permits}/d")?,
            _ => write!(f, "{permits}/{:?}", self.period())?,
        }
        if burst == permits { Ok(()) } else { write!(f, " burst {burst}") }
    }
}

impl fmt::Debug for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Quota({self})")
    }
}

/// Why numbers make no quota.
///
/// Non-exhaustive: a text may come to be wrong in more ways.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuotaError {
    /// No permits in a period.
    #[error("permits: zero; to refuse everything, say so with `deny_all`")]
    ZeroPermits,
    /// A period of no time.
    #[error("period: zero; to have no limit, say so with `unlimited`")]
    ZeroPeriod,
    /// Nothing at once.
    #[error("burst: zero; to refuse everything, say so with `deny_all`")]
    ZeroBurst,
    /// The text has not the form of a quota.
    #[error("expected a quota such as `100/s` or `100 per minute burst 20`")]
    Form,
    /// The permits cannot be read.
    #[error("permits: expected a whole number up to 4294967295")]
    Permits,
    /// The period cannot be read.
    #[error(
        "period: expected a unit such as `s` or `minute`, or a length such as `250ms`, of whole nanoseconds"
    )]
    Period,
    /// The burst cannot be read.
    #[error("burst: expected a whole number up to 4294967295")]
    Burst,
}
