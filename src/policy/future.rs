use super::shared::{overdue, timed_out};
use super::{Parts, Repeat};
use crate::class::Classify;
use crate::clock::Timer;
use crate::deadline;
use crate::error::{Fault, Rejected};
use crate::gate::{Admit, Gate, Now, Permit};
use crate::retry::{Ended, Step};
use crate::time::Instant;
use crate::timeout::{Limits, Watch};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tower_service::Service;

type Pass<P> = <<P as Parts>::Gates as Gate>::Pass;
type Spare<S, Req, P> = <<P as Parts>::Repeat as Repeat<
    S,
    Req,
    <S as Service<Req>>::Response,
    <S as Service<Req>>::Error,
>>::Spare;

pin_project! {
    /// The answer of a service behind a [`Policy`](super::Policy): retry, gates and attempt timeout in one flat
    /// state machine.
    ///
    /// Dropped before it is there, all that was taken comes back.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, Req, P>
    where
        S: Service<Req>,
        P: Parts,
        P::Repeat: Repeat<S, Req, S::Response, S::Error>,
    {
        #[pin]
        stage: Stage<S::Future>,
        // Of the call under way.
        pass: Option<Pass<P>>,
        spare: Option<Spare<S, Req, P>>,
        // The last real result, while another attempt is sought.
        kept: Option<Result<S::Response, S::Error>>,
        shared: P,
    }

    impl<S, Req, P> PinnedDrop for ResponseFuture<S, Req, P>
    where
        S: Service<Req>,
        P: Parts,
        P::Repeat: Repeat<S, Req, S::Response, S::Error>,
    {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.pass.is_some() {
                // The permit after the call it was for, and abandoned even if dropping that call panics.
                let permit = Permit::held(this.shared.gates(), this.pass.take());
                this.stage.set(Stage::Done);
                drop(permit);
            }
        }
    }
}

pin_project! {
    #[project = StageProj]
    enum Stage<F> {
        Calling { #[pin] call: F, #[pin] watch: Watch },
        Waiting { #[pin] timer: Timer },
        Readying,
        Refused { rejected: Rejected },
        Done,
    }
}

impl<S, Req, P> ResponseFuture<S, Req, P>
where
    S: Service<Req>,
    P: Parts,
    P::Repeat: Repeat<S, Req, S::Response, S::Error>,
{
    #[inline(always)]
    pub(super) const fn called(
        shared: P,
        call: S::Future,
        watch: Watch,
        spare: Spare<S, Req, P>,
        pass: Option<Pass<P>>,
    ) -> Self {
        Self { stage: Stage::Calling { call, watch }, pass, spare: Some(spare), kept: None, shared }
    }

    #[inline(always)]
    pub(super) const fn refused(shared: P, rejected: Rejected) -> Self {
        Self { stage: Stage::Refused { rejected }, pass: None, spare: None, kept: None, shared }
    }
}

impl<S, Req, P> Future for ResponseFuture<S, Req, P>
where
    S: Service<Req>,
    S::Error: Fault,
    P: Parts,
    P::Gates: Admit<Req>,
    P::Classifier: Classify<S::Response, <S::Error as Fault>::Inner>,
    P::Repeat: Repeat<S, Req, S::Response, S::Error>,
    P::Limits: Limits<Req>,
{
    type Output = Result<S::Response, S::Error>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let shared = &*this.shared;
        loop {
            match this.stage.as_mut().project() {
                StageProj::Calling { call, watch } => {
                    let result = match call.poll(cx) {
                        Poll::Ready(result) => result,
                        Poll::Pending => Err(timed_out(shared.telemetry(), ready!(watch.poll_up(cx))).into()),
                    };
                    // What the call held goes first; a classifier that panics abandons the permit at once.
                    let mut permit = Permit::held(shared.gates(), this.pass.take());
                    this.stage.set(Stage::Done);
                    let ended = Ended::of(shared.classifier(), &result);
                    match ended {
                        Ended::Refused => permit.release(),
                        Ended::TimedOut(class) | Ended::Answered(class) => {
                            permit.end(class, &mut Now::lazy());
                        }
                    }
                    let Some(spare) = this.spare else {
                        return Poll::Ready(result);
                    };
                    match shared.repeat().ended(spare, ended, &result) {
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
                    let Some(spare) = this.spare.as_mut() else {
                        return Poll::Pending; // never: only a call with a spare comes here
                    };
                    match ready!(poll_again(shared, spare, cx)) {
                        Ok(Again { call, watch, pass }) => {
                            *this.pass = pass;
                            this.stage.set(Stage::Calling { call, watch });
                        }
                        Err(refusal) => {
                            shared.repeat().refused(spare);
                            this.stage.set(Stage::Done);
                            return Poll::Ready(this.kept.take().unwrap_or(Err(refusal)));
                        }
                    }
                }
                StageProj::Refused { rejected } => return Poll::Ready(Err(S::Error::from(*rejected))),
                StageProj::Done => return Poll::Pending, // polled after its end
            }
        }
    }
}

impl<F> Stage<F> {
    /// Waits before the next attempt; a wait of nothing needs no timer.
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

/// A further attempt, under way.
struct Again<F, G: Gate> {
    call: F,
    watch: Watch,
    pass: Option<G::Pass>,
}

type Sought<F, G, E> = Result<Again<F, G>, E>;

/// Seeks the next attempt: asks the gates, makes the service ready, asks the gates for good, calls.
fn poll_again<S, Req, P>(
    shared: &P,
    spare: &mut Spare<S, Req, P>,
    cx: &mut Context<'_>,
) -> Poll<Sought<S::Future, P::Gates, S::Error>>
where
    S: Service<Req>,
    S::Error: Fault,
    P: Parts,
    P::Gates: Admit<Req>,
    P::Repeat: Repeat<S, Req, S::Response, S::Error>,
    P::Limits: Limits<Req>,
{
    // First a question: an open circuit answers though the service is never ready.
    if let Some(rejected) = shared.gates().refuses(&mut Now::lazy()) {
        shared.gates().refused(&rejected);
        return Poll::Ready(Err(rejected.into()));
    }
    let Some((service, request)) = shared.repeat().next(spare) else {
        return Poll::Pending; // never: a wait is begun only for an attempt that can follow
    };
    ready!(service.poll_ready(cx))?;
    // A timer is coarser than a deadline, and readiness takes its time.
    if deadline::is_over(Instant::now) {
        return Poll::Ready(Err(overdue(shared.telemetry()).into()));
    }
    let permit = Permit::acquire(shared.gates(), request, Now::lazy())?;
    let watch = Watch::new(shared.limits().limit(request));
    match shared.repeat().again(spare) {
        Some(call) => Poll::Ready(Ok(Again { call, watch, pass: permit.into_pass() })),
        None => Poll::Pending, // never: `next` had one
    }
}

impl<S, Req, P> fmt::Debug for ResponseFuture<S, Req, P>
where
    S: Service<Req>,
    P: Parts,
    P::Repeat: Repeat<S, Req, S::Response, S::Error>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
