//! How a call is answered: from what is known here, by one trip, or without the store.

use super::future::Trip;
use super::grant::{Grant, Source};
use super::handle::SharedRateLimiter;
use super::limits::WhenAway;
use super::plan::Plan;
use super::questions::Permits;
use super::script::Act;
use super::wait::{pass_once, within};
use crate::error::{Reason, Rejected};
use crate::rate_limit::Decision;
use crate::telemetry::{Kind, What};
use crate::time::Instant;
use std::sync::Arc;

impl SharedRateLimiter {
    /// The answer that needs no trip, or a future that makes one.
    pub(super) fn begin(&self, key: &[u8], cost: u32) -> Result<Result<Grant, Rejected>, Trip> {
        let now = Instant::now();
        let plan = self.0.plan.load();
        let key = self.0.store.hash(key);
        match self.answer_at_once(&plan, key, cost, now) {
            Some(answer) => Ok(answer),
            None => {
                let (limiter, plan) = (self.clone(), Arc::clone(&plan));
                Err(Box::pin(async move { limiter.ask(plan, key, cost, now).await }))
            }
        }
    }

    pub(super) fn answer_at_once(
        &self,
        plan: &Plan,
        key: u128,
        cost: u32,
        now: Instant,
    ) -> Option<Result<Grant, Rejected>> {
        if cost == 0 || plan.questions.is_empty() {
            return Some(Ok(self.grant(key, cost, Source::Open { degraded: false })));
        }
        let capacity = plan.questions.capacity;
        if cost > capacity {
            let decision = Decision::too_large(0, 0, capacity);
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
    pub(super) async fn ask(
        &self,
        plan: Arc<Plan>,
        key: u128,
        cost: u32,
        now: Instant,
    ) -> Result<Grant, Rejected> {
        let due = self.0.store.due(now);
        let leases = plan.leases.as_ref().filter(|leases| cost <= leases.permits);
        let Some(waiting) = leases.and_then(|leases| leases.wait(key, cost, now)) else {
            return self.ask_for(&plan, key, [cost, cost], due).await;
        };
        let Some(_turn) = within(due, waiting.turn.lock()).await else {
            return self.decide_alone(&plan, key, cost, Instant::now());
        };
        // Whoever had the turn before may have brought enough, or a refusal.
        let now = Instant::now();
        if waiting.take(now) {
            return Ok(self.grant(key, cost, Source::Lease));
        }
        if let Some(answer) = self.answer_at_once(&plan, key, cost, now) {
            return answer;
        }
        // Those who were answered together come again together: one trip for all.
        pass_once().await;
        self.ask_for(&plan, key, [cost, waiting.most()], due).await
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
        let act = if owed > 0 { Act::Pay } else { Act::Take };
        let permits = Permits { most, owed, ..Permits::of(cost) };
        let Ok(reply) = plan.questions.ask(&self.0.store, act, key, permits, due).await else {
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
        let (plan, store) = (self.0.plan.load_full(), &self.0.store);
        plan.denied.forget(key);
        if plan.questions.is_empty() || permits == 0 {
            return Ok(());
        }
        let (permits, due) = (Permits { taken, ..Permits::of(permits) }, store.due(Instant::now()));
        let reply = plan.questions.ask(store, Act::Give, key, permits, due).await;
        reply.map(drop).map_err(|_| self.unavailable())
    }

    fn grant(&self, key: u128, cost: u32, source: Source) -> Grant {
        self.0.telemetry.note(Kind::RateLimiter, || What::Admitted { cost });
        Grant { limiter: self.clone(), key, cost, source }
    }

    fn refuse(&self, rejected: Rejected) -> Rejected {
        self.0.telemetry.tell(Kind::RateLimiter, What::Refused(rejected));
        rejected
    }

    pub(super) fn unavailable(&self) -> Rejected {
        Rejected::new(self.name(), Reason::StoreUnavailable)
    }
}
