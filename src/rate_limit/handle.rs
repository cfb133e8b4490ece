use super::algorithm::Carry;
use super::share::{Cell, Share};
use super::{Decision, Quota, TokenBucket, Verdict};
use crate::class::Class;
use crate::error::Rejected;
use crate::gate::{Admit, Evict, Gate, Line, Now, Permit, verbs};
use crate::telemetry::{Kind, Telemetry, What};
use crate::time::Instant;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// At most so many calls in a span of time; one too many is refused at once, with the time to come back.
///
/// Clones share the limit. With the default, a [`TokenBucket`], a decision is one reading of the clock and one
/// compare-and-swap, and a refusal writes nothing; [`with`](Self::with) takes any other [`Algorithm`].
///
/// [`Algorithm`]: super::Algorithm
///
/// # Examples
///
/// ```
/// use seawall::{RateLimiter, Reason, rate_limit::Quota};
///
/// let limiter = RateLimiter::new("api", Quota::per_second(100).burst(2));
/// assert!(limiter.check().is_ok());
/// assert!(limiter.check().is_ok());
/// let refused = limiter.check().unwrap_err();
/// assert_eq!(refused.reason(), Reason::RateLimited);
/// assert!(refused.retry_after() <= Some(std::time::Duration::from_millis(10)));
/// ```
#[doc(alias = "throttle")]
#[doc(alias = "GCRA")]
pub struct RateLimiter<A: Share = TokenBucket>(pub(super) Arc<Shared<A>>);

pub(super) struct Shared<A: Share> {
    pub(super) cell: A::Cell,
    pub(super) telemetry: Telemetry,
    pub(super) line: Line,
}

verbs!(
    [A: Share] RateLimiter<A>,
    "use seawall::{RateLimiter, rate_limit::Quota};",
    "RateLimiter::new(\"api\", Quota::per_second(100))"
);

impl RateLimiter {
    /// A token bucket of this quota, full.
    ///
    /// ```
    /// use seawall::{RateLimiter, rate_limit::Quota};
    /// let limiter = RateLimiter::new("api", Quota::per_second(100).burst(20));
    /// assert_eq!(limiter.available(), 20);
    /// ```
    #[must_use]
    pub fn new(telemetry: impl Into<Telemetry>, quota: Quota) -> Self {
        Self::with(telemetry, TokenBucket::new(quota))
    }

    /// The same limiter, holding only so many permits now: a program that starts often does not burst each time.
    ///
    /// ```
    /// use seawall::{RateLimiter, rate_limit::Quota};
    /// let limiter = RateLimiter::new("api", Quota::per_hour(100)).holding(0);
    /// assert!(limiter.check().is_err());
    /// ```
    #[must_use]
    pub fn holding(self, permits: u32) -> Self {
        let now = Instant::now();
        self.0.cell.update(|bucket, state| *state = bucket.holding(permits, now));
        self
    }

    /// Changes the quota; what is left stays, and what was earned is earned at the old rate.
    ///
    /// Atomic: a concurrent call sees all of the old quota or all of the new one, and nothing in flight is lost.
    ///
    /// ```
    /// use seawall::{RateLimiter, rate_limit::Quota};
    /// let limiter = RateLimiter::new("api", Quota::per_hour(100));
    /// limiter.try_acquire_many(60).unwrap();
    /// limiter.set_quota(Quota::per_hour(200));
    /// assert_eq!(limiter.available(), 40);
    /// ```
    pub fn set_quota(&self, quota: Quota) {
        self.set_quota_with(quota, Carry::Keep);
    }

    /// Changes the quota, and says what becomes of the permits that are left.
    ///
    /// ```
    /// use seawall::{RateLimiter, rate_limit::{Carry, Quota}};
    /// let limiter = RateLimiter::new("api", Quota::per_hour(100));
    /// limiter.try_acquire_many(60).unwrap();
    /// limiter.set_quota_with(Quota::per_hour(200), Carry::Additive);
    /// assert_eq!(limiter.available(), 140);
    /// ```
    pub fn set_quota_with(&self, quota: Quota, carry: Carry) {
        self.set_algorithm(TokenBucket::new(quota), carry, Instant::now());
    }
}

