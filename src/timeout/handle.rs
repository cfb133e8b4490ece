use super::{ResponseFuture, TimeoutLayer};
use crate::error::Fault;
use crate::lazy::{Lazy, LazyLifted};
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};
use crate::telemetry::Telemetry;
use crate::time::nanos;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// Gives a call so much time; then it is dropped and [`TimedOut`](crate::TimedOut) is the answer.
///
/// Clones share the time.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use seawall::{Error, Timeout};
/// use std::time::Duration;
///
/// let timeout = Timeout::new("payments", Duration::from_secs(2));
/// let answer = timeout.run(|| std::future::pending::<Result<(), ()>>()).await;
/// assert!(matches!(answer, Err(Error::TimedOut(late)) if late.after() == Duration::from_secs(2)));
/// # }
/// ```
#[doc(alias = "TimeLimiter")]
pub struct Timeout<L = Every>(Arc<Terms<L>>);

/// What the calls through one timeout share.
#[derive(Debug)]
pub struct Terms<L> {
    pub(super) telemetry: Telemetry,
    pub(super) limits: L,
}

/// How long a call with this request may take; `None` for as long as it likes.
///
/// Closures `Fn(&Req) -> Option<Duration>` are such limits; [`Every`] gives every call the same.
///
/// ```
/// use seawall::timeout::Limits;
/// use std::time::Duration;
/// let by_length = |request: &str| Some(Duration::from_millis(10 * request.len() as u64));
/// assert_eq!(by_length.limit("four"), Some(Duration::from_millis(40)));
/// ```
pub trait Limits<Req: ?Sized> {
    /// The time for this request.
    fn limit(&self, request: &Req) -> Option<Duration>;

    // In nanoseconds: a time that is kept so need not be divided for a call that never waits.
    #[doc(hidden)]
    #[inline]
    fn nanos(&self, request: &Req) -> u64 {
        self.limit(request).map_or(NEVER, nanos)
    }
}

impl<F, Req: ?Sized> Limits<Req> for F
where
    F: Fn(&Req) -> Option<Duration>,
{
    #[inline]
    fn limit(&self, request: &Req) -> Option<Duration> {
        self(request)
    }
}

/// The same time for every call.
pub struct Every(AtomicU64);

/// A limit in nanoseconds that is none.
pub(crate) const NEVER: u64 = u64::MAX;

impl Every {
    /// No limit, until one is set.
    #[expect(clippy::missing_const_for_fn, reason = "the models' atomics are not made at compile time")]
    pub(crate) fn never() -> Self {
        Self(AtomicU64::new(NEVER))
    }

    pub(crate) fn set(&self, limit: Option<Duration>) {
        self.0.store(limit.map_or(NEVER, nanos), Relaxed);
    }
}

impl fmt::Debug for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Every").field(&self.limit(&())).finish()
    }
}

impl Clone for Every {
    fn clone(&self) -> Self {
        Self(AtomicU64::new(self.0.load(Relaxed)))
    }
}

impl<Req: ?Sized> Limits<Req> for Every {
    #[inline]
    fn limit(&self, _: &Req) -> Option<Duration> {
        match self.0.load(Relaxed) {
            NEVER => None,
            limit => Some(Duration::from_nanos(limit)),
        }
    }

