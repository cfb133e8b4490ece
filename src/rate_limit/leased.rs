use super::leases::Leases;
use super::{Carry, Decision, Quota, Verdict};
use crate::class::Class;
use crate::error::Rejected;
use crate::gate::{Admit, Gate, Line, Now, Permit, verbs};
use crate::telemetry::{Kind, Telemetry, What};
use crate::time::Instant;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A token bucket for many threads: each spends from a lease of its own, so its cost does not grow with their number.
///
/// Clones share the limit. One word that all threads write costs more the more of them write it; here a thread takes
/// a handful of permits at a time into a slot of its own and spends them there, mostly without reading the clock.
///
/// # Examples
///
/// ```
/// use seawall::rate_limit::{LeasedRateLimiter, Quota};
///
/// let limiter = LeasedRateLimiter::new("api", Quota::per_second(1_000_000));
/// assert!(limiter.check().is_ok());
/// ```
///
/// # What counts
///
/// What the slots hold is part of the burst, so never more is admitted than by a [`RateLimiter`](super::RateLimiter),
/// at any instant; and before a refusal all slots are looked at, so at one instant exactly the burst is. What may be
/// missed is what lies in the slots of threads that have gone idle, which do not fill by themselves: at most half
/// of the burst, and no more than a millisecond's permits for each slot. So a cost above half of the burst may be refused
/// longer than it was told.
///
/// # Not for
///
/// Small bursts: below two permits for each slot, or a permit a millisecond, there is nothing to lease and this is a
/// [`RateLimiter`](super::RateLimiter) with a few loads on top.
#[derive(Clone)]
#[doc(alias = "striped")]
pub struct LeasedRateLimiter(Arc<Shared>);

struct Shared {
    leases: Leases,
    telemetry: Telemetry,
    line: Line,
}

verbs!(
    LeasedRateLimiter,
    "use seawall::rate_limit::{LeasedRateLimiter, Quota};",
    "LeasedRateLimiter::new(\"api\", Quota::per_second(100_000))"
);

impl LeasedRateLimiter {
    /// A token bucket of this quota, full, with a slot for each core.
    ///
    /// ```
    /// use seawall::rate_limit::{LeasedRateLimiter, Quota};
    /// let limiter = LeasedRateLimiter::new("api", Quota::per_second(100_000).burst(5000));
    /// assert_eq!(limiter.available(), 5000);
    /// ```
    #[must_use]
    pub fn new(telemetry: impl Into<Telemetry>, quota: Quota) -> Self {
        let slots = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self::with_slots(telemetry, quota, slots)
    }

    /// The same with so many slots, at least one: as many as there are threads that use it all the time.
    ///
    /// ```
    /// use seawall::rate_limit::{LeasedRateLimiter, Quota};
    /// let limiter = LeasedRateLimiter::with_slots("api", Quota::per_second(100_000), 8);
    /// assert_eq!(limiter.available(), 100_000);
    /// ```
    #[must_use]
    pub fn with_slots(telemetry: impl Into<Telemetry>, quota: Quota, slots: usize) -> Self {
        let leases = Leases::new(quota, slots);
        Self(Arc::new(Shared { leases, telemetry: telemetry.into(), line: Line::new() }))
    }

    /// One permit, now and for good.
    ///
    /// ```
    /// use seawall::rate_limit::{LeasedRateLimiter, Quota};
    /// let limiter = LeasedRateLimiter::new("api", Quota::per_second(100_000));
    /// limiter.check()?;
    /// # Ok::<(), seawall::Rejected>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`RateLimited`](crate::Reason::RateLimited) with the time to come back.
    #[inline]
    pub fn check(&self) -> Result<(), Rejected> {
        self.take_new(1, &mut Now::lazy()).map(drop)
    }

    /// [`check`](Self::check) at a time that the caller already holds.
    ///
    /// ```
    /// use seawall::{Instant, rate_limit::{LeasedRateLimiter, Quota}};
    /// let limiter = LeasedRateLimiter::new("api", Quota::per_second(1));
    /// assert!(limiter.check_at(Instant::ZERO).is_ok());
    /// assert!(limiter.check_at(Instant::ZERO).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    #[inline]
    pub fn check_at(&self, now: Instant) -> Result<(), Rejected> {
        self.take_new(1, &mut Now::at(now)).map(drop)
    }

    /// Leave for a call that costs `cost` permits: all of them at once, or none.
    ///
    /// ```
    /// use seawall::rate_limit::{LeasedRateLimiter, Quota};
    /// let limiter = LeasedRateLimiter::new("api", Quota::per_second(100_000));
    /// assert!(limiter.try_acquire_many(100_000).is_ok());
    /// assert!(limiter.try_acquire_many(100_001).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check), or [`TooLarge`](crate::Reason::TooLarge) for a cost above the burst.
    pub fn try_acquire_many(&self, cost: u32) -> Result<Permit<&Self>, Rejected> {
        let taken = self.take_new(cost, &mut Now::lazy())?;
        Ok(Permit::new(self, taken))
    }

    /// What a call of this cost would be told now. It takes nothing.
    ///
    /// ```
    /// use seawall::rate_limit::{LeasedRateLimiter, Quota};
    /// let limiter = LeasedRateLimiter::new("api", Quota::per_second(100_000));
    /// assert!(limiter.peek(1000).is_admitted());
    /// ```
    pub fn peek(&self, cost: u32) -> Decision {
        self.0.leases.peek(cost, Instant::now())
    }

