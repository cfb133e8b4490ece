use super::service::{Calls, LiftedPolicy};
use super::{Around, Judged, Once, PerRequest, Shared, Stack};
use crate::class::{ByResult, Class};
use crate::deadline::{DeadlineLayer, Deadlines};
use crate::error::Error;
use crate::fallback::{Fallback, FallbackLayer};
use crate::hedge::{Hedge, HedgeLayer};
use crate::lift::Lift;
use crate::retry::Retry;
use crate::telemetry::Telemetry;
use crate::timeout::Every;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;
use tower_layer::{Identity, Layer};
use tower_service::Service;

/// A stack of primitives in the one right order, as a value: run calls through it, or layer it around a service.
///
/// Fill the slots you need, in any order. Clones, and services made from one policy, share all state.
///
/// A slot takes any gate: a handle, a keyed gate, a tuple, or an `Option` of one, so that a switch in a
/// configuration changes no type.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use seawall::{ConcurrencyLimit, Policy, RateLimiter, rate_limit::Quota};
///
/// let limited = std::env::var("LIMIT").is_ok();
/// let policy = Policy::new("search")
///     .concurrency(ConcurrencyLimit::new("search", 16))
///     .rate_limit(limited.then(|| RateLimiter::new("search", Quota::per_second(50))));
///
/// assert_eq!(policy.run(|| async { Ok::<_, ()>(7) }).await, Ok(7));
/// # }
/// ```
pub struct Policy<
    B = (),
    L = (),
    S = (),
    C = ByResult,
    R = Once,
    T = Every,
    H = Identity,
    D = Identity,
    F = Identity,
    K = Identity,
> {
    shared: Pointer<B, L, S, C, R, T>,
    around: Around<H, D, F, K>,
}

/// The gates of a policy, fused: breaker, rate limit, concurrency.
pub type Slots<B, L, S> = (B, L, S);

/// What the services over one policy that lives for ever point to.
pub type Static<B, L, S, C, R, T> = &'static Shared<Slots<B, L, S>, C, R, T>;

/// What the services made from one policy point to.
pub type Pointer<B, L, S, C, R, T> = Arc<Shared<Slots<B, L, S>, C, R, T>>;

impl Policy {
    /// A policy with no slot filled.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let policy = seawall::Policy::new("nothing");
    /// assert_eq!(policy.run(|| async { Ok::<_, ()>(1) }).await, Ok(1));
    /// # }
    /// ```
    #[must_use]
    pub fn new(telemetry: impl Into<Telemetry>) -> Self {
        Self {
            shared: Arc::new(Shared {
                telemetry: telemetry.into(),
                gates: ((), (), ()),
                classifier: ByResult,
                repeat: Once,
                limits: Every::never(),
            }),
            around: Around {
                hedge: Identity::new(),
                deadline: Identity::new(),
                cache: Identity::new(),
                fallback: Identity::new(),
            },
        }
    }
}

