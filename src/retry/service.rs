use super::{Replay, ResponseFuture, Retry, Spare, Terms};
use crate::class::Classify;
use crate::error::Fault;
use std::ops::Deref;
use std::task::{Context, Poll};
use tower_service::Service;

/// A service whose failed calls are made again; made by [`RetryLayer`](super::RetryLayer).
///
/// The instance that was made ready makes the first attempt, and stays with the call for the later ones: it is
/// made ready for each of them after its wait. A call that cannot be repeated clones nothing.
#[derive(Clone, Debug)]
pub struct RetryService<S, P, R> {
    inner: S,
    terms: P,
    replay: R,
}

impl<S, P, R> RetryService<S, P, R> {
    pub(super) const fn new(inner: S, terms: P, replay: R) -> Self {
        Self { inner, terms, replay }
    }
}

impl<S, C, R: Clone> RetryService<S, &'static Terms<C>, R> {
    /// A service over a retry that lives for ever: a call touches no count.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::Lift;
    /// use seawall::retry::{Plan, Retry, RetryService};
    /// use std::sync::LazyLock;
    /// use tower::{ServiceExt, service_fn};
    ///
    /// static RETRY: LazyLock<Retry> = LazyLock::new(|| Retry::new("payments", Plan::new()));
    ///
    /// let service = RetryService::fixed(Lift::new(service_fn(|()| async { Ok::<_, ()>(1) })), &RETRY);
    /// assert_eq!(service.oneshot(()).await, Ok(1));
    /// # }
    /// ```
    pub fn fixed(inner: S, retry: &'static Retry<C, R>) -> Self {
        let (terms, replay) = retry.parts();
        Self::new(inner, terms, replay.clone())
    }
}

impl<S, P, C, R, Req> Service<Req> for RetryService<S, P, R>
where
    S: Service<Req> + Clone,
    S::Error: Fault,
    P: Deref<Target = Terms<C>> + Clone,
    C: Classify<S::Response, <S::Error as Fault>::Inner>,
    R: Replay<Req, S::Response, <S::Error as Fault>::Inner> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, Req, P, R>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        let (call, spare) = Spare::first(&self.terms.rules, &self.replay, &mut self.inner, request);
        ResponseFuture::called(call, spare, self.terms.clone(), self.replay.clone())
    }
}
