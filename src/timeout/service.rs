use super::{Limits, ResponseFuture, Terms, Timeout};
use crate::error::Fault;
use std::ops::Deref;
use std::task::{Context, Poll};
use tower_service::Service;

/// A service whose calls have so much time; made by [`TimeoutLayer`](super::TimeoutLayer).
#[derive(Clone, Debug)]
pub struct TimeoutService<S, P> {
    inner: S,
    terms: P,
}

impl<S, P> TimeoutService<S, P> {
    pub(super) const fn new(inner: S, terms: P) -> Self {
        Self { inner, terms }
    }
}

impl<S, L> TimeoutService<S, &'static Terms<L>> {
    /// A service over a timeout that lives for ever: a call touches no count.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::{Lift, Timeout, timeout::TimeoutService};
    /// use std::sync::LazyLock;
    /// use std::time::Duration;
    /// use tower::{ServiceExt, service_fn};
    ///
    /// static TIMEOUT: LazyLock<Timeout> =
    ///     LazyLock::new(|| Timeout::new("payments", Duration::from_secs(2)));
    ///
    /// let service = TimeoutService::fixed(Lift::new(service_fn(|()| async { Ok::<_, ()>(1) })), &TIMEOUT);
    /// assert_eq!(service.oneshot(()).await, Ok(1));
    /// # }
    /// ```
    pub fn fixed(inner: S, timeout: &'static Timeout<L>) -> Self {
        Self::new(inner, timeout.terms())
    }
}

impl<S, P, L, Req> Service<Req> for TimeoutService<S, P>
where
    S: Service<Req>,
    S::Error: Fault,
    P: Deref<Target = Terms<L>> + Clone,
    L: Limits<Req>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, P>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        let limit = self.terms.limits.nanos(&request);
        ResponseFuture::new(self.inner.call(request), limit, self.terms.clone())
    }
}
