use super::{FallbackLayer, Instead, Of, Over, ResponseFuture, Value, Why};
use crate::class::{ByResult, Class};
use crate::error::{Error, Fault};
use crate::lazy::{Lazy, LazyLifted};
use crate::retry::Cloned;
use crate::sync::atomic::{AtomicBool, Ordering::Relaxed};
use crate::telemetry::Telemetry;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

/// Replaces the outcome of a call that has no answer worth having, once.
///
/// Clones share it.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use seawall::{ConcurrencyLimit, Fallback};
///
/// let fallback = Fallback::value("greeting", || "hello, whoever you are");
/// let limit = ConcurrencyLimit::new("names", 0); // refuses everything
/// let answer = fallback.run_lifted(|| limit.run(|| async { Ok::<_, ()>("hello, Ada") })).await;
/// assert_eq!(answer, Ok("hello, whoever you are"));
/// # }
/// ```
pub struct Fallback<I, C = ByResult>(Arc<Terms<I, C>>);

/// What the calls through one fallback share.
pub struct Terms<I, C> {
    pub(super) rules: Arc<Rules>,
    pub(super) instead: I,
    pub(super) classifier: C,
}

/// Whether and when it replaces, so that another judge is switched off together with the rest.
pub(super) struct Rules {
    pub(super) telemetry: Telemetry,
    when: fn(Why) -> bool,
    on: AtomicBool,
}

impl<F> Fallback<Value<F>> {
    /// A value, made anew each time.
    ///
    /// ```
    /// let fallback = seawall::Fallback::value("prices", Vec::<u32>::new);
    /// # let _ = fallback;
    /// ```
    #[must_use]
    pub fn value<T>(telemetry: impl Into<Telemetry>, value: F) -> Self
    where
        F: Fn() -> T,
    {
        Self::with(telemetry.into(), Value(value))
    }
}

impl<F> Fallback<Of<F>> {
    /// A function of the outcome: the error or the response that is to be replaced.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::{Error, Fallback};
    ///
    /// let fallback = Fallback::of("prices", |outcome: Result<u32, Error<&str>>| match outcome {
    ///     Err(Error::Inner("sold out")) => Ok(0),
    ///     other => other,
    /// });
    /// assert_eq!(fallback.run(|| async { Err::<u32, _>("sold out") }).await, Ok(0));
    /// # }
    /// ```
    #[must_use]
    pub fn of<T, E>(telemetry: impl Into<Telemetry>, function: F) -> Self
    where
        F: Fn(Result<T, E>) -> Result<T, E>,
    {
        Self::with(telemetry.into(), Of(function))
    }
}

impl<S> Fallback<Over<S, Cloned>> {
    /// Another service: a copy of the request goes to it. Of its own refusal and a real result, the result is
    /// the answer.
    ///
    /// Requests are cloned; see [`replay`](Self::replay) for others. For a service behind it to be `Send`, this
    /// one must be `Sync`: tower's `BoxCloneSyncService` is.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::{Fallback, Lift};
    /// use tower::{ServiceBuilder, ServiceExt, service_fn};
    ///
    /// let replica = Lift::new(service_fn(|key: u32| async move { Ok::<_, &str>(key) }));
    /// let service = ServiceBuilder::new()
    ///     .layer(Fallback::service("replica", replica).layer())
    ///     .layer(seawall::LiftLayer)
    ///     .service(service_fn(|_: u32| async { Err::<u32, _>("down") }));
    /// assert_eq!(service.oneshot(7).await, Ok(7));
    /// # }
    /// ```
    #[must_use]
    pub fn service(telemetry: impl Into<Telemetry>, service: S) -> Self {
        Self::with(telemetry.into(), Over { service, replay: Cloned })
    }

