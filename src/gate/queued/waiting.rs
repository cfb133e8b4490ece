//! One who waits: where it stands, how long it will, and when it asks.

use super::arrival::{final_refusal, refuse};
use super::handle::Queue;
use crate::clock::Timer;
use crate::error::{Reason, Rejected};
use crate::gate::line::Stay;
use crate::gate::places::{Entry, Order};
use crate::gate::{Admit, Now};
use crate::telemetry::{Kind, What};
use crate::time::Instant;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// One in the line. Dropping it leaves the line and hands on what was about to be its turn.
pub(super) struct Waiting {
    /// A second place, at the line of the one gate of several that has no room.
    watch: Option<Stay>,
    stay: Stay,
    queue: Arc<Queue>,
    since: Instant,
    until: Instant,
    /// What the refusal at that time says: whose time was up.
    bound: Reason,
    /// When the head asks again though nobody wakes it.
    ask_at: Option<Instant>,
    /// When a gate without a line may be asked again, and not before.
    asleep: Option<Instant>,
    armed_for: Option<Instant>,
    had_turn: bool,
    told_due: bool,
    left: bool,
}

impl Waiting {
    pub(super) const fn new(
        stay: Stay,
        queue: Arc<Queue>,
        since: Instant,
        (until, bound): (Instant, Reason),
        asleep: Option<Instant>,
    ) -> Self {
        let (watch, ask_at, armed_for) = (None, None, None);
        Self {
            watch,
            stay,
            queue,
            since,
            until,
            bound,
            ask_at,
            asleep,
            armed_for,
            had_turn: false,
            told_due: false,
            left: false,
        }
    }

    /// Ready with the pass, once it is its turn and the gate admits it, or with why it waits no longer.
    pub(super) fn poll<G, Req>(
        &mut self,
        gate: &G,
        request: &Req,
        mut timer: Pin<&mut Timer>,
        cx: &mut Context<'_>,
        mut now: Now,
    ) -> Poll<Result<G::Pass, Rejected>>
    where
        G: Admit<Req>,
    {
        loop {
            if self.stay.is_turn(cx.waker(), &mut now) {
                self.had_turn = true;
                // Before the time is looked at: a turn that has come beats a wait that ends with it.
                match self.ask(gate, request, cx.waker(), &mut now) {
                    Ok(None) => {}
                    Ok(Some(pass)) => {
                        self.left = true;
                        return Poll::Ready(Ok(pass));
                    }
                    Err(rejected) => {
                        self.left = true;
                        return Poll::Ready(Err(rejected));
                    }
                }
            } else if std::mem::take(&mut self.had_turn) {
                // A newer one has the turn now, who may not know when to ask.
                (self.watch, self.ask_at, self.asleep) = (None, None, None);
                self.stay.line().wake();
            }
            let looked = now.get();
            if looked >= self.until {
                self.left = true;
                let retry = self.ask_at.map(|at| at - looked);
                return Poll::Ready(Err(refuse(&self.queue, self.bound, retry)));
            }
            let at = self.ask_at.map_or(self.until, |at| at.min(self.until));
            if self.armed_for.replace(at) != Some(at) {
                timer.as_mut().arm(at);
            }
            if timer.as_mut().poll_fired(cx).is_pending() {
                return Poll::Pending;
            }
            (self.armed_for, now) = (None, Now::lazy());
        }
    }

    /// Asks the gate at the head of the line; `None` if it is to wait on.
    fn ask<G, Req>(
        &mut self,
        gate: &G,
        request: &Req,
        waker: &Waker,
        now: &mut Now,
    ) -> Result<Option<G::Pass>, Rejected>
    where
        G: Admit<Req>,
    {
        if let Some(at) = self.asleep
            && now.get() < at
        {
            self.ask_at = self.asleep;
            self.tell_due();
            return Ok(None);
        }
        loop {
            if let Some(watch) = &self.watch
                && !watch.is_turn(waker, now)
            {
                return Ok(None);
            }
            let turn = self.watch.as_ref().unwrap_or(&self.stay).line();
            let blocked = match gate.admit_in_turn(request, Some(turn), now) {
                Ok(pass) => return Ok(Some(pass)),
                Err(blocked) => blocked,
            };
            if let Some(refusal) = final_refusal(gate, &blocked, false) {
                return Err(refusal);
            }
            self.queue.note(&blocked);
            let (at, retry) = (now.get(), blocked.rejected.and_then(|rejected| rejected.retry_after()));
            if let Some(wait) = retry
                && at + wait > self.until
            {
                return Err(refuse(&self.queue, self.bound, retry));
            }
            self.ask_at = retry.map(|wait| later(at, wait)).or(blocked.due);
            self.asleep = None;
            match blocked.line {
                Some(line) if !line.is_same(turn) => {
                    // Somewhere else it is to be told of a change; then once more, as one may just have been.
                    self.watch = None;
                    if !line.is_same(self.stay.line()) {
                        let everybody = Entry {
                            places: usize::MAX,
                            cost: gate.cost(request),
                            class: gate.rank(request).unwrap_or_default() as u8,
                            tenant: gate.tenant(request),
                            order: Order::Fifo,
                            now: at,
                        };
                        self.watch = line.enter(everybody).ok();
                    }
                }
                Some(_) => break,
                None => {
                    self.watch = None;
                    self.asleep = self.ask_at;
                    break;
                }
            }
        }
        self.tell_due();
        Ok(None)
    }

    /// Tells the line when its head will ask again. It knows of nothing at first, so that is not told.
    fn tell_due(&mut self) {
        if self.ask_at.is_some() || self.told_due {
            self.stay.set_due(self.ask_at);
            self.told_due = true;
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // However it ends, so that what was counted up is counted down.
        self.queue.telemetry.note(Kind::Queue, || What::Dequeued { waited: Instant::now() - self.since });
        if !self.left {
            self.queue.telemetry.note(Kind::Queue, || What::Abandoned);
        }
    }
}

/// When one asks again who was told to come back after `wait`. A gate that says "now" and refuses is not
/// believed: nobody asks in a circle.
pub(super) fn later(now: Instant, wait: Duration) -> Instant {
    now + if wait.is_zero() { Duration::from_millis(1) } else { wait }
}
