use super::service::{Calls, LiftedPolicy, PolicyService};
use super::{Once, Repeat};
use crate::class::{ByResult, Class, Classify};
use crate::error::{Error, Reason, Rejected, TimedOut};
use crate::gate::{Admit, Gate};
use crate::lift::Lift;
use crate::retry::Retry;
use crate::telemetry::{Kind, Telemetry, What};
use crate::timeout::{Every, Limits};
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;
use tower_layer::Layer;
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
pub struct Policy<B = (), L = (), S = (), C = ByResult, R = Once, T = Every> {
    shared: Arc<Shared<Slots<B, L, S>, C, R, T>>,
}

/// The gates of a policy, fused: breaker, rate limit, concurrency.
pub type Slots<B, L, S> = (B, L, S);

/// What all calls through one policy share.
pub struct Shared<G, C, R, T> {
    telemetry: Telemetry,
    pub(super) gates: G,
    pub(super) classifier: C,
    pub(super) repeat: R,
    pub(super) limits: T,
}

impl<G, C, R, T> Shared<G, C, R, T> {
    /// An attempt has had its time.
    #[cold]
    pub(super) fn timed_out(&self, after: Duration) -> TimedOut {
        self.telemetry.tell(Kind::Timeout, What::TimedOut { after });
        TimedOut::new(self.telemetry.name(), after)
    }

    /// The time of the whole request is over before a further attempt.
    #[cold]
    pub(super) fn overdue(&self) -> Rejected {
        Rejected::new(self.telemetry.name(), Reason::Deadline)
    }
}

/// The types of what a policy shares, through one name; implemented by [`Shared`].
pub trait Parts {
    /// The fused gates.
    type Gates: Gate;
    /// The judge.
    type Classifier;
    /// What makes further attempts.
    type Repeat;
    /// How long an attempt may take.
    type Limits;

    #[doc(hidden)]
    fn parts(&self) -> &Shared<Self::Gates, Self::Classifier, Self::Repeat, Self::Limits>;
}

impl<G: Gate, C, R, T> Parts for Shared<G, C, R, T> {
    type Gates = G;
    type Classifier = C;
    type Repeat = R;
    type Limits = T;

    #[inline]
    fn parts(&self) -> &Self {
        self
    }
}

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
        }
    }
}

impl<B: Clone, L: Clone, S: Clone, C: Clone, R: Clone, T: Clone> Policy<B, L, S, C, R, T> {
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
    pub fn retry<Q>(self, retry: Retry<ByResult, Q>) -> Policy<B, L, S, C, Retry<ByResult, Q>, T> {
        self.change(|shared| Shared {
            telemetry: shared.telemetry,
            gates: shared.gates,
            classifier: shared.classifier,
            repeat: retry,
            limits: shared.limits,
        })
    }

