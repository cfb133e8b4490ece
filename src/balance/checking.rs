use super::id::Id;
use super::pool::Pool;
use crate::chance::Chance;
use crate::clock::Timer;
use crate::health::{Checks, Finding, Judge};
use crate::time::Instant;
use pin_project_lite::pin_project;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

pin_project! {
    /// Checks the endpoints of a pool as long as it is polled; made by [`Pool::check`].
    ///
    /// Dropped, it leaves the pool as it is.
    #[must_use = "futures do nothing unless polled: spawn it"]
    pub struct Checking<S, F, Fut> {
        pool: Pool<S>,
        checks: Checks,
        check: F,
        beats: Vec<Beat<Fut>>,
        chance: Chance,
        #[pin]
        timer: Timer,
    }
}

/// The checks of one endpoint.
struct Beat<Fut> {
    serial: u32,
    id: Id,
    judge: Judge,
    next: Instant,
    running: Option<Running<Fut>>,
}

struct Running<Fut> {
    check: Pin<Box<Fut>>,
    since: Instant,
    until: Instant,
}

/// So many checks run at a time: a pool of thousands is not called by its checker all at once.
const AT_A_TIME: usize = 64;

/// So often it looks whether endpoints came.
const LOOK: Duration = Duration::from_secs(1);

impl<S, F, Fut> Checking<S, F, Fut> {
    pub(super) fn new(pool: Pool<S>, checks: Checks, check: F) -> Self {
        Self { pool, checks, check, beats: Vec::new(), chance: Chance::new(), timer: Timer::unarmed() }
    }
}

impl<S, F, Fut> Future for Checking<S, F, Fut>
where
    F: FnMut(&Id, &S) -> Fut,
    Fut: Future<Output: Into<Finding>>,
{
    type Output = Infallible;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Infallible> {
        let mut this = self.project();
        loop {
            let now = Instant::now();
            this.pool.with_members(|members| follow(this.beats, members, this.checks, this.chance, now));
            let mut free = AT_A_TIME - this.beats.iter().filter(|beat| beat.running.is_some()).count();
            for beat in this.beats.iter_mut() {
                if beat.running.is_none() && beat.next <= now && free > 0 {
                    let started = this.pool.with_service(&beat.id, |service| (this.check)(&beat.id, service));
                    beat.running = started.map(|check| Running {
                        check: Box::pin(check),
                        since: now,
                        until: now + this.checks.time(),
                    });
                    beat.next = now + this.checks.next(this.chance.sample());
                    free -= 1;
                }
                if let Some((finding, since)) = beat.poll(now, cx) {
                    free += 1;
                    this.pool.checked(beat.serial, finding, now - since);
                    this.pool.set_health(beat.id.as_str(), beat.judge.find(finding));
                    if matches!(finding, Finding::Pass | Finding::Degraded) {
                        this.pool.reached(&beat.id);
                    }
                    if finding == Finding::Pass && this.checks.do_uneject() {
                        this.pool.uneject(beat.id.as_str());
                    }
                }
            }
            let soonest = this.beats.iter().filter_map(|beat| beat.wakes(free > 0)).min();
            let at = soonest.unwrap_or(Instant::MAX).min(now + LOOK);
            this.timer.as_mut().arm(at);
            if this.timer.as_mut().poll_fired(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

/// Takes up whoever came, and lets go of whoever left.
fn follow<Fut>(
    beats: &mut Vec<Beat<Fut>>,
    members: &mut dyn Iterator<Item = (u32, &Id)>,
    checks: &Checks,
    chance: &mut Chance,
    now: Instant,
) {
    // Both are in the order of ids.
    let mut before = std::mem::take(beats).into_iter().peekable();
    for (serial, id) in members {
        while before.next_if(|beat| beat.id < *id).is_some() {}
        beats.push(before.next_if(|beat| beat.serial == serial).unwrap_or_else(|| Beat {
            serial,
            id: id.clone(),
            judge: Judge::new(checks.judging()),
            next: now + checks.first(chance.sample()),
            running: None,
        }));
    }
}

impl<Fut: Future<Output: Into<Finding>>> Beat<Fut> {
    /// What the running check found, once it has, and since when it ran; a late one has failed.
    fn poll(&mut self, now: Instant, cx: &mut Context<'_>) -> Option<(Finding, Instant)> {
        let running = self.running.as_mut()?;
        let finding = match running.check.as_mut().poll(cx) {
            Poll::Ready(finding) => finding.into(),
            Poll::Pending if running.until <= now => Finding::Fail,
            Poll::Pending => return None,
        };
        let since = running.since;
        self.running = None;
        Some((finding, since))
    }

    fn wakes(&self, may_start: bool) -> Option<Instant> {
        match &self.running {
            Some(running) => Some(running.until),
            None => may_start.then_some(self.next),
        }
    }
}

impl<S, F, Fut> fmt::Debug for Checking<S, F, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checking")
            .field("pool", &self.pool)
            .field("checks", &self.checks)
            .finish_non_exhaustive()
    }
}
