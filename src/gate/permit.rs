use super::{Admit, Gate, Now};
use crate::class::Class;
use crate::error::Rejected;
use crate::time::Instant;
use std::fmt;

/// Leave to make one call: the one guard of the whole family.
///
/// It ends in one of three ways. [`settle`](Self::settle) says that the call was handed over and how it
/// went; [`release`](Self::release) that it was never handed over, so everything it took comes back, rate
/// tokens too; dropping it says *abandoned*: slots come back, nothing is counted as a success. So
/// cancellation, a panic and a lost race need no care anywhere.
///
/// # Examples
///
/// ```
/// use seawall::{Class, ConcurrencyLimit};
///
/// let limit = ConcurrencyLimit::new("db", 1);
/// let permit = limit.try_acquire().unwrap();
/// assert!(limit.try_acquire().is_err());
/// permit.settle(Class::Success);
/// assert!(limit.try_acquire().is_ok());
/// ```
#[must_use = "dropping a permit abandons the call: settle it, release it, or hold it while the call runs"]
pub struct Permit<G: Gate> {
    // `None` once ended.
    pass: Option<G::Pass>,
    gate: G,
}

impl<G: Gate> Permit<G> {
    /// The permit for a pass that `gate` has just given.
    #[inline(always)]
    pub(crate) const fn new(gate: G, pass: G::Pass) -> Self {
        Self { pass: Some(pass), gate }
    }

    #[inline(always)]
    pub(crate) const fn held(gate: G, pass: Option<G::Pass>) -> Self {
        Self { pass, gate }
    }

    /// The pass itself: from here on nobody gives it back.
    #[inline(always)]
    pub(crate) fn into_pass(mut self) -> Option<G::Pass> {
        self.pass.take()
    }

    #[inline(always)]
    pub(crate) fn acquire<Req: ?Sized>(gate: G, request: &Req, mut now: Now) -> Result<Self, Rejected>
    where
        G: Admit<Req>,
    {
        let pass = gate.admit(request, &mut now)?;
        Ok(Self::new(gate, pass))
    }

    /// The call was handed over, and went so.
    ///
    /// ```
    /// use seawall::{Class, ConcurrencyLimit};
    /// let limit = ConcurrencyLimit::new("db", 1);
    /// limit.try_acquire().unwrap().settle(Class::Success);
    /// ```
    #[inline(always)]
    pub fn settle(self, class: Class) {
        self.settle_with(class, &mut Now::lazy());
    }

    /// [`settle`](Self::settle) at a time that the caller already holds.
    ///
    /// ```
    /// use seawall::{Class, ConcurrencyLimit, Instant};
    /// let limit = ConcurrencyLimit::new("db", 1);
    /// limit.try_acquire().unwrap().settle_at(Class::Success, Instant::now());
    /// ```
    #[inline(always)]
    pub fn settle_at(self, class: Class, now: Instant) {
        self.settle_with(class, &mut Now::at(now));
    }

    // Always: left to itself the compiler spills the pass for it, thirty instructions a call.
    #[inline(always)]
    pub(crate) fn settle_with(mut self, class: Class, now: &mut Now) {
        self.end(class, now);
    }

    /// Settles where it lies: a permit that is moved is copied twice.
    #[inline(always)]
    pub(crate) fn end(&mut self, class: Class, now: &mut Now) {
        if let Some(pass) = self.pass.take() {
            self.gate.settle(pass, class, now);
        }
    }

    /// The head of the answer is there: what is held only until then comes back now, the rest when the
    /// permit ends.
    ///
    /// ```
    /// use seawall::{Class, ConcurrencyLimit};
    /// let limit = ConcurrencyLimit::new("db", 1);
    /// let mut permit = limit.try_acquire().unwrap();
    /// permit.answered();
    /// assert_eq!(limit.in_flight(), 0);
    /// permit.settle(Class::Success);
    /// ```
    pub fn answered(&mut self) {
        if let Some(pass) = &mut self.pass {
            self.gate.answered(pass, &mut Now::lazy());
        }
    }

    /// The call was never handed over: everything it took comes back.
    ///
    /// ```
    /// use seawall::{RateLimiter, rate_limit::Quota};
    /// let limiter = RateLimiter::new("api", Quota::per_second(1));
    /// limiter.try_acquire().unwrap().release();
    /// assert!(limiter.try_acquire().is_ok());
    /// ```
    #[inline(always)]
    pub fn release(mut self) {
        if let Some(pass) = self.pass.take() {
            self.gate.release(pass);
        }
    }

    pub(crate) const fn gate(&self) -> &G {
        &self.gate
    }
}

impl<G: Gate> Drop for Permit<G> {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(pass) = self.pass.take() {
            self.gate.abandon(pass);
        }
    }
}

impl<G: Gate + fmt::Debug> fmt::Debug for Permit<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("gate", &self.gate).finish_non_exhaustive()
    }
}
