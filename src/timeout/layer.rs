use super::{Every, Terms, Timeout, TimeoutService};
use std::sync::Arc;
use tower_layer::Layer;

/// Gives each call of a service so much time; made by [`Timeout::layer`].
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use seawall::{Error, LiftLayer, Timeout};
/// use std::time::Duration;
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// let service = ServiceBuilder::new()
///     .layer(Timeout::new("payments", Duration::from_secs(2)).layer())
///     .layer(LiftLayer)
///     .service(service_fn(|()| std::future::pending::<Result<(), ()>>()));
/// assert!(matches!(service.oneshot(()).await, Err(Error::TimedOut(_))));
/// # }
/// ```
#[derive(Debug)]
pub struct TimeoutLayer<L = Every> {
    timeout: Timeout<L>,
}

impl<L> TimeoutLayer<L> {
    pub(super) const fn new(timeout: Timeout<L>) -> Self {
        Self { timeout }
    }
}

impl<L> Clone for TimeoutLayer<L> {
    fn clone(&self) -> Self {
        Self { timeout: self.timeout.clone() }
    }
}

impl<S, L> Layer<S> for TimeoutLayer<L> {
    type Service = TimeoutService<S, Arc<Terms<L>>>;

    fn layer(&self, inner: S) -> Self::Service {
        TimeoutService::new(inner, Arc::clone(self.timeout.terms()))
    }
}
