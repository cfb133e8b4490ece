use super::endpoint::Endpoint;
use super::pool::Pool;
use crate::chance::Chance;
use crate::clock::Timer;
use crate::discover::{Discovery, Found, Pace, Source};
use crate::time::Instant;
use pin_project_lite::pin_project;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// Keeps the endpoints of a pool those that a source finds, as long as it is polled; made by [`Pool::follow`].
    ///
    /// Dropped, it leaves the pool as it is.
    #[must_use = "futures do nothing unless polled: spawn it"]
    pub struct Following<S, A, M, Fut> {
        pool: Pool<S>,
        source: A,
        make: M,
        pace: Pace,
        chance: Chance,
        #[pin]
        asking: Option<Fut>,
        // When the source is asked next, while it is not being asked.
        next: Instant,
        #[pin]
        timer: Timer,
    }
}

impl<S, A, M, Fut> Following<S, A, M, Fut> {
    pub(super) fn new(pool: Pool<S>, rules: Discovery, source: A, make: M) -> Self {
        let (pace, chance) = (Pace::new(rules), Chance::new());
        let (asking, timer) = (None, Timer::unarmed());
        Self { pool, source, make, pace, chance, asking, next: Instant::ZERO, timer }
    }
}

impl<S, A, M> Future for Following<S, A, M, A::Asking>
where
    S: Clone,
    A: Source,
    M: FnMut(Endpoint<()>) -> Endpoint<S>,
{
    type Output = Infallible;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Infallible> {
        let mut this = self.project();
        loop {
            let now = Instant::now();
            if this.pace.went_stale(now) {
                this.pool.set([]);
            }
            let next = if let Some(asking) = this.asking.as_mut().as_pin_mut() {
                if let Poll::Ready(answer) = asking.poll(cx) {
                    this.asking.set(None);
                    let wait = hear(this.pool, answer, this.make, this.pace, this.chance.sample());
                    *this.next = Instant::now() + wait;
                    continue;
                }
                Instant::MAX
            } else if *this.next <= now {
                this.asking.set(Some(this.source.ask()));
                continue;
            } else {
                *this.next
            };
            // While the source is asked, too: it may take long, and the last good set grows old meanwhile.
            this.timer.as_mut().arm(this.pace.stale_at().unwrap_or(Instant::MAX).min(next));
            if this.timer.as_mut().poll_fired(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

/// Takes an answer over, or keeps what there is; and says how long to wait until the next question.
fn hear<S: Clone, E: fmt::Debug>(
    pool: &Pool<S>,
    answer: Result<Found, E>,
    make: &mut impl FnMut(Endpoint<()>) -> Endpoint<S>,
    pace: &mut Pace,
    sample: f64,
) -> std::time::Duration {
    match answer {
        Ok(found) if pace.believes(found.len()) => {
            let again = found.again();
            pool.reconcile(found.into_endpoints(), make);
            pace.answered(again, sample, Instant::now())
        }
        answer => {
            let retry = pace.failed(sample);
            match answer {
                Err(error) => pool.discovery_failed(&error, pace.failures(), retry),
                Ok(_) => pool.discovery_failed(&"nobody was found", pace.failures(), retry),
            }
            retry
        }
    }
}

impl<S, A, M, Fut> fmt::Debug for Following<S, A, M, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Following")
            .field("pool", &self.pool)
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}
