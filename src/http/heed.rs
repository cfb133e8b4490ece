use super::mark::Mark;
use super::{Status, quota_left};
use crate::class::Class;
use crate::rate_limit::{Algorithm, Heeding, RateLimiter, TokenBucket};
use http::{HeaderMap, Response, StatusCode};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tower_layer::Layer;
use tower_service::Service;

impl<A: Algorithm> RateLimiter<Heeding<A>> {
    /// Heeds what an answer says of the server's own limit: `Retry-After` and gRPC's pushback where it turned the call away,
    /// and what is [left](quota_left) of its quota.
    ///
    /// ```
    /// use http::{HeaderMap, StatusCode};
    /// use seawall::RateLimiter;
    /// use seawall::rate_limit::{Heeding, Quota, TokenBucket};
    ///
    /// let limiter = RateLimiter::with("github", Heeding::new(TokenBucket::new(Quota::unlimited())));
    /// let mut headers = HeaderMap::new();
    /// headers.insert("x-ratelimit-remaining", 1.into());
    /// headers.insert("x-ratelimit-reset", 60.into());
    /// limiter.heed_answer(StatusCode::OK, &headers);
    /// assert!(limiter.check().is_ok());
    /// assert!(limiter.check().is_err());
    /// ```
    pub fn heed_answer(&self, status: StatusCode, headers: &HeaderMap) {
        if let Class::Overload(Some(wait)) = Status::new().of(status, headers) {
            self.heed_retry_after(wait);
        }
        if let Some(left) = quota_left(headers) {
            self.heed_remaining(left.remaining(), left.reset_after());
        }
    }
}

/// Lets a limit on the client's side learn from the answers that pass.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use http::{Request, Response};
/// use seawall::http::Heed;
/// use seawall::rate_limit::{Heeding, Quota, TokenBucket};
/// use seawall::{LiftLayer, RateLimiter, Reason};
/// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
///
/// let limiter = RateLimiter::with("github", Heeding::new(TokenBucket::new(Quota::unlimited())));
/// let mut github = ServiceBuilder::new()
///     .layer(limiter.layer())
///     .layer(LiftLayer)
///     .layer(Heed::new(&limiter))
///     .service(service_fn(|_: Request<()>| async {
///         Ok::<_, std::io::Error>(Response::builder().status(429).header("retry-after", 7).body(()).unwrap())
///     }));
///
/// assert_eq!(github.ready().await.unwrap().call(Request::new(())).await.unwrap().status(), 429);
/// // The next is not even sent.
/// let refused = github.ready().await.unwrap().call(Request::new(())).await.unwrap_err();
/// assert_eq!(refused.rejected().map(|rejected| rejected.reason()), Some(Reason::RateLimited));
/// # }
/// ```
///
/// # Order
///
/// Innermost, inside the limiter's own layer and inside retries: each attempt's answer is heeded.
pub struct Heed<A: Algorithm = TokenBucket> {
    limiter: RateLimiter<Heeding<A>>,
}

impl<A: Algorithm> Heed<A> {
    /// Tells `limiter` what the answers say.
    ///
    /// ```
    /// use seawall::{RateLimiter, http::Heed, rate_limit::{Heeding, Quota, TokenBucket}};
    /// let limiter = RateLimiter::with("github", Heeding::new(TokenBucket::new(Quota::per_second(50))));
    /// let layer = Heed::new(&limiter);
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn new(limiter: &RateLimiter<Heeding<A>>) -> Self {
        Self { limiter: limiter.clone() }
    }
}

impl<S, A: Algorithm> Layer<S> for Heed<A> {
    type Service = HeedService<S, A>;

    fn layer(&self, inner: S) -> Self::Service {
        HeedService { inner, limiter: self.limiter.clone() }
    }
}

/// A service whose answers a limiter heeds; made by [`Heed`].
pub struct HeedService<S, A: Algorithm = TokenBucket> {
    inner: S,
    limiter: RateLimiter<Heeding<A>>,
}

impl<S, A, Req, B> Service<Req> for HeedService<S, A>
where
    S: Service<Req, Response = Response<B>>,
    A: Algorithm,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = HeedFuture<S::Future, A>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        HeedFuture { inner: self.inner.call(request), limiter: self.limiter.clone() }
    }
}

pin_project! {
    /// The answer of a [`HeedService`].
    #[must_use = "futures do nothing unless polled"]
    pub struct HeedFuture<F, A: Algorithm = TokenBucket> {
        #[pin]
        inner: F,
        limiter: RateLimiter<Heeding<A>>,
    }
}

impl<F, A, B, E> Future for HeedFuture<F, A>
where
    F: Future<Output = Result<Response<B>, E>>,
    A: Algorithm,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = ready!(this.inner.poll(cx));
        // A refusal of this process's own is not the server's word.
        if let Ok(answer) = &answer
            && answer.extensions().get::<Mark>().is_none()
        {
            this.limiter.heed_answer(answer.status(), answer.headers());
        }
        Poll::Ready(answer)
    }
}

impl<A: Algorithm> Clone for Heed<A> {
    fn clone(&self) -> Self {
        Self { limiter: self.limiter.clone() }
    }
}

impl<S: Clone, A: Algorithm> Clone for HeedService<S, A> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), limiter: self.limiter.clone() }
    }
}

impl<A: Algorithm> fmt::Debug for Heed<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heed").field("limiter", &self.limiter).finish()
    }
}

impl<S: fmt::Debug, A: Algorithm> fmt::Debug for HeedService<S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeedService").field("inner", &self.inner).field("limiter", &self.limiter).finish()
    }
}

impl<F, A: Algorithm> fmt::Debug for HeedFuture<F, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeedFuture").finish_non_exhaustive()
    }
}
