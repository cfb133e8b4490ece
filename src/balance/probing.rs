use super::id::Id;
use super::pick::{Answers, Prequal, Probe};
use super::pool::Pool;
use crate::chance::Chance;
use crate::clock::Timer;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU32, Ordering::Relaxed};
use crate::time::Instant;
use pin_project_lite::pin_project;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// What the calls of a pool and its prober share.
#[derive(Debug)]
pub(super) struct Probes {
    pub(super) rules: Prequal,
    // Guarded: the answers that are kept. A call that does not get it goes without.
    pub(super) answers: Mutex<Answers>,
    /// Probes asked for and not yet sent.
    wanted: AtomicU32,
    // Guarded: who sends them.
    prober: Mutex<Option<Waker>>,
}

/// So many may be asked for before the prober comes; more would be stale.
const MOST: u32 = 64;

impl Probes {
    pub(super) fn new(rules: Prequal) -> Self {
        let (wanted, prober) = (AtomicU32::new(0), Mutex::new(None));
        Self { rules, answers: Mutex::new(Answers::default()), wanted, prober }
    }

    /// Asks for so many probes more.
    pub(super) fn want(&self, probes: u32) {
        if probes > 0 && self.wanted.fetch_add(probes, Relaxed) == 0 {
            let prober = self.prober.lock().take();
            if let Some(prober) = prober {
                prober.wake();
            }
        }
    }
}

pin_project! {
    /// Sends the probes of a pool as long as it is polled; made by [`Pool::probe`].
    ///
    /// Dropped, the pool goes on by two choices.
    #[must_use = "futures do nothing unless polled: spawn it"]
    pub struct Probing<S, F, Fut> {
        pool: Pool<S>,
        probe: F,
        running: Vec<Running<Fut>>,
        chance: Chance,
        #[pin]
        timer: Timer,
    }
}

struct Running<Fut> {
    endpoint: (u32, u32),
    probe: Pin<Box<Fut>>,
    until: Instant,
}

impl<S, F, Fut> Probing<S, F, Fut> {
    pub(super) fn new(pool: Pool<S>, probe: F) -> Self {
        Self { pool, probe, running: Vec::new(), chance: Chance::new(), timer: Timer::unarmed() }
    }
}

impl<S, F, Fut> Future for Probing<S, F, Fut>
where
    F: FnMut(&Id, &S) -> Fut,
    Fut: Future<Output = Option<Probe>>,
{
    type Output = Infallible;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Infallible> {
        let mut this = self.project();
        let pool = this.pool.clone();
        let Some(probes) = pool.probes() else {
            return Poll::Pending; // this pool picks by other means
        };
        loop {
            // Before the look, so that what is wanted in between wakes.
            *probes.prober.lock() = Some(cx.waker().clone());
            let (now, wanted) = (Instant::now(), probes.wanted.swap(0, Relaxed).min(MOST));
            let free = (MOST as usize).saturating_sub(this.running.len());
            for (member, place) in pool.drawn(wanted.min(free as u32), this.chance) {
                let probe = Box::pin((this.probe)(&member.endpoint.id, &member.endpoint.service));
                let endpoint = (member.live.serial(), place);
                this.running.push(Running { endpoint, probe, until: now + probes.rules.patience() });
            }
            let n = pool.len();
            this.running.retain_mut(|running| match running.probe.as_mut().poll(cx) {
                Poll::Ready(answer) => {
                    if let Some(answer) = answer {
                        let sample = this.chance.sample();
                        probes.answers.lock().hear(probes.rules, running.endpoint, answer, n, sample, now);
                    }
                    false
                }
                Poll::Pending => now < running.until,
            });
            let soonest = this.running.iter().map(|running| running.until).min();
            this.timer.as_mut().arm(soonest.unwrap_or(Instant::MAX));
            if this.timer.as_mut().poll_fired(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl<S, F, Fut> fmt::Debug for Probing<S, F, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probing").field("pool", &self.pool).finish_non_exhaustive()
    }
}
