use super::algorithm::{Advice, Algorithm, Reading};
use super::control::Control;
use super::window::{OUTCOMES, Window};
use crate::class::Class;
use crate::concurrency::limit::Limit;
use crate::concurrency::share::Slip;
use crate::error::Rejected;
use crate::gate::{Admit, Evict, Gate, Line, Now, Permit, verbs};
use crate::ratio::Ratio;
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};
use crate::sync::{Mutex, Padded, thread_number};
use crate::telemetry::{Kind, Telemetry, What};
use crate::time::Instant;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A limit on calls in flight that finds itself, from how long calls take and whether they are turned away.
///
/// Clones share the limit. An algorithm ([`Aimd`](super::Aimd), [`Vegas`](super::Vegas),
/// [`Gradient`](super::Gradient), or your own) sees one reading per window of at least 100 ms and 10 outcomes:
/// means, not single lucky calls.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use seawall::concurrency::{AdaptiveLimit, Aimd};
///
/// let limit = AdaptiveLimit::new("search", Aimd::new());
/// let answer = limit.run(|| async { Ok::<_, std::io::Error>("found") }).await;
/// assert_eq!(answer.unwrap(), "found");
/// assert_eq!(limit.limit(), 20);
/// # }
/// ```
#[derive(Clone)]
pub struct AdaptiveLimit(Arc<Shared>);

struct Shared {
    slip: Slip,
    /// When the window began; `NEVER` before the first admission.
    began: AtomicU64,
    /// Samples are taken only of calls admitted since then.
    since: AtomicU64,
    parts: Box<[Padded<Mutex<Window>>]>,
    control: Control,
}

const NEVER: u64 = u64::MAX;

/// Each thread counts in a part of its own, mostly; whoever closes the window collects them.
const PARTS: usize = 8;

verbs!(
    AdaptiveLimit,
    "use seawall::concurrency::{AdaptiveLimit, Aimd};",
    "AdaptiveLimit::new(\"search\", Aimd::new())"
);

impl AdaptiveLimit {
    /// A limit that starts where the algorithm does.
    ///
    /// There is no default: [`Aimd`](super::Aimd) needs clear signs of overload, [`Vegas`](super::Vegas) a stable
    /// peer, [`Gradient`](super::Gradient) bears slow drift.
    ///
    /// ```
    /// use seawall::concurrency::{AdaptiveLimit, Vegas};
    /// assert_eq!(AdaptiveLimit::new("search", Vegas::new().initial(50)).limit(), 50);
    /// ```
    #[must_use]
    pub fn new(telemetry: impl Into<Telemetry>, algorithm: impl Algorithm) -> Self {
        Self(Arc::new(Shared {
            slip: Slip::new(Kind::AdaptiveLimit, telemetry, algorithm.limit() as u32),
            began: AtomicU64::new(NEVER),
            since: AtomicU64::new(0),
            parts: (0..PARTS).map(|_| Padded(Mutex::new(Window::default()))).collect(),
            control: Control::new(algorithm),
        }))
    }

    /// Leave for a call of weight `weight`: all of it at once, or none.
    ///
    /// ```
    /// use seawall::concurrency::{AdaptiveLimit, Aimd};
    /// let limit = AdaptiveLimit::new("search", Aimd::new());
    /// let permit = limit.try_acquire_many(5)?;
    /// assert_eq!(limit.in_flight(), 5);
    /// # drop(permit);
    /// # Ok::<(), seawall::Rejected>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`LimitReached`](crate::Reason::LimitReached), or [`TooLarge`](crate::Reason::TooLarge) for a weight above
    /// the limit.
    pub fn try_acquire_many(&self, weight: u32) -> Result<Permit<&Self>, Rejected> {
        Ok(Permit::new(self, self.take_new(weight, None, &mut Now::lazy())?))
    }

    /// Keeps the limit within `[min, max]` from now on.
    ///
    /// ```
    /// use seawall::concurrency::{AdaptiveLimit, Aimd};
    /// let limit = AdaptiveLimit::new("search", Aimd::new());
    /// limit.set_bounds(1, 10);
    /// assert_eq!(limit.limit(), 10);
    /// ```
    pub fn set_bounds(&self, min: u32, max: u32) {
        self.0.control.set_bounds(min, max);
        self.bind();
    }

