use crate::clock::Timer;
use crate::deadline;
use crate::time::Instant;
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
        limit: Option<Duration>,
        asked: bool,
    }
}

impl Watch {
    #[inline]
    pub(crate) const fn new(limit: Option<Duration>) -> Self {
        Self { timer: Timer::unarmed(), limit, asked: false }
    }

    /// Ready once the time is up, with what it was: the limit, or what was left of the deadline.
    #[inline]
    pub(crate) fn poll_up(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Duration> {
        if self.limit.is_none() {
            return Poll::Pending;
        }
        if !self.asked {
            self.as_mut().start();
        }
        let this = self.project();
        let limit = this.limit.unwrap_or_default();
        if limit.is_zero() {
            return Poll::Ready(limit);
        }
        ready!(this.timer.poll_fired(cx));
        Poll::Ready(limit)
    }

    fn start(self: Pin<&mut Self>) {
        let this = self.project();
        *this.asked = true;
        let limit = this.limit.unwrap_or(Duration::MAX);
        if !limit.is_zero() {
            let now = Instant::now();
            let at = (now + limit).min(deadline::in_force());
            if at < Instant::MAX {
                *this.limit = Some(at - now);
            }
            this.timer.arm(at);
        }
    }
}
