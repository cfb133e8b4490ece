use super::grant::Grant;
use super::layer::SharedRateLimitLayer;
use super::limits::Limits;
use super::plan::Plan;
use super::store::Store;
use crate::error::{Error, Fault, Rejected, Seen};
use crate::name::Name;
use crate::rate_limit::One;
use crate::telemetry::Telemetry;
use crate::time::Instant;
use arc_swap::ArcSwap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

/// A limit for each key that many processes share, through a [`Store`].
///
/// Clones share all. Each check is one round trip: one script decides all the limits, by the server's clock, all or nothing.
/// It costs no trip where a refusal is still known to hold, where this process holds a
/// [lease](Limits::leases), and where the store is [away](super::WhenAway).
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use seawall::rate_limit::Quota;
/// use seawall::redis::{Limits, SharedRateLimiter, Store, WhenAway};
///
/// let store = Store::new("limits", redis::Client::open("redis://127.0.0.1/").unwrap());
/// let limits = Limits::of(Quota::per_minute(60)).when_away(WhenAway::Local { nodes: 4 });
/// let limiter = SharedRateLimiter::new("per user", store, limits);
///
/// match limiter.try_acquire("alice").await {
///     Ok(grant) => println!("go ahead, {:?}", grant.decision()),
///     Err(refused) => println!("{refused}"),
/// }
/// # }
/// ```
///
/// # Errors
///
/// | reason | when | `retry_after` |
/// |---|---|---|
/// | [`RateLimited`](crate::Reason::RateLimited) | over the quota for now | exactly then, by the server's clock |
/// | [`TooLarge`](crate::Reason::TooLarge) | it costs more than is ever admitted at once | none |
/// | [`StoreUnavailable`](crate::Reason::StoreUnavailable) | the store is away, and then nothing is admitted | none |
///
/// # Memory
///
/// What [`Limits`] say: 64 bytes for each refusal remembered, 16 bytes a limit for each local key, some 150 bytes for each
/// key with a lease. In the store some 150 bytes for each limit of each key that is not full again; nothing of one
/// that is.
#[doc(alias = "distributed")]
#[derive(Clone)]
pub struct SharedRateLimiter(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub(super) telemetry: Telemetry,
    pub(super) store: Store,
    pub(super) plan: ArcSwap<Plan>,
}

impl SharedRateLimiter {
    /// These limits for each key, kept in `store`. Limiters of one name share them, whichever process they are in.
    ///
    /// ```
    /// use seawall::rate_limit::Quota;
    /// use seawall::redis::{SharedRateLimiter, Store};
    /// let store = Store::new("limits", redis::Client::open("redis://127.0.0.1/").unwrap());
    /// let limiter = SharedRateLimiter::new("api", store, Quota::per_second(100));
    /// # let _ = limiter;
    /// ```
    #[must_use]
    pub fn new(telemetry: impl Into<Telemetry>, store: Store, limits: impl Into<Limits>) -> Self {
        let telemetry = telemetry.into();
        let plan = Plan::new(telemetry.name(), &store, limits.into());
        Self(Arc::new(Shared { telemetry, store, plan: ArcSwap::from_pointee(plan) }))
    }

    /// Other limits, from the next call on. What was used stays used; what was remembered is forgotten.
    ///
    /// ```
    /// use seawall::rate_limit::Quota;
    /// use seawall::redis::{SharedRateLimiter, Store};
    /// let store = Store::new("limits", redis::Client::open("redis://127.0.0.1/").unwrap());
    /// let limiter = SharedRateLimiter::new("api", store, Quota::per_second(100));
    /// limiter.set_limits(Quota::per_second(200));
    /// ```
    pub fn set_limits(&self, limits: impl Into<Limits>) {
        let plan = Plan::new(self.name(), &self.0.store, limits.into());
        self.0.plan.store(Arc::new(plan));
    }

    /// One permit of this key, now and for good: what remains to be done needs nothing in hand.
    ///
    /// ```
    /// # use seawall::redis::SharedRateLimiter;
    /// async fn log_in(limiter: &SharedRateLimiter, user: &str) -> Result<(), seawall::Rejected> {
    ///     limiter.check(user).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// See [the type](Self#errors).
    pub async fn check(&self, key: impl AsRef<[u8]>) -> Result<(), Rejected> {
        self.try_acquire(key).await.map(drop)
    }

    /// Leave for one call of this key.
    ///
    /// ```
    /// # use seawall::redis::SharedRateLimiter;
    /// async fn may_call(limiter: &SharedRateLimiter, user: &str) -> bool {
    ///     limiter.try_acquire(user).await.is_ok()
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// See [the type](Self#errors).
    ///
    /// # Cancel safety
    ///
    /// Dropped midway, the permit may or may not have been taken.
    pub async fn try_acquire(&self, key: impl AsRef<[u8]>) -> Result<Grant, Rejected> {
        self.try_acquire_many(key, 1).await
    }