    /// Copies requests by a function or another [`Replay`](crate::retry::Replay); where there is no copy, the
    /// original outcome passes.
    ///
    /// ```
    /// use seawall::{Fallback, Lift};
    /// use tower::service_fn;
    /// let replica = Lift::new(service_fn(|key: u32| async move { Ok::<_, &str>(key) }));
    /// let even = |key: &u32| (key % 2 == 0).then_some(*key);
    /// let fallback = Fallback::service("replica", replica).replay(even);
    /// # let _ = fallback;
    /// ```
    #[must_use]
    pub fn replay<R>(self, replay: R) -> Fallback<Over<S, R>>
    where
        S: Clone,
    {
        let Terms { rules, instead, classifier } = self.into_terms();
        let instead = Over { service: instead.service, replay };
        Fallback(Arc::new(Terms { rules, instead, classifier }))
    }
}

impl<I> Fallback<I> {
    fn with(telemetry: Telemetry, instead: I) -> Self {
        let rules = Arc::new(Rules { telemetry, when: Why::is_lacking, on: AtomicBool::new(true) });
        Self(Arc::new(Terms { rules, instead, classifier: ByResult }))
    }
}

impl<I, C> Fallback<I, C> {
    /// Replaces only these outcomes; by default those that [lack](Why::is_lacking) an answer.
    ///
    /// ```
    /// use seawall::{Fallback, Reason, fallback::Why};
    /// let fallback = Fallback::value("prices", || 0).on(|why| why == Why::Rejected(Reason::CircuitOpen));
    /// # let _ = fallback;
    /// ```
    #[must_use]
    pub fn on(self, when: fn(Why) -> bool) -> Self
    where
        I: Clone,
        C: Clone,
    {
        let Terms { rules, instead, classifier } = self.into_terms();
        let rules = Arc::try_unwrap(rules).unwrap_or_else(|shared| Rules {
            telemetry: shared.telemetry.clone(),
            when,
            on: AtomicBool::new(shared.on.load(Relaxed)),
        });
        Self(Arc::new(Terms { rules: Arc::new(Rules { when, ..rules }), instead, classifier }))
    }

    /// Judges results by a function of the service's own response and error.
    ///
    /// ```
    /// use seawall::{Class, Fallback};
    /// let fallback = Fallback::value("prices", || 0u16).classify(|answer: Result<&u16, &()>| match answer {
    ///     Ok(502) | Err(()) => Class::Transient,
    ///     Ok(_) => Class::Success,
    /// });
    /// # let _ = fallback;
    /// ```
    #[must_use]
    pub fn classify<F, T, E>(self, classifier: F) -> Fallback<I, F>
    where
        I: Clone,
        C: Clone,
        T: ?Sized,
        E: ?Sized,
        F: Fn(Result<&T, &E>) -> Class,
    {
        self.classifier(classifier)
    }

    /// Judges results by a value that implements [`Classify`](crate::Classify). The switch stays shared with the
    /// clones of this handle.
    ///
    /// ```
    /// use seawall::{ByResult, Fallback};
    /// let fallback = Fallback::value("prices", || 0).classifier(ByResult);
    /// # let _ = fallback;
    /// ```
    #[must_use]
    pub fn classifier<D>(self, classifier: D) -> Fallback<I, D>
    where
        I: Clone,
        C: Clone,
    {
        let Terms { rules, instead, .. } = self.into_terms();
        Fallback(Arc::new(Terms { rules, instead, classifier }))
    }

    /// Switched off: every outcome passes. [`set_on`](Self::set_on) switches it on.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::{Error, Fallback};
    /// let fallback = Fallback::value("prices", || 0).off();
    /// assert_eq!(fallback.run(|| async { Err("down") }).await, Err(Error::Inner("down")));
    /// # }
    /// ```
    #[must_use]
    pub fn off(self) -> Self {
        self.set_off();
        self
    }

    /// Switches it off, for all who share it.
    ///
    /// ```
    /// let fallback = seawall::Fallback::value("prices", || 0);
    /// fallback.set_off();
    /// ```
    pub fn set_off(&self) {
        self.0.rules.on.store(false, Relaxed);
    }

