use super::{Fallback, FallbackService, Terms};
use crate::class::ByResult;
use std::fmt;
use std::sync::Arc;
use tower_layer::Layer;

/// Replaces what a service fails to answer; made by [`Fallback::layer`].
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use seawall::{Fallback, LiftLayer};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// let service = ServiceBuilder::new()
///     .layer(Fallback::value("prices", || 0).layer())
///     .layer(LiftLayer)
///     .service(service_fn(|()| async { Err::<i32, _>("down") }));
/// assert_eq!(service.oneshot(()).await, Ok(0));
/// # }
/// ```
pub struct FallbackLayer<I, C = ByResult> {
    fallback: Fallback<I, C>,
}

impl<I, C> FallbackLayer<I, C> {
    pub(super) const fn new(fallback: Fallback<I, C>) -> Self {
        Self { fallback }
    }
}

impl<I, C> Clone for FallbackLayer<I, C> {
    fn clone(&self) -> Self {
        Self { fallback: self.fallback.clone() }
    }
}

impl<S, I, C> Layer<S> for FallbackLayer<I, C> {
    type Service = FallbackService<S, Arc<Terms<I, C>>>;

    fn layer(&self, inner: S) -> Self::Service {
        FallbackService::new(inner, Arc::clone(self.fallback.terms()))
    }
}

impl<I, C> From<FallbackLayer<I, C>> for Fallback<I, C> {
    fn from(layer: FallbackLayer<I, C>) -> Self {
        layer.fallback
    }
}

impl<I, C> fmt::Debug for FallbackLayer<I, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FallbackLayer").field(&self.fallback).finish()
    }
}
