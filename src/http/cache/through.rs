use super::body::{BoxError, CacheBody};
use super::handle::Inner;
use super::key::Address;
use super::load::failed;
use super::rules::strip;
use super::service::{Answer, refused};
use super::stored::note;
use crate::error::Fault;
use http::{Method, Request, Response};
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tower_service::Service;

pin_project! {
    /// A request that goes straight to the origin, past what is stored.
    pub(super) struct Through<S, B, F> {
        cache: Arc<Inner>,
        why: &'static str,
        // Where the request is unsafe: what it may change (RFC 9111, 4.4).
        changes: Option<String>,
        origin: S,
        request: Option<Request<B>>,
        #[pin]
        call: Option<F>,
    }
}

impl<S, B> Through<S, B, S::Future>
where
    S: Service<Request<B>>,
{
    pub(super) fn new(cache: Arc<Inner>, origin: S, request: Request<B>, why: &'static str) -> Self {
        let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE);
        let address = || Address::of(request.uri(), request.headers());
        let changes = if safe { None } else { address().map(|address| address.to_string()) };
        Self { cache, why, changes, origin, request: Some(request), call: None }
    }
}

impl<S, B, R> Future for Through<S, B, S::Future>
where
    S: Service<Request<B>, Response = Response<R>, Error: Fault + Into<BoxError>>,
{
    type Output = Answer<R>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer<R>> {
        let mut this = self.project();
        if let Some(request) = this.request.take() {
            match this.origin.poll_ready(cx) {
                Poll::Pending => {
                    *this.request = Some(request);
                    return Poll::Pending;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(refused(failed(error)))),
                Poll::Ready(Ok(())) => this.call.set(Some(this.origin.call(request))),
            }
        }
        // Polled after its end, it has nothing more to say.
        let Some(call) = this.call.as_mut().as_pin_mut() else { return Poll::Pending };
        let mut response = match ready!(call.poll(cx)) {
            Ok(response) => response,
            Err(error) => return Poll::Ready(Err(refused(failed(error)))),
        };
        this.call.set(None);
        let status = response.status();
        if let Some(address) = this.changes.take().filter(|_| status.is_success() || status.is_redirection())
        {
            this.cache.changed(&address, response.headers());
        }
        strip(response.headers_mut());
        note(response.headers_mut(), &format!("seawall; fwd={}; fwd-status={}", this.why, status.as_u16()));
        Poll::Ready(Ok(response.map(CacheBody::own)))
    }
}
