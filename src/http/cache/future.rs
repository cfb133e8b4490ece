use super::body::{BoxError, CacheBody};
use super::service::Answer;
use super::through::Through;
use crate::error::Fault;
use http::{Request, Response};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tower_service::Service;

pin_project! {
    /// An answer through a cache: there at once, straight from the origin, or loaded for all who ask for it.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, B, R, F> {
        #[pin]
        way: Way<S, B, R, F>,
    }
}

type Coming<R> = Pin<Box<dyn Future<Output = Answer<R>> + Send>>;

pin_project! {
    #[project = WayProj]
    enum Way<S, B, R, F> {
        Here { response: Option<Response<CacheBody<R>>> },
        Through { #[pin] through: Through<S, B, F> },
        // What is loaded for many is boxed anyway.
        Coming { coming: Coming<R> },
    }
}

impl<S, B, R, F> ResponseFuture<S, B, R, F> {
    pub(super) const fn ready(response: Response<CacheBody<R>>) -> Self {
        Self { way: Way::Here { response: Some(response) } }
    }

    pub(super) const fn through(through: Through<S, B, F>) -> Self {
        Self { way: Way::Through { through } }
    }

    pub(super) fn coming(future: impl Future<Output = Answer<R>> + Send + 'static) -> Self {
        Self { way: Way::Coming { coming: Box::pin(future) } }
    }
}

impl<S, B, R> Future for ResponseFuture<S, B, R, S::Future>
where
    S: Service<Request<B>, Response = Response<R>, Error: Fault + Into<BoxError>>,
{
    type Output = Answer<R>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer<R>> {
        match self.project().way.project() {
            WayProj::Here { response } => {
                response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response)))
            }
            WayProj::Through { through } => through.poll(cx),
            WayProj::Coming { coming } => coming.as_mut().poll(cx),
        }
    }
}

impl<S, B, R, F> fmt::Debug for ResponseFuture<S, B, R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