    /// The breaker's slot: before the limits, so that an open circuit spends no quota.
    ///
    /// ```
    /// use seawall::{CircuitBreaker, Policy, circuit_breaker::Trip};
    /// let policy = Policy::new("db").breaker(CircuitBreaker::new("db", Trip::run_of(5)));
    /// # let _ = policy;
    /// ```
    #[must_use]
    pub fn breaker<G>(self, breaker: G) -> Policy<G, L, S, C, R, T> {
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
    pub fn rate_limit<G>(self, limit: G) -> Policy<B, G, S, C, R, T> {
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
    pub fn concurrency<G>(self, slots: G) -> Policy<B, L, G, C, R, T> {
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
    pub fn classify<F, A, E>(self, classifier: F) -> Policy<B, L, S, F, R, T>
    where
        A: ?Sized,
        E: ?Sized,
        F: Fn(Result<&A, &E>) -> Class,
    {
        self.classifier(classifier)
    }

    /// Judges calls by a value that implements [`Classify`], such as `http::Status`.
    ///
    /// ```
    /// let policy = seawall::Policy::new("web").classifier(seawall::ByResult);
    /// # let _ = policy;
    /// ```
    #[must_use]
    pub fn classifier<D>(self, classifier: D) -> Policy<B, L, S, D, R, T> {
        self.change(|shared| Shared {
            telemetry: shared.telemetry,
            gates: shared.gates,
            classifier,
            repeat: shared.repeat,
            limits: shared.limits,
        })
    }

    /// Gives each attempt so long for the head of its answer; `None` is no limit.
    ///
    /// ```
    /// use std::time::Duration;
    /// let policy = seawall::Policy::new("db").attempt_timeout(Duration::from_millis(300));
    /// # let _ = policy;
    /// ```
    #[must_use]
    pub fn attempt_timeout(self, limit: impl Into<Option<Duration>>) -> Policy<B, L, S, C, R, Every> {
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
    pub fn attempt_timeout_by<F, Req: ?Sized>(self, limit: F) -> Policy<B, L, S, C, R, F>
    where
        F: Fn(&Req) -> Option<Duration>,
    {
        self.change(|shared| shared.limits(limit))
    }

    /// The policy with one part of it changed; its own `Arc` if nobody else has it yet.
    fn change<B2, L2, S2, C2, R2, T2>(
        self,
        change: impl FnOnce(Shared<(B, L, S), C, R, T>) -> Shared<(B2, L2, S2), C2, R2, T2>,
    ) -> Policy<B2, L2, S2, C2, R2, T2> {
        let shared = Arc::try_unwrap(self.shared).unwrap_or_else(|shared| Shared {
            telemetry: shared.telemetry.clone(),
            gates: shared.gates.clone(),
            classifier: shared.classifier.clone(),
            repeat: shared.repeat.clone(),
            limits: shared.limits.clone(),
        });
        Policy { shared: Arc::new(change(shared)) }
    }
}

impl<G, C, R, T> Shared<G, C, R, T> {
    fn gates<H>(self, change: impl FnOnce(G) -> H) -> Shared<H, C, R, T> {
        let Self { telemetry, gates, classifier, repeat, limits } = self;
        Shared { telemetry, gates: change(gates), classifier, repeat, limits }
    }

    fn limits<L>(self, limits: L) -> Shared<G, C, R, L> {
        let Self { telemetry, gates, classifier, repeat, .. } = self;
        Shared { telemetry, gates, classifier, repeat, limits }
    }
}

impl<B, L, S, C, R> Policy<B, L, S, C, R> {
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

impl<B, L, S, C, R, T> Policy<B, L, S, C, R, T> {
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
    pub async fn run<F, Fut, A, E>(&self, call: F) -> Result<A, Error<E>>
    where
        (B, L, S): Admit<()>,
        C: Classify<A, E>,
        F: Fn() -> Fut,
        Fut: Future<Output = Result<A, E>>,
        R: for<'f> Repeat<Lift<Calls<'f, F>>, (), A, Error<E>>,
        T: Limits<()>,
    {
        let mut service = PolicyService::new(Lift::new(Calls(&call)), &*self.shared);
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
    pub fn lifted(&self) -> LiftedPolicy<Shared<Slots<B, L, S>, C, R, T>> {
        LiftedPolicy(Arc::clone(&self.shared))
    }
}

impl<Inner, B, L, S, C, R, T> Layer<Inner> for Policy<B, L, S, C, R, T> {
    type Service = PolicyService<Lift<Inner>, Arc<Shared<(B, L, S), C, R, T>>>;

    fn layer(&self, inner: Inner) -> Self::Service {
        PolicyService::new(Lift::new(inner), Arc::clone(&self.shared))
    }
}

impl<B, L, S, C, R, T> Clone for Policy<B, L, S, C, R, T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<B: fmt::Debug, L: fmt::Debug, S: fmt::Debug, C, R: fmt::Debug, T> fmt::Debug
    for Policy<B, L, S, C, R, T>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (breaker, rate_limit, concurrency) = &self.shared.gates;
        f.debug_struct("Policy")
            .field("name", &self.shared.telemetry.name())
            .field("retry", &self.shared.repeat)
            .field("breaker", breaker)
            .field("rate_limit", rate_limit)
            .field("concurrency", concurrency)
            .finish_non_exhaustive()
    }
}

impl<G, C, R, T> fmt::Debug for Shared<G, C, R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("name", &self.telemetry.name()).finish_non_exhaustive()
    }
}
