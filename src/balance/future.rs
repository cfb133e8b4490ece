use super::look::{Look, Spare, ask};
use super::service::Shared;
use super::ticket::Ticket;
use super::tried::Passed;
use crate::class::Classify;
use crate::clock::Timer;
use crate::error::{Fault, Rejected};
use crate::gate::verdict;
use crate::time::Instant;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tower_service::Service;

pin_project! {
    /// The answer of a [`Balance`](super::Balance).
    ///
    /// Dropped before it is there, the ticket is abandoned; dropped before the endpoint was ready, its clone
    /// goes unused.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, Req, C, L, R>
    where
        S: Service<Req>,
    {
        #[pin]
        state: State<S::Future, S, Req>,
        #[pin]
        patience: Timer,
        passed: Passed,
        unready: u8,
        shared: Arc<Shared<S, C, L, R>>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, S, Req> {
        Readying { service: S, ticket: Option<Ticket<S>>, request: Option<Req> },
        // The inner future before the ticket: what it holds goes first, the slot last.
        Called { #[pin] inner: F, ticket: Option<Ticket<S>>, spare: Option<Req> },
        Refused { rejected: Rejected },
        Done,
    }
}

/// After so many endpoints that failed to become ready, the last one's error is the answer.
const UNREADY: u8 = 3;

impl<F, S: Clone, Req> State<F, S, Req> {
    #[inline]
    fn readying(ticket: Ticket<S>, request: Req) -> Self {
        Self::Readying { service: ticket.service().clone(), ticket: Some(ticket), request: Some(request) }
    }
}

impl<S, Req, C, L, R> ResponseFuture<S, Req, C, L, R>
where
    S: Service<Req> + Clone,
    L: Look<Req>,
{
    #[inline]
    pub(super) fn new(shared: Arc<Shared<S, C, L, R>>, request: Req) -> Self {
        let passed = Passed::default();
        let state = match shared.pool.pick_beyond(&ask(&shared.look, &request), &passed) {
            Ok(ticket) => State::readying(ticket, request),
            Err(rejected) => {
                shared.pool.refused(&rejected);
                State::Refused { rejected }
            }
        };
        Self { state, patience: Timer::unarmed(), passed, unready: 0, shared }
    }
}

impl<S, Req, C, L, R> Future for ResponseFuture<S, Req, C, L, R>
where
    S: Service<Req> + Clone,
    S::Error: Fault,
    C: Classify<S::Response, <S::Error as Fault>::Inner>,
    L: Look<Req>,
    R: Spare<Req>,
{
    type Output = Result<S::Response, S::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let shared = &**this.shared;
        loop {
            match this.state.as_mut().project() {
                StateProj::Readying { service, ticket: slot, request: held } => {
                    // In locals, so that a panic in the service abandons the ticket at once.
                    let (Some(mut ticket), Some(request)) = (slot.take(), held.take()) else {
                        return Poll::Pending; // polled after a panic
                    };
                    if ticket.is_gone() {
                        this.passed.add(ticket.serial());
                        ticket.release();
                        let state = match shared.pool.pick_beyond(&ask(&shared.look, &request), this.passed) {
                            Ok(next) => State::readying(next, request),
                            Err(rejected) => {
                                shared.pool.refused(&rejected);
                                State::Refused { rejected }
                            }
                        };
                        this.state.set(state);
                        continue;
                    }
                    match service.poll_ready(cx) {
                        Poll::Ready(Ok(())) => {
                            ticket.became_ready();
                            let spare = shared.spare.spare(&request);
                            let inner = service.call(request);
                            this.patience.as_mut().disarm();
                            this.state.set(State::Called { inner, ticket: Some(ticket), spare });
                        }
                        Poll::Ready(Err(error)) => {
                            this.passed.add(ticket.serial());
                            ticket.unready();
                            *this.unready += 1;
                            let next = if *this.unready < UNREADY {
                                shared.pool.pick_beyond(&ask(&shared.look, &request), this.passed).ok()
                            } else {
                                None
                            };
                            let Some(next) = next else {
                                this.state.set(State::Done);
                                return Poll::Ready(Err(error));
                            };
                            this.patience.as_mut().disarm();
                            this.state.set(State::readying(next, request));
                        }
                        Poll::Pending => {
                            if !this.patience.is_armed() {
                                this.patience.as_mut().arm(Instant::now() + shared.patience);
                            }
                            if this.patience.as_mut().poll_fired(cx).is_pending() {
                                (*slot, *held) = (Some(ticket), Some(request));
                                return Poll::Pending;
                            }
                            this.patience.as_mut().disarm();
                            let mut beyond = *this.passed;
                            beyond.add(ticket.serial());
                            match shared.pool.pick_beyond(&ask(&shared.look, &request), &beyond) {
                                Ok(next) => {
                                    *this.passed = beyond;
                                    ticket.release();
                                    this.state.set(State::readying(next, request));
                                }
                                // Nobody else: on with this one, and another look later.
                                Err(_) => (*slot, *held) = (Some(ticket), Some(request)),
                            }
                        }
                    }
                }
                StateProj::Called { inner, ticket, spare } => {
                    let result = ready!(inner.poll(cx));
                    if let Some(ticket) = ticket.take() {
                        if let Some(class) = verdict(&shared.classifier, &result) {
                            ticket.settle(class);
                        } else {
                            // Its own gate refused: nothing was handed over.
                            let serial = ticket.serial();
                            ticket.release();
                            if let Some(request) = spare.take()
                                && !this.passed.is_full()
                            {
                                this.passed.add(serial);
                                let ask = ask(&shared.look, &request);
                                if let Ok(next) = shared.pool.pick_beyond(&ask, this.passed) {
                                    this.state.set(State::readying(next, request));
                                    continue;
                                }
                            }
                        }
                    }
                    this.state.set(State::Done);
                    return Poll::Ready(result);
                }
                StateProj::Refused { rejected } => {
                    let rejected = *rejected;
                    this.state.set(State::Done);
                    return Poll::Ready(Err(S::Error::from(rejected)));
                }
                StateProj::Done => return Poll::Pending, // polled after its end
            }
        }
    }
}

impl<S: Service<Req>, Req, C, L, R> fmt::Debug for ResponseFuture<S, Req, C, L, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
