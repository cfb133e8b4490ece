use super::body::CacheBody;
use super::service::Answer;
use http::Response;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// An answer through a cache: there at once, or on its way from the origin.
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture<R>(Way<R>);

enum Way<R> {
    Here(Option<Response<CacheBody<R>>>),
    // What is loaded for many is boxed anyway.
    Coming(Pin<Box<dyn Future<Output = Answer<R>> + Send>>),
}

impl<R> ResponseFuture<R> {
    pub(super) const fn ready(response: Response<CacheBody<R>>) -> Self {
        Self(Way::Here(Some(response)))
    }

    pub(super) fn pending(future: impl Future<Output = Answer<R>> + Send + 'static) -> Self {
        Self(Way::Coming(Box::pin(future)))
    }
}

// A body here is only moved.
impl<R> Unpin for ResponseFuture<R> {}

impl<R> Future for ResponseFuture<R> {
    type Output = Answer<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Way::Here(response) => {
                response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response)))
            }
            Way::Coming(future) => future.as_mut().poll(cx),
        }
    }
}

impl<R> fmt::Debug for ResponseFuture<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
