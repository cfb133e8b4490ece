use super::acquire::Acquire;
use super::layer::QueuedLayer;
use super::run::RunQueued;
use crate::class::ByResult;
use crate::gate::places::Order;
use crate::gate::{Admit, Blocked, Classified, Gate, Line};
use crate::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use crate::telemetry::Telemetry;
use crate::time::{Instant, nanos};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// Waits for a gate instead of being refused by it: at so many places, for so long.
///
/// Clones share the places. The gate is still there, for those who do not want to wait: while anybody does, it
/// refuses them.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), seawall::Rejected> {
/// use seawall::{ConcurrencyLimit, Reason, gate::Queued};
/// use std::time::Duration;
///
/// let limit = ConcurrencyLimit::new("db", 1);
/// let queued = Queued::new("db queue", limit.clone(), 100, Duration::from_millis(250));
///
/// let first = queued.acquire().await?;
/// let late = queued.acquire().await.unwrap_err(); // after 250 ms
/// assert_eq!(late.reason(), Reason::QueueTimeout);
///
/// drop(first);
/// assert!(queued.acquire().await.is_ok());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[doc(alias = "semaphore")]
#[doc(alias = "bulkhead queue")]
pub struct Queued<G> {
    pub(super) gate: G,
    pub(super) queue: Arc<Queue>,
}

/// What all waiters of one queue share. The line itself is the gate's, if it keeps one.
pub(super) struct Queue {
    pub(super) telemetry: Telemetry,
    places: AtomicU32,
    max_wait: AtomicU64,
    pub(super) order: Order,
    control: Option<Control>,
    // Whether it was a quota that last let nobody in, not a capacity.
    quota: AtomicBool,
    /// Where to wait for a gate that keeps no line of its own, or is made of several.
    pub(super) own: Line,
}

/// How a controlled queue shortens the wait (CoDel, in the form of *Fail at Scale*).
#[derive(Clone, Copy, Debug)]
struct Control {
    target: Duration,
    interval: Duration,
}

impl Queue {
    pub(super) fn places(&self) -> usize {
        self.places.load(Relaxed) as usize
    }

    /// The gate let nobody in, and why: who does not get in after waiting is told so.
    pub(super) fn note(&self, blocked: &Blocked) {
        if let Some(rejected) = &blocked.rejected
            && rejected.is_for_quota() != self.is_for_quota()
        {
            self.quota.store(rejected.is_for_quota(), Relaxed);
        }
    }

    pub(super) fn is_for_quota(&self) -> bool {
        self.quota.load(Relaxed)
    }

    /// How long a newcomer to `line` may wait.
    pub(super) fn patience(&self, line: &Line, now: Instant) -> Duration {
        let max_wait = Duration::from_nanos(self.max_wait.load(Relaxed));
        match self.control {
            Some(Control { target, interval }) if line.stands(interval, now) => max_wait.min(target),
            Some(Control { interval, .. }) => max_wait.min(interval),
            None => max_wait,
        }
    }
}

impl<G> Queued<G> {
    /// A queue before `gate`: `places` callers may wait, each for at most `max_wait`. With no places it
    /// refuses like the gate.
    ///
    /// There are no defaults: a hidden queue is hidden latency, and an unbounded one hides an outage.
    ///
    /// ```
    /// use seawall::{ConcurrencyLimit, gate::Queued};
    /// use std::time::Duration;
    /// let queued = Queued::new("db queue", ConcurrencyLimit::new("db", 16), 32, Duration::from_millis(100));
    /// assert_eq!(queued.places(), 32);
    /// ```
    #[must_use]
    pub fn new(telemetry: impl Into<Telemetry>, gate: G, places: u32, max_wait: Duration) -> Self {
        let queue = Queue {
            telemetry: telemetry.into(),
            places: AtomicU32::new(places),
            max_wait: AtomicU64::new(nanos(max_wait)),
            order: Order::Fifo,
            control: None,
            quota: AtomicBool::new(false),
            own: Line::new(),
        };
        Self { gate, queue: Arc::new(queue) }
    }

    /// The newest waiter goes first. A full queue still refuses the newcomer.
    ///
    /// It pays where callers give up: those who have waited longest are the likeliest to have gone. See
    /// [`adaptive_lifo`](Self::adaptive_lifo) for having it only then.
    ///
    /// ```
    /// use seawall::{ConcurrencyLimit, gate::Queued};
    /// use std::time::Duration;
    /// let queued = Queued::new("q", ConcurrencyLimit::new("db", 1), 8, Duration::from_secs(1)).lifo();
    /// # let _ = queued;
    /// ```
    #[must_use]
    pub fn lifo(self) -> Self {
        self.with(|queue| queue.order = Order::Lifo)
    }