    /// Whole permits there are now, in the bucket and in all slots.
    ///
    /// ```
    /// use seawall::rate_limit::{LeasedRateLimiter, Quota};
    /// assert_eq!(LeasedRateLimiter::new("api", Quota::per_second(1000)).available(), 1000);
    /// ```
    #[must_use]
    pub fn available(&self) -> u32 {
        self.peek(0).remaining()
    }

    /// Gives permits, at most to the full: the operator's grant.
    ///
    /// ```
    /// use seawall::rate_limit::{LeasedRateLimiter, Quota};
    /// let limiter = LeasedRateLimiter::new("api", Quota::per_hour(10));
    /// limiter.try_acquire_many(10).unwrap();
    /// limiter.refund(3);
    /// assert_eq!(limiter.available(), 3);
    /// ```
    pub fn refund(&self, permits: u32) {
        self.0.leases.give_back(permits);
        self.0.line.wake();
    }

    /// Changes the quota; what is left stays, what lies in the slots included.
    ///
    /// ```
    /// use seawall::rate_limit::{LeasedRateLimiter, Quota};
    /// let limiter = LeasedRateLimiter::new("api", Quota::per_hour(10_000));
    /// limiter.try_acquire_many(6000).unwrap();
    /// limiter.set_quota(Quota::per_hour(20_000));
    /// assert_eq!(limiter.available(), 4000);
    /// ```
    pub fn set_quota(&self, quota: Quota) {
        let from = self.quota();
        self.0.leases.replace(quota, Carry::Keep, Instant::now());
        self.0.line.wake();
        if from != quota {
            self.0.telemetry.tell(Kind::RateLimiter, What::QuotaChanged { from, to: quota });
        }
    }

    /// The quota.
    ///
    /// ```
    /// use seawall::rate_limit::{LeasedRateLimiter, Quota};
    /// let quota = Quota::per_second(100_000);
    /// assert_eq!(LeasedRateLimiter::new("api", quota).quota(), quota);
    /// ```
    #[must_use]
    pub fn quota(&self) -> Quota {
        self.0.leases.quota()
    }

    #[inline]
    fn take_new(&self, cost: u32, now: &mut Now) -> Result<Leased, Rejected> {
        let Shared { leases, telemetry, line } = &*self.0;
        if line.is_empty() && !telemetry.is_observed() && leases.take_own(cost) {
            return Ok(Leased(cost));
        }
        self.take_slowly(cost, now)
    }

    /// The same with all that is not needed on most calls: those who wait, an observer, another lease, the refusal.
    #[cold]
    #[inline(never)]
    fn take_slowly(&self, cost: u32, now: &mut Now) -> Result<Leased, Rejected> {
        let taken = if cost > 0 && !self.0.line.is_empty() {
            Err(self.behind(cost, now.get()).rejected(self.0.telemetry.name(), cost))
        } else {
            self.take(cost, now)
        };
        taken.inspect_err(|rejected| self.refused(rejected))
    }

    fn take(&self, cost: u32, now: &mut Now) -> Result<Leased, Rejected> {
        let Shared { leases, telemetry, .. } = &*self.0;
        if !leases.take_own(cost) {
            leases.take(telemetry.name(), cost, now.get())?;
        }
        let leased = Leased(cost);
        self.0.telemetry.note_admitted(Kind::RateLimiter, self, leased, cost);
        Ok(leased)
    }

    /// The answer to a newcomer while others wait: none overtakes.
    #[cold]
    fn behind(&self, cost: u32, now: Instant) -> Decision {
        let ahead = u32::try_from(self.0.line.cost()).unwrap_or(u32::MAX);
        let leases = &self.0.leases;
        let decision = leases.peek(cost.saturating_add(ahead).min(leases.quota().capacity()), now);
        if cost > leases.quota().capacity() {
            return leases.peek(cost, now);
        }
        let retry_after = decision.retry_after().unwrap_or(Duration::from_nanos(1));
        Decision::new(Verdict::Limited { retry_after }, decision.remaining(), decision.reset_after())
    }
}

/// The permits that a call took.
#[derive(Clone, Copy, Debug)]
pub struct Leased(u32);

impl Gate for LeasedRateLimiter {
    type Pass = Leased;

    fn refused(&self, rejected: &Rejected) {
        if rejected.by() == self.0.telemetry.name() {
            self.0.telemetry.tell_refused(Kind::RateLimiter, rejected);
        }
    }

    #[inline]
    fn settle(&self, _: Leased, class: Class, _: &mut Now) {
        self.0.telemetry.note(Kind::RateLimiter, || What::Settled(class));
    }

    fn release(&self, Leased(cost): Leased) {
        self.refund(cost);
        self.0.telemetry.note(Kind::RateLimiter, || What::Released);
    }

    #[inline]
    fn abandon(&self, _: Leased) {
        self.0.telemetry.note(Kind::RateLimiter, || What::Abandoned);
    }

    fn line(&self) -> Option<&Line> {
        Some(&self.0.line)
    }
}

impl<Req: ?Sized> Admit<Req> for LeasedRateLimiter {
    #[inline]
    fn admit(&self, _: &Req, now: &mut Now) -> Result<Leased, Rejected> {
        self.take_new(1, now)
    }

    fn admit_head(&self, _: &Req, now: &mut Now) -> Result<Leased, Rejected> {
        self.take(1, now)
    }

    fn foretell(&self, _: &Req, now: &mut Now) -> Option<Duration> {
        self.behind(1, now.get()).retry_after()
    }
}

impl fmt::Debug for LeasedRateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeasedRateLimiter")
            .field("name", &self.0.telemetry.name())
            .field("quota", &self.quota())
            .field("waiting", &self.0.line.len())
            .finish()
    }
}
