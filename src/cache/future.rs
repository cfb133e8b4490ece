use crate::error::Error;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tower_service::Service;

type Loading<V, E> = Pin<Box<dyn Future<Output = Result<V, Error<E>>> + Send>>;

pin_project! {
    /// The answer of a [`CacheService`](super::CacheService): kept, waited for, or of the inner service alone.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<I, Req, V, E>
    where
        I: Service<Req>,
    {
        #[pin]
        way: Way<I, Req, V, E>,
    }
}

pin_project! {
    #[project = WayProj]
    enum Way<I, Req, V, E>
    where
        I: Service<Req>,
    {
        Hit { answer: Option<V> },
        Load { loading: Loading<V, E> },
        Straight {
            #[pin]
            ready: Ready<I, Req>,
        },
    }
}

impl<I: Service<Req>, Req, V, E> ResponseFuture<I, Req, V, E> {
    #[inline]
    pub(super) const fn hit(answer: V) -> Self {
        Self { way: Way::Hit { answer: Some(answer) } }
    }

    pub(super) const fn load(loading: Loading<V, E>) -> Self {
        Self { way: Way::Load { loading } }
    }

    pub(super) const fn straight(ready: Ready<I, Req>) -> Self {
        Self { way: Way::Straight { ready } }
    }
}

impl<I, Req, V, E> Future for ResponseFuture<I, Req, V, E>
where
    I: Service<Req, Response = V, Error = Error<E>>,
{
    type Output = Result<V, Error<E>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().way.project() {
            WayProj::Hit { answer } => match answer.take() {
                Some(answer) => Poll::Ready(Ok(answer)),
                None => Poll::Pending, // polled after its end
            },
            WayProj::Load { loading } => loading.as_mut().poll(cx),
            WayProj::Straight { ready } => ready.poll(cx),
        }
    }
}

pin_project! {
    /// One call of a service that is made ready first.
    pub(super) struct Ready<I, Req>
    where
        I: Service<Req>,
    {
        inner: I,
        request: Option<Req>,
        #[pin]
        call: Option<I::Future>,
    }
}

impl<I: Service<Req>, Req> Ready<I, Req> {
    pub(super) const fn new(inner: I, request: Req) -> Self {
        Self { inner, request: Some(request), call: None }
    }
}

impl<I: Service<Req>, Req> Future for Ready<I, Req> {
    type Output = Result<I::Response, I::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if this.request.is_some() {
            ready!(this.inner.poll_ready(cx))?;
            if let Some(request) = this.request.take() {
                this.call.set(Some(this.inner.call(request)));
            }
        }
        this.call.as_pin_mut().map_or(Poll::Pending, |call| call.poll(cx))
    }
}

impl<I: Service<Req>, Req, V, E> fmt::Debug for ResponseFuture<I, Req, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
