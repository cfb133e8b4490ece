use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tower_service::Service;

pin_project! {
    /// The call of a service that stands in: made ready, then called.
    #[must_use = "futures do nothing unless polled"]
    pub struct Standing<S, Req>
    where
        S: Service<Req>,
    {
        service: S,
        request: Option<Req>,
        #[pin]
        call: Option<S::Future>,
    }
}

impl<S: Service<Req>, Req> Standing<S, Req> {
    pub(super) const fn new(service: S, request: Req) -> Self {
        Self { service, request: Some(request), call: None }
    }
}

impl<S: Service<Req>, Req> Future for Standing<S, Req> {
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if this.request.is_some() {
            ready!(this.service.poll_ready(cx))?;
            if let Some(request) = this.request.take() {
                this.call.set(Some(this.service.call(request)));
            }
        }
        this.call.as_pin_mut().map_or(Poll::Pending, |call| call.poll(cx))
    }
}

impl<S: Service<Req>, Req> fmt::Debug for Standing<S, Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Standing").field("called", &self.call.is_some()).finish()
    }
}
