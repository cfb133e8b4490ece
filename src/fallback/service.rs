use super::{Fallback, Instead, ResponseFuture, Terms};
use crate::class::Classify;
use crate::error::Fault;
use std::ops::Deref;
use std::task::{Context, Poll};
use tower_service::Service;

/// A service whose failures are replaced; made by [`FallbackLayer`](super::FallbackLayer).
///
/// An error of the inner service's readiness passes: there is no call yet whose outcome could be replaced.
#[derive(Clone, Debug)]
pub struct FallbackService<S, P> {
    inner: S,
    terms: P,
}

impl<S, P> FallbackService<S, P> {
    pub(super) const fn new(inner: S, terms: P) -> Self {
        Self { inner, terms }
    }
}

impl<S, I, C> FallbackService<S, &'static Terms<I, C>> {
    /// A service over a fallback that lives for ever: a call touches no count.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::fallback::{FallbackService, Value};
    /// use seawall::{Fallback, Lift};
    /// use std::sync::LazyLock;
    /// use tower::{ServiceExt, service_fn};
    ///
    /// static ZERO: LazyLock<Fallback<Value<fn() -> i32>>> =
    ///     LazyLock::new(|| Fallback::value("prices", || 0));
    ///
    /// let inner = Lift::new(service_fn(|()| async { Err::<i32, _>("down") }));
    /// assert_eq!(FallbackService::fixed(inner, &ZERO).oneshot(()).await, Ok(0));
    /// # }
    /// ```
    pub fn fixed(inner: S, fallback: &'static Fallback<I, C>) -> Self {
        Self::new(inner, fallback.terms())
    }
}

impl<S, P, I, C, Req> Service<Req> for FallbackService<S, P>
where
    S: Service<Req>,
    S::Error: Fault,
    P: Deref<Target = Terms<I, C>> + Clone,
    I: Instead<Req, S::Response, S::Error>,
    C: Classify<S::Response, <S::Error as Fault>::Inner>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, P, I, Req, S::Response, S::Error>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        let kept = self.terms.keep(&request);
        ResponseFuture::new(self.inner.call(request), kept, self.terms.clone())
    }
}