impl<B: Clone, L: Clone, S: Clone, C: Clone, R: Clone, T: Clone, H, D, F, K>
    Policy<B, L, S, C, R, T, H, D, F, K>
{
    /// Makes failed calls again, within a budget.
    ///
    /// The policy's classifier judges for it. `Clone` requests are replayed by cloning; for others give the
    /// retry a [`replay`](Retry::replay).
    ///
    /// ```
    /// use seawall::{Policy, retry::{Plan, Retry}};
    /// let policy = Policy::new("db").retry(Retry::new("db", Plan::new().attempts(2)));
    /// # let _ = policy;
    /// ```
    #[must_use]
    pub fn retry<Q>(
        self,
        retry: Retry<ByResult, Q>,
    ) -> Policy<B, L, S, C, Retry<ByResult, Q>, T, H, D, F, K> {
        self.change(|shared| shared.repeat(retry))
    }

    /// The breaker's slot: before the limits, so that an open circuit spends no quota.
    ///
    /// ```
    /// use seawall::{CircuitBreaker, Policy, circuit_breaker::Trip};
    /// let policy = Policy::new("db").breaker(CircuitBreaker::new("db", Trip::run_of(5)));
    /// # let _ = policy;
    /// ```
    #[must_use]
    pub fn breaker<G>(self, breaker: G) -> Policy<G, L, S, C, R, T, H, D, F, K> {
        self.change(|shared| shared.gates(|(_, limit, slots)| (breaker, limit, slots)))
    }

    /// The rate limit's slot.
    ///
    /// ```
    /// use seawall::{Policy, RateLimiter, rate_limit::Quota};
    /// let policy = Policy::new("db").rate_limit(RateLimiter::new("db", Quota::per_second(100)));
    /// # let _ = policy;
    /// ```
    #[must_use]
    pub fn rate_limit<G>(self, limit: G) -> Policy<B, G, S, C, R, T, H, D, F, K> {
        self.change(|shared| shared.gates(|(breaker, _, slots)| (breaker, limit, slots)))
    }

    /// The concurrency limit's slot.
    ///
    /// ```
    /// use seawall::{ConcurrencyLimit, Policy};
    /// let policy = Policy::new("db").concurrency(ConcurrencyLimit::new("db", 16));
    /// # let _ = policy;
    /// ```
    #[must_use]
    #[doc(alias = "bulkhead")]
    pub fn concurrency<G>(self, slots: G) -> Policy<B, L, G, C, R, T, H, D, F, K> {
        self.change(|shared| shared.gates(|(breaker, limit, _)| (breaker, limit, slots)))
    }

    /// Judges calls by a function of the service's own response and error.
    ///
    /// ```
    /// use seawall::{Class, Policy};
    /// let policy = Policy::new("web").classify(|answer: Result<&u16, &()>| match answer {
    ///     Ok(status) if *status < 500 => Class::Success,
    ///     _ => Class::Transient,
    /// });
    /// # let _ = policy;
    /// ```
    #[must_use]
    pub fn classify<J, A, E>(self, classifier: J) -> Policy<B, L, S, J, R, T, H::By, D, F::By, K>
    where
        A: ?Sized,
        E: ?Sized,
        J: Fn(Result<&A, &E>) -> Class,
        H: Judged<J>,
        F: Judged<J>,
    {
        self.classifier(classifier)
    }

    /// Judges calls by a value that implements [`Classify`](crate::Classify), such as `http::Status`.
    ///
    /// ```
    /// let policy = seawall::Policy::new("web").classifier(seawall::ByResult);
    /// # let _ = policy;
    /// ```
    #[must_use]
    pub fn classifier<J>(self, classifier: J) -> Policy<B, L, S, J, R, T, H::By, D, F::By, K>
    where
        H: Judged<J>,
        F: Judged<J>,
    {
        let Self { shared, around } = self;
        let Around { hedge, deadline, cache, fallback } = around;
        let (hedge, fallback) = (hedge.judged(&classifier), fallback.judged(&classifier));
        let shared = Arc::new(Arc::unwrap_or_clone(shared).classifier(classifier));
        Policy { shared, around: Around { hedge, deadline, cache, fallback } }
    }

    /// Gives each attempt so long for the head of its answer; `None` is no limit.
    ///
    /// ```
    /// use std::time::Duration;
    /// let policy = seawall::Policy::new("db").attempt_timeout(Duration::from_millis(300));
    /// # let _ = policy;
    /// ```
    #[must_use]
    pub fn attempt_timeout(
        self,
        limit: impl Into<Option<Duration>>,
    ) -> Policy<B, L, S, C, R, Every, H, D, F, K> {
        let limits = Every::never();
        limits.set(limit.into());
        self.change(|shared| shared.limits(limits))
    }

    /// Gives each attempt as long as its request is worth; `None` is no limit (streams, uploads).
    ///
    /// ```
    /// use std::time::Duration;
    /// let policy = seawall::Policy::new("db")
    ///     .attempt_timeout_by(|size: &usize| Some(Duration::from_millis(100 + *size as u64)));
    /// # let _ = policy;
    /// ```
    #[must_use]
    pub fn attempt_timeout_by<W, Req: ?Sized>(
        self,
        limit: W,
    ) -> Policy<B, L, S, C, R, PerRequest<W>, H, D, F, K>
    where
        W: Fn(&Req) -> Option<Duration>,
    {
        self.change(|shared| shared.limits(PerRequest(limit)))
    }

    /// Makes a further attempt beside a slow one: each attempt of the retry is one hedged call, and each further
    /// attempt asks the gates.
    ///
    /// The policy's classifier judges for it, whichever of the two is set first.
    ///
    /// ```
    /// use seawall::Policy;
    /// use seawall::hedge::{Delay, Hedge};
    /// let reads = |request: &String| request.starts_with("GET ");
    /// let policy = Policy::new("search").hedge(Hedge::new("search", Delay::default(), reads));
    /// # let _ = policy;
    /// ```
    #[must_use]
    pub fn hedge<E: Clone, Q: Clone>(
        self,
        hedge: Hedge<E, ByResult, Q>,
    ) -> Policy<B, L, S, C, R, T, HedgeLayer<E, C, Q>, D, F, K> {
        let Self { shared, around } = self;
        let hedge = hedge.classifier(shared.classifier.clone()).layer();
        let Around { deadline, cache, fallback, .. } = around;
        Policy { shared, around: Around { hedge, deadline, cache, fallback } }
    }

    /// The caller's patience, for all attempts and all waits together.
    ///
    /// ```
    /// use seawall::{Policy, deadline::Deadlines};
    /// use std::time::Duration;
    /// let policy = Policy::new("db").deadline(Deadlines::within("db", Duration::from_secs(2)));
    /// # let _ = policy;
    /// ```
    #[must_use]
    pub fn deadline<W>(self, deadlines: Deadlines<W>) -> Policy<B, L, S, C, R, T, H, DeadlineLayer<W>, F, K> {
        let Self { shared, around: Around { hedge, cache, fallback, .. } } = self;
        Policy { shared, around: Around { hedge, deadline: deadlines.layer(), cache, fallback } }
    }

    /// What answers without a call where it can: a layer that caches, or joins the same calls into one. It stands
    /// inside the fallback and outside the deadline, so an answer from there takes no token, no slot and no time.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::Policy;
    /// use tower::util::MapRequestLayer;
    /// use tower::{Layer, ServiceExt, service_fn};
    ///
    /// // Any layer that keeps the error as it is; here one that only makes keys alike.
    /// let policy = Policy::new("users").cache(MapRequestLayer::new(|name: String| name.to_lowercase()));
    /// let service = policy.layer(service_fn(|name: String| async move { Ok::<_, ()>(name) }));
    /// assert_eq!(service.oneshot("Ada".to_owned()).await, Ok("ada".to_owned()));
    /// # }
    /// ```
    #[must_use]
    pub fn cache<N>(self, layer: N) -> Policy<B, L, S, C, R, T, H, D, F, N> {
        let Self { shared, around: Around { hedge, deadline, fallback, .. } } = self;
        Policy { shared, around: Around { hedge, deadline, cache: layer, fallback } }
    }

    /// What answers when nothing else does: it sees the refusals and failures of all other slots.
    ///
    /// The policy's classifier judges for it, whichever of the two is set first.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::{Fallback, Policy};
    /// let policy = Policy::new("prices").fallback(Fallback::value("prices", Vec::<u32>::new));
    /// assert_eq!(policy.run(|| async { Err::<Vec<u32>, _>("down") }).await, Ok(vec![]));
    /// # }
    /// ```
    #[must_use]
    pub fn fallback<I: Clone>(
        self,
        fallback: Fallback<I>,
    ) -> Policy<B, L, S, C, R, T, H, D, FallbackLayer<I, C>, K> {
        let Self { shared, around: Around { hedge, deadline, cache, .. } } = self;
        let fallback = fallback.classifier(shared.classifier.clone()).layer();
        Policy { shared, around: Around { hedge, deadline, cache, fallback } }
    }

    /// The policy with one part of it changed; its own `Arc` if nobody else has it yet.
    fn change<B2, L2, S2, R2, T2>(
        self,
        change: impl FnOnce(Shared<(B, L, S), C, R, T>) -> Shared<(B2, L2, S2), C, R2, T2>,
    ) -> Policy<B2, L2, S2, C, R2, T2, H, D, F, K> {
        let Self { shared, around } = self;
        Policy { shared: Arc::new(change(Arc::unwrap_or_clone(shared))), around }
    }
}

