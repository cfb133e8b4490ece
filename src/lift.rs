//! Turns a foreign error into [`Error<E>`], so that layers have room for a refusal.

use crate::error::Error;
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tower_layer::Layer;
use tower_service::Service;

/// Makes room in a service's error: `E` becomes [`Error<E>`].
///
/// It stands innermost, right around the service; the layers of this crate stand over it. `Policy`
/// lifts by itself, and so do the layers of the `http` module.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use seawall::{ConcurrencyLimit, Error, LiftLayer};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// let limit = ConcurrencyLimit::new("db", 16);
/// let service = ServiceBuilder::new()
///     .layer(limit.layer())
///     .layer(LiftLayer)
///     .service(service_fn(|n: u32| async move { if n > 0 { Ok(n) } else { Err("zero") } }));
///
/// assert_eq!(service.clone().oneshot(1).await, Ok(1));
/// assert_eq!(service.oneshot(0).await, Err(Error::Inner("zero")));
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct LiftLayer;

impl<S> Layer<S> for LiftLayer {
    type Service = Lift<S>;

    fn layer(&self, inner: S) -> Lift<S> {
        Lift::new(inner)
    }
}

/// A service whose error has been lifted; made by [`LiftLayer`].
#[derive(Clone, Copy, Debug)]
pub struct Lift<S> {
    inner: S,
}

impl<S> Lift<S> {
    /// Lifts the error of `inner`.
    ///
    /// ```
    /// let lifted = seawall::Lift::new(tower::service_fn(|()| async { Ok::<_, std::io::Error>(()) }));
    /// # let _ = lifted;
    /// ```
    pub const fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S, Req> Service<Req> for Lift<S>
where
    S: Service<Req>,
{
    type Response = S::Response;
    type Error = Error<S::Error>;
    type Future = ResponseFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Error::Inner)
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        ResponseFuture { inner: self.inner.call(request) }
    }
}

pin_project! {
    /// The answer of a [`Lift`]ed service.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
    }
}

impl<F> ResponseFuture<F> {
    pub(crate) const fn new(inner: F) -> Self {
        Self { inner }
    }
}

impl<F, T, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<T, E>>,
{
    type Output = Result<T, Error<E>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(ready!(self.project().inner.poll(cx)).map_err(Error::Inner))
    }
}
