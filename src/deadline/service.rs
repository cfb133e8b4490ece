use super::{Deadlines, Due, ResponseFuture, Terms};
use crate::error::Fault;
use crate::gate::Now;
use std::ops::Deref;
use std::task::{Context, Poll};
use tower_service::Service;

/// A service whose requests have a deadline; made by [`DeadlineLayer`](super::DeadlineLayer).
#[derive(Clone, Debug)]
pub struct DeadlineService<S, P> {
    inner: S,
    terms: P,
}

impl<S, P> DeadlineService<S, P> {
    pub(super) const fn new(inner: S, terms: P) -> Self {
        Self { inner, terms }
    }
}

impl<S, D> DeadlineService<S, &'static Terms<D>> {
    /// A service over a handle that lives for ever: a call touches no count.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::{Lift, deadline::{DeadlineService, Deadlines}};
    /// use std::sync::LazyLock;
    /// use std::time::Duration;
    /// use tower::{ServiceExt, service_fn};
    ///
    /// static DEADLINES: LazyLock<Deadlines> =
    ///     LazyLock::new(|| Deadlines::within("api", Duration::from_secs(1)));
    ///
    /// let service = DeadlineService::fixed(Lift::new(service_fn(|()| async { Ok::<_, ()>(1) })), &DEADLINES);
    /// assert_eq!(service.oneshot(()).await, Ok(1));
    /// # }
    /// ```
    pub fn fixed(inner: S, deadlines: &'static Deadlines<D>) -> Self {
        Self::new(inner, deadlines.terms())
    }
}

impl<S, P, D, Req> Service<Req> for DeadlineService<S, P>
where
    S: Service<Req>,
    S::Error: Fault,
    P: Deref<Target = Terms<D>> + Clone,
    D: Due<Req>,
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
        let terms = self.terms.clone();
        let mut now = Now::lazy();
        let due = terms.due(&request, &mut now);
        ResponseFuture::called(terms, due, now, || self.inner.call(request))
    }
}
