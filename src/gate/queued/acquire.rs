use super::arrival::{Arrival, arrive};
use super::handle::Queued;
use super::waiting::Waiting;
use crate::clock::Timer;
use crate::error::Rejected;
use crate::gate::{Admit, Now, Permit};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// A permit, once it is the caller's turn; made by [`Queued::acquire`].
    ///
    /// The caller arrives at the first poll.
    #[must_use = "futures do nothing unless polled"]
    pub struct Acquire<'a, G, Req = ()> {
        queued: &'a Queued<G>,
        request: Req,
        stage: Stage,
        #[pin]
        timer: Timer,
    }
}

enum Stage {
    Arriving,
    Waiting(Waiting),
    Done,
}

impl<'a, G, Req> Acquire<'a, G, Req> {
    pub(super) const fn new(queued: &'a Queued<G>, request: Req) -> Self {
        Self { queued, request, stage: Stage::Arriving, timer: Timer::unarmed() }
    }
}

impl<'a, G, Req> Future for Acquire<'a, G, Req>
where
    G: Admit<Req>,
{
    type Output = Result<Permit<&'a G>, Rejected>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let queued: &'a Queued<G> = this.queued;
        let mut now = Now::lazy();
        if let Stage::Arriving = this.stage {
            // Should the gate's own code panic, the caller never arrived.
            *this.stage = Stage::Done;
            match arrive(&queued.gate, &queued.queue, this.request, &mut now) {
                Ok(Arrival::Admitted(pass)) => return Poll::Ready(Ok(Permit::new(&queued.gate, pass))),
                Ok(Arrival::Waits(waiting)) => *this.stage = Stage::Waiting(waiting),
                Err(rejected) => return Poll::Ready(Err(rejected)),
            }
        }
        let Stage::Waiting(waiting) = this.stage else {
            return Poll::Pending; // polled after its end
        };
        let outcome = ready!(waiting.poll(&queued.gate, this.request, this.timer, cx, now));
        // The permit before the place: leaving wakes the next, and wakers are the runtime's code.
        let outcome = outcome.map(|pass| Permit::new(&queued.gate, pass));
        *this.stage = Stage::Done;
        Poll::Ready(outcome)
    }
}

impl<G, Req> fmt::Debug for Acquire<'_, G, Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire").finish_non_exhaustive()
    }
}
