use super::layer::ShedLayer;
use crate::error::{Reason, Rejected};
use crate::telemetry::{Kind, Telemetry, What};
use std::sync::Arc;

/// Refuses a call when the service behind it is not ready, instead of waiting for it.
///
/// For services of others that queue in `poll_ready`, such as tower's own `ConcurrencyLimit` and `Buffer`: nobody
/// hears that they are full until somebody refuses to wait.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use seawall::concurrency::Shed;
/// use seawall::{LiftLayer, Reason};
/// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
///
/// let mut service = ServiceBuilder::new()
///     .layer(Shed::new("legacy").layer())
///     .layer(LiftLayer)
///     .concurrency_limit(1)
///     .service(service_fn(|n: u32| async move { Ok::<_, ()>(n) }));
///
/// let first = service.ready().await.unwrap().call(1);
/// let refused = service.ready().await.unwrap().call(2).await.unwrap_err();
/// assert_eq!(refused.rejected().map(|r| r.reason()), Some(Reason::NotReady));
/// assert_eq!(first.await, Ok(1));
/// # }
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "load shedding")]
pub struct Shed(Arc<Telemetry>);

impl Shed {
    /// A shedder of this name.
    ///
    /// ```
    /// let shed = seawall::concurrency::Shed::new("legacy");
    /// # let _ = shed;
    /// ```
    #[must_use]
    pub fn new(telemetry: impl Into<Telemetry>) -> Self {
        Self(Arc::new(telemetry.into()))
    }

    /// A tower layer.
    ///
    /// ```
    /// let layer = seawall::concurrency::Shed::new("legacy").layer();
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn layer(&self) -> ShedLayer {
        ShedLayer::new(self.clone())
    }

    #[cold]
    #[inline(never)]
    pub(super) fn refuse(&self) -> Rejected {
        let rejected = Rejected::new(self.0.name(), Reason::NotReady);
        self.0.tell(Kind::Shed, What::Refused(rejected));
        rejected
    }
}
