use super::course::{Course, Ended, Step};
use super::{Replay, Terms};
use crate::class::Classify;
use crate::clock::Timer;
use crate::deadline;
use crate::error::{Fault, Seen};
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
        course: Course,
        // For the attempt to come: the instance that made the last one, and a copy. `None` if there can be none.
        again: Option<(S, Req)>,
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
    pub(super) const fn called(
        call: S::Future,
        course: Course,
        again: Option<(S, Req)>,
        terms: P,
        replay: R,
    ) -> Self {
        Self { stage: Stage::Calling { call }, course, again, kept: None, terms, replay }
    }

    /// A call that has not begun: its first attempt starts at the first poll.
    #[inline]
    pub(super) const fn asleep(service: S, request: Req, terms: P, replay: R) -> Self {
        Self {
            stage: Stage::Readying,
            course: Course::new(),
            again: Some((service, request)),
            kept: None,
            terms,
            replay,
        }
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

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.stage.as_mut().project() {
                StageProj::Calling { call } => {
                    let result = ready!(call.poll(cx));
                    let ended = Ended::of(&this.terms.classifier, &result);
                    let copy = this.again.as_ref().map(|(_, copy)| copy);
                    let again = || may_follow(this.replay, copy, &result);
                    match this.course.ended(&this.terms.rules, ended, again, deadline::in_force) {
                        Step::Answer => return Poll::Ready(result),
                        Step::Kept => return Poll::Ready(this.kept.take().unwrap_or(result)),
                        Step::Wait(wait) => {
                            *this.kept = Some(result);
                            this.stage.as_mut().wait(wait);
                        }
                    }
                }
                StageProj::Waiting { timer } => {
                    ready!(timer.poll_fired(cx));
                    this.stage.set(Stage::Readying);
                }
                StageProj::Readying => {
                    // `None`: never, a wait is begun only for an attempt that can follow.
                    let Some((service, _)) = this.again else { return Poll::Pending };
                    if let Err(error) = ready!(service.poll_ready(cx)) {
                        this.course.refused();
                        this.stage.set(Stage::Done);
                        return Poll::Ready(this.kept.take().unwrap_or(Err(error)));
                    }
                    // A timer is coarser than a deadline, and readiness takes its time.
                    if this.kept.is_some()
                        && deadline::is_over(Instant::now)
                        && let Some(kept) = this.kept.take()
                    {
                        this.course.refused();
                        this.stage.set(Stage::Done);
                        return Poll::Ready(kept);
                    }
                    let Some((mut service, mut request)) = this.again.take() else { return Poll::Pending };
                    let further = this.course.may_repeat(&this.terms.rules);
                    let copy = if further { this.replay.replay(&request) } else { None };
                    this.replay.mark(&mut request, this.course.attempt());
                    this.course.hand_over(&this.terms.rules);
                    let call = service.call(request);
                    *this.again = copy.map(|copy| (service, copy));
                    this.stage.set(Stage::Calling { call });
                }
                // Polled after its end.
                StageProj::Done => return Poll::Pending,
            }
        }
    }
}

impl<F> Stage<F> {
    /// The attempt's future goes, and with it whatever it held of the service.
    #[cold]
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

/// Whether there is a copy, and it may be sent after this result.
#[cold]
pub(crate) fn may_follow<R, Req, T, E>(replay: &R, copy: Option<&Req>, result: &Result<T, E>) -> bool
where
    E: Fault,
    R: Replay<Req, T, E::Inner>,
{
    copy.is_some_and(|copy| match result {
        Ok(answer) => replay.again(copy, Ok(answer)),
        Err(fault) => match fault.see() {
            Seen::Rejected(_) => false,
            seen @ (Seen::TimedOut(_) | Seen::Inner(_)) => replay.again(copy, Err(seen)),
        },
    })
}

impl<S: Service<Req>, Req, P, R> fmt::Debug for ResponseFuture<S, Req, P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").field("course", &self.course).finish_non_exhaustive()
    }
}
