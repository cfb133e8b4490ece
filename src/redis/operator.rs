//! What an operator does with a shared limit, and what goes on behind its calls.

use super::handle::SharedRateLimiter;
use super::leases::Leases;
use super::plan::Plan;
use super::questions::Permits;
use super::script::Act;
use super::wait::within;
use crate::error::Rejected;
use crate::rate_limit::Decision;
use crate::telemetry::{Kind, What};
use crate::time::Instant;
use std::future::Future;
use std::time::Duration;

/// How soon the driver knows of other limits.
const LOOK: Duration = Duration::from_secs(1);

impl SharedRateLimiter {
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
    /// [`StoreUnavailable`](crate::Reason::StoreUnavailable).
    pub async fn peek(&self, key: impl AsRef<[u8]>, cost: u32) -> Result<Decision, Rejected> {
        let (plan, store) = (self.0.plan.load_full(), &self.0.store);
        let (key, due) = (store.hash(key.as_ref()), store.due(Instant::now()));
        plan.questions.peek(store, key, cost, due).await.map_err(|_| self.unavailable())
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
    /// [`StoreUnavailable`](crate::Reason::StoreUnavailable): it may or may not have happened.
    pub async fn refund(&self, key: impl AsRef<[u8]>, permits: u32) -> Result<(), Rejected> {
        self.give(self.0.store.hash(key.as_ref()), permits, 0).await
    }

    /// Takes without asking, for a cost known only afterwards (bytes, rows, tokens of a model). The level may fall below
    /// nothing: the debt is paid before the next admission. Answers the time until it is.
    ///
    /// ```
    /// # use seawall::redis::SharedRateLimiter;
    /// async fn answered(limiter: &SharedRateLimiter, user: &str, tokens: u32) -> Result<(), seawall::Rejected> {
    ///     let wait = limiter.charge(user, tokens).await?;
    ///     println!("{user} may come again in {wait:?}");
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreUnavailable`](crate::Reason::StoreUnavailable): it may or may not have happened.
    pub async fn charge(&self, key: impl AsRef<[u8]>, cost: u32) -> Result<Duration, Rejected> {
        let (plan, store) = (self.0.plan.load_full(), &self.0.store);
        if plan.questions.is_empty() || cost == 0 {
            return Ok(Duration::ZERO);
        }
        let (key, sent) = (store.hash(key.as_ref()), Instant::now());
        let reply = plan.questions.ask(store, Act::Charge, key, Permits::of(cost), store.due(sent)).await;
        let wait = reply.map_err(|_| self.unavailable())?.decision.retry_after().unwrap_or_default();
        if wait > Duration::ZERO {
            plan.denied.note(key, 1, sent + wait);
        }
        self.0.telemetry.note(Kind::RateLimiter, || What::Admitted { cost });
        Ok(wait)
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
    /// [`StoreUnavailable`](crate::Reason::StoreUnavailable): it may or may not have happened.
    pub async fn reset(&self, key: impl AsRef<[u8]>) -> Result<(), Rejected> {
        let (plan, store) = (self.0.plan.load_full(), &self.0.store);
        let key = store.hash(key.as_ref());
        plan.denied.forget(key);
        if let Some(local) = &plan.local {
            local.forget(key);
        }
        if let Some(leases) = &plan.leases {
            leases.forget(key);
        }
        let due = store.due(Instant::now());
        plan.questions.reset(store, key, due).await.map_err(|_| self.unavailable())
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

    /// Fetches the next lease of a key while half of the last one is still there, so that hardly a call waits for a trip. To be
    /// spawned, once for each process; it ends when it is dropped, and then the call that finds nothing left fetches.
    ///
    /// ```no_run
    /// # use seawall::redis::SharedRateLimiter;
    /// # fn start(limiter: &SharedRateLimiter) {
    /// tokio::spawn(limiter.background());
    /// # }
    /// ```
    pub fn background(&self) -> impl Future<Output = ()> + Send + use<> {
        let limiter = self.clone();
        async move {
            loop {
                // Other limits come with other leases.
                let plan = limiter.0.plan.load_full();
                let Some(leases) = &plan.leases else { return std::future::pending().await };
                let _attended = Attended::to(leases);
                let look = Instant::now() + LOOK;
                if within(look, leases.work.notified()).await.is_some() {
                    limiter.fetch_what_is_low(&plan, leases).await;
                }
            }
        }
    }

    async fn fetch_what_is_low(&self, plan: &Plan, leases: &Leases) {
        let store = &self.0.store;
        while let Some((key, lacking)) = leases.next_low(Instant::now()) {
            let sent = Instant::now();
            let permits = Permits { most: lacking, ..Permits::of(1) };
            let reply = plan.questions.ask(store, Act::Take, key, permits, store.due(sent)).await;
            if let Ok(reply) = reply {
                leases.put(key, reply.granted, sent);
            }
        }
    }
}

/// While the driver runs.
struct Attended<'a>(&'a Leases);

impl<'a> Attended<'a> {
    fn to(leases: &'a Leases) -> Self {
        leases.attend(true);
        Self(leases)
    }
}

impl Drop for Attended<'_> {
    fn drop(&mut self) {
        self.0.attend(false);
    }
}
