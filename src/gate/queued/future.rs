use super::waiting::Waiting;
use crate::class::Classify;
use crate::clock::Timer;
use crate::error::{Fault, Rejected};
use crate::gate::future::end;
use crate::gate::{Admit, Classified, Gate, Now, Permit};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tower_service::Service;

type Shared<G, C> = Arc<Classified<G, C>>;

pin_project! {
    /// The answer of a [`QueuedService`](super::QueuedService).
    ///
    /// Dropped while waiting, it leaves its place; dropped later, the permit is abandoned.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, Req, G, C>
    where
        S: Service<Req>,
        G: Gate,
    {
        #[pin]
        state: State<S, Req, S::Future, G, C>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, Req, F, G, C>
    where
        G: Gate,
    {
        Waiting {
            waiting: Waiting,
            #[pin]
            timer: Timer,
            gate: Shared<G, C>,
            parts: Option<(S, Req)>,
        },
        Readying { inner: S, request: Option<Req>, permit: Option<Permit<Shared<G, C>>> },
        // The inner future before the permit: what it holds goes first, the slot last.
        Called { #[pin] inner: F, permit: Option<Permit<Shared<G, C>>> },
        Refused { rejected: Rejected },
        Done,
    }
}

impl<S: Service<Req>, Req, G: Gate, C> ResponseFuture<S, Req, G, C> {
    #[inline]
    pub(super) const fn admitted(inner: S, request: Req, permit: Permit<Shared<G, C>>) -> Self {
        Self { state: State::Readying { inner, request: Some(request), permit: Some(permit) } }
    }

    pub(super) const fn waiting(inner: S, request: Req, gate: Shared<G, C>, waiting: Waiting) -> Self {
        let timer = Timer::unarmed();
        Self { state: State::Waiting { waiting, timer, gate, parts: Some((inner, request)) } }
    }

    pub(super) const fn refused(rejected: Rejected) -> Self {
        Self { state: State::Refused { rejected } }
    }
}

impl<S, Req, G, C> Future for ResponseFuture<S, Req, G, C>
where
    S: Service<Req>,
    S::Error: Fault,
    G: Admit<Req>,
    C: Classify<S::Response, <S::Error as Fault>::Inner>,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            match state.as_mut().project() {
                StateProj::Waiting { waiting, timer, gate, parts } => {
                    let Some((_, request)) = parts else { return Poll::Pending };
                    let outcome = ready!(waiting.poll(&gate.gate, request, timer, cx, Now::lazy()));
                    // The permit before the place: leaving wakes the next, and wakers are the runtime's code.
                    let outcome = outcome.map(|pass| Permit::new(Arc::clone(gate), pass));
                    let parts = parts.take();
                    state.set(match (outcome, parts) {
                        (Ok(permit), Some((inner, request))) => {
                            State::Readying { inner, request: Some(request), permit: Some(permit) }
                        }
                        (Ok(_), None) => State::Done,
                        (Err(rejected), _) => State::Refused { rejected },
                    });
                }
                StateProj::Readying { inner, request, permit } => {
                    match ready!(inner.poll_ready(cx)) {
                        Ok(()) => {}
                        Err(error) => {
                            // Never handed over.
                            if let Some(permit) = permit.take() {
                                permit.release();
                            }
                            state.set(State::Done);
                            return Poll::Ready(Err(error));
                        }
                    }
                    let Some(request) = request.take() else { return Poll::Pending };
                    let permit = permit.take();
                    let inner = inner.call(request);
                    state.set(State::Called { inner, permit });
                }
                StateProj::Called { inner, permit } => {
                    let result = ready!(inner.poll(cx));
                    // Into a local, so that a classifier that panics abandons the permit at once.
                    if let Some(permit) = permit.take() {
                        end(permit, &result);
                    }
                    return Poll::Ready(result);
                }
                StateProj::Refused { rejected } => return Poll::Ready(Err(S::Error::from(*rejected))),
                StateProj::Done => return Poll::Pending, // polled after its end
            }
        }
    }
}

impl<S: Service<Req>, Req, G: Gate, C> fmt::Debug for ResponseFuture<S, Req, G, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
