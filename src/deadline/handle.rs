use super::{Deadline, DeadlineLayer, ResponseFuture};
use crate::error::{Fault, Reason, Rejected, TimedOut};
use crate::gate::Now;
use crate::lazy::{Lazy, LazyLifted};
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};
use crate::telemetry::{Kind, Telemetry, What};
use crate::time::{Instant, nanos};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// Gives each request a [`Deadline`], and keeps it: refused if it is over before the call, given up on when it
/// is over, and in force for every wait inside.
///
/// Clones share the time.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use seawall::{Error, deadline::{Deadline, Deadlines}};
/// use std::time::Duration;
///
/// let deadlines = Deadlines::within("api", Duration::from_secs(1));
/// let answer = deadlines
///     .run(|| async {
///         assert!(Deadline::current().is_some());
///         std::future::pending::<Result<(), ()>>().await
///     })
///     .await;
/// assert!(matches!(answer, Err(Error::TimedOut(_))));
/// # }
/// ```
pub struct Deadlines<D = Within>(Arc<Terms<D>>);

/// What the calls through one handle share.
#[derive(Debug)]
pub struct Terms<D> {
    telemetry: Telemetry,
    due: D,
    // For those who print it: what every request has, if all have the same.
    shown: fn(&D) -> Option<Duration>,
}

/// When a request must be over; `None` if it need not.
///
/// Closures `Fn(&Req) -> Option<Deadline>` say so; [`Within`] gives every request the same time.
///
/// ```
/// use seawall::deadline::{Deadline, Due};
/// struct Job { deadline: Option<Deadline> }
/// let of_the_job = |job: &Job| job.deadline;
/// assert_eq!(of_the_job.due(&Job { deadline: None }), None);
/// ```
pub trait Due<Req: ?Sized> {
    /// When this request must be over.
    fn due(&self, request: &Req) -> Option<Deadline>;

    /// [`due`](Self::due), for a request that is called at `now`: one reading of the clock serves all.
    #[inline]
    fn due_at(&self, request: &Req, now: &mut Now) -> Option<Deadline> {
        let _ = now;
        self.due(request)
    }
}

impl<F, Req: ?Sized> Due<Req> for F
where
    F: Fn(&Req) -> Option<Deadline>,
{
    #[inline]
    fn due(&self, request: &Req) -> Option<Deadline> {
        self(request)
    }
}

/// The same time for every request.
#[derive(Debug)]
pub struct Within(AtomicU64);

impl Within {
    fn rest(&self) -> Option<Duration> {
        match self.0.load(Relaxed) {
            NEVER => None,
            rest => Some(Duration::from_nanos(rest)),
        }
    }
}

const NEVER: u64 = u64::MAX;

impl<Req: ?Sized> Due<Req> for Within {
    #[inline]
    fn due(&self, request: &Req) -> Option<Deadline> {
        self.due_at(request, &mut Now::lazy())
    }

    #[inline]
    fn due_at(&self, _: &Req, now: &mut Now) -> Option<Deadline> {
        self.rest().map(|rest| Deadline::at(now.get() + rest))
    }
}

impl Deadlines {
    /// Each request must be over `rest` after its call; `Duration::MAX` is no deadline.
    ///
    /// There is no default: the time is your caller's patience.
    ///
    /// ```
    /// use seawall::deadline::Deadlines;
    /// use std::time::Duration;
    /// assert_eq!(Deadlines::within("api", Duration::from_secs(1)).rest(), Some(Duration::from_secs(1)));
    /// ```
    #[must_use]
    pub fn within(telemetry: impl Into<Telemetry>, rest: Duration) -> Self {
        Self::with(telemetry.into(), Within(AtomicU64::new(nanos(rest))), Within::rest)
    }

    /// No deadline of its own; one that is already in force is kept all the same.
    /// [`set_rest`](Self::set_rest) switches it on, and changes no type.
    ///
    /// ```
    /// assert_eq!(seawall::deadline::Deadlines::off().rest(), None);
    /// ```
    #[must_use]
    pub fn off() -> Self {
        Self::within("off", Duration::MAX)
    }

    /// Changes the time for requests to come.
    ///
    /// ```
    /// use seawall::deadline::Deadlines;
    /// use std::time::Duration;
    /// let deadlines = Deadlines::off();
    /// deadlines.set_rest(Duration::from_secs(1));
    /// assert_eq!(deadlines.rest(), Some(Duration::from_secs(1)));
    /// ```
    pub fn set_rest(&self, rest: Duration) {
        self.0.due.0.store(nanos(rest), Relaxed);
    }

    /// The time that each request has.
    ///
    /// ```
    /// assert_eq!(seawall::deadline::Deadlines::off().rest(), None);
    /// ```
    #[must_use]
    pub fn rest(&self) -> Option<Duration> {
        self.0.due.rest()
    }
}

