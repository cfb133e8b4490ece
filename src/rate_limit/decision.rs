use crate::error::{Reason, Rejected};
use crate::name::Name;
use crate::time::nanos;
use std::time::Duration;

/// What an [`Algorithm`](super::Algorithm) answered, all of it from the one time that decided.
///
/// # Examples
///
/// ```
/// use seawall::Instant;
/// use seawall::rate_limit::{Algorithm, Quota, TokenBucket, Verdict};
/// use std::time::Duration;
///
/// let bucket = TokenBucket::new(Quota::per_second(1).burst(5));
/// let mut state = bucket.fresh();
/// let decision = bucket.admit(&mut state, 2, Instant::ZERO);
/// assert_eq!(decision.verdict(), Verdict::Admitted);
/// assert_eq!((decision.remaining(), decision.reset_after()), (3, Duration::from_secs(2)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Decision {
    verdict: Verdict,
    remaining: u32,
    // Of several limits, a bit for each that refused.
    refusing: u32,
    // Of several limits, the narrowest now.
    narrowest: u8,
    // Nanoseconds.
    reset_after: u64,
    by: Option<Name>,
}

/// Yes, not now, or never.
///
/// Exhaustive on purpose: there is no fourth answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The permits were taken.
    Admitted,
    /// Over the quota for now.
    Limited {
        /// The time after which the same call, alone, is admitted: rounded up, so exactly then and not a
        /// nanosecond earlier.
        retry_after: Duration,
    },
    /// The cost exceeds the capacity; waiting never helps.
    TooLarge {
        /// What can be admitted at once.
        capacity: u32,
    },
}

impl Decision {
    /// A decision, for an algorithm of your own: whole permits left, and the time until all are there again.
    ///
    /// ```
    /// use seawall::rate_limit::{Decision, Verdict};
    /// use std::time::Duration;
    /// assert!(Decision::new(Verdict::Admitted, 3, Duration::ZERO).is_admitted());
    /// ```
    #[inline]
    pub const fn new(verdict: Verdict, remaining: u32, reset_after: Duration) -> Self {
        Self { verdict, remaining, refusing: 0, narrowest: 0, reset_after: nanos(reset_after), by: None }
    }

    #[inline]
    pub(crate) const fn admitted(remaining: u32, reset_after: u64) -> Self {
        Self::new(Verdict::Admitted, remaining, Duration::from_nanos(reset_after))
    }

    #[inline]
    pub(super) const fn limited(remaining: u32, reset_after: u64, retry_after: u64) -> Self {
        let verdict = Verdict::Limited { retry_after: Duration::from_nanos(retry_after) };
        Self::new(verdict, remaining, Duration::from_nanos(reset_after))
    }

    #[inline]
    pub(crate) const fn too_large(remaining: u32, reset_after: u64, capacity: u32) -> Self {
        Self::new(Verdict::TooLarge { capacity }, remaining, Duration::from_nanos(reset_after))
    }

    /// Given under this name, if it is a refusal.
    pub(crate) const fn by(mut self, name: Name) -> Self {
        if !self.is_admitted() {
            self.by = Some(name);
        }
        self
    }

    /// The refusal of a limiter of this name to a call of this cost.
    #[inline]
    pub(crate) fn rejected(self, name: Name, cost: u32) -> Rejected {
        let name = self.by.unwrap_or(name);
        match self.verdict {
            Verdict::TooLarge { capacity } => Rejected::too_large(name, cost, capacity),
            Verdict::Admitted => Rejected::new(name, Reason::RateLimited),
            Verdict::Limited { retry_after } => {
                Rejected::new(name, Reason::RateLimited).retry_in(retry_after)
            }
        }
    }

    /// Given by the limit of this index among several.
    pub(crate) const fn at(mut self, index: usize) -> Self {
        self.refusing = if self.is_admitted() || index > 31 { 0 } else { 1 << index };
        self.narrowest = index as u8;
        self
    }

    /// Both limits as one: the least remaining, the latest reset, and the refusal that lasts longest.
    pub(crate) fn and(self, other: Self) -> Self {
        let wait = |decision: &Self| match decision.verdict {
            Verdict::Admitted => (0, Duration::ZERO),
            Verdict::Limited { retry_after } => (1, retry_after),
            Verdict::TooLarge { .. } => (2, Duration::ZERO),
        };
        let longest = if wait(&other) > wait(&self) { other } else { self };
        // Beside one that never admits, those that do not admit now are not worth naming.
        let refusing = match longest.verdict {
            Verdict::TooLarge { .. } => [self, other]
                .iter()
                .filter(|decision| matches!(decision.verdict, Verdict::TooLarge { .. }))
                .fold(0, |refusing, decision| refusing | decision.refusing),
            Verdict::Admitted | Verdict::Limited { .. } => self.refusing | other.refusing,
        };
        let narrowest = match longest.verdict {
            Verdict::Admitted if other.remaining < self.remaining => other.narrowest,
            Verdict::Admitted => self.narrowest,
            Verdict::Limited { .. } | Verdict::TooLarge { .. } => longest.narrowest,
        };
        Self {
            narrowest,
            verdict: longest.verdict,
            remaining: self.remaining.min(other.remaining),
            refusing,
            reset_after: self.reset_after.max(other.reset_after),
            by: longest.by,
        }
    }

