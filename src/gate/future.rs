use super::{Classified, Gate, Now, Permit};
use crate::class::{Class, Classify};
use crate::error::{Fault, Rejected, Seen};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// The answer of a [`Gated`](super::Gated) service.
    ///
    /// Dropped before it is there, the permit is abandoned.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, P>
    where
        P: Gate,
    {
        #[pin]
        state: State<F, P>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, P>
    where
        P: Gate,
    {
        // The inner future before the permit: what it holds goes first, the slot last.
        Called { #[pin] inner: F, permit: Option<Permit<P>> },
        Refused { rejected: Rejected },
    }
}

impl<F, P: Gate> ResponseFuture<F, P> {
    #[inline]
    pub(super) const fn called(inner: F, permit: Permit<P>) -> Self {
        Self { state: State::Called { inner, permit: Some(permit) } }
    }

    #[inline]
    pub(super) const fn refused(rejected: Rejected) -> Self {
        Self { state: State::Refused { rejected } }
    }
}

impl<F, P, G, C, T, E> Future for ResponseFuture<F, P>
where
    F: Future<Output = Result<T, E>>,
    E: Fault,
    P: Deref<Target = Classified<G, C>> + Gate,
    C: Classify<T, E::Inner>,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProj::Called { inner, permit } => {
                let result = ready!(inner.poll(cx));
                // Into a local, so that a classifier that panics abandons the permit at once.
                if let Some(permit) = permit.take() {
                    end(permit, &result);
                }
                Poll::Ready(result)
            }
            StateProj::Refused { rejected } => Poll::Ready(Err(E::from(*rejected))),
        }
    }
}

/// Ends a permit by how its call went: a refusal from further in means that nothing was handed over.
#[inline]
pub(super) fn end<P, G, C, T, E>(permit: Permit<P>, result: &Result<T, E>)
where
    E: Fault,
    P: Deref<Target = Classified<G, C>> + Gate,
    C: Classify<T, E::Inner>,
{
    match verdict(permit.gate().classifier(), result) {
        Some(class) => permit.settle_with(class, &mut Now::lazy()),
        None => permit.release(),
    }
}

/// What a result says about the peer; `None` if it was never handed over.
#[inline]
pub(crate) fn verdict<C, T, E>(classifier: &C, result: &Result<T, E>) -> Option<Class>
where
    E: Fault,
    C: Classify<T, E::Inner>,
{
    Some(match result {
        Ok(answer) => classifier.classify(Ok(answer)),
        Err(fault) => match fault.see() {
            Seen::Rejected(_) => return None,
            Seen::TimedOut(_) => classifier.timed_out(),
            Seen::Inner(error) => classifier.classify(Err(error)),
        },
    })
}

impl<F, P: Gate> fmt::Debug for ResponseFuture<F, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
