use super::by_cost::ByCost;
use super::by_key::{ByKey, Cost, Keys, Quotas};
use super::handle::{RateLimiter, Taken};
use super::keyed::{KeyedRateLimiter, TakenByKey};
use super::share::{Cell, Share};
use super::{Decision, Quota, Verdict};
use crate::error::{Reason, Rejected};
use crate::name::Name;
use crate::time::Instant;

/// What a call was told, and the figures that decided it where there are any: for answers that carry them.
pub(crate) type Quoted<P> = (Result<P, Rejected>, Option<Decision>);

impl<A: Share> RateLimiter<A> {
    /// Takes as a call does, and tells the figures.
    pub(crate) fn take_quoted(&self, cost: u32, now: Instant) -> Quoted<Taken> {
        let decision = self.decide_at(cost, now);
        let result = if decision.is_admitted() {
            Ok(Taken { cost, at: now })
        } else {
            Err(decision.rejected(self.0.telemetry.name(), cost))
        };
        (result, Some(decision))
    }

    /// Shows each limit, by its own name or by the limiter's.
    pub(crate) fn each_limit(&self, see: &mut dyn FnMut(Name, Quota)) {
        let algorithm = self.0.cell.update(|algorithm, _| *algorithm);
        algorithm.each_limit(self.0.telemetry.name(), see);
    }
}

impl KeyedRateLimiter {
    /// Takes as a call does, and tells the figures of the key's bucket, if it has one.
    pub(crate) fn take_quoted(
        &self,
        key: u64,
        cost: u32,
        own: Option<Quota>,
        now: Instant,
    ) -> Quoted<TakenByKey> {
        let taken = self.take(key, cost, own, now);
        let verdict = match &taken {
            Ok(_) => Some(Verdict::Admitted),
            Err(rejected) => match (rejected.reason(), rejected.retry_after()) {
                (Reason::RateLimited, Some(retry_after)) => Some(Verdict::Limited { retry_after }),
                (Reason::TooLarge, _) => {
                    Some(Verdict::TooLarge { capacity: self.quota_of(key, own).capacity() })
                }
                // There was no room for it.
                _ => None,
            },
        };
        let figures = verdict.map(|verdict| {
            let seen = self.0.table.peek(key, 0, self.own(key, own), now);
            Decision::new(verdict, seen.remaining(), seen.reset_after())
        });
        (taken, figures)
    }

    /// The quota of this key.
    pub(crate) fn quota_of(&self, key: u64, own: Option<Quota>) -> Quota {
        self.own(key, own).unwrap_or_else(|| self.quota())
    }
}

impl<F, A: Share> ByCost<F, A> {
    pub(crate) const fn limiter(&self) -> &RateLimiter<A> {
        &self.limiter
    }
}

impl<K, C, Q> ByKey<K, C, Q> {
    /// Admits as a gate does, and tells the figures and the key's limit.
    pub(crate) fn take_quoted<Req: ?Sized>(
        &self,
        request: &Req,
        now: Instant,
    ) -> (Quoted<TakenByKey>, (Name, Quota))
    where
        K: Keys<Req>,
        C: Cost<Req>,
        Q: Quotas<Req>,
    {
        let key = self.limiter.fingerprint_of(&self.key, request);
        let own = self.quota.quota(request);
        let limit = (self.limiter.name(), self.limiter.quota_of(key, own));
        (self.limiter.take_quoted(key, self.cost.cost(request), own, now), limit)
    }
}
