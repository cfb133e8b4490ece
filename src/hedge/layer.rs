use super::{Always, Hedge, HedgeService, Terms};
use crate::class::ByResult;
use crate::retry::Cloned;
use std::fmt;
use std::sync::Arc;
use tower_layer::Layer;

/// Makes further attempts beside the calls of a service that take too long; made by [`Hedge::layer`].
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use seawall::LiftLayer;
/// use seawall::hedge::{Always, Delay, Hedge};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// let service = ServiceBuilder::new()
///     .layer(Hedge::new("search", Delay::default(), Always).layer())
///     .layer(LiftLayer)
///     .service(service_fn(|n: u32| async move { Ok::<_, std::io::Error>(n) }));
/// assert_eq!(service.oneshot(7).await.unwrap(), 7);
/// # }
/// ```
pub struct HedgeLayer<L = Always, C = ByResult, R = Cloned> {
    hedge: Hedge<L, C, R>,
}

impl<L, C, R> HedgeLayer<L, C, R> {
    pub(super) const fn new(hedge: Hedge<L, C, R>) -> Self {
        Self { hedge }
    }
}

impl<L: Clone, C, R: Clone> Clone for HedgeLayer<L, C, R> {
    fn clone(&self) -> Self {
        Self { hedge: self.hedge.clone() }
    }
}

impl<S, L: Clone, C, R: Clone> Layer<S> for HedgeLayer<L, C, R> {
    type Service = HedgeService<S, Arc<Terms<C>>, L, R>;

    fn layer(&self, inner: S) -> Self::Service {
        let (terms, eligible, replay) = self.hedge.parts();
        HedgeService::new(inner, Arc::clone(terms), eligible.clone(), replay.clone())
    }
}

impl<L, C, R> From<HedgeLayer<L, C, R>> for Hedge<L, C, R> {
    fn from(layer: HedgeLayer<L, C, R>) -> Self {
        layer.hedge
    }
}

impl<L, C, R> fmt::Debug for HedgeLayer<L, C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HedgeLayer").field(&self.hedge).finish()
    }
}
