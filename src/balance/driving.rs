use super::checking::Checking;
use super::id::Id;
use super::pick::Probe;
use super::pool::Pool;
use super::probing::Probing;
use super::warming::Warming;
use crate::clock::Timer;
use crate::health::{Checks, Finding};
use crate::time::Instant;
use pin_project_lite::pin_project;
use std::convert::Infallible;
use std::fmt;
use std::future::{Future, Pending, pending};
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// All that a pool wants done beside its calls, as one future; made by [`Pool::drive`].
    ///
    /// Dropped, the pool goes on as it is.
    #[must_use = "futures do nothing unless polled: spawn it"]
    pub struct Driving<S, D, C = Pending<Infallible>, W = Pending<Infallible>, P = Pending<Infallible>> {
        pool: Pool<S>,
        #[pin]
        discovery: D,
        #[pin]
        checks: C,
        #[pin]
        warming: W,
        #[pin]
        probes: P,
        #[pin]
        timer: Timer,
    }
}

impl<S, D> Driving<S, D> {
    pub(super) fn new(pool: Pool<S>, discovery: D) -> Self {
        let timer = Timer::unarmed();
        Self { pool, discovery, checks: pending(), warming: pending(), probes: pending(), timer }
    }
}

impl<S, D, C, W, P> Driving<S, D, C, W, P> {
    /// And checks the endpoints, see [`Pool::check`].
    ///
    /// ```
    /// use seawall::balance::{Endpoint, P2c, Pool};
    /// use seawall::discover::{Discovery, Watch};
    /// use seawall::health::{Checks, Finding};
    /// let pool = Pool::<()>::new("api", P2c::new());
    /// let driving = pool.drive(Discovery::new(), Watch::new().source(), |found| found);
    /// let driving = driving.check(Checks::new(), |_id, _service| async { Finding::Pass });
    /// # let _ = driving;
    /// ```
    pub fn check<F, Fut>(self, checks: Checks, check: F) -> Driving<S, D, Checking<S, F, Fut>, W, P>
    where
        F: FnMut(&Id, &S) -> Fut,
        Fut: Future<Output: Into<Finding>>,
    {
        let Self { pool, discovery, warming, probes, timer, .. } = self;
        let checks = pool.check(checks, check);
        Driving { pool, discovery, checks, warming, probes, timer }
    }

    /// And connects them before calls do, see [`Pool::warm`].
    ///
    /// ```
    /// use seawall::balance::{Endpoint, P2c, Pool};
    /// use seawall::discover::{Discovery, Watch};
    /// let pool = Pool::<()>::new("api", P2c::new());
    /// let driving = pool.drive(Discovery::new(), Watch::new().source(), |found| found);
    /// let driving = driving.warm(|_id, _service| async { true });
    /// # let _ = driving;
    /// ```
    pub fn warm<F, Fut>(self, connect: F) -> Driving<S, D, C, Warming<S, F, Fut>, P>
    where
        F: FnMut(&Id, &S) -> Fut,
        Fut: Future<Output: Into<Finding>>,
    {
        let Self { pool, discovery, checks, probes, timer, .. } = self;
        let warming = pool.warm(connect);
        Driving { pool, discovery, checks, warming, probes, timer }
    }

    /// And sends the probes by which a [`Prequal`](super::Prequal) pool picks, see [`Pool::probe`].
    ///
    /// ```
    /// use seawall::balance::{Endpoint, Pool, Prequal};
    /// use seawall::discover::{Discovery, Watch};
    /// let pool = Pool::<()>::new("api", Prequal::new());
    /// let driving = pool.drive(Discovery::new(), Watch::new().source(), |found| found);
    /// let driving = driving.probe(|_id, _service| async { None });
    /// # let _ = driving;
    /// ```
    pub fn probe<F, Fut>(self, probe: F) -> Driving<S, D, C, W, Probing<S, F, Fut>>
    where
        F: FnMut(&Id, &S) -> Fut,
        Fut: Future<Output = Option<Probe>>,
    {
        let Self { pool, discovery, checks, warming, timer, .. } = self;
        let probes = pool.probe(probe);
        Driving { pool, discovery, checks, warming, probes, timer }
    }
}

impl<S, D, C, W, P> Future for Driving<S, D, C, W, P>
where
    D: Future<Output = Infallible>,
    C: Future<Output = Infallible>,
    W: Future<Output = Infallible>,
    P: Future<Output = Infallible>,
{
    type Output = Infallible;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Infallible> {
        let mut this = self.project();
        // None of them ends.
        let _ = this.discovery.poll(cx);
        let _ = this.checks.poll(cx);
        let _ = this.warming.poll(cx);
        let _ = this.probes.poll(cx);
        loop {
            let next = this.pool.tend(Instant::now());
            this.timer.as_mut().arm(next);
            if this.timer.as_mut().poll_fired(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl<S, D, C, W, P> fmt::Debug for Driving<S, D, C, W, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driving").field("pool", &self.pool).finish_non_exhaustive()
    }
}
