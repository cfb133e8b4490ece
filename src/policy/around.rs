use super::service::PolicyService;
use super::shared::{Inside, Outside, Parts};
use crate::fallback::{Fallback, FallbackLayer};
use crate::hedge::{Hedge, HedgeLayer, HedgeService, Terms};
use std::sync::Arc;
use tower_layer::{Identity, Layer};

/// The drivers of a policy: the hedge between its retry and its gates; deadline, cache and fallback around all.
/// [`Identity`] is an empty slot.
#[derive(Clone, Debug)]
pub struct Around<H, D, F, K = Identity> {
    pub(super) hedge: H,
    pub(super) deadline: D,
    pub(super) cache: K,
    pub(super) fallback: F,
}

/// Builds the whole of a policy over a service: implemented by [`Around`].
pub trait Stack<S, P> {
    /// The service with all of it around.
    type Service;

    /// Builds it; what its calls share is behind `shared`.
    fn over(&self, inner: S, shared: P) -> Self::Service;
}

impl<S, P, H, D, F, K> Stack<S, P> for Around<H, D, F, K>
where
    H: Between<S, P>,
    D: Layer<H::Service>,
    K: Layer<D::Service>,
    F: Layer<K::Service>,
{
    type Service = F::Service;

    #[inline(always)]
    fn over(&self, inner: S, shared: P) -> F::Service {
        self.fallback.layer(self.cache.layer(self.deadline.layer(self.hedge.between(inner, shared))))
    }
}

/// What stands between the retry of a policy and its gates: nothing, or a [`Hedge`].
pub trait Between<S, P> {
    /// Retry, this and the gates around `S`.
    type Service;

    /// Builds it.
    fn between(&self, inner: S, shared: P) -> Self::Service;
}

/// Nothing between them: one flat service.
impl<S, P> Between<S, P> for Identity {
    type Service = PolicyService<S, P>;

    #[inline(always)]
    fn between(&self, inner: S, shared: P) -> Self::Service {
        PolicyService::new(inner, shared)
    }
}

impl<S, P, L, C, Q> Between<S, P> for HedgeLayer<L, C, Q>
where
    P: Parts + Clone,
    L: Clone,
    Q: Clone,
{
    type Service = PolicyService<HedgeService<PolicyService<S, Inside<P>>, Arc<Terms<C>>, L, Q>, Outside<P>>;

    fn between(&self, inner: S, shared: P) -> Self::Service {
        let attempt = PolicyService::new(inner, Inside(shared.clone()));
        PolicyService::new(self.layer(attempt), Outside(shared))
    }
}

/// A driver's slot, whose judge is the policy's.
pub trait Judged<C> {
    /// The same slot with that judge.
    type By;

    /// Gives it that judge.
    fn judged(self, judge: &C) -> Self::By;
}

impl<C> Judged<C> for Identity {
    type By = Self;

    fn judged(self, _: &C) -> Self {
        self
    }
}

impl<L: Clone, Q: Clone, C: Clone, Old> Judged<C> for HedgeLayer<L, Old, Q> {
    type By = HedgeLayer<L, C, Q>;

    fn judged(self, judge: &C) -> Self::By {
        Hedge::from(self).classifier(judge.clone()).layer()
    }
}

impl<I: Clone, C: Clone, Old: Clone> Judged<C> for FallbackLayer<I, Old> {
    type By = FallbackLayer<I, C>;

    fn judged(self, judge: &C) -> Self::By {
        Fallback::from(self).classifier(judge.clone()).layer()
    }
}