    /// First come, first served, but the newest first while the queue *stands*: has not been empty for longer
    /// than the [controlled](Self::controlled) interval, or 100 ms (*Fail at Scale*, ACM Queue 2015).
    ///
    /// ```
    /// use seawall::{ConcurrencyLimit, gate::Queued};
    /// use std::time::Duration;
    /// let queued = Queued::new("q", ConcurrencyLimit::new("db", 1), 8, Duration::from_secs(1)).adaptive_lifo();
    /// # let _ = queued;
    /// ```
    #[must_use]
    pub fn adaptive_lifo(self) -> Self {
        self.with(|queue| {
            queue.order = Order::Adaptive(queue.control.map_or(INTERVAL, |control| control.interval));
        })
    }

    /// Shortens the wait while the queue stands (CoDel, RFC 8289, in the form of *Fail at Scale*): a newcomer
    /// may wait for `interval`, but only for `target` if the queue has not been empty for longer than
    /// `interval`; never longer than the queue's own limit. The paper's numbers are 5 ms and 100 ms.
    ///
    /// ```
    /// use seawall::{ConcurrencyLimit, gate::Queued};
    /// use std::time::Duration;
    /// let queued = Queued::new("q", ConcurrencyLimit::new("db", 1), 8, Duration::from_secs(1))
    ///     .controlled(Duration::from_millis(5), Duration::from_millis(100));
    /// # let _ = queued;
    /// ```
    #[must_use]
    #[doc(alias = "codel")]
    pub fn controlled(self, target: Duration, interval: Duration) -> Self {
        self.with(|queue| {
            queue.control = Some(Control { target, interval });
            if let Order::Adaptive(standing) = &mut queue.order {
                *standing = interval;
            }
        })
    }

    /// Changes the queue before it is shared; one that is shared already is left behind, with its waiters.
    fn with(mut self, change: impl FnOnce(&mut Queue)) -> Self {
        let old = &*self.queue;
        let mut queue = Queue {
            telemetry: old.telemetry.clone(),
            places: AtomicU32::new(old.places.load(Relaxed)),
            max_wait: AtomicU64::new(old.max_wait.load(Relaxed)),
            quota: AtomicBool::new(false),
            order: old.order,
            control: old.control,
            own: old.own.clone(),
        };
        change(&mut queue);
        self.queue = Arc::new(queue);
        self
    }

