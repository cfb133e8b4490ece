use super::pool::Pool;
use crate::chance::Chance;
use crate::clock::Timer;
use crate::discover::{Again, Change, Discovery, Pace};
use crate::time::Instant;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// Takes over the changes that a stream tells, as long as it is polled; made by [`Pool::follow_changes`].
    ///
    /// It ends with the stream. Ended or dropped, it leaves the pool as it is.
    #[must_use = "futures do nothing unless polled: spawn it"]
    pub struct FollowingChanges<S, N> {
        pool: Pool<S>,
        next: N,
        // Told and not yet taken over.
        changes: Vec<Change<S>>,
        ended: bool,
        pace: Pace,
        chance: Chance,
        // When the stream is asked again after it failed, and when what it told may be taken over.
        asks: Instant,
        applies: Instant,
        #[pin]
        timer: Timer,
    }
}

impl<S, N> FollowingChanges<S, N> {
    pub(super) fn new(pool: Pool<S>, next: N) -> Self {
        let (pace, chance) = (Pace::new(Discovery::new()), Chance::new());
        let (asks, applies) = (Instant::ZERO, Instant::ZERO);
        let timer = Timer::unarmed();
        Self { pool, next, changes: Vec::new(), ended: false, pace, chance, asks, applies, timer }
    }
}

impl<S, N, E> Future for FollowingChanges<S, N>
where
    N: FnMut(&mut Context<'_>) -> Poll<Option<Result<Change<S>, E>>>,
    E: fmt::Debug,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        loop {
            let now = Instant::now();
            while !*this.ended && *this.asks <= now {
                match (this.next)(cx) {
                    Poll::Ready(Some(Ok(change))) => this.changes.push(change),
                    Poll::Ready(Some(Err(error))) => {
                        let retry = this.pace.failed(this.chance.sample());
                        this.pool.discovery_failed(&error, this.pace.failures(), retry);
                        *this.asks = now + retry;
                    }
                    Poll::Ready(None) => *this.ended = true,
                    Poll::Pending => break,
                }
            }
            let told = !this.changes.is_empty();
            // A stream without an end that never pauses would grow without bound, and is taken over as it comes.
            if told && (*this.applies <= now || *this.ended || this.changes.len() >= MOST) {
                this.pool.apply(std::mem::take(this.changes));
                *this.applies = now + this.pace.answered(Again::Live, 0.0, now);
                continue;
            }
            if *this.ended {
                return Poll::Ready(());
            }
            let asks = if *this.asks > now { *this.asks } else { Instant::MAX };
            this.timer.as_mut().arm(if told { asks.min(*this.applies) } else { asks });
            if this.timer.as_mut().poll_fired(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

/// So many changes are gathered before they are taken over.
const MOST: usize = 10_000;

impl<S, N> fmt::Debug for FollowingChanges<S, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FollowingChanges").field("pool", &self.pool).finish_non_exhaustive()
    }
}