impl<A: Share> RateLimiter<A> {
    /// A limiter that decides by this algorithm.
    ///
    /// ```
    /// use seawall::RateLimiter;
    /// use seawall::rate_limit::{Quota, TokenBucket};
    /// let limiter = RateLimiter::with("api", TokenBucket::new(Quota::per_second(100)));
    /// assert!(limiter.check().is_ok());
    /// ```
    #[must_use]
    pub fn with(telemetry: impl Into<Telemetry>, algorithm: A) -> Self {
        Self(Arc::new(Shared {
            cell: A::Cell::new(algorithm),
            telemetry: telemetry.into(),
            line: Line::new(),
        }))
    }

    /// One permit, now and for good: what remains to be done needs no permit in hand.
    ///
    /// ```
    /// use seawall::{RateLimiter, rate_limit::Quota};
    /// let limiter = RateLimiter::new("api", Quota::per_second(100));
    /// limiter.check()?;
    /// # Ok::<(), seawall::Rejected>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`RateLimited`](crate::Reason::RateLimited) with the time to come back, or [`TooLarge`](crate::Reason::TooLarge) if nothing is ever admitted.
    #[inline]
    pub fn check(&self) -> Result<(), Rejected> {
        self.check_at(Instant::now())
    }

    /// [`check`](Self::check) at a time that the caller already holds.
    ///
    /// ```
    /// use seawall::{Instant, RateLimiter, rate_limit::Quota};
    /// let limiter = RateLimiter::new("api", Quota::per_second(1));
    /// assert!(limiter.check_at(Instant::from_nanos(0)).is_ok());
    /// assert!(limiter.check_at(Instant::from_nanos(999_999_999)).is_err());
    /// assert!(limiter.check_at(Instant::from_nanos(1_000_000_000)).is_ok());
    /// ```
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    #[inline]
    pub fn check_at(&self, now: Instant) -> Result<(), Rejected> {
        self.take_new(1, now).map(drop)
    }

    /// Leave for a call that costs `cost` permits: all of them at once, or none.
    ///
    /// ```
    /// use seawall::{RateLimiter, Reason, rate_limit::Quota};
    /// let limiter = RateLimiter::new("api", Quota::per_hour(10));
    /// let permit = limiter.try_acquire_many(8).unwrap();
    /// assert_eq!(limiter.try_acquire_many(4).unwrap_err().reason(), Reason::RateLimited);
    /// assert_eq!(limiter.try_acquire_many(11).unwrap_err().reason(), Reason::TooLarge);
    /// permit.release();
    /// assert_eq!(limiter.available(), 10);
    /// ```
    ///
    /// # Errors
    ///
    /// [`RateLimited`](crate::Reason::RateLimited) with the time to come back, or [`TooLarge`](crate::Reason::TooLarge) for a cost above the burst,
    /// which waiting never cures.
    #[inline]
    pub fn try_acquire_many(&self, cost: u32) -> Result<Permit<&Self>, Rejected> {
        self.try_acquire_many_at(cost, Instant::now())
    }

    /// [`try_acquire_many`](Self::try_acquire_many) at a time that the caller already holds.
    ///
    /// ```
    /// use seawall::{Instant, RateLimiter, rate_limit::Quota};
    /// let limiter = RateLimiter::new("api", Quota::per_hour(10));
    /// assert!(limiter.try_acquire_many_at(8, Instant::ZERO).is_ok());
    /// ```
    ///
    /// # Errors
    ///
    /// As [`try_acquire_many`](Self::try_acquire_many).
    #[inline]
    pub fn try_acquire_many_at(&self, cost: u32, now: Instant) -> Result<Permit<&Self>, Rejected> {
        let taken = self.take_new(cost, now)?;
        Ok(Permit::new(self, taken))
    }

