use super::future::ResponseFuture;
use super::handle::Shed;
use crate::error::Fault;
use std::task::{Context, Poll};
use tower_service::Service;

/// A service that refuses what it is not ready for; made by [`ShedLayer`](super::ShedLayer).
///
/// # Readiness
///
/// It is always ready, or failed as the inner service has. Whether the inner one is ready is asked anew each time,
/// and forgotten with the call.
#[derive(Debug)]
pub struct Shedding<S> {
    inner: S,
    shed: Shed,
    ready: bool,
}

impl<S> Shedding<S> {
    pub(super) const fn new(inner: S, shed: Shed) -> Self {
        Self { inner, shed, ready: false }
    }
}

impl<S: Clone> Clone for Shedding<S> {
    fn clone(&self) -> Self {
        // A clone has not been made ready.
        Self::new(self.inner.clone(), self.shed.clone())
    }
}

impl<S, Req> Service<Req> for Shedding<S>
where
    S: Service<Req>,
    S::Error: Fault,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.ready = match self.inner.poll_ready(cx) {
            Poll::Ready(Ok(())) => true,
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => false,
        };
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        if std::mem::take(&mut self.ready) {
            ResponseFuture::called(self.inner.call(request))
        } else {
            ResponseFuture::refused(self.shed.refuse())
        }
    }
}