    /// Leave for a call that costs `cost` permits: all of them, or none.
    ///
    /// ```
    /// # use seawall::redis::SharedRateLimiter;
    /// async fn may_send(limiter: &SharedRateLimiter, user: &str, kilobytes: u32) -> bool {
    ///     limiter.try_acquire_many(user, kilobytes).await.is_ok()
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// See [the type](Self#errors).
    pub async fn try_acquire_many(&self, key: impl AsRef<[u8]>, cost: u32) -> Result<Grant, Rejected> {
        let plan = self.0.plan.load_full();
        let key = self.0.store.hash(key.as_ref());
        let now = Instant::now();
        match self.answer_at_once(&plan, key, cost, now) {
            Some(answer) => answer,
            None => self.ask(plan, key, cost, now).await,
        }
    }

    /// Calls `call` if a permit is there.
    ///
    /// ```
    /// # use seawall::redis::SharedRateLimiter;
    /// # async fn send() -> Result<u16, std::io::Error> { Ok(200) }
    /// async fn limited(limiter: &SharedRateLimiter) -> Result<u16, seawall::Error<std::io::Error>> {
    ///     limiter.run("alice", || send()).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The refusal, or what the call itself answered.
    pub async fn run<F, Fut, T, E>(&self, key: impl AsRef<[u8]>, call: F) -> Result<T, Error<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.check(key).await?;
        call().await.map_err(Error::Inner)
    }

    /// [`run`](Self::run) for a call that can be refused further in, as by a circuit breaker: then it was never handed over and
    /// the permit comes back, and the error stays one level deep.
    ///
    /// ```
    /// # use seawall::CircuitBreaker;
    /// # use seawall::redis::SharedRateLimiter;
    /// # async fn send() -> Result<u16, std::io::Error> { Ok(200) }
    /// async fn guarded(
    ///     limiter: &SharedRateLimiter,
    ///     breaker: &CircuitBreaker,
    /// ) -> Result<u16, seawall::Error<std::io::Error>> {
    ///     limiter.run_through("alice", || breaker.run(|| send())).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The refusal, or what the call answered.
    pub async fn run_through<F, Fut, T, E>(&self, key: impl AsRef<[u8]>, call: F) -> Result<T, E>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
        E: Fault,
    {
        let grant = self.try_acquire(key).await?;
        let answer = call().await;
        if matches!(&answer, Err(error) if matches!(error.see(), Seen::Rejected(_))) {
            grant.release().await;
        }
        answer
    }

    /// The layer that asks for one permit for each request, of the key that `key` tells.
    ///
    /// ```
    /// use seawall::LiftLayer;
    /// use seawall::rate_limit::Quota;
    /// use seawall::redis::{SharedRateLimiter, Store};
    /// use tower::{ServiceBuilder, service_fn};
    ///
    /// let store = Store::new("limits", redis::Client::open("redis://127.0.0.1/").unwrap());
    /// let limiter = SharedRateLimiter::new("per user", store, Quota::per_minute(60));
    /// let service = ServiceBuilder::new()
    ///     .layer(limiter.layer(|request: &(u64, &str)| request.0.to_le_bytes()))
    ///     .layer(LiftLayer)
    ///     .service(service_fn(|(_, text): (u64, &'static str)| async move { Ok::<_, std::io::Error>(text) }));
    /// # let _ = service;
    /// ```
    #[must_use]
    pub fn layer<F, Req: ?Sized, K>(&self, key: F) -> SharedRateLimitLayer<F>
    where
        F: Fn(&Req) -> K,
        K: AsRef<[u8]>,
    {
        SharedRateLimitLayer::new(self.clone(), key, One)
    }

    /// The store.
    ///
    /// ```
    /// use seawall::rate_limit::Quota;
    /// use seawall::redis::{SharedRateLimiter, Store};
    /// let store = Store::new("limits", redis::Client::open("redis://127.0.0.1/").unwrap());
    /// let limiter = SharedRateLimiter::new("api", store, Quota::per_second(100));
    /// assert!(!format!("{:?}", limiter.store()).is_empty());
    /// ```
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    pub(super) fn name(&self) -> Name {
        self.0.telemetry.name()
    }
}

impl fmt::Debug for SharedRateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedRateLimiter")
            .field("name", &self.name())
            .field("limits", &self.0.plan.load().limits)
            .field("store", &self.0.store)
            .finish()
    }
}