    /// Tells the algorithm of bounds that it has not been told of.
    fn bind(&self) {
        while let Some((mut algorithm, bounds)) = self.0.control.to_bind() {
            let Some(to) = algorithm.bind(bounds) else { return };
            let from = self.0.slip.set_limit(to);
            drop(algorithm);
            self.moved(from, Advice::Limit(to));
        }
    }

    /// The limit in force.
    ///
    /// ```
    /// use seawall::concurrency::{AdaptiveLimit, Aimd};
    /// assert_eq!(AdaptiveLimit::new("search", Aimd::new()).limit(), 20);
    /// ```
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.0.slip.slots().limit
    }

    /// Calls in flight.
    ///
    /// ```
    /// use seawall::concurrency::{AdaptiveLimit, Aimd};
    /// assert_eq!(AdaptiveLimit::new("search", Aimd::new()).in_flight(), 0);
    /// ```
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.0.slip.slots().in_flight
    }

    /// What there is to see of it at one moment.
    ///
    /// ```
    /// use seawall::concurrency::{AdaptiveLimit, Aimd};
    /// let seen = AdaptiveLimit::new("search", Aimd::new()).snapshot();
    /// assert_eq!((seen.estimate, seen.windows), (20.0, 0));
    /// ```
    #[must_use]
    pub fn snapshot(&self) -> AdaptiveSnapshot {
        let (slots, known) = (self.0.slip.slots(), self.0.control.known());
        AdaptiveSnapshot {
            limit: slots.limit,
            in_flight: slots.in_flight,
            available: slots.available(),
            debt: slots.debt(),
            waiting: self.0.slip.line().len(),
            estimate: known.estimate,
            reference: known.reference,
            last: known.last,
            windows: known.windows,
        }
    }

    #[inline]
    fn fly(&self, weight: u32, in_flight: u32, now: &mut Now) -> Flight {
        let admitted = now.get();
        if self.0.began.load(Relaxed) == NEVER {
            self.begin(admitted);
        }
        let flight = Flight { weight, in_flight, admitted, answered: Instant::MAX };
        self.0.slip.admitted(self, flight, weight);
        flight
    }

    #[cold]
    fn begin(&self, now: Instant) {
        // Whoever comes second changes nothing.
        let _ = self.0.began.compare_exchange(NEVER, now.as_nanos(), Relaxed, Relaxed);
    }

    /// Counts how a call went; a window that is over closes.
    #[inline]
    fn count(&self, flight: &Flight, class: Class, now: Instant) {
        if !matches!(class, Class::Success | Class::Overload(_))
            || flight.admitted.as_nanos() < self.0.since.load(Relaxed)
        {
            return;
        }
        {
            let mut part = self.0.parts[thread_number() % PARTS].lock();
            match class {
                Class::Success => part.sample(now.min(flight.answered) - flight.admitted, flight.in_flight),
                _ => part.overload(flight.in_flight),
            }
        }
        if Window::is_long_enough(Instant::from_nanos(self.0.began.load(Relaxed)), now) {
            self.close(now);
        }
    }

    #[cold]
    #[inline(never)]
    fn close(&self, now: Instant) {
        if let Some((from, advice)) = self.closed(now) {
            self.moved(from, advice);
        }
        // Set while the algorithm was out.
        self.bind();
    }

    /// Closes the window, if it may close: the limit before, and the advice. If somebody else is at it, what was counted is
    /// in that window or in the next.
    fn closed(&self, now: Instant) -> Option<(u32, Advice)> {
        let mut algorithm = self.0.control.take()?;
        let began = Instant::from_nanos(self.0.began.load(Relaxed));
        let outcomes: u64 = self.0.parts.iter().map(|part| part.lock().outcomes()).sum();
        if outcomes < OUTCOMES || !Window::is_long_enough(began, now) {
            return None;
        }
        let mut window = Window::default();
        for part in &self.0.parts {
            window.merge(std::mem::take(&mut *part.lock()));
        }
        let advice = algorithm.update(window.reading(), now)?;
        let since = match advice {
            Advice::Limit(_) => 0,
            Advice::Probe(_) => now.as_nanos(),
        };
        self.0.since.store(since, Relaxed);
        self.0.began.store(now.as_nanos(), Relaxed);
        // While the algorithm is out, so that of two windows the later one has the last word.
        Some((self.0.slip.set_limit(advice.limit()), advice))
    }

    /// The limit may have moved: whom that concerns is told, under no lock.
    fn moved(&self, from: u32, advice: Advice) {
        let to = advice.limit();
        if to > from {
            self.0.slip.line().wake();
        }
        if let Advice::Probe(limit) = advice {
            self.0.slip.tell(What::Probing { limit });
        } else if from != to {
            self.0.slip.tell(What::LimitChanged { from, to });
        }
    }

    #[inline]
    fn give_back(&self, flight: &mut Flight) {
        self.0.slip.give_back(std::mem::take(&mut flight.weight));
    }
}