    /// As many permits as there are, at most `most`; answers how many were taken.
    ///
    /// ```
    /// use seawall::{RateLimiter, rate_limit::Quota};
    /// let limiter = RateLimiter::new("api", Quota::per_hour(10));
    /// assert_eq!(limiter.take_up_to(7), 7);
    /// assert_eq!(limiter.take_up_to(7), 3);
    /// assert_eq!(limiter.take_up_to(7), 0);
    /// ```
    #[must_use = "the permits are taken: use as many"]
    pub fn take_up_to(&self, most: u32) -> u32 {
        if !self.0.line.is_empty() {
            return 0;
        }
        let now = Instant::now();
        let taken = self.0.cell.update(|algorithm, state| {
            let cost = algorithm.peek(state, 0, 0, now).remaining().min(most);
            if algorithm.admit(state, cost, now).is_admitted() { cost } else { 0 }
        });
        if taken > 0 {
            self.0.telemetry.note(Kind::RateLimiter, || What::Admitted { cost: taken });
        }
        taken
    }

    /// Takes `cost` permits if they are there, and tells everything that was decided: for answers that carry the
    /// figures. The permits are kept, as by [`check`](Self::check).
    ///
    /// ```
    /// use seawall::{Instant, RateLimiter, rate_limit::Quota};
    /// let limiter = RateLimiter::new("api", Quota::per_second(10));
    /// let decision = limiter.decide_at(1, Instant::now());
    /// assert_eq!((decision.is_admitted(), decision.remaining()), (true, 9));
    /// ```
    pub fn decide_at(&self, cost: u32, now: Instant) -> Decision {
        let decision = if cost == 0 || self.0.line.is_empty() {
            self.0.cell.update(|algorithm, state| algorithm.admit(state, cost, now))
        } else {
            self.behind(cost, now)
        };
        if decision.is_admitted() {
            self.0.telemetry.note(Kind::RateLimiter, || What::Admitted { cost });
        } else {
            let _ = self.refuse(decision, cost);
        }
        decision
    }

    /// What a call of this cost would be told now. It takes nothing, and need not be asked before taking.
    ///
    /// ```
    /// use seawall::{RateLimiter, rate_limit::Quota};
    /// let limiter = RateLimiter::new("api", Quota::per_hour(10));
    /// assert!(limiter.peek(10).is_admitted());
    /// assert_eq!(limiter.available(), 10);
    /// ```
    pub fn peek(&self, cost: u32) -> Decision {
        self.peek_at(cost, Instant::now())
    }

    /// [`peek`](Self::peek) at a time that the caller already holds.
    ///
    /// ```
    /// use seawall::{Instant, RateLimiter, rate_limit::Quota};
    /// let limiter = RateLimiter::new("api", Quota::per_hour(10));
    /// assert_eq!(limiter.peek_at(1, Instant::ZERO).remaining(), 10);
    /// ```
    pub fn peek_at(&self, cost: u32, now: Instant) -> Decision {
        if cost == 0 || self.0.line.is_empty() {
            self.0.cell.update(|algorithm, state| algorithm.peek(state, cost, 0, now))
        } else {
            self.behind(cost, now)
        }
    }

    /// Whole permits there are now.
    ///
    /// ```
    /// use seawall::{RateLimiter, rate_limit::Quota};
    /// assert_eq!(RateLimiter::new("api", Quota::per_hour(10)).available(), 10);
    /// ```
    #[must_use]
    pub fn available(&self) -> u32 {
        self.peek(0).remaining()
    }

    /// Gives permits, at most to the full: the operator's grant. A call that was never made gives back its own
    /// by [`Permit::release`].
    ///
    /// ```
    /// use seawall::{RateLimiter, rate_limit::Quota};
    /// let limiter = RateLimiter::new("api", Quota::per_hour(10)).holding(0);
    /// limiter.refund(3);
    /// assert_eq!(limiter.available(), 3);
    /// limiter.refund(20);
    /// assert_eq!(limiter.available(), 10);
    /// ```
    pub fn refund(&self, permits: u32) {
        self.give_back(Taken { cost: permits, at: Instant::now() });
    }

    /// Takes without asking, for a cost known only afterwards (bytes, rows, tokens of a model). The level may
    /// fall below nothing: the debt is paid before the next admission. Answers the time until it is.
    ///
    /// ```
    /// use seawall::{RateLimiter, rate_limit::Quota};
    /// let limiter = RateLimiter::new("api", Quota::per_second(10));
    /// let wait = limiter.charge(15);
    /// assert!(wait <= std::time::Duration::from_millis(500));
    /// assert!(limiter.check().is_err());
    /// ```
    #[expect(clippy::must_use_candidate, reason = "whoever charges may not care to wait")]
    pub fn charge(&self, cost: u32) -> Duration {
        self.charge_at(cost, Instant::now())
    }