impl<D> Deadlines<D> {
    /// Each request names its own, from its extensions or a header; `None` is none.
    ///
    /// ```
    /// use seawall::deadline::{Deadline, Deadlines};
    /// use std::time::Duration;
    ///
    /// struct Job { patience: Option<Duration> }
    ///
    /// let deadlines = Deadlines::per_request("jobs", |job: &Job| {
    ///     job.patience.map(|patience| Deadline::within(patience).at_most(Duration::from_secs(30)))
    /// });
    /// # let _ = deadlines;
    /// ```
    #[must_use]
    pub fn per_request<Req: ?Sized>(telemetry: impl Into<Telemetry>, due: D) -> Self
    where
        D: Fn(&Req) -> Option<Deadline>,
    {
        Self::with(telemetry.into(), due, |_| None)
    }

    fn with(telemetry: Telemetry, due: D, shown: fn(&D) -> Option<Duration>) -> Self {
        Self(Arc::new(Terms { telemetry, due, shown }))
    }

    /// Calls, and gives up at the deadline. The error of the call is lifted.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::deadline::Deadlines;
    /// use std::time::Duration;
    /// let deadlines = Deadlines::within("api", Duration::from_secs(1));
    /// assert_eq!(deadlines.run(|| async { Ok::<_, ()>(42) }).await, Ok(42));
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Being dropped is not a timeout: nothing is counted.
    pub fn run<F, Fut, T, E>(&self, call: F) -> ResponseFuture<LazyLifted<F, Fut>, &Terms<D>>
    where
        D: Due<()>,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let mut now = Now::lazy();
        let due = self.0.due(&(), &mut now);
        ResponseFuture::called(&*self.0, due, now, || Lazy::lifted(call))
    }

    /// [`run`](Self::run) for a call whose error is lifted already, because it goes through another primitive.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// use seawall::{Error, deadline::Deadlines, retry::{Plan, Retry}};
    /// use std::time::Duration;
    ///
    /// let deadlines = Deadlines::within("api", Duration::from_millis(1));
    /// let retry = Retry::new("api", Plan::new());
    /// // No wait is begun that would end too late: the failure is told at once.
    /// let answer = deadlines.run_lifted(|| retry.run(|| async { Err::<(), _>("reset") })).await;
    /// # let _ = answer;
    /// # }
    /// ```
    pub fn run_lifted<F, Fut, T, E>(&self, call: F) -> ResponseFuture<Lazy<F, Fut>, &Terms<D>>
    where
        D: Due<()>,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
        E: Fault,
    {
        let mut now = Now::lazy();
        let due = self.0.due(&(), &mut now);
        ResponseFuture::called(&*self.0, due, now, || Lazy::new(call))
    }

    /// A tower layer over this handle.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::{LiftLayer, deadline::Deadlines};
    /// use std::time::Duration;
    /// use tower::{ServiceBuilder, ServiceExt, service_fn};
    ///
    /// let service = ServiceBuilder::new()
    ///     .layer(Deadlines::within("api", Duration::from_secs(1)).layer())
    ///     .layer(LiftLayer)
    ///     .service(service_fn(|n: u32| async move { Ok::<_, std::io::Error>(n) }));
    /// assert_eq!(service.oneshot(1).await.unwrap(), 1);
    /// # }
    /// ```
    #[must_use]
    pub fn layer(&self) -> DeadlineLayer<D> {
        DeadlineLayer::new(self.clone())
    }

    pub(super) const fn terms(&self) -> &Arc<Terms<D>> {
        &self.0
    }
}

impl<D> Terms<D> {
    /// When this request must be over: the earlier of its own deadline and the one in force.
    #[inline]
    pub(crate) fn due<Req: ?Sized>(&self, request: &Req, now: &mut Now) -> Instant
    where
        D: Due<Req>,
    {
        self.due.due_at(request, now).map_or(Instant::MAX, Deadline::instant).min(super::in_force())
    }

    #[cold]
    pub(crate) fn refuse(&self) -> Rejected {
        let rejected = Rejected::new(self.telemetry.name(), Reason::Deadline);
        self.telemetry.tell(Kind::Deadline, What::Refused(rejected));
        rejected
    }

    #[cold]
    pub(crate) fn give_up(&self, after: Duration) -> TimedOut {
        self.telemetry.tell(Kind::Deadline, What::TimedOut { after });
        TimedOut::new(self.telemetry.name(), after)
    }
}

impl<D> Clone for Deadlines<D> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<D> fmt::Debug for Deadlines<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deadlines")
            .field("name", &self.0.telemetry.name())
            .field("rest", &(self.0.shown)(&self.0.due))
            .finish_non_exhaustive()
    }
}
