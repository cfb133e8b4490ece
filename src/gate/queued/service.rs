use super::arrival::{Arrival, arrive};
use super::future::ResponseFuture;
use super::handle::Queue;
use crate::class::Classify;
use crate::error::Fault;
use crate::gate::{Admit, Classified, Now, Permit};
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_service::Service;

/// A service that waits for a gate; made by [`QueuedLayer`](super::QueuedLayer).
///
/// # Readiness
///
/// It is always ready: a caller arrives in `call` and takes its place there. While it waits no readiness of
/// the inner service is held; once admitted, it makes a clone of it ready and calls that.
pub struct QueuedService<S, G, C> {
    inner: S,
    gate: Arc<Classified<G, C>>,
    queue: Arc<Queue>,
}

impl<S, G, C> QueuedService<S, G, C> {
    pub(super) const fn new(inner: S, gate: Arc<Classified<G, C>>, queue: Arc<Queue>) -> Self {
        Self { inner, gate, queue }
    }
}

impl<S, G, C, Req> Service<Req> for QueuedService<S, G, C>
where
    S: Service<Req> + Clone,
    S::Error: Fault,
    G: Admit<Req>,
    C: Classify<S::Response, <S::Error as Fault>::Inner>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, Req, G, C>;

    #[inline]
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        match arrive(&self.gate.gate, &self.queue, &request, &mut Now::lazy()) {
            Ok(Arrival::Admitted(pass)) => {
                // Before the clone, whose code is the user's.
                let permit = Permit::new(Arc::clone(&self.gate), pass);
                ResponseFuture::admitted(self.inner.clone(), request, permit)
            }
            Ok(Arrival::Waits(waiting)) => {
                ResponseFuture::waiting(self.inner.clone(), request, Arc::clone(&self.gate), waiting)
            }
            Err(rejected) => ResponseFuture::refused(rejected),
        }
    }
}

impl<S: Clone, G, C> Clone for QueuedService<S, G, C> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), gate: Arc::clone(&self.gate), queue: Arc::clone(&self.queue) }
    }
}

impl<S: fmt::Debug, G: fmt::Debug, C> fmt::Debug for QueuedService<S, G, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueuedService")
            .field("inner", &self.inner)
            .field("gate", &self.gate.gate)
            .finish_non_exhaustive()
    }
}
