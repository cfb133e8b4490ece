use super::handle::SharedRateLimiter;
use super::service::SharedRateLimit;
use crate::rate_limit::One;
use std::fmt;
use tower_layer::Layer;

/// Puts a [`SharedRateLimiter`] before a service; made by [`SharedRateLimiter::layer`].
///
/// # Examples
///
/// Requests may cost different numbers of permits:
///
/// ```
/// use seawall::rate_limit::Quota;
/// use seawall::redis::{SharedRateLimiter, Store};
///
/// let store = Store::new("limits", redis::Client::open("redis://127.0.0.1/").unwrap());
/// let limiter = SharedRateLimiter::new("uploads", store, Quota::per_minute(1000));
/// let layer = limiter.layer(|_: &Vec<u8>| "all").cost(|body: &Vec<u8>| 1 + body.len() as u32 / 1024);
/// # let _ = layer;
/// ```
#[derive(Clone)]
pub struct SharedRateLimitLayer<F, C = One> {
    limiter: SharedRateLimiter,
    key: F,
    cost: C,
}

impl<F, C> SharedRateLimitLayer<F, C> {
    pub(super) const fn new(limiter: SharedRateLimiter, key: F, cost: C) -> Self {
        Self { limiter, key, cost }
    }

    /// What a request costs; one permit by default.
    ///
    /// ```
    /// use seawall::rate_limit::Quota;
    /// use seawall::redis::{SharedRateLimiter, Store};
    /// let store = Store::new("limits", redis::Client::open("redis://127.0.0.1/").unwrap());
    /// let limiter = SharedRateLimiter::new("uploads", store, Quota::per_minute(1000));
    /// let layer = limiter.layer(|_: &u32| "all").cost(|request: &u32| *request);
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn cost<G, Req: ?Sized>(self, cost: G) -> SharedRateLimitLayer<F, G>
    where
        G: Fn(&Req) -> u32,
    {
        SharedRateLimitLayer { limiter: self.limiter, key: self.key, cost }
    }
}

impl<S, F: Clone, C: Clone> Layer<S> for SharedRateLimitLayer<F, C> {
    type Service = SharedRateLimit<S, F, C>;

    fn layer(&self, inner: S) -> Self::Service {
        SharedRateLimit::new(inner, self.limiter.clone(), self.key.clone(), self.cost.clone())
    }
}

impl<F, C> fmt::Debug for SharedRateLimitLayer<F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedRateLimitLayer").field("limiter", &self.limiter).finish_non_exhaustive()
    }
}
