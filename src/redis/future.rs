use super::grant::Grant;
use crate::error::{Fault, Rejected, Seen};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tower_service::Service;

// The client library boxes each command anyway; an answer that needs no trip has none.
pub(super) type Trip = Pin<Box<dyn Future<Output = Result<Grant, Rejected>> + Send>>;

pin_project! {
    /// The answer of a service behind a [`SharedRateLimiter`](super::SharedRateLimiter).
    ///
    /// Dropped during the trip, the permit may or may not have been taken; dropped later, it is spent.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, Req>
    where
        S: Service<Req>,
    {
        #[pin]
        state: State<S, Req, S::Future, S::Response, S::Error>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, Req, F, T, E> {
        Asking { trip: Trip, parts: Option<(S, Req)> },
        Readying { inner: S, request: Option<Req>, grant: Option<Grant> },
        // The inner future before the grant, as everywhere.
        Called { #[pin] inner: F, grant: Option<Grant> },
        // Never handed over: the permit goes back to the store before the answer goes out.
        Releasing { giving: Pin<Box<dyn Future<Output = ()> + Send>>, result: Option<Result<T, E>> },
        Refused { rejected: Rejected },
        Done,
    }
}

impl<S: Service<Req>, Req> ResponseFuture<S, Req> {
    pub(super) const fn granted(inner: S, request: Req, grant: Grant) -> Self {
        Self { state: State::Readying { inner, request: Some(request), grant: Some(grant) } }
    }

    pub(super) const fn asking(inner: S, request: Req, trip: Trip) -> Self {
        Self { state: State::Asking { trip, parts: Some((inner, request)) } }
    }

    pub(super) const fn refused(rejected: Rejected) -> Self {
        Self { state: State::Refused { rejected } }
    }
}

impl<S, Req> Future for ResponseFuture<S, Req>
where
    S: Service<Req>,
    S::Error: Fault,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            match state.as_mut().project() {
                StateProj::Asking { trip, parts } => {
                    let answer = ready!(trip.as_mut().poll(cx));
                    let parts = parts.take();
                    state.set(match (answer, parts) {
                        (Ok(grant), Some((inner, request))) => {
                            State::Readying { inner, request: Some(request), grant: Some(grant) }
                        }
                        (Ok(_), None) => State::Done,
                        (Err(rejected), _) => State::Refused { rejected },
                    });
                }
                StateProj::Readying { inner, request, grant } => {
                    if let Err(error) = ready!(inner.poll_ready(cx)) {
                        let grant = grant.take();
                        state.set(never_handed_over(grant, Err(error)));
                        continue;
                    }
                    let Some(request) = request.take() else { return Poll::Pending };
                    let grant = grant.take();
                    let inner = inner.call(request);
                    state.set(State::Called { inner, grant });
                }
                StateProj::Called { inner, grant } => {
                    let result = ready!(inner.poll(cx));
                    let refused = matches!(&result, Err(error) if matches!(error.see(), Seen::Rejected(_)));
                    let grant = grant.take();
                    if !refused {
                        state.set(State::Done);
                        return Poll::Ready(result);
                    }
                    state.set(never_handed_over(grant, result));
                }
                StateProj::Releasing { giving, result } => {
                    ready!(giving.as_mut().poll(cx));
                    let Some(result) = result.take() else { return Poll::Pending };
                    state.set(State::Done);
                    return Poll::Ready(result);
                }
                StateProj::Refused { rejected } => return Poll::Ready(Err(S::Error::from(*rejected))),
                StateProj::Done => return Poll::Pending, // polled after its end
            }
        }
    }
}

fn never_handed_over<S, Req, F, T, E>(grant: Option<Grant>, result: Result<T, E>) -> State<S, Req, F, T, E> {
    let giving: Pin<Box<dyn Future<Output = ()> + Send>> = match grant {
        Some(grant) => Box::pin(grant.release()),
        None => Box::pin(std::future::ready(())),
    };
    State::Releasing { giving, result: Some(result) }
}

impl<S: Service<Req>, Req> fmt::Debug for ResponseFuture<S, Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
