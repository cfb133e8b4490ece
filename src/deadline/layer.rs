use super::{DeadlineService, Deadlines, Terms, Within};
use std::fmt;
use std::sync::Arc;
use tower_layer::Layer;

/// Gives each request of a service a deadline; made by [`Deadlines::layer`].
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use seawall::{Error, LiftLayer, deadline::Deadlines};
/// use std::time::Duration;
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// let service = ServiceBuilder::new()
///     .layer(Deadlines::within("api", Duration::from_secs(1)).layer())
///     .layer(LiftLayer)
///     .service(service_fn(|()| std::future::pending::<Result<(), ()>>()));
/// assert!(matches!(service.oneshot(()).await, Err(Error::TimedOut(_))));
/// # }
/// ```
pub struct DeadlineLayer<D = Within> {
    deadlines: Deadlines<D>,
}

impl<D> DeadlineLayer<D> {
    pub(super) const fn new(deadlines: Deadlines<D>) -> Self {
        Self { deadlines }
    }
}

impl<D> Clone for DeadlineLayer<D> {
    fn clone(&self) -> Self {
        Self { deadlines: self.deadlines.clone() }
    }
}

impl<S, D> Layer<S> for DeadlineLayer<D> {
    type Service = DeadlineService<S, Arc<Terms<D>>>;

    fn layer(&self, inner: S) -> Self::Service {
        DeadlineService::new(inner, Arc::clone(self.deadlines.terms()))
    }
}

impl<D> fmt::Debug for DeadlineLayer<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DeadlineLayer").field(&self.deadlines).finish()
    }
}
