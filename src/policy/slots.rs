use super::service::{Calls, LiftedPolicy, PolicyService};
use super::{Once, Repeat};
use crate::class::{ByResult, Class, Classify};
use crate::error::Error;
use crate::gate::{Admit, Gate};
use crate::lift::Lift;
use crate::retry::Retry;
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};
use crate::telemetry::Telemetry;
use crate::time::nanos;
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
pub struct Policy<B = (), L = (), S = (), C = ByResult, R = Once> {
    shared: Arc<Shared<(B, L, S), C, R>>,
}

/// What all calls through one policy share.
pub struct Shared<G, C, R> {
    pub(super) telemetry: Telemetry,
    pub(super) gates: G,
    pub(super) classifier: C,
    pub(super) repeat: R,
    // Nanoseconds; the greatest number is none.
    timeout: AtomicU64,
}

impl<G, C, R> Shared<G, C, R> {
    /// The attempt timeout in force.
    #[inline]
    pub(super) fn timeout(&self) -> Option<Duration> {
        match self.timeout.load(Relaxed) {
            u64::MAX => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
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

    #[doc(hidden)]
    fn parts(&self) -> &Shared<Self::Gates, Self::Classifier, Self::Repeat>;
}

impl<G: Gate, C, R> Parts for Shared<G, C, R> {
    type Gates = G;
    type Classifier = C;
    type Repeat = R;

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
                timeout: AtomicU64::new(u64::MAX),
            }),
        }
    }
}

impl<B: Clone, L: Clone, S: Clone, C: Clone, R: Clone> Policy<B, L, S, C, R> {
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
    pub fn retry<Q>(self, retry: Retry<ByResult, Q>) -> Policy<B, L, S, C, Retry<ByResult, Q>> {
        self.change(|shared| Shared {
            telemetry: shared.telemetry,
            gates: shared.gates,
            classifier: shared.classifier,
            repeat: retry,
            timeout: shared.timeout,
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
    pub fn breaker<G>(self, breaker: G) -> Policy<G, L, S, C, R> {
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
    pub fn rate_limit<G>(self, limit: G) -> Policy<B, G, S, C, R> {
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
    pub fn concurrency<G>(self, slots: G) -> Policy<B, L, G, C, R> {
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
    pub fn classify<F, T, E>(self, classifier: F) -> Policy<B, L, S, F, R>
    where
        T: ?Sized,
        E: ?Sized,
        F: Fn(Result<&T, &E>) -> Class,
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
    pub fn classifier<D>(self, classifier: D) -> Policy<B, L, S, D, R> {
        self.change(|shared| Shared {
            telemetry: shared.telemetry,
            gates: shared.gates,
            classifier,
            repeat: shared.repeat,
            timeout: shared.timeout,
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
    pub fn attempt_timeout(self, timeout: impl Into<Option<Duration>>) -> Self {
        self.set_attempt_timeout(timeout);
        self
    }

    /// The policy with one part of it changed; its own `Arc` if nobody else has it yet.
    fn change<B2, L2, S2, C2, R2>(
        self,
        change: impl FnOnce(Shared<(B, L, S), C, R>) -> Shared<(B2, L2, S2), C2, R2>,
    ) -> Policy<B2, L2, S2, C2, R2> {
        let shared = Arc::try_unwrap(self.shared).unwrap_or_else(|shared| Shared {
            telemetry: shared.telemetry.clone(),
            gates: shared.gates.clone(),
            classifier: shared.classifier.clone(),
            repeat: shared.repeat.clone(),
            timeout: AtomicU64::new(shared.timeout.load(Relaxed)),
        });
        Policy { shared: Arc::new(change(shared)) }
    }
}

impl<G, C, R> Shared<G, C, R> {
    fn gates<H>(self, change: impl FnOnce(G) -> H) -> Shared<H, C, R> {
        Shared {
            telemetry: self.telemetry,
            gates: change(self.gates),
            classifier: self.classifier,
            repeat: self.repeat,
            timeout: self.timeout,
        }
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
    pub fn set_attempt_timeout(&self, timeout: impl Into<Option<Duration>>) {
        self.shared.timeout.store(timeout.into().map_or(u64::MAX, nanos), Relaxed);
    }

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
    pub async fn run<F, Fut, T, E>(&self, call: F) -> Result<T, Error<E>>
    where
        (B, L, S): Admit<()>,
        C: Classify<T, E>,
        F: Fn() -> Fut,
        Fut: Future<Output = Result<T, E>>,
        R: for<'f> Repeat<Lift<Calls<'f, F>>, (), T, Error<E>>,
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
    pub fn lifted(&self) -> LiftedPolicy<Shared<(B, L, S), C, R>> {
        LiftedPolicy(Arc::clone(&self.shared))
    }
}

impl<Inner, B, L, S, C, R> Layer<Inner> for Policy<B, L, S, C, R> {
    type Service = PolicyService<Lift<Inner>, Arc<Shared<(B, L, S), C, R>>>;

    fn layer(&self, inner: Inner) -> Self::Service {
        PolicyService::new(Lift::new(inner), Arc::clone(&self.shared))
    }
}

impl<B, L, S, C, R> Clone for Policy<B, L, S, C, R> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<B: fmt::Debug, L: fmt::Debug, S: fmt::Debug, C, R: fmt::Debug> fmt::Debug for Policy<B, L, S, C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (breaker, rate_limit, concurrency) = &self.shared.gates;
        f.debug_struct("Policy")
            .field("name", &self.shared.telemetry.name())
            .field("retry", &self.shared.repeat)
            .field("breaker", breaker)
            .field("rate_limit", rate_limit)
            .field("concurrency", concurrency)
            .field("attempt_timeout", &self.shared.timeout())
            .finish_non_exhaustive()
    }
}

impl<G, C, R> fmt::Debug for Shared<G, C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("name", &self.telemetry.name()).finish_non_exhaustive()
    }
}
