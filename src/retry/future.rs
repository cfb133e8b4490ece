use super::course::{Ended, Step};
use super::{Replay, Spare, Terms};
use crate::class::Classify;
use crate::clock::Timer;
use crate::deadline;
use crate::error::Fault;
use crate::time::Instant;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tower_service::Service;

pin_project! {
    /// The answer of a [`RetryService`](super::RetryService), or of a direct call.
    ///
    /// Dropped while it waits, the token of the attempt that was not made goes back.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, Req, P, R>
    where
        S: Service<Req>,
    {
        #[pin]
        stage: Stage<S::Future>,
        spare: Spare<S, Req>,
        // The last real result, while another attempt is on its way.
        kept: Option<Result<S::Response, S::Error>>,
        terms: P,
        replay: R,
    }
}

pin_project! {
    #[project = StageProj]
    enum Stage<F> {
        Calling { #[pin] call: F },
        Waiting { #[pin] timer: Timer },
        Readying,
        Done,
    }
}

impl<S: Service<Req>, Req, P, R> ResponseFuture<S, Req, P, R> {
    #[inline]
    pub(super) const fn called(call: S::Future, spare: Spare<S, Req>, terms: P, replay: R) -> Self {
        Self { stage: Stage::Calling { call }, spare, kept: None, terms, replay }
    }

    /// A call that has not begun: its first attempt starts at the first poll.
    #[inline]
    pub(super) const fn asleep(service: S, request: Req, terms: P, replay: R) -> Self {
        Self { stage: Stage::Readying, spare: Spare::asleep(service, request), kept: None, terms, replay }
    }
}

impl<S, Req, P, C, R> Future for ResponseFuture<S, Req, P, R>
where
    S: Service<Req>,
    S::Error: Fault,
    P: Deref<Target = Terms<C>>,
    C: Classify<S::Response, <S::Error as Fault>::Inner>,
    R: Replay<Req, S::Response, <S::Error as Fault>::Inner>,
{
    type Output = Result<S::Response, S::Error>;

    // An answer that is taken goes by here alone; whatever else may happen is out of its way.
    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let mut this = self.as_mut().project();
            if let StageProj::Calling { call } = this.stage.as_mut().project() {
                let end = match ready!(call.poll(cx)) {
                    Ok(answer) => {
                        let class = this.terms.classifier.classify(Ok(&answer));
                        if this.spare.answers(&this.terms.rules, class) {
                            return Poll::Ready(Ok(answer));
                        }
                        self.as_mut().ended(Ended::Answered(class), Ok(answer))
                    }
                    Err(fault) => self.as_mut().failed(fault),
                };
                if let Some(result) = end {
                    return Poll::Ready(result);
                }
            }
            if let Some(result) = ready!(self.as_mut().poll_further(cx)) {
                return Poll::Ready(result);
            }
        }
    }
}

impl<S, Req, P, C, R> ResponseFuture<S, Req, P, R>
where
    S: Service<Req>,
    S::Error: Fault,
    P: Deref<Target = Terms<C>>,
    C: Classify<S::Response, <S::Error as Fault>::Inner>,
    R: Replay<Req, S::Response, <S::Error as Fault>::Inner>,
{
    /// An attempt came to an error: the end, unless another may follow.
    #[cold]
    #[inline(never)]
    fn failed(self: Pin<&mut Self>, fault: S::Error) -> Option<Result<S::Response, S::Error>> {
        let result = Err(fault);
        let ended = Ended::of(&self.terms.classifier, &result);
        self.ended(ended, result)
    }

    /// An attempt ended: the end, unless another may follow.
    #[cold]
    #[inline(never)]
    fn ended(
        self: Pin<&mut Self>,
        ended: Ended,
        result: Result<S::Response, S::Error>,
    ) -> Option<Result<S::Response, S::Error>> {
        let this = self.project();
        match this.spare.ended(&this.terms.rules, this.replay, ended, &result) {
            Step::Answer => Some(result),
            Step::Kept => Some(this.kept.take().unwrap_or(result)),
            Step::Wait(wait) => {
                *this.kept = Some(result);
                // The attempt's future goes, and with it whatever it held of the service.
                this.stage.wait(wait);
                None
            }
        }
    }

    /// On to the next attempt: ready without a result when that is under way.
    #[cold]
    #[inline(never)]
    fn poll_further(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<S::Response, S::Error>>> {
        let mut this = self.project();
        if let StageProj::Waiting { timer } = this.stage.as_mut().project() {
            ready!(timer.poll_fired(cx));
            this.stage.set(Stage::Readying);
        }
        // `None`: polled after its end, for a wait is begun only for an attempt that can follow.
        let Some((service, _)) = this.spare.next() else { return Poll::Pending };
        let end = match ready!(service.poll_ready(cx)) {
            Err(error) => Some(this.kept.take().unwrap_or(Err(error))),
            // A timer is coarser than a deadline, and readiness takes its time.
            Ok(()) if this.kept.is_some() && deadline::is_over(Instant::now) => this.kept.take(),
            Ok(()) => None,
        };
        if end.is_some() {
            this.spare.refused();
            this.stage.set(Stage::Done);
        } else if let Some(call) = this.spare.again(&this.terms.rules, this.replay) {
            this.stage.set(Stage::Calling { call });
        }
        Poll::Ready(end)
    }
}

impl<F> Stage<F> {
    /// A wait of nothing needs no timer.
    fn wait(mut self: Pin<&mut Self>, wait: Duration) {
        if wait.is_zero() {
            self.set(Self::Readying);
            return;
        }
        self.set(Self::Waiting { timer: Timer::unarmed() });
        if let StageProj::Waiting { timer } = self.project() {
            timer.arm(Instant::now() + wait);
        }
    }
}

impl<S: Service<Req>, Req, P, R> fmt::Debug for ResponseFuture<S, Req, P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
