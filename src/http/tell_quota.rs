use super::PerClient;
use crate::error::Rejected;
use crate::gate::{Admit, Exempting, Now};
use crate::name::Name;
use crate::rate_limit::{ByCost, ByKey, Cost, Decision, Keys, Quota, Quotas, RateLimiter, Share};
use http::Request;

/// A limit that can tell the figures by which it decided: what [`QuotaHeaders`](super::QuotaHeaders) goes over.
///
/// Rate limiters are, keyed or not, with costs and with exemptions.
pub trait TellQuota<Req: ?Sized>: Admit<Req> {
    /// Admits as [`admit`](Admit::admit) does, and tells the figures.
    fn admit_telling(&self, request: &Req, now: &mut Now) -> Told<Self::Pass>;
}

/// A limit's answer, with its figures.
#[derive(Clone, Debug)]
pub struct Told<P> {
    /// The answer.
    pub result: Result<P, Rejected>,
    /// What was decided, all of it at one time; `None` where no limit was asked, or there was no room for the key.
    pub decision: Option<Decision>,
    /// The limits that were asked, in their order.
    pub limits: Vec<(Name, Quota)>,
}

impl<A: Share, Req: ?Sized> TellQuota<Req> for RateLimiter<A> {
    fn admit_telling(&self, _: &Req, now: &mut Now) -> Told<Self::Pass> {
        let (result, decision) = self.take_quoted(1, now.get());
        Told { result, decision, limits: all(self) }
    }
}

impl<F: Fn(&Req) -> u32, A: Share, Req: ?Sized> TellQuota<Req> for ByCost<F, A> {
    fn admit_telling(&self, request: &Req, now: &mut Now) -> Told<Self::Pass> {
        let cost = u32::try_from(self.cost(request)).unwrap_or(u32::MAX);
        let (result, decision) = self.limiter().take_quoted(cost, now.get());
        Told { result, decision, limits: all(self.limiter()) }
    }
}

impl<K, C, Q, Req: ?Sized> TellQuota<Req> for ByKey<K, C, Q>
where
    K: Keys<Req>,
    C: Cost<Req>,
    Q: Quotas<Req>,
{
    fn admit_telling(&self, request: &Req, now: &mut Now) -> Told<Self::Pass> {
        let ((result, decision), limit) = self.take_quoted(request, now.get());
        Told { result, decision, limits: vec![limit] }
    }
}

impl<B> TellQuota<Request<B>> for PerClient {
    fn admit_telling(&self, request: &Request<B>, now: &mut Now) -> Told<Self::Pass> {
        self.take_quoted(request, now)
    }
}

impl<G: TellQuota<Req>, F: Fn(&Req) -> bool, Req: ?Sized> TellQuota<Req> for Exempting<G, F> {
    fn admit_telling(&self, request: &Req, now: &mut Now) -> Told<Self::Pass> {
        if self.is_exempt(request) {
            return Told { result: Ok(None), decision: None, limits: Vec::new() };
        }
        let Told { result, decision, limits } = self.gate().admit_telling(request, now);
        Told { result: result.map(Some), decision, limits }
    }
}

fn all<A: Share>(limiter: &RateLimiter<A>) -> Vec<(Name, Quota)> {
    let mut limits = Vec::new();
    limiter.each_limit(&mut |name, quota| limits.push((name, quota)));
    limits
}
