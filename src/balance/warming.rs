use super::id::Id;
use super::pool::Pool;
use super::ticket::Ticket;
use crate::clock::Timer;
use crate::health::Finding;
use crate::time::Instant;
use pin_project_lite::pin_project;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

pin_project! {
    /// Connects the endpoints of a pool before calls do, as long as it is polled; made by [`Pool::warm`].
    ///
    /// Dropped, it leaves the pool as it is.
    #[must_use = "futures do nothing unless polled: spawn it"]
    pub struct Warming<S, F, Fut> {
        pool: Pool<S>,
        connect: F,
        // By serial who was seen before.
        known: BTreeSet<u32>,
        running: Vec<Running<S, Fut>>,
        #[pin]
        timer: Timer,
    }
}

struct Running<S, Fut> {
    ticket: Option<Ticket<S>>,
    connecting: Pin<Box<Fut>>,
    until: Instant,
}

/// So many connect at a time: an upstream that restarts is not met by all at once.
const AT_A_TIME: usize = 64;

/// Who has not connected by then has failed to.
const PATIENCE: Duration = Duration::from_secs(5);

/// So often it looks whether somebody rests, of whom no change of the endpoints tells.
const LOOK: Duration = Duration::from_secs(1);

impl<S, F, Fut> Warming<S, F, Fut> {
    pub(super) const fn new(pool: Pool<S>, connect: F) -> Self {
        Self { pool, connect, known: BTreeSet::new(), running: Vec::new(), timer: Timer::unarmed() }
    }
}

impl<S, F, Fut> Future for Warming<S, F, Fut>
where
    F: FnMut(&Id, &S) -> Fut,
    Fut: Future<Output: Into<Finding>>,
{
    type Output = Infallible;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Infallible> {
        let mut this = self.project();
        loop {
            // Before the look, so that nobody is missed in between.
            this.pool.wake_on_change(cx.waker());
            let now = Instant::now();
            let free = AT_A_TIME - this.running.len();
            for ticket in this.pool.to_connect(this.known, free, now) {
                let connecting = Box::pin((this.connect)(ticket.id(), ticket.service()));
                this.running.push(Running { ticket: Some(ticket), connecting, until: now + PATIENCE });
            }
            this.running.retain_mut(|running| running.poll(now, cx).is_pending());
            let soonest = this.running.iter().map(|running| running.until).min();
            let resting = this.pool.soonest_rest(now);
            let at = soonest.into_iter().chain(resting).min().unwrap_or(Instant::MAX).min(now + LOOK);
            this.timer.as_mut().arm(at);
            if this.timer.as_mut().poll_fired(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl<S, Fut: Future<Output: Into<Finding>>> Running<S, Fut> {
    fn poll(&mut self, now: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let connected = match self.connecting.as_mut().poll(cx) {
            Poll::Ready(found) => matches!(found.into(), Finding::Pass | Finding::Degraded),
            Poll::Pending if self.until <= now => false,
            Poll::Pending => return Poll::Pending,
        };
        if let Some(mut ticket) = self.ticket.take() {
            if connected {
                ticket.became_ready();
                ticket.release();
            } else {
                ticket.unready();
            }
        }
        Poll::Ready(())
    }
}

impl<S, Fut> Drop for Running<S, Fut> {
    /// No call was made, so none is abandoned.
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            ticket.release();
        }
    }
}

impl<S, F, Fut> fmt::Debug for Warming<S, F, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Warming").field("pool", &self.pool).finish_non_exhaustive()
    }
}
