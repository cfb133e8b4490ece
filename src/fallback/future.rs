use super::{Instead, Terms, Turn, Why};
use crate::class::Classify;
use crate::error::{Fault, Seen};
use crate::telemetry::{Kind, What};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// The answer of a [`FallbackService`](super::FallbackService), or of a direct call.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, P, I, Req, T, E>
    where
        I: Instead<Req, T, E>,
    {
        #[pin]
        stage: Stage<F, I::Future>,
        // `None` while switched off, and once used.
        kept: Option<I::Kept>,
        // What the standing call may have to give way to.
        outcome: Option<Result<T, E>>,
        terms: P,
    }
}

pin_project! {
    #[project = StageProj]
    enum Stage<F, G> {
        Calling { #[pin] call: F },
        Standing { #[pin] call: G },
    }
}

impl<F, P, I: Instead<Req, T, E>, Req, T, E> ResponseFuture<F, P, I, Req, T, E> {
    #[inline]
    pub(super) const fn new(call: F, kept: Option<I::Kept>, terms: P) -> Self {
        Self { stage: Stage::Calling { call }, kept, outcome: None, terms }
    }
}

impl<F, P, I, C, Req, T, E> Future for ResponseFuture<F, P, I, Req, T, E>
where
    F: Future<Output = Result<T, E>>,
    E: Fault,
    P: Deref<Target = Terms<I, C>>,
    I: Instead<Req, T, E>,
    C: Classify<T, E::Inner>,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.stage.as_mut().project() {
                StageProj::Calling { call } => {
                    let result = ready!(call.poll(cx));
                    if this.kept.is_none() || !this.terms.replaces(Why::of(&this.terms.classifier, &result)) {
                        return Poll::Ready(result);
                    }
                    let Some(kept) = this.kept.take() else { return Poll::Ready(result) };
                    match this.terms.instead.instead(kept, result) {
                        Turn::Answer(answer) => {
                            this.terms.rules.telemetry.tell(Kind::Fallback, What::FellBack);
                            return Poll::Ready(answer);
                        }
                        Turn::Pass(outcome) => return Poll::Ready(outcome),
                        Turn::Call(call, outcome) => {
                            *this.outcome = Some(outcome);
                            this.stage.set(Stage::Standing { call });
                            this.terms.rules.telemetry.tell(Kind::Fallback, What::FellBack);
                        }
                    }
                }
                StageProj::Standing { call } => {
                    let answer = ready!(call.poll(cx));
                    return Poll::Ready(match this.outcome.take() {
                        Some(outcome) if is_refusal(&answer) && !is_refusal(&outcome) => outcome,
                        _ => answer,
                    });
                }
            }
        }
    }
}

fn is_refusal<T, E: Fault>(result: &Result<T, E>) -> bool {
    matches!(result, Err(fault) if matches!(fault.see(), Seen::Rejected(_)))
}

impl<F, P, I: Instead<Req, T, E>, Req, T, E> fmt::Debug for ResponseFuture<F, P, I, Req, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").field("used", &self.kept.is_none()).finish_non_exhaustive()
    }
}
