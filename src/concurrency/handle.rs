use super::slots::{Denied, Slots};
use crate::class::Class;
use crate::error::{Reason, Rejected};
use crate::gate::{Admit, Evict, Gate, Line, Now, Permit, verbs};
use crate::sync::Padded;
use crate::sync::atomic::{AtomicU64, Ordering::SeqCst};
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
pub struct ConcurrencyLimit(Arc<Shared>);

struct Shared {
    // The hot word, limit and number in flight, stands on lines of its own, apart from what is only read.
    slots: Padded<AtomicU64>,
    telemetry: Telemetry,
    line: Line,
}

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
        Self(Arc::new(Shared {
            slots: Padded(AtomicU64::new(Slots { limit, in_flight: 0 }.pack())),
            telemetry: telemetry.into(),
            line: Line::new(),
        }))
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
    /// [`Reason::LimitReached`], or [`Reason::TooLarge`] for a weight above the limit, which waiting never cures.
    pub fn try_acquire_many(&self, weight: u32) -> Result<Permit<&Self>, Rejected> {
        Ok(Permit::new(self, self.take_new(weight)?))
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
        let mut word = self.0.slots.load(SeqCst);
        let from = loop {
            let slots = Slots::unpack(word);
            let changed = Slots { limit, ..slots }.pack();
            match self.0.slots.compare_exchange_weak(word, changed, SeqCst, SeqCst) {
                Ok(_) => break slots.limit,
                Err(actual) => word = actual,
            }
        };
        self.0.line.wake();
        if from != limit {
            self.0.telemetry.tell(Kind::ConcurrencyLimit, What::LimitChanged { from, to: limit });
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
        Slots::unpack(self.0.slots.load(SeqCst))
    }

    /// Takes `weight` slots, past whoever waits.
    #[inline]
    fn take(&self, weight: u32) -> Result<Held, Denied> {
        let mut word = self.0.slots.load(SeqCst);
        loop {
            let next = Slots::unpack(word).admit(weight)?.pack();
            match self.0.slots.compare_exchange_weak(word, next, SeqCst, SeqCst) {
                Ok(_) => break,
                Err(actual) => word = actual,
            }
        }
        let held = Held(weight);
        self.0.telemetry.note_admitted(Kind::ConcurrencyLimit, self, held, weight);
        Ok(held)
    }

    /// Takes `weight` slots for a newcomer, who passes nobody.
    #[inline]
    pub(super) fn take_new(&self, weight: u32) -> Result<Held, Rejected> {
        if self.0.line.is_empty() {
            self.take(weight).map_err(|denied| self.refuse(denied))
        } else {
            Err(self.refuse(self.slots().admit(weight).err().unwrap_or(Denied::Full)))
        }
    }

    /// Takes `weight` slots at the head of the line; a refusal is told nobody.
    #[inline]
    pub(super) fn take_head(&self, weight: u32) -> Result<Held, Rejected> {
        self.take(weight).map_err(|denied| self.rejected(denied))
    }

    fn rejected(&self, denied: Denied) -> Rejected {
        let reason = match denied {
            Denied::Full => Reason::LimitReached,
            Denied::TooLarge => Reason::TooLarge,
        };
        Rejected::new(self.0.telemetry.name(), reason)
    }

    #[cold]
    #[inline(never)]
    fn refuse(&self, denied: Denied) -> Rejected {
        let rejected = self.rejected(denied);
        self.0.telemetry.tell(Kind::ConcurrencyLimit, What::Refused(rejected));
        rejected
    }

    #[inline]
    fn give_back(&self, held: Held) {
        if held.0 > 0 {
            self.0.slots.fetch_sub(u64::from(held.0), SeqCst);
            self.0.line.wake();
        }
    }
}

/// The slots that a call holds.
#[derive(Clone, Copy, Debug)]
pub struct Held(u32);

impl Gate for ConcurrencyLimit {
    type Pass = Held;

    fn refused(&self, rejected: &Rejected) {
        if rejected.by() == self.0.telemetry.name() {
            self.0.telemetry.tell(Kind::ConcurrencyLimit, What::Refused(*rejected));
        }
    }

    #[inline]
    fn answered(&self, held: &mut Held, _: &mut Now) {
        self.give_back(std::mem::replace(held, Held(0)));
    }

    #[inline]
    fn settle(&self, held: Held, class: Class, _: &mut Now) {
        self.give_back(held);
        self.0.telemetry.note(Kind::ConcurrencyLimit, || What::Settled(class));
    }

    #[inline]
    fn release(&self, held: Held) {
        self.give_back(held);
        self.0.telemetry.note(Kind::ConcurrencyLimit, || What::Released);
    }

    #[inline]
    fn abandon(&self, held: Held) {
        self.give_back(held);
        self.0.telemetry.note(Kind::ConcurrencyLimit, || What::Abandoned);
    }

    fn line(&self) -> Option<&Line> {
        Some(&self.0.line)
    }
}

impl<Req: ?Sized> Admit<Req> for ConcurrencyLimit {
    #[inline]
    fn admit(&self, _: &Req, _: &mut Now) -> Result<Held, Rejected> {
        self.take_new(1)
    }

    fn admit_head(&self, _: &Req, _: &mut Now) -> Result<Held, Rejected> {
        self.take_head(1)
    }
}

impl Evict for ConcurrencyLimit {
    fn is_fresh(&self, _: &mut Now) -> bool {
        self.in_flight() == 0 && self.0.line.is_empty()
    }
}

impl fmt::Debug for ConcurrencyLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConcurrencyLimit")
            .field("name", &self.0.telemetry.name())
            .field("limit", &self.limit())
            .field("in_flight", &self.in_flight())
            .field("waiting", &self.0.line.len())
            .finish()
    }
}