    /// [`charge`](Self::charge) at a time that the caller already holds.
    ///
    /// ```
    /// use seawall::{Instant, RateLimiter, rate_limit::Quota};
    /// use std::time::Duration;
    /// let limiter = RateLimiter::new("api", Quota::per_second(10));
    /// assert_eq!(limiter.charge_at(15, Instant::ZERO), Duration::from_millis(500));
    /// ```
    #[expect(clippy::must_use_candidate, reason = "whoever charges may not care to wait")]
    pub fn charge_at(&self, cost: u32, now: Instant) -> Duration {
        let wait = self.0.cell.update(|algorithm, state| algorithm.charge(state, cost, now));
        self.0.telemetry.note(Kind::RateLimiter, || What::Admitted { cost });
        wait
    }

    /// Forgets everything taken: full, as on the first day.
    ///
    /// ```
    /// use seawall::{RateLimiter, rate_limit::Quota};
    /// let limiter = RateLimiter::new("api", Quota::per_hour(1));
    /// limiter.check().unwrap();
    /// limiter.reset();
    /// assert!(limiter.check().is_ok());
    /// ```
    pub fn reset(&self) {
        self.0.cell.update(|algorithm, state| *state = algorithm.fresh());
        self.0.line.wake();
    }

    /// Changes the algorithm's configuration at a time that the caller holds; [`Carry`] says what becomes of the
    /// permits that are left.
    ///
    /// ```
    /// use seawall::{Instant, RateLimiter};
    /// use seawall::rate_limit::{Carry, Quota, TokenBucket};
    /// let limiter = RateLimiter::new("api", Quota::per_second(1));
    /// limiter.set_algorithm(TokenBucket::new(Quota::per_second(9)), Carry::Reset, Instant::now());
    /// assert_eq!(limiter.quota(), Quota::per_second(9));
    /// ```
    pub fn set_algorithm(&self, algorithm: A, carry: Carry, now: Instant) {
        let before = self.0.cell.replace(algorithm, carry, now);
        self.0.line.wake();
        let (from, to) = (before.quota(), algorithm.quota());
        if from != to {
            self.0.telemetry.tell(Kind::RateLimiter, What::QuotaChanged { from, to });
        }
    }

    /// The quota.
    ///
    /// ```
    /// use seawall::{RateLimiter, rate_limit::Quota};
    /// assert_eq!(RateLimiter::new("api", Quota::per_hour(10)).quota(), Quota::per_hour(10));
    /// ```
    #[must_use]
    pub fn quota(&self) -> Quota {
        self.0.cell.update(|algorithm, _| algorithm.quota())
    }

    /// Takes `cost` permits, unless somebody waits.
    #[inline]
    pub(super) fn take_new(&self, cost: u32, now: Instant) -> Result<Taken, Rejected> {
        let Shared { cell, telemetry, line } = &*self.0;
        if line.is_empty() && !telemetry.is_observed() && cell.take(cost, now) {
            return Ok(Taken { cost, at: now });
        }
        self.take_slowly(cost, now)
    }

    /// The same with all that is not needed on a quiet day: those who wait, an observer, the refusal.
    #[cold]
    #[inline(never)]
    fn take_slowly(&self, cost: u32, now: Instant) -> Result<Taken, Rejected> {
        if !self.0.line.is_empty() && cost > 0 {
            return Err(self.refuse(self.behind(cost, now), cost));
        }
        self.take(cost, now).inspect_err(|rejected| self.tell(rejected))
    }

    /// Takes `cost` permits past those who wait; a refusal is told nobody, since the queue answers for them.
    pub(super) fn take_in_turn(&self, cost: u32, now: Instant) -> Result<Taken, Rejected> {
        self.take(cost, now)
    }

    pub(super) fn foretold(&self, cost: u32, now: Instant) -> Option<Duration> {
        self.behind(cost, now).retry_after()
    }

