use super::future::Trip;
use super::grant::{Grant, Source};
use super::layer::SharedRateLimitLayer;
use super::limits::{Limits, WhenAway};
use super::plan::Plan;
use super::reply::Reply;
use super::script::{command, is_unknown};
use super::store::{Store, Unavailable, within};
use crate::error::{Error, Reason, Rejected};
use crate::name::Name;
use crate::rate_limit::{Decision, One};
use crate::telemetry::{Kind, Telemetry, What};
use crate::time::Instant;
use arc_swap::ArcSwap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

/// A limit for each key that many processes share, through a [`Store`].
///
/// Clones share all. Each check is one round trip: one script decides all the limits, by the server's clock, all or nothing.
/// It costs no trip where a refusal is still known to hold, where this process holds a
/// [lease](Limits::leases), and where the store is [away](WhenAway).
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
/// | [`RateLimited`](Reason::RateLimited) | over the quota for now | exactly then, by the server's clock |
/// | [`TooLarge`](Reason::TooLarge) | it costs more than is ever admitted at once | none |
/// | [`StoreUnavailable`](Reason::StoreUnavailable) | the store is away, and then nothing is admitted | none |
///
/// # Memory
///
/// What [`Limits`] say: 64 bytes for each refusal remembered, 16 bytes a limit for each local key, some 150 bytes for each
/// key with a lease. In the store some 150 bytes for each limit of each key that is not full again; nothing of one
/// that is.
#[doc(alias = "distributed")]
#[derive(Clone)]
pub struct SharedRateLimiter(Arc<Shared>);

struct Shared {
    telemetry: Telemetry,
    store: Store,
    plan: ArcSwap<Plan>,
}

impl SharedRateLimiter {
    /// These limits for each key, kept in `store`. Limiters of one name, prefix and seed share them, whichever process they
    /// are in.
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
        let plan = Plan::new(&telemetry, limits.into());
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
        self.0.plan.store(Arc::new(Plan::new(&self.0.telemetry, limits.into())));
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
        let key = plan.hash(key.as_ref());
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

    /// What a call of `cost` permits would be answered. Takes nothing, and need not be asked before a call.
    ///
    /// ```
    /// # use seawall::redis::SharedRateLimiter;
    /// async fn left(limiter: &SharedRateLimiter, user: &str) -> Option<u32> {
    ///     limiter.peek(user, 0).await.ok().map(|decision| decision.remaining())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreUnavailable`](Reason::StoreUnavailable).
    pub async fn peek(&self, key: impl AsRef<[u8]>, cost: u32) -> Result<Decision, Rejected> {
        let plan = self.0.plan.load_full();
        let key = plan.hash(key.as_ref());
        if plan.limits.all.is_empty() {
            return Ok(Decision::admitted(u32::MAX, 0));
        }
        let asked = cost.min(plan.capacity);
        let reply = self.send(&plan, key, "peek", [asked, asked, 0], 0).await;
        let decision = reply.map_err(|_| self.unavailable())?.decision;
        if cost > plan.capacity {
            let reset = crate::time::nanos(decision.reset_after());
            return Ok(Decision::too_large(decision.remaining(), reset, plan.capacity));
        }
        Ok(decision)
    }

    /// Gives permits to a key, at most up to full: an operator's grant.
    ///
    /// ```
    /// # use seawall::redis::SharedRateLimiter;
    /// async fn apologise(limiter: &SharedRateLimiter) -> Result<(), seawall::Rejected> {
    ///     limiter.refund("alice", 10).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreUnavailable`](Reason::StoreUnavailable): it may or may not have happened.
    pub async fn refund(&self, key: impl AsRef<[u8]>, permits: u32) -> Result<(), Rejected> {
        let key = self.0.plan.load().hash(key.as_ref());
        self.give(key, permits, 0).await
    }

