use super::body::{BoxError, CacheBody};
use super::directives::Directives;
use super::future::ResponseFuture;
use super::handle::Inner;
use super::key::Address;
use super::stored::{Failed, OriginError};
use super::through::Through;
use super::visit::Visit;
use crate::error::{Error, Fault};
use crate::time::Instant;
use bytes::Bytes;
use http::header::{IF_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE};
use http::{Method, Request, Response};
use http_body::Body;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_service::Service;

/// A service behind an [`HttpCache`](super::HttpCache).
#[derive(Clone)]
pub struct HttpCacheService<S> {
    cache: Arc<Inner>,
    inner: S,
}

impl<S> HttpCacheService<S> {
    pub(super) const fn new(cache: Arc<Inner>, inner: S) -> Self {
        Self { cache, inner }
    }
}

pub(super) type Answer<R> = Result<Response<CacheBody<R>>, Error<OriginError>>;

impl<S, B, R> Service<Request<B>> for HttpCacheService<S>
where
    S: Service<Request<B>, Response = Response<R>, Error: Fault + Into<BoxError>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    B: Body + Default + Send + 'static,
    R: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<CacheBody<R>>;
    type Error = Error<OriginError>;
    type Future = ResponseFuture<S, B, R, S::Future>;

    /// Always ready: a hit needs no origin.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (cache, origin) = (Arc::clone(&self.cache), self.inner.clone());
        let address = Address::of(request.uri(), request.headers());
        let (Some(address), None) = (address, around(&request)) else {
            let why = around(&request).unwrap_or("bypass");
            return ResponseFuture::through(Through::new(cache, origin, request, why));
        };
        let primary = address.key(cache.seed);
        let (parts, _) = request.into_parts();
        let mut asked = Directives::of(&parts.headers);
        if cache.config.ignore_reloads {
            (asked.no_cache, asked.max_age, asked.min_fresh) = (false, None, None);
        }
        let visit = Visit { primary, cache, parts, asked };
        match visit.hit(Instant::now()) {
            Some(response) => ResponseFuture::ready(response),
            None => ResponseFuture::coming(visit.miss(origin)),
        }
    }
}

/// Why a request is not for a cache, if it is not.
fn around<B: Body>(request: &Request<B>) -> Option<&'static str> {
    let headers = request.headers();
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        Some("method")
    } else if [RANGE, IF_RANGE, IF_MATCH, IF_UNMODIFIED_SINCE].iter().any(|name| headers.contains_key(name))
        || !request.body().is_end_stream()
    {
        Some("bypass")
    } else if Directives::of(headers).no_store {
        Some("request")
    } else {
        None
    }
}

pub(super) fn refused(failed: Failed) -> Error<OriginError> {
    match failed {
        Failed::Rejected(rejected) => Error::Rejected(rejected),
        Failed::TimedOut(timed_out) => Error::TimedOut(timed_out),
        Failed::Error(error) => Error::Inner(error),
        // Only where a stale answer stands in for it.
        Failed::Status => {
            Error::Inner(OriginError(Arc::from(BoxError::from("the origin answered with an error"))))
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for HttpCacheService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpCacheService").field("inner", &self.inner).finish_non_exhaustive()
    }
}
