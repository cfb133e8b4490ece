use super::Terms;
use super::scope::Entered;
use crate::clock::Timer;
use crate::error::Fault;
use crate::gate::Now;
use crate::time::Instant;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// The answer of a [`DeadlineService`](super::DeadlineService), or of a direct call.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, P> {
        // `None` if refused, or once given up on.
        #[pin]
        inner: Option<F>,
        #[pin]
        timer: Timer,
        // Of a call without a deadline both are `MAX`.
        begun: Instant,
        due: Instant,
        terms: P,
    }
}

impl<F, P, D> ResponseFuture<F, P>
where
    P: Deref<Target = Terms<D>>,
{
    /// Makes the call, with the deadline in force, unless it is over.
    #[inline]
    pub(super) fn called(terms: P, due: Instant, mut now: Now, call: impl FnOnce() -> F) -> Self {
        let begun = if due < Instant::MAX { now.get() } else { Instant::MAX };
        let inner = if begun < due || due == Instant::MAX {
            let _entered = Entered::new(due);
            Some(call())
        } else {
            None
        };
        Self { inner, timer: Timer::unarmed(), begun, due, terms }
    }
}

impl<F, P, D, T, E> Future for ResponseFuture<F, P>
where
    F: Future<Output = Result<T, E>>,
    E: Fault,
    P: Deref<Target = Terms<D>>,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(inner) = this.inner.as_mut().as_pin_mut() else {
            // Asked again after its end, it has nothing to say.
            return if std::mem::replace(this.begun, Instant::MAX) == Instant::MAX {
                Poll::Pending
            } else {
                Poll::Ready(Err(E::from(this.terms.refuse())))
            };
        };
        let answer = {
            let _entered = Entered::new(*this.due);
            inner.poll(cx)
        };
        if answer.is_ready() || *this.due == Instant::MAX {
            return answer;
        }
        if !this.timer.is_armed() {
            this.timer.as_mut().arm(*this.due);
        }
        ready!(this.timer.poll_fired(cx));
        // What the call holds is back before the caller goes on.
        this.inner.set(None);
        let begun = std::mem::replace(this.begun, Instant::MAX);
        Poll::Ready(Err(E::from(this.terms.give_up(*this.due - begun))))
    }
}

impl<F, P> fmt::Debug for ResponseFuture<F, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").field("due", &self.due).finish_non_exhaustive()
    }
}
