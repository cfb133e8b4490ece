use super::limit::Limit;
use super::share::Slip;
use super::slots::Slots;
use crate::class::Class;
use crate::error::Rejected;
use crate::gate::{Admit, Evict, Gate, Line, Now, Permit, verbs};
use crate::ratio::Ratio;
use crate::telemetry::{Kind, Telemetry, What};
use std::fmt;
use std::sync::Arc;

/// At most so many calls in flight; the next is refused at once. It never waits.
///
/// Clones share the limit. The limit is hard: one compare-and-swap decides and counts.
///
/// # Examples
///
/// ```
/// use seawall::{ConcurrencyLimit, Reason};
///
/// let limit = ConcurrencyLimit::new("db", 2);
/// let (a, b) = (limit.try_acquire().unwrap(), limit.try_acquire().unwrap());
/// assert_eq!(limit.try_acquire().unwrap_err().reason(), Reason::LimitReached);
/// drop(a);
/// assert_eq!(limit.available(), 1);
/// # drop(b);
/// ```
#[derive(Clone)]
#[doc(alias = "bulkhead")]
#[doc(alias = "semaphore")]
pub struct ConcurrencyLimit(Arc<Slip>);

verbs!(ConcurrencyLimit, "use seawall::ConcurrencyLimit;", "ConcurrencyLimit::new(\"db\", 16)");

impl ConcurrencyLimit {
    /// At most `limit` calls in flight; 0 refuses all.
    ///
    /// There is no default: the number is rate × time of a call (Little's law), from your own figures.
    ///
    /// ```
    /// use seawall::ConcurrencyLimit;
    /// assert!(ConcurrencyLimit::new("db", 0).try_acquire().is_err());
    /// ```
    #[must_use]
    pub fn new(telemetry: impl Into<Telemetry>, limit: u32) -> Self {
        Self(Arc::new(Slip::new(Kind::ConcurrencyLimit, telemetry, limit)))
    }

    /// Leave for a call of weight `weight`: all of it at once, or none.
    ///
    /// ```
    /// use seawall::{ConcurrencyLimit, Reason};
    /// let limit = ConcurrencyLimit::new("db", 10);
    /// let heavy = limit.try_acquire_many(8).unwrap();
    /// assert_eq!(limit.try_acquire_many(4).unwrap_err().reason(), Reason::LimitReached);
    /// assert_eq!(limit.try_acquire_many(11).unwrap_err().reason(), Reason::TooLarge);
    /// # drop(heavy);
    /// ```
    ///
    /// # Errors
    ///
    /// [`LimitReached`](crate::Reason::LimitReached), or [`TooLarge`](crate::Reason::TooLarge) for a weight above the
    /// limit, which waiting never cures.
    pub fn try_acquire_many(&self, weight: u32) -> Result<Permit<&Self>, Rejected> {
        Ok(Permit::new(self, self.take_new(weight, None, &mut Now::lazy())?))
    }

    /// Changes the limit. Growing lets waiters in; shrinking revokes nothing, and nobody is admitted until the
    /// calls in flight have fallen below it.
    ///
    /// ```
    /// use seawall::ConcurrencyLimit;
    /// let limit = ConcurrencyLimit::new("db", 10);
    /// let held: Vec<_> = (0..10).map(|_| limit.try_acquire().unwrap()).collect();
    /// limit.set_limit(1);
    /// assert_eq!((limit.available(), limit.debt()), (0, 9));
    /// # drop(held);
    /// ```
    pub fn set_limit(&self, limit: u32) {
        let from = self.0.set_limit(limit);
        self.0.line().wake();
        if from != limit {
            self.0.tell(What::LimitChanged { from, to: limit });
        }
    }

    /// The limit.
    ///
    /// ```
    /// assert_eq!(seawall::ConcurrencyLimit::new("db", 16).limit(), 16);
    /// ```
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.slots().limit
    }

    /// Calls in flight.
    ///
    /// ```
    /// assert_eq!(seawall::ConcurrencyLimit::new("db", 16).in_flight(), 0);
    /// ```
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.slots().in_flight
    }

    /// Free slots.
    ///
    /// ```
    /// assert_eq!(seawall::ConcurrencyLimit::new("db", 16).available(), 16);
    /// ```
    #[must_use]
    pub fn available(&self) -> u32 {
        self.slots().available()
    }

    /// How far the calls in flight stand above a limit that was shrunk under them.
    ///
    /// ```
    /// assert_eq!(seawall::ConcurrencyLimit::new("db", 16).debt(), 0);
    /// ```
    #[must_use]
    pub fn debt(&self) -> u32 {
        self.slots().debt()
    }

    fn slots(&self) -> Slots {
        self.0.slots()
    }

    #[inline]
    fn hold(&self, weight: u32) -> Held {
        let held = Held(weight);
        self.0.admitted(self, held, weight);
        held
    }
}

impl Limit for ConcurrencyLimit {
    #[inline]
    fn take_new(&self, weight: u32, share: Option<Ratio>, _: &mut Now) -> Result<Held, Rejected> {
        self.0.take_new(weight, share).map(|_| self.hold(weight))
    }

    #[inline]
    fn take_head(&self, weight: u32, share: Option<Ratio>, _: &mut Now) -> Result<Held, Rejected> {
        self.0.take_head(weight, share).map(|_| self.hold(weight))
    }
}

/// The slots that a call holds.
#[derive(Clone, Copy, Debug)]
pub struct Held(u32);

impl Gate for ConcurrencyLimit {
    type Pass = Held;

    fn refused(&self, rejected: &Rejected) {
        self.0.refused(rejected);
    }

    #[inline]
    fn answered(&self, held: &mut Held, _: &mut Now) {
        self.0.give_back(std::mem::take(&mut held.0));
    }

    #[inline]
    fn settle(&self, held: Held, class: Class, _: &mut Now) {
        self.0.give_back(held.0);
        self.0.note(|| What::Settled(class));
    }

    #[inline]
    fn release(&self, held: Held) {
        self.0.give_back(held.0);
        self.0.note(|| What::Released);
    }

    #[inline]
    fn abandon(&self, held: Held) {
        self.0.give_back(held.0);
        self.0.note(|| What::Abandoned);
    }

    #[inline]
    fn line(&self) -> Option<&Line> {
        Some(self.0.line())
    }
}

impl<Req: ?Sized> Admit<Req> for ConcurrencyLimit {
    #[inline]
    fn admit(&self, _: &Req, now: &mut Now) -> Result<Held, Rejected> {
        self.take_new(1, None, now)
    }

    #[inline]
    fn admit_head(&self, _: &Req, now: &mut Now) -> Result<Held, Rejected> {
        self.take_head(1, None, now)
    }
}

impl Evict for ConcurrencyLimit {
    fn is_fresh(&self, _: &mut Now) -> bool {
        self.in_flight() == 0 && self.0.line().is_empty()
    }
}

impl fmt::Debug for ConcurrencyLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConcurrencyLimit")
            .field("name", &self.0.telemetry().name())
            .field("limit", &self.limit())
            .field("in_flight", &self.in_flight())
            .field("waiting", &self.0.line().len())
            .finish()
    }
}