    /// Whether the permits were taken.
    ///
    /// ```
    /// use seawall::Instant;
    /// use seawall::rate_limit::{Algorithm, Quota, TokenBucket};
    /// let bucket = TokenBucket::new(Quota::per_second(1));
    /// assert!(bucket.admit(&mut bucket.fresh(), 1, Instant::ZERO).is_admitted());
    /// ```
    #[must_use]
    #[inline]
    pub const fn is_admitted(&self) -> bool {
        matches!(self.verdict, Verdict::Admitted)
    }

    /// Yes, not now, or never.
    ///
    /// ```
    /// use seawall::Instant;
    /// use seawall::rate_limit::{Algorithm, Quota, TokenBucket, Verdict};
    /// let bucket = TokenBucket::new(Quota::per_second(5));
    /// let decision = bucket.admit(&mut bucket.fresh(), 6, Instant::ZERO);
    /// assert_eq!(decision.verdict(), Verdict::TooLarge { capacity: 5 });
    /// ```
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Why it was refused, if it was.
    ///
    /// ```
    /// use seawall::rate_limit::{Algorithm, Quota, TokenBucket};
    /// use seawall::{Instant, Reason};
    /// let bucket = TokenBucket::new(Quota::per_second(5));
    /// let decision = bucket.admit(&mut bucket.fresh(), 6, Instant::ZERO);
    /// assert_eq!(decision.reason(), Some(Reason::TooLarge));
    /// ```
    #[must_use]
    pub const fn reason(&self) -> Option<Reason> {
        match self.verdict {
            Verdict::Admitted => None,
            Verdict::Limited { .. } => Some(Reason::RateLimited),
            Verdict::TooLarge { .. } => Some(Reason::TooLarge),
        }
    }

    /// Whole permits left; after a refusal it may be more than nothing, only less than was asked for.
    ///
    /// ```
    /// use seawall::Instant;
    /// use seawall::rate_limit::{Algorithm, Quota, TokenBucket};
    /// let bucket = TokenBucket::new(Quota::per_second(5));
    /// assert_eq!(bucket.admit(&mut bucket.fresh(), 2, Instant::ZERO).remaining(), 3);
    /// ```
    #[must_use]
    pub const fn remaining(&self) -> u32 {
        self.remaining
    }

    /// The time until all permits are there again.
    ///
    /// ```
    /// use seawall::Instant;
    /// use seawall::rate_limit::{Algorithm, Quota, TokenBucket};
    /// use std::time::Duration;
    /// let bucket = TokenBucket::new(Quota::per_second(1).burst(5));
    /// let decision = bucket.admit(&mut bucket.fresh(), 2, Instant::ZERO);
    /// assert_eq!(decision.reset_after(), Duration::from_secs(2));
    /// ```
    #[must_use]
    pub const fn reset_after(&self) -> Duration {
        Duration::from_nanos(self.reset_after)
    }

    /// The time after which the same call, alone, is admitted; `None` unless it is limited for now.
    ///
    /// ```
    /// use seawall::Instant;
    /// use seawall::rate_limit::{Algorithm, Quota, TokenBucket};
    /// use std::time::Duration;
    /// let bucket = TokenBucket::new(Quota::per_second(10));
    /// let mut state = bucket.fresh();
    /// assert_eq!(bucket.admit(&mut state, 10, Instant::ZERO).retry_after(), None);
    /// let refused = bucket.admit(&mut state, 1, Instant::ZERO);
    /// assert_eq!(refused.retry_after(), Some(Duration::from_millis(100)));
    /// ```
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self.verdict {
            Verdict::Limited { retry_after } => Some(retry_after),
            Verdict::Admitted | Verdict::TooLarge { .. } => None,
        }
    }

    /// Of several limits asked together, those that refused, by their place.
    ///
    /// ```
    /// use seawall::Instant;
    /// use seawall::rate_limit::{Algorithm, Quota, TokenBucket};
    /// let limits = [Quota::per_second(10), Quota::per_minute(5)].map(TokenBucket::new);
    /// let mut state = limits.fresh();
    /// assert!(limits.admit(&mut state, 5, Instant::ZERO).is_admitted());
    /// let refused = limits.admit(&mut state, 1, Instant::ZERO);
    /// assert_eq!(refused.refusing().collect::<Vec<_>>(), [1]);
    /// ```
    pub fn refusing(&self) -> impl Iterator<Item = usize> + use<> {
        let refusing = self.refusing;
        (0..32).filter(move |index| refusing >> index & 1 == 1)
    }

    /// Of several limits asked together, the place of the narrowest now: the one that refuses longest, or else the one
    /// with the least left.
    ///
    /// ```
    /// use seawall::Instant;
    /// use seawall::rate_limit::{Algorithm, Quota, TokenBucket};
    /// let limits = [Quota::per_second(10), Quota::per_minute(5)].map(TokenBucket::new);
    /// assert_eq!(limits.admit(&mut limits.fresh(), 1, Instant::ZERO).narrowest(), 1);
    /// ```
    #[must_use]
    pub const fn narrowest(&self) -> usize {
        self.narrowest as usize
    }

    /// The name of the limit that refused, if it has one of its own: of several, the one with the longest wait.
    ///
    /// ```
    /// use seawall::Instant;
    /// use seawall::rate_limit::{Algorithm, Named, Quota, TokenBucket};
    /// let limit = Named::new("per second", TokenBucket::new(Quota::per_second(1)));
    /// let refused = limit.admit(&mut limit.fresh(), 2, Instant::ZERO);
    /// assert_eq!(refused.refused_by().map(|name| name.as_str()), Some("per second"));
    /// ```
    #[must_use]
    pub const fn refused_by(&self) -> Option<Name> {
        self.by
    }
}