    #[inline]
    fn take(&self, cost: u32, now: Instant) -> Result<Taken, Rejected> {
        self.0.cell.admit(self.0.telemetry.name(), cost, now)?;
        let taken = Taken { cost, at: now };
        self.0.telemetry.note_admitted(Kind::RateLimiter, self, taken, cost);
        Ok(taken)
    }

    /// One step of an algorithm's own that takes `cost` permits.
    pub(super) fn step<T>(
        &self,
        cost: u32,
        step: impl FnMut(&A, &mut A::State) -> Result<T, Decision>,
    ) -> Result<T, Rejected> {
        let taken = self.0.cell.update(step).map_err(|decision| self.refuse(decision, cost))?;
        self.0.telemetry.note(Kind::RateLimiter, || What::Admitted { cost });
        Ok(taken)
    }

    /// One step of an algorithm's own that takes nothing.
    pub(super) fn give<T>(&self, step: impl FnMut(&A, &mut A::State) -> T) {
        self.0.cell.update(step);
        self.0.line.wake();
    }

    /// The answer to a newcomer while others wait: none overtakes.
    #[cold]
    #[inline(never)]
    pub(super) fn behind(&self, cost: u32, now: Instant) -> Decision {
        let ahead = self.0.line.cost();
        let decision = self.0.cell.update(|algorithm, state| algorithm.peek(state, cost, ahead, now));
        if !decision.is_admitted() {
            return decision;
        }
        // There is enough for all of them: those who wait are about to take it.
        let verdict = Verdict::Limited { retry_after: Duration::from_nanos(1) };
        Decision::new(verdict, decision.remaining(), decision.reset_after())
    }

    pub(super) fn refuse(&self, decision: Decision, cost: u32) -> Rejected {
        let rejected = decision.rejected(self.0.telemetry.name(), cost);
        self.tell(&rejected);
        rejected
    }

    #[inline]
    fn tell(&self, rejected: &Rejected) {
        self.0.telemetry.tell_refused(Kind::RateLimiter, rejected);
    }

    fn give_back(&self, Taken { cost, at }: Taken) {
        self.0.cell.update(|algorithm, state| algorithm.give_back(state, cost, at));
        self.0.line.wake();
    }
}

/// The permits that a call took, and when.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    pub(super) cost: u32,
    pub(super) at: Instant,
}

impl<A: Share> Gate for RateLimiter<A> {
    type Pass = Taken;

    fn refused(&self, rejected: &Rejected) {
        let by = rejected.by();
        if by == self.0.telemetry.name() || self.0.cell.update(|algorithm, _| algorithm.answers_to(by)) {
            self.0.telemetry.tell_refused(Kind::RateLimiter, rejected);
        }
    }

    #[inline]
    fn settle(&self, _: Taken, class: Class, _: &mut Now) {
        self.0.telemetry.note(Kind::RateLimiter, || What::Settled(class));
    }

    fn release(&self, taken: Taken) {
        self.give_back(taken);
        self.0.telemetry.note(Kind::RateLimiter, || What::Released);
    }

    #[inline]
    fn abandon(&self, _: Taken) {
        self.0.telemetry.note(Kind::RateLimiter, || What::Abandoned);
    }

    fn line(&self) -> Option<&Line> {
        Some(&self.0.line)
    }
}

impl<A: Share, Req: ?Sized> Admit<Req> for RateLimiter<A> {
    #[inline]
    fn admit(&self, _: &Req, now: &mut Now) -> Result<Taken, Rejected> {
        self.take_new(1, now.get())
    }

    fn admit_head(&self, _: &Req, now: &mut Now) -> Result<Taken, Rejected> {
        self.take_in_turn(1, now.get())
    }

    fn foretell(&self, _: &Req, now: &mut Now) -> Option<Duration> {
        self.foretold(1, now.get())
    }
}

impl<A: Share> Evict for RateLimiter<A> {
    fn is_fresh(&self, now: &mut Now) -> bool {
        self.0.line.is_empty() && self.peek_at(0, now.get()).reset_after().is_zero()
    }
}

impl<A: Share> Clone for RateLimiter<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A: Share> fmt::Debug for RateLimiter<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimiter")
            .field("name", &self.0.telemetry.name())
            .field("quota", &self.quota())
            .field("waiting", &self.0.line.len())
            .finish()
    }
}