impl<B, L, S, C, R, H, D, F, K> Policy<B, L, S, C, R, Every, H, D, F, K> {
    /// Changes the attempt timeout for all services made from this policy, from their next attempt on.
    ///
    /// ```
    /// use std::time::Duration;
    /// let policy = seawall::Policy::new("db");
    /// policy.set_attempt_timeout(Duration::from_millis(300));
    /// policy.set_attempt_timeout(None);
    /// ```
    pub fn set_attempt_timeout(&self, limit: impl Into<Option<Duration>>) {
        self.shared.limits.set(limit.into());
    }
}

impl<B, L, S, C, R, T, H, D, F, K> Policy<B, L, S, C, R, T, H, D, F, K> {
    /// Makes one call through the policy. The closure is called once per attempt; its error is lifted.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::{Error, Policy};
    /// let policy = Policy::new("db");
    /// let answer = policy.run(|| async { Err::<(), _>("down") }).await;
    /// assert_eq!(answer, Err(Error::Inner("down")));
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// A refusal by one of the gates, a timeout of the last attempt, or the last attempt's own error.
    ///
    /// # Cancel safety
    ///
    /// Dropped at any point, all that was taken comes back.
    pub async fn run<Call, Fut, A, E>(&self, call: Call) -> Result<A, Error<E>>
    where
        Call: Fn() -> Fut,
        Fut: Future<Output = Result<A, E>>,
        Around<H, D, F, K>: for<'f> Stack<
                Lift<Calls<'f, Call>>,
                &'f Shared<Slots<B, L, S>, C, R, T>,
                Service: Service<(), Response = A, Error = Error<E>>,
            >,
    {
        let mut service = self.around.over(Lift::new(Calls(&call)), &*self.shared);
        poll_fn(|cx| service.poll_ready(cx)).await?;
        service.call(()).await
    }

