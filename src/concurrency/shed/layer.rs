use super::handle::Shed;
use super::service::Shedding;
use tower_layer::Layer;

/// Sheds calls that a service is not ready for; made by [`Shed::layer`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use seawall::LiftLayer;
/// use seawall::concurrency::Shed;
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// let service = ServiceBuilder::new()
///     .layer(Shed::new("legacy").layer())
///     .layer(LiftLayer)
///     .service(service_fn(|n: u32| async move { Ok::<_, ()>(n) }));
/// assert_eq!(service.oneshot(1).await, Ok(1));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ShedLayer(Shed);

impl ShedLayer {
    pub(super) const fn new(shed: Shed) -> Self {
        Self(shed)
    }
}

impl<S> Layer<S> for ShedLayer {
    type Service = Shedding<S>;

    fn layer(&self, inner: S) -> Shedding<S> {
        Shedding::new(inner, self.0.clone())
    }
}