    #[inline]
    fn nanos(&self, _: &Req) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Timeout {
    /// Every call has `limit`, counted from its first poll. Zero is one poll, `Duration::MAX` no limit.
    ///
    /// There is no default: the time is your caller's patience, less what stands around this call.
    ///
    /// ```
    /// use seawall::Timeout;
    /// use std::time::Duration;
    /// assert_eq!(Timeout::new("payments", Duration::from_secs(2)).limit(), Some(Duration::from_secs(2)));
    /// ```
    #[must_use]
    pub fn new(telemetry: impl Into<Telemetry>, limit: Duration) -> Self {
        Self::with(telemetry.into(), Every(AtomicU64::new(nanos(limit))))
    }

    /// No limit. [`set_limit`](Self::set_limit) switches it on, and changes no type.
    ///
    /// ```
    /// assert_eq!(seawall::Timeout::off().limit(), None);
    /// ```
    #[must_use]
    pub fn off() -> Self {
        Self::new("off", Duration::MAX)
    }

    /// Changes the time for calls that have not begun to wait.
    ///
    /// ```
    /// use seawall::Timeout;
    /// use std::time::Duration;
    /// let timeout = Timeout::off();
    /// timeout.set_limit(Duration::from_secs(1));
    /// assert_eq!(timeout.limit(), Some(Duration::from_secs(1)));
    /// ```
    pub fn set_limit(&self, limit: Duration) {
        self.0.limits.0.store(nanos(limit), Relaxed);
    }

    /// The time for a call, if it has a limit.
    ///
    /// ```
    /// assert_eq!(seawall::Timeout::off().limit(), None);
    /// ```
    #[must_use]
    pub fn limit(&self) -> Option<Duration> {
        self.0.limits.limit(&())
    }
}

impl<L> Timeout<L> {
    /// Each request has a time of its own; `None` is no limit, for streams and uploads.
    ///
    /// ```
    /// use seawall::Timeout;
    /// use std::time::Duration;
    ///
    /// let timeout = Timeout::per_request("files", |path: &String| {
    ///     (!path.starts_with("/stream/")).then_some(Duration::from_secs(2))
    /// });
    /// # let _ = timeout;
    /// ```
    #[must_use]
    pub fn per_request<Req: ?Sized>(telemetry: impl Into<Telemetry>, limits: L) -> Self
    where
        L: Fn(&Req) -> Option<Duration>,
    {
        Self::with(telemetry.into(), limits)
    }

    fn with(telemetry: Telemetry, limits: L) -> Self {
        Self(Arc::new(Terms { telemetry, limits }))
    }

    /// Calls, and gives up in time. The error of the call is lifted.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::Timeout;
    /// use std::time::Duration;
    /// let timeout = Timeout::new("payments", Duration::from_secs(2));
    /// assert_eq!(timeout.run(|| async { Ok::<_, ()>(42) }).await, Ok(42));
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Being dropped is not a timeout: nothing is counted.
    pub fn run<F, Fut, T, E>(&self, call: F) -> ResponseFuture<LazyLifted<F, Fut>, &Terms<L>>
    where
        L: Limits<()>,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        ResponseFuture::new(Lazy::lifted(call), self.0.limits.nanos(&()), &self.0)
    }

    /// [`run`](Self::run) for a call whose error is lifted already, because it goes through another primitive.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// use seawall::{Error, Timeout, retry::{Plan, Retry}};
    /// use std::time::Duration;
    ///
    /// let timeout = Timeout::new("payments", Duration::from_secs(2));
    /// let retry = Retry::new("payments", Plan::new());
    /// let answer = timeout.run_lifted(|| retry.run(|| async { Err::<(), _>("reset") })).await;
    /// assert_eq!(answer, Err(Error::Inner("reset")));
    /// # }
    /// ```
    pub fn run_lifted<F, Fut, T, E>(&self, call: F) -> ResponseFuture<Lazy<F, Fut>, &Terms<L>>
    where
        L: Limits<()>,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
        E: Fault,
    {
        ResponseFuture::new(Lazy::new(call), self.0.limits.nanos(&()), &self.0)
    }

    /// A tower layer over this handle.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::{LiftLayer, Timeout};
    /// use std::time::Duration;
    /// use tower::{ServiceBuilder, ServiceExt, service_fn};
    ///
    /// let service = ServiceBuilder::new()
    ///     .layer(Timeout::new("payments", Duration::from_secs(2)).layer())
    ///     .layer(LiftLayer)
    ///     .service(service_fn(|n: u32| async move { Ok::<_, std::io::Error>(n) }));
    /// assert_eq!(service.oneshot(1).await.unwrap(), 1);
    /// # }
    /// ```
    #[must_use]
    pub fn layer(&self) -> TimeoutLayer<L> {
        TimeoutLayer::new(self.clone())
    }

    #[inline]
    pub(crate) const fn terms(&self) -> &Arc<Terms<L>> {
        &self.0
    }
}

impl<L> Clone for Timeout<L> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<L> fmt::Debug for Timeout<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout").field("name", &self.0.telemetry.name()).finish_non_exhaustive()
    }
}