/// What there is to see of an [`AdaptiveLimit`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct AdaptiveSnapshot {
    /// The limit in force.
    pub limit: u32,
    /// Calls in flight.
    pub in_flight: u32,
    /// Free slots.
    pub available: u32,
    /// How far the calls in flight stand above a limit that has shrunk under them.
    pub debt: u32,
    /// How many wait.
    pub waiting: usize,
    /// The limit as the algorithm keeps it.
    pub estimate: f64,
    /// The baseline of Vegas, the long-term mean of Gradient.
    pub reference: Option<Duration>,
    /// What the last window saw.
    pub last: Option<Reading>,
    /// How many windows have closed.
    pub windows: u64,
}

/// What an [`AdaptiveLimit`] remembers of a call.
#[derive(Clone, Copy, Debug)]
pub struct Flight {
    weight: u32,
    in_flight: u32,
    admitted: Instant,
    /// When the head of the answer was there, if that was before the end.
    answered: Instant,
}

impl Limit for AdaptiveLimit {
    #[inline]
    fn take_new(&self, weight: u32, share: Option<Ratio>, now: &mut Now) -> Result<Flight, Rejected> {
        let in_flight = self.0.slip.take_new(weight, share)?;
        Ok(self.fly(weight, in_flight, now))
    }

    fn take_head(&self, weight: u32, share: Option<Ratio>, now: &mut Now) -> Result<Flight, Rejected> {
        let in_flight = self.0.slip.take_head(weight, share)?;
        Ok(self.fly(weight, in_flight, now))
    }
}

impl Gate for AdaptiveLimit {
    type Pass = Flight;

    fn refused(&self, rejected: &Rejected) {
        self.0.slip.refused(rejected);
    }

    #[inline]
    fn answered(&self, flight: &mut Flight, now: &mut Now) {
        self.give_back(flight);
        flight.answered = flight.answered.min(now.get());
    }

    #[inline]
    fn settle(&self, mut flight: Flight, class: Class, now: &mut Now) {
        self.give_back(&mut flight);
        self.count(&flight, class, now.get());
        self.0.slip.note(|| What::Settled(class));
    }

    #[inline]
    fn release(&self, mut flight: Flight) {
        self.give_back(&mut flight);
        self.0.slip.note(|| What::Released);
    }

    #[inline]
    fn abandon(&self, mut flight: Flight) {
        self.give_back(&mut flight);
        self.0.slip.note(|| What::Abandoned);
    }

    fn line(&self) -> Option<&Line> {
        Some(self.0.slip.line())
    }
}

impl<Req: ?Sized> Admit<Req> for AdaptiveLimit {
    #[inline]
    fn admit(&self, _: &Req, now: &mut Now) -> Result<Flight, Rejected> {
        self.take_new(1, None, now)
    }

    fn admit_head(&self, _: &Req, now: &mut Now) -> Result<Flight, Rejected> {
        self.take_head(1, None, now)
    }
}

impl Evict for AdaptiveLimit {
    /// What it has learnt is worth keeping, so only before it has learnt anything.
    fn is_fresh(&self, _: &mut Now) -> bool {
        self.in_flight() == 0 && self.0.slip.line().is_empty() && self.0.began.load(Relaxed) == NEVER
    }
}

impl fmt::Debug for AdaptiveLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithm = self.0.control.take();
        let mut shown = f.debug_struct("AdaptiveLimit");
        shown
            .field("name", &self.0.slip.telemetry().name())
            .field("limit", &self.limit())
            .field("in_flight", &self.in_flight());
        if let Some(algorithm) = &algorithm {
            shown.field("algorithm", algorithm);
        }
        shown.finish_non_exhaustive()?;
        drop(algorithm);
        // Set while the algorithm was out.
        self.bind();
        Ok(())
    }
}
