use super::Terms;
use super::watch::Watch;
use crate::error::{Fault, TimedOut};
use crate::telemetry::{Kind, What};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// The answer of a [`TimeoutService`](super::TimeoutService), or of a direct call.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, P> {
        // `None` once given up on.
        #[pin]
        inner: Option<F>,
        #[pin]
        watch: Watch,
        terms: P,
    }
}

impl<F, P> ResponseFuture<F, P> {
    #[inline]
    pub(super) const fn new(inner: F, limit: u64, terms: P) -> Self {
        Self { inner: Some(inner), watch: Watch::new(limit), terms }
    }
}

impl<F, P, L, T, E> Future for ResponseFuture<F, P>
where
    F: Future<Output = Result<T, E>>,
    E: Fault,
    P: Deref<Target = Terms<L>>,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(inner) = this.inner.as_mut().as_pin_mut() else {
            return Poll::Pending; // polled after its end
        };
        // An answer that is there wins, even at the very instant.
        if let Poll::Ready(result) = inner.poll(cx) {
            return Poll::Ready(result);
        }
        let after = ready!(this.watch.poll_up(cx));
        // What the call holds is back before the caller goes on.
        this.inner.set(None);
        this.terms.telemetry.tell(Kind::Timeout, What::TimedOut { after });
        Poll::Ready(Err(E::from(TimedOut::new(this.terms.telemetry.name(), after))))
    }
}

impl<F, P> fmt::Debug for ResponseFuture<F, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").field("watch", &self.watch).finish_non_exhaustive()
    }
}
