use super::NEVER;
use crate::clock::Timer;
use crate::deadline;
use crate::time::{Instant, nanos};
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

pin_project! {
    /// The time that a call has. It is asked after the call was pending, arms its timer then, and not before.
    #[derive(Debug)]
    pub(crate) struct Watch {
        #[pin]
        timer: Timer,
        // Nanoseconds.
        limit: u64,
    }
}

impl Watch {
    #[inline]
    pub(crate) const fn new(limit: u64) -> Self {
        Self { timer: Timer::unarmed(), limit }
    }

    /// Ready once the time is up, with what it was: the limit, or what was left of the deadline.
    #[inline]
    pub(crate) fn poll_up(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Duration> {
        if self.limit == NEVER { Poll::Pending } else { self.poll_limited(cx) }
    }

    fn poll_limited(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Duration> {
        if self.limit > 0 && !self.timer.is_armed() {
            self.as_mut().start();
        }
        let this = self.project();
        if *this.limit > 0 {
            ready!(this.timer.poll_fired(cx));
        }
        Poll::Ready(Duration::from_nanos(*this.limit))
    }

    fn start(self: Pin<&mut Self>) {
        let this = self.project();
        let now = Instant::now();
        let at = (now + Duration::from_nanos(*this.limit)).min(deadline::in_force());
        // Further off than time can hold: never.
        *this.limit = if at < Instant::MAX { nanos(at - now) } else { NEVER };
        this.timer.arm(at);
    }

    /// Between two attempts the same timer serves the wait.
    pub(crate) fn rest(self: Pin<&mut Self>, wait: Duration) {
        self.project().timer.arm(Instant::now() + wait);
    }

    /// Ready once the wait is over.
    pub(crate) fn poll_rested(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().timer.poll_fired(cx)
    }
}