    /// The same policy as a layer over a service whose error is a [`Fault`](crate::Fault) already, such as
    /// another of this crate's, which it leaves as it is.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::{ConcurrencyLimit, LiftLayer, Policy, RateLimiter, rate_limit::Quota};
    /// use tower::{ServiceBuilder, ServiceExt, service_fn};
    ///
    /// let service = ServiceBuilder::new()
    ///     .layer(Policy::new("db").concurrency(ConcurrencyLimit::new("db", 8)).lifted())
    ///     .layer(RateLimiter::new("db", Quota::per_second(10)).layer())
    ///     .layer(LiftLayer)
    ///     .service(service_fn(|n: u32| async move { Ok::<_, std::io::Error>(n) }));
    /// assert_eq!(service.oneshot(1).await.unwrap(), 1);
    /// # }
    /// ```
    #[must_use]
    pub fn lifted(&self) -> LiftedPolicy<Self>
    where
        H: Clone,
        D: Clone,
        F: Clone,
        K: Clone,
    {
        LiftedPolicy(self.clone())
    }

    /// A service over a policy that lives for ever: a call touches no count of the policy's.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::Policy;
    /// use seawall::policy::Client;
    /// use std::sync::LazyLock;
    /// use std::time::Duration;
    /// use tower::{ServiceExt, service_fn};
    ///
    /// static PAYMENTS: LazyLock<Client> =
    ///     LazyLock::new(|| Policy::client("payments", Duration::from_secs(2)));
    ///
    /// let service = PAYMENTS.fixed(service_fn(|n: u32| async move { Ok::<_, ()>(n) }));
    /// assert_eq!(service.oneshot(1).await, Ok(1));
    /// # }
    /// ```
    pub fn fixed<Inner>(
        &'static self,
        inner: Inner,
    ) -> <Around<H, D, F, K> as Stack<Lift<Inner>, Static<B, L, S, C, R, T>>>::Service
    where
        Around<H, D, F, K>: Stack<Lift<Inner>, Static<B, L, S, C, R, T>>,
    {
        self.around.over(Lift::new(inner), &*self.shared)
    }

    #[inline]
    pub(super) fn over<Inner>(
        &self,
        inner: Inner,
    ) -> <Around<H, D, F, K> as Stack<Inner, Pointer<B, L, S, C, R, T>>>::Service
    where
        Around<H, D, F, K>: Stack<Inner, Pointer<B, L, S, C, R, T>>,
    {
        self.around.over(inner, Arc::clone(&self.shared))
    }
}

impl<Inner, B, L, S, C, R, T, H, D, F, K> Layer<Inner> for Policy<B, L, S, C, R, T, H, D, F, K>
where
    Around<H, D, F, K>: Stack<Lift<Inner>, Pointer<B, L, S, C, R, T>>,
{
    type Service = <Around<H, D, F, K> as Stack<Lift<Inner>, Pointer<B, L, S, C, R, T>>>::Service;

    fn layer(&self, inner: Inner) -> Self::Service {
        self.over(Lift::new(inner))
    }
}

impl<B, L, S, C, R, T, H: Clone, D: Clone, F: Clone, K: Clone> Clone
    for Policy<B, L, S, C, R, T, H, D, F, K>
{
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), around: self.around.clone() }
    }
}

impl<B, L, S, C, R, T, H, D, F, K> fmt::Debug for Policy<B, L, S, C, R, T, H, D, F, K>
where
    B: fmt::Debug,
    L: fmt::Debug,
    S: fmt::Debug,
    R: fmt::Debug,
    T: fmt::Debug,
    H: fmt::Debug,
    D: fmt::Debug,
    F: fmt::Debug,
    K: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (breaker, rate_limit, concurrency) = &self.shared.gates;
        f.debug_struct("Policy")
            .field("name", &self.shared.telemetry.name())
            .field("fallback", &self.around.fallback)
            .field("cache", &self.around.cache)
            .field("deadline", &self.around.deadline)
            .field("retry", &self.shared.repeat)
            .field("hedge", &self.around.hedge)
            .field("breaker", breaker)
            .field("rate_limit", rate_limit)
            .field("concurrency", concurrency)
            .field("attempt_timeout", &self.shared.limits)
            .finish_non_exhaustive()
    }
}
