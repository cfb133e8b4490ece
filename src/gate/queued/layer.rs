use super::handle::Queue;
use super::service::QueuedService;
use crate::class::{ByResult, Class};
use crate::gate::{Classified, Gate};
use std::fmt;
use std::sync::Arc;
use tower_layer::Layer;

/// Puts a queue and its gate before a service; made by [`Queued::layer`](super::Queued::layer).
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use seawall::{ConcurrencyLimit, LiftLayer, gate::Queued};
/// use std::time::Duration;
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// let queued = Queued::new("q", ConcurrencyLimit::new("db", 4), 16, Duration::from_millis(100));
/// let service = ServiceBuilder::new()
///     .layer(queued.layer())
///     .layer(LiftLayer)
///     .service(service_fn(|n: u32| async move { Ok::<_, ()>(n + 1) }));
/// assert_eq!(service.oneshot(1).await, Ok(2));
/// # }
/// ```
pub struct QueuedLayer<G, C = ByResult> {
    gate: Arc<Classified<G, C>>,
    queue: Arc<Queue>,
}

impl<G, C> QueuedLayer<G, C> {
    pub(super) const fn new(gate: Arc<Classified<G, C>>, queue: Arc<Queue>) -> Self {
        Self { gate, queue }
    }
}

impl<G: Gate + Clone> QueuedLayer<G, ByResult> {
    /// Judges calls by a function of the service's own response and error, as
    /// [`GateLayer::classify`](crate::gate::GateLayer::classify) does.
    ///
    /// ```
    /// use seawall::{Class, ConcurrencyLimit, gate::Queued};
    /// use std::time::Duration;
    ///
    /// let queued = Queued::new("q", ConcurrencyLimit::new("db", 4), 16, Duration::from_millis(100));
    /// let layer = queued.layer().classify(|answer: Result<&u16, &()>| match answer {
    ///     Ok(status) if *status < 500 => Class::Success,
    ///     _ => Class::Transient,
    /// });
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn classify<F, T, E>(self, classifier: F) -> QueuedLayer<G, F>
    where
        T: ?Sized,
        E: ?Sized,
        F: Fn(Result<&T, &E>) -> Class,
    {
        self.classifier(classifier)
    }

    /// Judges calls by a value that implements [`Classify`](crate::Classify).
    ///
    /// ```
    /// use seawall::{ByResult, ConcurrencyLimit, gate::Queued};
    /// use std::time::Duration;
    /// let queued = Queued::new("q", ConcurrencyLimit::new("db", 4), 16, Duration::from_millis(100));
    /// let layer = queued.layer().classifier(ByResult);
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn classifier<C>(self, classifier: C) -> QueuedLayer<G, C> {
        QueuedLayer::new(Arc::new(Classified::new(self.gate.gate.clone(), classifier)), self.queue)
    }
}

impl<S, G, C> Layer<S> for QueuedLayer<G, C> {
    type Service = QueuedService<S, G, C>;

    fn layer(&self, inner: S) -> Self::Service {
        QueuedService::new(inner, Arc::clone(&self.gate), Arc::clone(&self.queue))
    }
}

impl<G, C> Clone for QueuedLayer<G, C> {
    fn clone(&self) -> Self {
        Self { gate: Arc::clone(&self.gate), queue: Arc::clone(&self.queue) }
    }
}

impl<G: fmt::Debug, C> fmt::Debug for QueuedLayer<G, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueuedLayer").field("gate", &self.gate.gate).finish_non_exhaustive()
    }
}
