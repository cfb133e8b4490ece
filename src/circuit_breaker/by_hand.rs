//! What somebody does to a circuit, rather than what happens to it.

use super::circuit::{Circuit, Standing};
use super::state::{State, Turn, Turns};
use super::trip::Cause;
use crate::time::Instant;
use std::time::Duration;

impl Circuit {
    /// Refuses everything until somebody says otherwise. Forced open already, nothing changes.
    ///
    /// ```
    /// use seawall::circuit_breaker::{Circuit, Trip, Turns};
    /// use seawall::Instant;
    /// let (mut circuit, mut turns) = (Circuit::new(Trip::run_of(1), Instant::ZERO), Turns::default());
    /// circuit.force_open(&mut turns);
    /// assert!(circuit.admit(Instant::MAX, 0.0, &mut turns).is_err());
    /// ```
    pub fn force_open(&mut self, turns: &mut Turns) {
        self.force(State::ForcedOpen, Standing::ForcedOpen, turns);
    }

    /// Admits everything and counts nothing until somebody says otherwise.
    ///
    /// ```
    /// use seawall::circuit_breaker::{Circuit, State, Trip, Turns};
    /// use seawall::Instant;
    /// let (mut circuit, mut turns) = (Circuit::new(Trip::run_of(1), Instant::ZERO), Turns::default());
    /// circuit.force_closed(&mut turns);
    /// assert_eq!(circuit.state(), State::ForcedClosed);
    /// ```
    pub fn force_closed(&mut self, turns: &mut Turns) {
        self.force(State::ForcedClosed, Standing::ForcedClosed, turns);
    }

    /// Admits everything, watches, and only tells, once, that it would have opened.
    ///
    /// ```
    /// use seawall::circuit_breaker::{Circuit, State, Trip, Turns};
    /// use seawall::Instant;
    /// let (mut circuit, mut turns) = (Circuit::new(Trip::run_of(1), Instant::ZERO), Turns::default());
    /// circuit.observe_only(&mut turns);
    /// assert_eq!(circuit.state(), State::ObserveOnly);
    /// ```
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
    ///
    /// ```
    /// use seawall::circuit_breaker::{Circuit, State, Trip, Turns};
    /// use seawall::Instant;
    /// let (mut circuit, mut turns) = (Circuit::new(Trip::run_of(1), Instant::ZERO), Turns::default());
    /// circuit.open_for(std::time::Duration::from_secs(60), Instant::ZERO, &mut turns);
    /// assert_eq!(circuit.state(), State::Open);
    /// ```
    pub fn open_for(&mut self, period: Duration, now: Instant, turns: &mut Turns) {
        let now = self.at(now);
        self.open_until(now + period, Cause::Hand, period, turns);
    }

    /// An open circuit lets the next call probe; in any other state nothing changes.
    ///
    /// ```
    /// use seawall::circuit_breaker::{Circuit, Trip, Turns};
    /// use seawall::Instant;
    /// let (mut circuit, mut turns) = (Circuit::new(Trip::run_of(1), Instant::ZERO), Turns::default());
    /// circuit.open_for(std::time::Duration::from_secs(60), Instant::ZERO, &mut turns);
    /// circuit.probe_now();
    /// assert!(circuit.admit(Instant::ZERO, 0.0, &mut turns).is_ok());
    /// ```
    pub const fn probe_now(&mut self) {
        if let Standing::Open { until } = &mut self.standing {
            *until = Instant::ZERO;
        }
    }

    /// Closed, all counts zero, the row of openings too.
    ///
    /// ```
    /// use seawall::circuit_breaker::{Circuit, State, Trip, Turns};
    /// use seawall::Instant;
    /// let (mut circuit, mut turns) = (Circuit::new(Trip::run_of(1), Instant::ZERO), Turns::default());
    /// circuit.force_open(&mut turns);
    /// circuit.reset(&mut turns);
    /// assert_eq!(circuit.state(), State::Closed);
    /// ```
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