    /// Makes a key as if it had never been seen. Other processes may refuse what they know to be refused, and spend what they
    /// have leased, until then.
    ///
    /// ```
    /// # use seawall::redis::SharedRateLimiter;
    /// async fn pardon(limiter: &SharedRateLimiter) -> Result<(), seawall::Rejected> {
    ///     limiter.reset("alice").await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreUnavailable`](Reason::StoreUnavailable): it may or may not have happened.
    pub async fn reset(&self, key: impl AsRef<[u8]>) -> Result<(), Rejected> {
        let plan = self.0.plan.load_full();
        let key = plan.hash(key.as_ref());
        plan.denied.forget(key);
        if let Some(local) = &plan.local {
            local.forget(key);
        }
        if let Some(leases) = &plan.leases {
            leases.forget(key);
        }
        if plan.ends.is_empty() {
            return Ok(());
        }
        let mut command = redis::cmd("DEL");
        command.arg(plan.keys(key));
        let due = self.0.store.due(Instant::now());
        let reply = self.0.store.ask(&command, |_| None, due).await;
        reply.map(drop).map_err(|_| self.unavailable())
    }

    /// Gives back all that this process holds on lease; for a shutdown, after the last call.
    ///
    /// ```
    /// # use seawall::redis::SharedRateLimiter;
    /// async fn shut_down(limiter: SharedRateLimiter) {
    ///     limiter.give_back_leases().await;
    /// }
    /// ```
    pub async fn give_back_leases(&self) {
        let plan = self.0.plan.load_full();
        let held = plan.leases.as_ref().map(|leases| leases.drain(Instant::now()));
        for (key, permits) in held.into_iter().flatten() {
            if self.give(key, permits, 0).await.is_err() {
                return; // the store is away: what is left lapses
            }
        }
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

    /// The answer that needs no trip, or a future that makes one.
    pub(super) fn begin(&self, key: &[u8], cost: u32) -> Result<Result<Grant, Rejected>, Trip> {
        let now = Instant::now();
        let plan = self.0.plan.load();
        let key = plan.hash(key);
        match self.answer_at_once(&plan, key, cost, now) {
            Some(answer) => Ok(answer),
            None => {
                let (limiter, plan) = (self.clone(), Arc::clone(&plan));
                Err(Box::pin(async move { limiter.ask(plan, key, cost, now).await }))
            }
        }
    }

    fn answer_at_once(
        &self,
        plan: &Plan,
        key: u128,
        cost: u32,
        now: Instant,
    ) -> Option<Result<Grant, Rejected>> {
        if cost == 0 || plan.limits.all.is_empty() {
            return Some(Ok(self.grant(key, cost, Source::Open { degraded: false })));
        }
        if cost > plan.capacity {
            let decision = Decision::too_large(0, 0, plan.capacity);
            return Some(Err(self.refuse(decision.rejected(self.name(), cost))));
        }
        if let Some(left) = plan.denied.left(key, cost, now) {
            return Some(Err(self.refuse(Rejected::new(self.name(), Reason::RateLimited).retry_in(left))));
        }
        if let Some(leases) = &plan.leases
            && leases.take(key, cost, now)
        {
            return Some(Ok(self.grant(key, cost, Source::Lease)));
        }
        self.0.store.is_away(now).then(|| self.decide_alone(plan, key, cost, now))
    }

    /// One trip, or the wait for somebody else's that brings a lease.
    async fn ask(&self, plan: Arc<Plan>, key: u128, cost: u32, now: Instant) -> Result<Grant, Rejected> {
        let due = self.0.store.due(now);
        let Some(leases) = plan.leases.as_ref().filter(|leases| cost <= leases.permits) else {
            return self.ask_for(&plan, key, [cost, cost], due).await;
        };
        let Some(turn) = leases.turn(key, now) else {
            return self.ask_for(&plan, key, [cost, cost], due).await;
        };
        let Some(_turn) = within(due, turn.lock()).await else {
            return self.decide_alone(&plan, key, cost, Instant::now());
        };
        // Whoever had the turn before may have brought enough, or a refusal.
        if let Some(answer) = self.answer_at_once(&plan, key, cost, Instant::now()) {
            return answer;
        }
        self.ask_for(&plan, key, [cost, leases.permits], due).await
    }

    /// A trip for `cost` permits, and up to `most` if they are there.
    async fn ask_for(
        &self,
        plan: &Plan,
        key: u128,
        [cost, most]: [u32; 2],
        due: Instant,
    ) -> Result<Grant, Rejected> {
        let sent = Instant::now();
        let owed = plan.local.as_ref().map_or(0, |local| local.owed(key, sent));
        let Ok(reply) = self.send_by(plan, key, "take", [cost, most, owed], 0, due).await else {
            return self.decide_alone(plan, key, cost, Instant::now());
        };
        if owed > 0
            && let Some(local) = &plan.local
        {
            local.give_back(key, owed);
        }
        if let Some(retry) = reply.decision.retry_after() {
            plan.denied.note(key, cost, sent + retry);
        }
        if !reply.decision.is_admitted() {
            return Err(self.refuse(reply.decision.rejected(self.name(), cost)));
        }
        if let Some(leases) = &plan.leases
            && reply.granted > cost
        {
            leases.put(key, reply.granted - cost, sent);
        }
        Ok(self.grant(key, cost, Source::Store(reply.decision, reply.clock)))
    }

    /// Without the store.
    fn decide_alone(&self, plan: &Plan, key: u128, cost: u32, now: Instant) -> Result<Grant, Rejected> {
        match (&plan.limits.away, &plan.local) {
            (WhenAway::Closed, _) => Err(self.refuse(self.unavailable())),
            (WhenAway::Local { .. }, Some(local)) => match local.take(key, cost, now) {
                Ok(()) => Ok(self.grant(key, cost, Source::Local)),
                // The share has logged it; whoever observes hears it here.
                Err(refused) => {
                    self.0.telemetry.note(Kind::RateLimiter, || What::Refused(refused));
                    Err(refused)
                }
            },
            (WhenAway::Open | WhenAway::Local { .. }, _) => {
                Ok(self.grant(key, cost, Source::Open { degraded: true }))
            }
        }
    }

    /// Gives back what this process holds; answers when the store granted the rest, if it did.
    pub(super) fn released(&self, key: u128, cost: u32, source: Source) -> Option<u64> {
        let plan = self.0.plan.load();
        self.0.telemetry.note(Kind::RateLimiter, || What::Released);
        match (source, &plan.leases, &plan.local) {
            (Source::Store(_, taken), ..) => Some(taken),
            (Source::Lease, Some(leases), _) => {
                leases.give_back(key, cost);
                None
            }
            (Source::Local, _, Some(local)) => {
                local.give_back(key, cost);
                None
            }
            (Source::Lease | Source::Local | Source::Open { .. }, ..) => None,
        }
    }

    pub(super) async fn give(&self, key: u128, permits: u32, taken: u64) -> Result<(), Rejected> {
        let plan = self.0.plan.load_full();
        plan.denied.forget(key);
        if plan.limits.all.is_empty() || permits == 0 {
            return Ok(());
        }
        let reply = self.send(&plan, key, "give", [permits, permits, 0], taken).await;
        reply.map(drop).map_err(|_| self.unavailable())
    }

    async fn send(
        &self,
        plan: &Plan,
        key: u128,
        verb: &'static str,
        numbers: [u32; 3],
        taken: u64,
    ) -> Result<Reply, Unavailable> {
        let due = self.0.store.due(Instant::now());
        self.send_by(plan, key, verb, numbers, taken, due).await
    }

    async fn send_by(
        &self,
        plan: &Plan,
        key: u128,
        verb: &'static str,
        [cost, most, owed]: [u32; 3],
        taken: u64,
        due: Instant,
    ) -> Result<Reply, Unavailable> {
        let (keys, arguments) = (plan.keys(key), plan.arguments(verb, cost, most, owed, taken));
        let short = command(None, plan.script.get_hash(), &keys, &arguments);
        let whole = |error: &redis::RedisError| {
            is_unknown(error).then(|| command(Some(&plan.text), "", &keys, &arguments))
        };
        let value = self.0.store.ask(&short, whole, due).await?;
        Reply::read(&value).ok_or(Unavailable)
    }

    fn grant(&self, key: u128, cost: u32, source: Source) -> Grant {
        self.0.telemetry.note(Kind::RateLimiter, || What::Admitted { cost });
        Grant { limiter: self.clone(), key, cost, source }
    }

    fn refuse(&self, rejected: Rejected) -> Rejected {
        self.0.telemetry.tell(Kind::RateLimiter, What::Refused(rejected));
        rejected
    }

    fn unavailable(&self) -> Rejected {
        Rejected::new(self.name(), Reason::StoreUnavailable)
    }

    fn name(&self) -> Name {
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
