use super::{Classified, Gated};
use crate::class::{ByResult, Class};
use std::sync::Arc;
use tower_layer::Layer;

/// Puts a gate before a service; made by [`Gate::layer`](super::Gate::layer) and by each handle's `layer()`.
///
/// Services made from one layer share its gate, and so do those made from its clones: axum makes one
/// service per connection, and all of them are one limit.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use seawall::{ConcurrencyLimit, LiftLayer};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// let service = ServiceBuilder::new()
///     .layer(ConcurrencyLimit::new("db", 16).layer())
///     .layer(LiftLayer)
///     .service(service_fn(|n: u32| async move { Ok::<_, std::io::Error>(n) }));
/// assert_eq!(service.oneshot(7).await.unwrap(), 7);
/// # }
/// ```
#[derive(Debug)]
pub struct GateLayer<G, C = ByResult> {
    gate: Arc<Classified<G, C>>,
}

impl<G, C> GateLayer<G, C> {
    pub(super) fn new(gate: Classified<G, C>) -> Self {
        Self { gate: Arc::new(gate) }
    }
}

impl<G> GateLayer<G, ByResult> {
    /// Judges calls by a function of the service's own response and error.
    ///
    /// The default, [`ByResult`], takes each `Err` for [`Class::Transient`]. A classifier never sees a
    /// refusal from further in: that is [`Class::Neutral`] whatever it would say.
    ///
    /// ```
    /// use seawall::{Class, ConcurrencyLimit};
    ///
    /// let layer = ConcurrencyLimit::new("db", 16).layer().classify(|answer: Result<&u16, &()>| match answer {
    ///     Ok(status) if *status < 500 => Class::Success,
    ///     _ => Class::Transient,
    /// });
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn classify<F, T, E>(self, classifier: F) -> GateLayer<G, F>
    where
        G: Clone,
        T: ?Sized,
        E: ?Sized,
        F: Fn(Result<&T, &E>) -> Class,
    {
        self.classifier(classifier)
    }

    /// Judges calls by a value that implements [`Classify`](crate::Classify), such as `http::Status`.
    ///
    /// ```
    /// use seawall::{ByResult, ConcurrencyLimit};
    /// let layer = ConcurrencyLimit::new("db", 16).layer().classifier(ByResult);
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn classifier<C>(self, classifier: C) -> GateLayer<G, C>
    where
        G: Clone,
    {
        let gate = Arc::try_unwrap(self.gate).map_or_else(|shared| shared.gate.clone(), |own| own.gate);
        GateLayer::new(Classified::new(gate, classifier))
    }
}

impl<G, C> Clone for GateLayer<G, C> {
    fn clone(&self) -> Self {
        Self { gate: Arc::clone(&self.gate) }
    }
}

impl<S, G, C> Layer<S> for GateLayer<G, C> {
    type Service = Gated<S, Arc<Classified<G, C>>>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(inner, Arc::clone(&self.gate))
    }
}