    /// Switches it on again.
    ///
    /// ```
    /// let fallback = seawall::Fallback::value("prices", || 0).off();
    /// fallback.set_on();
    /// ```
    pub fn set_on(&self) {
        self.0.rules.on.store(true, Relaxed);
    }

    /// The terms, to build others from; those who share the old ones keep them.
    fn into_terms(self) -> Terms<I, C>
    where
        I: Clone,
        C: Clone,
    {
        Arc::try_unwrap(self.0).unwrap_or_else(|shared| Terms {
            rules: Arc::clone(&shared.rules),
            instead: shared.instead.clone(),
            classifier: shared.classifier.clone(),
        })
    }

    /// Calls, and replaces the outcome if it is none. The error of the call is lifted.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let fallback = seawall::Fallback::value("prices", || 0);
    /// assert_eq!(fallback.run(|| async { Err::<i32, _>("down") }).await, Ok(0));
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Dropped at any point, whichever call is under way is dropped.
    pub fn run<F, Fut, T, E>(
        &self,
        call: F,
    ) -> ResponseFuture<LazyLifted<F, Fut>, &Terms<I, C>, I, (), T, Error<E>>
    where
        I: Instead<(), T, Error<E>>,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        ResponseFuture::new(Lazy::lifted(call), self.0.keep(&()), &*self.0)
    }

    /// [`run`](Self::run) for a call whose error is lifted already, because it goes through another primitive.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::{ConcurrencyLimit, Fallback};
    /// let (fallback, limit) = (Fallback::value("prices", || 0), ConcurrencyLimit::new("prices", 0));
    /// assert_eq!(fallback.run_lifted(|| limit.run(|| async { Ok::<_, ()>(7) })).await, Ok(0));
    /// # }
    /// ```
    pub fn run_lifted<F, Fut, T, E>(&self, call: F) -> ResponseFuture<Lazy<F, Fut>, &Terms<I, C>, I, (), T, E>
    where
        I: Instead<(), T, E>,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
        E: Fault,
    {
        ResponseFuture::new(Lazy::new(call), self.0.keep(&()), &*self.0)
    }

    /// A tower layer over this handle.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::{Fallback, LiftLayer};
    /// use tower::{ServiceBuilder, ServiceExt, service_fn};
    ///
    /// let service = ServiceBuilder::new()
    ///     .layer(Fallback::value("prices", || 0).layer())
    ///     .layer(LiftLayer)
    ///     .service(service_fn(|n: u32| async move { if n > 0 { Ok(n) } else { Err("down") } }));
    /// assert_eq!(service.clone().oneshot(7).await, Ok(7));
    /// assert_eq!(service.oneshot(0).await, Ok(0));
    /// # }
    /// ```
    #[must_use]
    pub fn layer(&self) -> FallbackLayer<I, C> {
        FallbackLayer::new(self.clone())
    }

    pub(super) const fn terms(&self) -> &Arc<Terms<I, C>> {
        &self.0
    }
}

impl<I, C> Terms<I, C> {
    /// What is kept of a request; nothing while switched off.
    #[inline]
    pub(super) fn keep<Req, T, E>(&self, request: &Req) -> Option<I::Kept>
    where
        I: Instead<Req, T, E>,
    {
        self.rules.on.load(Relaxed).then(|| self.instead.keep(request))
    }

    #[inline]
    pub(super) fn replaces(&self, why: Why) -> bool {
        (self.rules.when)(why)
    }
}

impl<I, C> Clone for Fallback<I, C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<I, C> fmt::Debug for Fallback<I, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<I, C> fmt::Debug for Terms<I, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fallback")
            .field("name", &self.rules.telemetry.name())
            .field("on", &self.rules.on.load(Relaxed))
            .finish_non_exhaustive()
    }
}
