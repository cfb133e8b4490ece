//! How one stay gives way to the next.

use super::circuit::{Circuit, Standing};
use super::probes::Verdict;
use super::state::{Turn, Turns};
use super::trip::Cause;
use crate::time::Instant;
use std::time::Duration;

impl Circuit {
    /// Writes a time down, and says as which it is read.
    pub(super) fn at(&mut self, now: Instant) -> Instant {
        self.latest = self.latest.max(now);
        self.latest
    }

    /// The first act after the ramp closes the circuit; its stay goes on.
    pub(super) fn end_ramp(&mut self, now: Instant, turns: &mut Turns) {
        if let Standing::Ramping { since } = self.standing
            && self.config.ramp.is_none_or(|ramp| now >= since + ramp.length)
        {
            self.standing = Standing::Closed;
            self.openings = 0;
            turns.push(Turn::Closed);
        }
    }

    /// A trip holds.
    pub(super) fn tripped(
        &mut self,
        cause: Cause,
        now: Instant,
        u: f64,
        after: Option<Duration>,
        turns: &mut Turns,
    ) {
        match &mut self.standing {
            Standing::ObserveOnly { told: true } => {}
            Standing::ObserveOnly { told } => {
                *told = true;
                turns.push(Turn::WouldOpen { cause });
            }
            _ => self.open(cause, now, u, after, turns),
        }
    }

    pub(super) fn follow(
        &mut self,
        verdict: Option<Verdict>,
        now: Instant,
        u: f64,
        after: Option<Duration>,
        turns: &mut Turns,
    ) {
        match verdict {
            Some(Verdict::Close) => self.close(now, turns),
            Some(Verdict::Open) => self.open(Cause::Probes, now, u, after, turns),
            None => {}
        }
    }

    pub(super) fn open(
        &mut self,
        cause: Cause,
        now: Instant,
        u: f64,
        after: Option<Duration>,
        turns: &mut Turns,
    ) {
        let now = self.at(now);
        let period = self.config.open_for.period_after(self.openings, u, after);
        self.open_until(now + period, cause, period, turns);
    }

    pub(super) fn close(&mut self, now: Instant, turns: &mut Turns) {
        if self.config.ramp.is_some() {
            self.enter(Standing::Ramping { since: now });
            turns.push(Turn::Ramping);
        } else {
            self.enter(Standing::Closed);
            self.openings = 0;
            turns.push(Turn::Closed);
        }
    }

    /// Opens until `until`, for a cause that only a hand has.
    pub(super) fn open_until(&mut self, until: Instant, cause: Cause, period: Duration, turns: &mut Turns) {
        let counts = match &self.standing {
            Standing::HalfOpen { trial, .. } => trial.counts(),
            _ => self.watch.counts_at(self.latest),
        };
        self.opened_with = counts;
        self.openings = self.openings.saturating_add(1);
        self.enter(Standing::Open { until });
        turns.push(Turn::Opened {
            cause,
            period,
            failures: counts.failures,
            slow: counts.slow + counts.overdue,
            recorded: counts.recorded,
        });
    }

    /// Begins a stay: a new generation, every count zero.
    pub(super) fn enter(&mut self, standing: Standing) {
        self.standing = standing;
        self.stay += 1;
        self.watch.clear();
    }
}
