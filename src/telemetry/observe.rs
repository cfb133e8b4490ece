use super::{Event, Kind, What, trace};
use crate::error::Rejected;
use crate::gate::{Gate, Permit};
use crate::name::Name;
use std::fmt;
use std::sync::Arc;

/// Hears every event of the instances it was given to.
///
/// Called after the decision, under no lock: it may call back into the instance it hears of. It runs on the
/// caller's path, so it should be quick; one that panics loses nothing but that one call.
///
/// # Examples
///
/// ```
/// use seawall::ConcurrencyLimit;
/// use seawall::telemetry::{Event, Observe, Telemetry, What};
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// #[derive(Default)]
/// struct Refusals(AtomicU32);
///
/// impl Observe for Refusals {
///     fn observe(&self, event: &Event) {
///         if matches!(event.what, What::Refused(_)) {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
///
/// let refusals = Arc::new(Refusals::default());
/// let limit = ConcurrencyLimit::new(Telemetry::new("db").observer(refusals.clone()), 0);
/// assert!(limit.try_acquire().is_err());
/// assert_eq!(refusals.0.load(Ordering::Relaxed), 1);
/// ```
pub trait Observe: Send + Sync {
    /// Something happened.
    fn observe(&self, event: &Event);
}

impl<O: Observe + ?Sized> Observe for Arc<O> {
    fn observe(&self, event: &Event) {
        (**self).observe(event);
    }
}

impl<A: Observe, B: Observe> Observe for (A, B) {
    fn observe(&self, event: &Event) {
        self.0.observe(event);
        self.1.observe(event);
    }
}

/// Who an instance is, and who hears of it: the first argument of every handle.
///
/// A plain name will do; `tracing` hears of transitions and refusals in any case.
///
/// # Examples
///
/// ```
/// use seawall::ConcurrencyLimit;
/// use seawall::telemetry::{Counters, Telemetry};
/// use std::sync::Arc;
///
/// let plain = ConcurrencyLimit::new("db", 16);
///
/// let counters = Arc::new(Counters::default());
/// let counted = ConcurrencyLimit::new(Telemetry::new("db").observer(counters.clone()), 16);
/// drop(counted.try_acquire().unwrap());
/// assert_eq!(counters.snapshot().admitted, 1);
/// ```
#[derive(Clone)]
pub struct Telemetry {
    name: Name,
    observer: Option<Arc<dyn Observe>>,
}

impl Telemetry {
    /// An instance of this name, of which nobody but `tracing` hears.
    ///
    /// ```
    /// use seawall::telemetry::Telemetry;
    /// assert_eq!(Telemetry::new("db").name().as_str(), "db");
    /// ```
    #[must_use]
    pub fn new(name: impl Into<Name>) -> Self {
        Self { name: name.into(), observer: None }
    }

    /// Lets `observer` hear of it too; given twice, both hear.
    ///
    /// ```
    /// use seawall::telemetry::{Counters, Telemetry};
    /// let telemetry = Telemetry::new("db").observer(Counters::default());
    /// # let _ = telemetry;
    /// ```
    #[must_use]
    pub fn observer(mut self, observer: impl Observe + 'static) -> Self {
        self.observer = Some(match self.observer.take() {
            Some(known) => Arc::new((known, observer)),
            None => Arc::new(observer),
        });
        self
    }

    /// The name.
    ///
    /// ```
    /// use seawall::telemetry::Telemetry;
    /// assert_eq!(Telemetry::from("db").name().as_str(), "db");
    /// ```
    #[must_use]
    #[inline]
    pub const fn name(&self) -> Name {
        self.name
    }

    /// Whether anybody wants to hear of what happens on every call.
    #[inline]
    pub(crate) const fn is_observed(&self) -> bool {
        self.observer.is_some()
    }

    /// Tells of something that does not happen on every call.
    #[cold]
    #[inline(never)]
    pub(crate) fn tell(&self, kind: Kind, what: What) {
        let event = Event { name: self.name, kind, what };
        trace::event(&event);
        if let Some(observer) = &self.observer {
            observer.observe(&event);
        }
    }

    /// Logs why the next event came about, where a word on it would have to be built: events carry none.
    #[cold]
    #[inline(never)]
    pub(crate) fn explain(&self, kind: Kind, why: &dyn fmt::Debug) {
        trace::why(self.name, kind, why);
    }

    /// Tells of a refusal: under an overload that is nearly every call, so nothing is built when nobody listens.
    #[inline]
    pub(crate) fn tell_refused(&self, kind: Kind, rejected: &Rejected) {
        if self.is_observed() || trace::hears_quiet() {
            self.tell(kind, What::Refused(*rejected));
        }
    }

    /// Tells an observer, if there is one, of something that happens on every call.
    #[inline]
    pub(crate) fn note(&self, kind: Kind, what: impl FnOnce() -> What) {
        if self.is_observed() {
            self.tell(kind, what());
        }
    }

    /// Notes an admission; a panic of the observer abandons the pass instead of losing it.
    #[inline]
    pub(crate) fn note_admitted<G: Gate<Pass: Copy>>(&self, kind: Kind, gate: G, pass: G::Pass, cost: u32) {
        if self.is_observed() {
            let permit = Permit::new(gate, pass);
            self.tell(kind, What::Admitted { cost });
            permit.into_pass();
        }
    }
}

impl From<&'static str> for Telemetry {
    fn from(name: &'static str) -> Self {
        Self::new(name)
    }
}

impl From<String> for Telemetry {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

impl From<Name> for Telemetry {
    fn from(name: Name) -> Self {
        Self::new(name)
    }
}

impl From<&Self> for Telemetry {
    fn from(telemetry: &Self) -> Self {
        telemetry.clone()
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry").field("name", &self.name).field("observed", &self.is_observed()).finish()
    }
}
