use super::future::ResponseFuture;
use super::handle::SharedRateLimiter;
use crate::error::Fault;
use crate::rate_limit::Cost;
use std::fmt;
use std::task::{Context, Poll};
use tower_service::Service;

/// A service behind a [`SharedRateLimiter`]; made by its layer.
///
/// It is always ready: the permit comes first, then a clone of the inner service is made ready, so that nothing is held
/// during the trip.
#[derive(Clone)]
pub struct SharedRateLimit<S, F, C> {
    inner: S,
    limiter: SharedRateLimiter,
    key: F,
    cost: C,
}

impl<S, F, C> SharedRateLimit<S, F, C> {
    pub(super) const fn new(inner: S, limiter: SharedRateLimiter, key: F, cost: C) -> Self {
        Self { inner, limiter, key, cost }
    }
}

impl<S, F, C, K, Req> Service<Req> for SharedRateLimit<S, F, C>
where
    S: Service<Req> + Clone,
    S::Error: Fault,
    F: Fn(&Req) -> K,
    K: AsRef<[u8]>,
    C: Cost<Req>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, Req>;

    #[inline]
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let (key, cost) = ((self.key)(&request), self.cost.cost(&request));
        match self.limiter.begin(key.as_ref(), cost) {
            Ok(Ok(grant)) => ResponseFuture::granted(self.inner.clone(), request, grant),
            Ok(Err(rejected)) => ResponseFuture::refused(rejected),
            Err(trip) => ResponseFuture::asking(self.inner.clone(), request, trip),
        }
    }
}

impl<S: fmt::Debug, F, C> fmt::Debug for SharedRateLimit<S, F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedRateLimit")
            .field("inner", &self.inner)
            .field("limiter", &self.limiter)
            .finish_non_exhaustive()
    }
}
