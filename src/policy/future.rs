use super::{Parts, Repeat, Shared};
use crate::class::Classify;
use crate::clock::Timer;
use crate::error::{Fault, Rejected, TimedOut};
use crate::gate::{Admit, Gate, Now, Permit};
use crate::retry::course::{Ended, Step};
use crate::telemetry::{Kind, What};
use crate::time::Instant;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tower_service::Service;

type Gates<P> = <<P as Deref>::Target as Parts>::Gates;
type Spare<S, Req, P> = <<<P as Deref>::Target as Parts>::Repeat as Repeat<
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
        P: Deref,
        P::Target: Parts,
        <P::Target as Parts>::Repeat: Repeat<S, Req, S::Response, S::Error>,
    {
        stage: Stage,
        #[pin]
        call: Option<S::Future>,
        // The attempt's timeout or the wait before the next one: never both.
        #[pin]
        timer: Timer,
        pass: Option<<Gates<P> as Gate>::Pass>,
        spare: Option<Spare<S, Req, P>>,
        // The last real result, while another attempt is sought.
        kept: Option<Result<S::Response, S::Error>>,
        shared: P,
    }

    impl<S, Req, P> PinnedDrop for ResponseFuture<S, Req, P>
    where
        S: Service<Req>,
        P: Deref,
        P::Target: Parts,
        <P::Target as Parts>::Repeat: Repeat<S, Req, S::Response, S::Error>,
    {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // The permit after the call it was for, and abandoned even if dropping that call panics.
            let permit = Permit::held(&this.shared.parts().gates, this.pass.take());
            this.call.set(None);
            drop(permit);
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Calling,
    Waiting,
    Readying,
    Refused(Rejected),
}

impl<S, Req, P> ResponseFuture<S, Req, P>
where
    S: Service<Req>,
    P: Deref<Target: Parts>,
    <P::Target as Parts>::Repeat: Repeat<S, Req, S::Response, S::Error>,
{
    #[inline]
    pub(super) const fn called(
        shared: P,
        call: S::Future,
        spare: Spare<S, Req, P>,
        pass: Option<<Gates<P> as Gate>::Pass>,
    ) -> Self {
        let timer = Timer::unarmed();
        Self { stage: Stage::Calling, call: Some(call), timer, pass, spare: Some(spare), kept: None, shared }
    }

    #[cold]
    pub(super) const fn refused(shared: P, rejected: Rejected) -> Self {
        let (stage, timer) = (Stage::Refused(rejected), Timer::unarmed());
        Self { stage, call: None, timer, pass: None, spare: None, kept: None, shared }
    }
}

impl<S, Req, P> Future for ResponseFuture<S, Req, P>
where
    S: Service<Req>,
    S::Error: Fault,
    P: Deref<Target: Parts>,
    Gates<P>: Admit<Req>,
    <P::Target as Parts>::Classifier: Classify<S::Response, <S::Error as Fault>::Inner>,
    <P::Target as Parts>::Repeat: Repeat<S, Req, S::Response, S::Error>,
{
    type Output = Result<S::Response, S::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let shared = this.shared.parts();
        loop {
            match *this.stage {
                Stage::Calling => {
                    let Some(call) = this.call.as_mut().as_pin_mut() else {
                        return Poll::Pending; // polled after its end
                    };
                    let result = match call.poll(cx) {
                        Poll::Ready(result) => result,
                        Poll::Pending => {
                            let Some(limit) = shared.timeout() else {
                                return Poll::Pending;
                            };
                            ready!(poll_limit(this.timer.as_mut(), limit, cx));
                            shared.telemetry.tell(Kind::Timeout, What::TimedOut { after: limit });
                            Err(S::Error::from(TimedOut::new(shared.telemetry.name(), limit)))
                        }
                    };
                    // The timer served the attempt; what the call held goes before its permit.
                    this.timer.as_mut().disarm();
                    let permit = Permit::held(&shared.gates, this.pass.take());
                    this.call.set(None);
                    let ended = Ended::of(&shared.classifier, &result);
                    match ended {
                        Ended::Refused => permit.release(),
                        Ended::TimedOut(class) | Ended::Answered(class) => {
                            permit.settle_with(class, &mut Now::lazy());
                        }
                    }
                    let Some(spare) = this.spare else {
                        return Poll::Ready(result);
                    };
                    match shared.repeat.ended(spare, ended, &result) {
                        Step::Answer => return Poll::Ready(result),
                        Step::Kept => return Poll::Ready(this.kept.take().unwrap_or(result)),
                        Step::Wait(wait) => {
                            *this.kept = Some(result);
                            this.timer.as_mut().arm(Instant::now() + wait);
                            *this.stage = Stage::Waiting;
                        }
                    }
                }
                Stage::Waiting => {
                    ready!(this.timer.as_mut().poll_fired(cx));
                    this.timer.as_mut().disarm();
                    *this.stage = Stage::Readying;
                }
                Stage::Readying => {
                    let Some(spare) = this.spare.as_mut() else {
                        return Poll::Pending; // polled after its end
                    };
                    match ready!(poll_again(shared, spare, cx)) {
                        Ok((call, pass)) => {
                            this.call.set(Some(call));
                            *this.pass = pass;
                            *this.stage = Stage::Calling;
                        }
                        Err(refusal) => {
                            shared.repeat.refused(spare);
                            *this.spare = None;
                            return Poll::Ready(this.kept.take().unwrap_or(Err(refusal)));
                        }
                    }
                }
                Stage::Refused(rejected) => return Poll::Ready(Err(S::Error::from(rejected))),
            }
        }
    }
}

/// Seeks the next attempt: asks the gates, makes the service ready, asks the gates for good, calls.
#[expect(clippy::type_complexity, reason = "a call and its pass")]
fn poll_again<S, Req, G, C, R>(
    shared: &Shared<G, C, R>,
    spare: &mut R::Spare,
    cx: &mut Context<'_>,
) -> Poll<Result<(S::Future, Option<G::Pass>), S::Error>>
where
    S: Service<Req>,
    S::Error: Fault,
    G: Admit<Req>,
    R: Repeat<S, Req, S::Response, S::Error>,
{
    // First a question: an open circuit answers though the service is never ready.
    if let Some(rejected) = shared.gates.refuses(&mut Now::lazy()) {
        shared.gates.refused(&rejected);
        return Poll::Ready(Err(rejected.into()));
    }
    let Some((service, request)) = shared.repeat.next(spare) else {
        return Poll::Pending; // polled after its end
    };
    ready!(service.poll_ready(cx))?;
    let permit = Permit::acquire(&shared.gates, request, Now::lazy())?;
    match shared.repeat.again(spare) {
        Some(call) => Poll::Ready(Ok((call, permit.into_pass()))),
        None => Poll::Pending,
    }
}

/// Ready when the attempt has had its time, which is reckoned from its first `Pending`.
fn poll_limit(mut timer: Pin<&mut Timer>, limit: Duration, cx: &mut Context<'_>) -> Poll<()> {
    if !timer.is_armed() {
        timer.as_mut().arm(Instant::now() + limit);
    }
    timer.poll_fired(cx)
}

impl<S, Req, P> fmt::Debug for ResponseFuture<S, Req, P>
where
    S: Service<Req>,
    P: Deref<Target: Parts>,
    <P::Target as Parts>::Repeat: Repeat<S, Req, S::Response, S::Error>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").field("stage", &self.stage).finish_non_exhaustive()
    }
}
