use super::endpoint::Endpoint;
use super::pool::Pool;
use crate::chance::Chance;
use crate::clock::Timer;
use crate::discover::{Discovery, Found, Pace};
use crate::time::Instant;
use pin_project_lite::pin_project;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// Keeps the endpoints of a pool those that a source finds, as long as it is polled; made by [`Pool::follow`].
    ///
    /// Dropped, it leaves the pool as it is.
    #[must_use = "futures do nothing unless polled: spawn it"]
    pub struct Following<S, A, M, Fut> {
        pool: Pool<S>,
        ask: A,
        make: M,
        pace: Pace,
        chance: Chance,
        #[pin]
        asking: Option<Fut>,
        #[pin]
        timer: Timer,
    }
}

impl<S, A, M, Fut> Following<S, A, M, Fut> {
    pub(super) fn new(pool: Pool<S>, rules: Discovery, ask: A, make: M) -> Self {
        let (pace, chance) = (Pace::new(rules), Chance::new());
        Self { pool, ask, make, pace, chance, asking: None, timer: Timer::unarmed() }
    }
}

impl<S, A, M, Fut, E> Future for Following<S, A, M, Fut>
where
    S: Clone,
    A: FnMut() -> Fut,
    M: FnMut(Endpoint<()>) -> Endpoint<S>,
    Fut: Future<Output = Result<Found, E>>,
{
    type Output = Infallible;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Infallible> {
        let mut this = self.project();
        loop {
            if this.timer.is_armed() {
                ready!(this.timer.as_mut().poll_fired(cx));
                this.timer.as_mut().disarm();
            }
            if this.asking.is_none() {
                let asking = (this.ask)();
                this.asking.set(Some(asking));
            }
            let Some(asking) = this.asking.as_mut().as_pin_mut() else {
                return Poll::Pending; // just set
            };
            let answer = ready!(asking.poll(cx));
            this.asking.set(None);
            let now = Instant::now();
            let wait = match answer {
                Ok(found) if this.pace.believes(found.endpoints.len()) => {
                    this.pool.reconcile(found.endpoints, &mut *this.make);
                    this.pace.answered(found.ttl, now)
                }
                Ok(_) | Err(_) => {
                    let retry = this.pace.failed(this.chance.sample());
                    this.pool.discovery_failed(this.pace.failures(), retry);
                    if this.pace.went_stale(now) {
                        this.pool.set([]);
                    }
                    retry
                }
            };
            this.timer.as_mut().arm(now + wait);
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
