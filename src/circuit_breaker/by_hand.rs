//! What somebody does to a circuit, rather than what happens to it.

use super::circuit::{Circuit, Standing};
use super::state::{State, Turn, Turns};
use super::trip::Cause;
use crate::time::Instant;
use std::time::Duration;

impl Circuit {
    /// Refuses everything until somebody says otherwise. Forced open already, nothing changes.
    pub fn force_open(&mut self, turns: &mut Turns) {
        self.force(State::ForcedOpen, Standing::ForcedOpen, turns);
    }

    /// Admits everything and counts nothing until somebody says otherwise.
    pub fn force_closed(&mut self, turns: &mut Turns) {
        self.force(State::ForcedClosed, Standing::ForcedClosed, turns);
    }

    /// Admits everything, watches, and only tells, once, that it would have opened.
    pub fn observe_only(&mut self, turns: &mut Turns) {
        self.force(State::ObserveOnly, Standing::ObserveOnly { told: false }, turns);
    }

    fn force(&mut self, state: State, standing: Standing, turns: &mut Turns) {
        if self.state() != state {
            self.enter(standing);
            turns.push(Turn::Forced(state));
        }
    }

    /// Opens at `now` for exactly `period`, then probes as usual; an opening in the row.
    pub fn open_for(&mut self, period: Duration, now: Instant, turns: &mut Turns) {
        let now = self.at(now);
        self.open_until(now + period, Cause::Hand, period, turns);
    }

    /// An open circuit lets the next call probe; in any other state nothing changes.
    pub const fn probe_now(&mut self) {
        if let Standing::Open { until } = &mut self.standing {
            *until = Instant::ZERO;
        }
    }

    /// Closed, all counts zero, the row of openings too.
    pub fn reset(&mut self, turns: &mut Turns) {
        let changes = self.state() != State::Closed;
        self.enter(Standing::Closed);
        self.openings = 0;
        turns.push(Turn::Reset);
        if changes {
            turns.push(Turn::Closed);
        }
    }
}