    /// Leave to make one call, once it is the caller's turn.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), seawall::Rejected> {
    /// use seawall::{Class, ConcurrencyLimit, gate::Queued};
    /// use std::time::Duration;
    ///
    /// let queued = Queued::new("q", ConcurrencyLimit::new("db", 1), 8, Duration::from_secs(1));
    /// let permit = queued.acquire().await?;
    /// permit.settle(Class::Success); // after the call
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`QueueFull`](crate::Reason::QueueFull) at once, [`QueueTimeout`](crate::Reason::QueueTimeout) after the
    /// wait or at once if it is known to be too long, and the gate's own refusal where no waiting cures it.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it leaves its place; what was about to be its turn is the next one's.
    pub const fn acquire(&self) -> Acquire<'_, G>
    where
        G: Admit<()>,
    {
        Acquire::new(self, ())
    }

    /// [`acquire`](Self::acquire) for a request that the gate looks at: for its key, its cost.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), seawall::Rejected> {
    /// use seawall::{ConcurrencyLimit, gate::Queued};
    /// use std::time::Duration;
    ///
    /// let limit = ConcurrencyLimit::new("db", 10);
    /// let queued = Queued::new("q", limit.weighing(|rows: &u32| rows / 100), 8, Duration::from_secs(1));
    /// let permit = queued.acquire_for(400).await?;
    /// assert_eq!(limit.in_flight(), 4);
    /// # drop(permit);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    pub const fn acquire_for<Req>(&self, request: Req) -> Acquire<'_, G, Req>
    where
        G: Admit<Req>,
    {
        Acquire::new(self, request)
    }

    /// Waits, calls, settles. `Ok` counts as a success and `Err` as a transient failure.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::{ConcurrencyLimit, gate::Queued};
    /// use std::time::Duration;
    ///
    /// let queued = Queued::new("q", ConcurrencyLimit::new("db", 1), 8, Duration::from_secs(1));
    /// assert_eq!(queued.run(|| async { Ok::<_, ()>(42) }).await, Ok(42));
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Dropped while waiting, it leaves its place; dropped later, the permit is abandoned.
    pub const fn run<F, Fut, T, E>(&self, call: F) -> RunQueued<'_, G, F, Fut>
    where
        G: Admit<()>,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        RunQueued::new(self.acquire(), call)
    }

    /// A tower layer: its services wait for the gate, then make the inner service ready, then call it. All
    /// services made from it, and this handle, share the places.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::{ConcurrencyLimit, LiftLayer, gate::Queued};
    /// use std::time::Duration;
    /// use tower::{ServiceBuilder, ServiceExt, service_fn};
    ///
    /// let queued = Queued::new("q", ConcurrencyLimit::new("db", 1), 8, Duration::from_secs(1));
    /// let service = ServiceBuilder::new()
    ///     .layer(queued.layer())
    ///     .layer(LiftLayer)
    ///     .service(service_fn(|n: u32| async move { Ok::<_, std::io::Error>(n) }));
    /// assert_eq!(service.oneshot(7).await.unwrap(), 7);
    /// # }
    /// ```
    #[must_use]
    pub fn layer(&self) -> QueuedLayer<G>
    where
        G: Gate + Clone,
    {
        QueuedLayer::new(Arc::new(Classified::new(self.gate.clone(), ByResult)), Arc::clone(&self.queue))
    }

    /// The gate: whoever asks it directly does not wait.
    ///
    /// ```
    /// use seawall::{ConcurrencyLimit, gate::Queued};
    /// use std::time::Duration;
    /// let queued = Queued::new("q", ConcurrencyLimit::new("db", 1), 8, Duration::from_secs(1));
    /// assert!(queued.gate().try_acquire().is_ok());
    /// ```
    #[must_use]
    pub const fn gate(&self) -> &G {
        &self.gate
    }

    /// How many may wait.
    ///
    /// ```
    /// use seawall::{ConcurrencyLimit, gate::Queued};
    /// use std::time::Duration;
    /// let queued = Queued::new("q", ConcurrencyLimit::new("db", 1), 8, Duration::from_secs(1));
    /// assert_eq!(queued.places(), 8);
    /// ```
    #[must_use]
    pub fn places(&self) -> u32 {
        self.queue.places.load(Relaxed)
    }

    /// Changes how many may wait. Nobody who waits already is thrown out.
    ///
    /// ```
    /// use seawall::{ConcurrencyLimit, gate::Queued};
    /// use std::time::Duration;
    /// let queued = Queued::new("q", ConcurrencyLimit::new("db", 1), 8, Duration::from_secs(1));
    /// queued.set_places(0); // from now on, refuse like the gate
    /// ```
    pub fn set_places(&self, places: u32) {
        self.queue.places.store(places, Relaxed);
    }

    /// How long each may wait.
    ///
    /// ```
    /// use seawall::{ConcurrencyLimit, gate::Queued};
    /// use std::time::Duration;
    /// let queued = Queued::new("q", ConcurrencyLimit::new("db", 1), 8, Duration::from_secs(1));
    /// assert_eq!(queued.max_wait(), Duration::from_secs(1));
    /// ```
    #[must_use]
    pub fn max_wait(&self) -> Duration {
        Duration::from_nanos(self.queue.max_wait.load(Relaxed))
    }

    /// Changes how long each may wait: for newcomers.
    ///
    /// ```
    /// use seawall::{ConcurrencyLimit, gate::Queued};
    /// use std::time::Duration;
    /// let queued = Queued::new("q", ConcurrencyLimit::new("db", 1), 8, Duration::from_secs(1));
    /// queued.set_max_wait(Duration::from_millis(100));
    /// ```
    pub fn set_max_wait(&self, max_wait: Duration) {
        self.queue.max_wait.store(nanos(max_wait), Relaxed);
    }

    /// How many wait for the gate now. For a keyed gate, where each key has a line, see the key's own gate.
    ///
    /// ```
    /// use seawall::{ConcurrencyLimit, gate::Queued};
    /// use std::time::Duration;
    /// let queued = Queued::new("q", ConcurrencyLimit::new("db", 1), 8, Duration::from_secs(1));
    /// assert_eq!(queued.waiting(), 0);
    /// ```
    #[must_use]
    pub fn waiting(&self) -> usize
    where
        G: Gate,
    {
        self.gate.line().unwrap_or(&self.queue.own).len()
    }
}

/// The interval of *Fail at Scale*: longer than any burst that a healthy server does not work off.
const INTERVAL: Duration = Duration::from_millis(100);

impl<G: fmt::Debug> fmt::Debug for Queued<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queued")
            .field("name", &self.queue.telemetry.name())
            .field("gate", &self.gate)
            .field("places", &self.places())
            .field("max_wait", &self.max_wait())
            .finish()
    }
}
