use super::{Cloned, Retry, RetryService, Terms};
use crate::class::ByResult;
use std::sync::Arc;
use tower_layer::Layer;

/// Makes the failed calls of a service again; made by [`Retry::layer`].
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use seawall::{LiftLayer, retry::{Plan, Retry}};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// let service = ServiceBuilder::new()
///     .layer(Retry::new("payments", Plan::new()).layer())
///     .layer(LiftLayer)
///     .service(service_fn(|n: u32| async move { Ok::<_, std::io::Error>(n) }));
/// assert_eq!(service.oneshot(7).await.unwrap(), 7);
/// # }
/// ```
#[derive(Debug)]
pub struct RetryLayer<C = ByResult, R = Cloned> {
    retry: Retry<C, R>,
}

impl<C, R> RetryLayer<C, R> {
    pub(super) const fn new(retry: Retry<C, R>) -> Self {
        Self { retry }
    }
}

impl<C, R: Clone> Clone for RetryLayer<C, R> {
    fn clone(&self) -> Self {
        Self { retry: self.retry.clone() }
    }
}

impl<S, C, R: Clone> Layer<S> for RetryLayer<C, R> {
    type Service = RetryService<S, Arc<Terms<C>>, R>;

    fn layer(&self, inner: S) -> Self::Service {
        let (terms, replay) = self.retry.parts();
        RetryService::new(inner, Arc::clone(terms), replay.clone())
    }
}
