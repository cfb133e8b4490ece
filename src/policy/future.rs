use super::shared::{overdue, timed_out};
use super::{Parts, Repeat};
use crate::class::Classify;
use crate::deadline;
use crate::error::{Fault, Rejected};
use crate::gate::{Admit, Gate, Now, Permit};
use crate::retry::{Ended, Step};
use crate::time::Instant;
use crate::timeout::{Limits, NEVER, Watch};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
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
        // One timer: the attempt's, and between two attempts the wait's.
        #[pin]
        watch: Watch,
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
            if this.pass.is_some() {
                abandon(this);
            }
        }
    }
}

pin_project! {
    #[project = StageProj]
    enum Stage<F> {
        Calling { #[pin] call: F },
        Waiting,
        Readying,
        Refused { rejected: Rejected },
        Done,
    }
}

/// The permit after the call it was for, and abandoned even if dropping that call panics.
#[cold]
fn abandon<S, Req, P>(this: Pin<&mut ResponseFuture<S, Req, P>>)
where
    S: Service<Req>,
    P: Parts,
    P::Repeat: Repeat<S, Req, S::Response, S::Error>,
{
    let mut this = this.project();
    let permit = Permit::held(this.shared.gates(), this.pass.take());
    this.stage.set(Stage::Done);
    drop(permit);
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
        limit: u64,
        spare: Spare<S, Req, P>,
        pass: Option<Pass<P>>,
    ) -> Self {
        let stage = Stage::Calling { call };
        Self { stage, watch: Watch::new(limit), pass, spare: Some(spare), kept: None, shared }
    }

    #[inline(always)]
    pub(super) const fn refused(shared: P, rejected: Rejected) -> Self {
        let stage = Stage::Refused { rejected };
        Self { stage, watch: Watch::new(NEVER), pass: None, spare: None, kept: None, shared }
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

    // An answer that is taken goes by here alone; whatever else may happen is out of its way.
    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let mut this = self.as_mut().project();
            if let StageProj::Calling { call } = this.stage.as_mut().project() {
                let shared = &*this.shared;
                let end = match call.poll(cx) {
                    Poll::Ready(Ok(answer)) => {
                        let class = shared.classifier().classify(Ok(&answer));
                        if let Some(pass) = this.pass.take() {
                            shared.gates().settle(pass, class, &mut Now::lazy());
                        }
                        if this.spare.as_ref().is_none_or(|spare| shared.repeat().answers(spare, class)) {
                            return Poll::Ready(Ok(answer));
                        }
                        self.as_mut().ended(Ended::Answered(class), Ok(answer))
                    }
                    Poll::Ready(Err(fault)) => self.as_mut().failed(fault),
                    Poll::Pending => {
                        let after = ready!(this.watch.poll_up(cx));
                        let late = timed_out(shared.telemetry(), after);
                        self.as_mut().failed(late.into())
                    }
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

impl<S, Req, P> ResponseFuture<S, Req, P>
where
    S: Service<Req>,
    S::Error: Fault,
    P: Parts,
    P::Gates: Admit<Req>,
    P::Classifier: Classify<S::Response, <S::Error as Fault>::Inner>,
    P::Repeat: Repeat<S, Req, S::Response, S::Error>,
    P::Limits: Limits<Req>,
{
    /// An attempt came to an error: the end, unless another may follow.
    #[cold]
    #[inline(never)]
    fn failed(mut self: Pin<&mut Self>, fault: S::Error) -> Option<Result<S::Response, S::Error>> {
        let mut this = self.as_mut().project();
        let permit = Permit::held(this.shared.gates(), this.pass.take());
        // What the call held goes first.
        this.stage.set(Stage::Done);
        let result = Err(fault);
        let ended = Ended::of(this.shared.classifier(), &result);
        match ended {
            Ended::Refused => permit.release(),
            Ended::TimedOut(class) | Ended::Answered(class) => permit.settle(class),
        }
        self.ended(ended, result)
    }

    /// An attempt ended, and so did its permit: the end, unless another may follow.
    #[cold]
    #[inline(never)]
    fn ended(
        self: Pin<&mut Self>,
        ended: Ended,
        result: Result<S::Response, S::Error>,
    ) -> Option<Result<S::Response, S::Error>> {
        let mut this = self.project();
        let spare = this.spare.as_mut()?;
        match this.shared.repeat().ended(spare, ended, &result) {
            Step::Answer => Some(result),
            Step::Kept => Some(this.kept.take().unwrap_or(result)),
            Step::Wait(wait) => {
                *this.kept = Some(result);
                // A wait of nothing needs no timer.
                this.stage.set(if wait.is_zero() { Stage::Readying } else { Stage::Waiting });
                if !wait.is_zero() {
                    this.watch.rest(wait);
                }
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
        loop {
            match this.stage.as_mut().project() {
                StageProj::Calling { .. } => return Poll::Ready(None),
                StageProj::Waiting => {
                    ready!(this.watch.as_mut().poll_rested(cx));
                    this.stage.set(Stage::Readying);
                }
                StageProj::Readying => {
                    let Some(spare) = this.spare.as_mut() else {
                        return Poll::Pending; // never: only a call with a spare comes here
                    };
                    match ready!(poll_again(&*this.shared, spare, cx)) {
                        Ok(Again { call, limit, pass }) => {
                            *this.pass = pass;
                            this.watch.set(Watch::new(limit));
                            this.stage.set(Stage::Calling { call });
                        }
                        Err(refusal) => {
                            this.shared.repeat().refused(spare);
                            this.stage.set(Stage::Done);
                            return Poll::Ready(Some(this.kept.take().unwrap_or(Err(refusal))));
                        }
                    }
                }
                StageProj::Refused { rejected } => return Poll::Ready(Some(Err(S::Error::from(*rejected)))),
                StageProj::Done => return Poll::Pending, // polled after its end
            }
        }
    }
}

/// A further attempt, under way.
struct Again<F, G: Gate> {
    call: F,
    limit: u64,
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
    let limit = shared.limits().nanos(request);
    match shared.repeat().again(spare) {
        Some(call) => Poll::Ready(Ok(Again { call, limit, pass: permit.into_pass() })),
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
