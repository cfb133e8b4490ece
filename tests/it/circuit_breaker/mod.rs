//! The breaker, by state. Each step is done to the deciding value and to the shared handle alike, and both
//! must then say the same.

mod by_hand;
mod changed;
mod closed;
mod control;
mod defects;
mod half_open;
mod keyed;
mod late;
mod open;
mod ramping;
mod service;
mod slow;
mod threads;
mod told;
mod twin;
mod waited_for;

use parking_lot::Mutex;
use seawall::circuit_breaker::{
    Circuit, CircuitBreaker, Config, Denied, Leave, OpenFor, Passed, Probes, Snapshot, State, Trip, Turn,
    Turns,
};
use seawall::gate::{Admit, Gate, Now};
use seawall::telemetry::{Event, Observe, Telemetry, What};
use seawall::{Class, Instant, Ratio, Reason, Rejected};
use std::sync::Arc;
use std::time::Duration;

pub(crate) const S: Class = Class::Success;
pub(crate) const F: Class = Class::Transient;
pub(crate) const N: Class = Class::Neutral;

/// Seconds.
pub(crate) fn s(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

pub(crate) const fn half() -> Ratio {
    Ratio::percent(50)
}

/// A trip with one probe and an open period of five seconds.
pub(crate) fn plain(trip: impl Into<Trip>) -> Config {
    Config::new().trip(trip).probes(Probes::of(1)).open_for(OpenFor::fixed(s(5.0)))
}

/// Hears what happened, in order.
#[derive(Clone, Default)]
pub(crate) struct Ear(Arc<Mutex<Vec<What>>>);

impl Observe for Ear {
    fn observe(&self, event: &Event) {
        self.0.lock().push(event.what);
    }
}

impl Ear {
    pub(crate) fn turns(&self) -> Vec<Turn> {
        let heard = self.0.lock();
        heard
            .iter()
            .filter_map(|what| if let What::Circuit(turn) = what { Some(*turn) } else { None })
            .collect()
    }

    pub(crate) fn refusals(&self) -> Vec<Reason> {
        let heard = self.0.lock();
        let reason =
            |what: &What| if let What::Refused(rejected) = what { Some(rejected.reason()) } else { None };
        heard.iter().filter_map(reason).collect()
    }
}

/// One circuit twice: as the value that decides and as the handle that shares.
pub(crate) struct Pair {
    circuit: Circuit,
    pub(crate) breaker: CircuitBreaker,
    /// The same, of which nobody hears: single calls take another way there.
    unheard: CircuitBreaker,
    pub(crate) ear: Ear,
    turns: Vec<Turn>,
    now: Instant,
}

pub(crate) type Ticket = (Leave, Passed, Passed);

impl Pair {
    pub(crate) fn new(config: impl Into<Config>) -> Self {
        let (config, ear) = (config.into(), Ear::default());
        Self {
            circuit: Circuit::new(config, Instant::ZERO),
            breaker: CircuitBreaker::new(Telemetry::new("pair").observer(ear.clone()), config),
            unheard: CircuitBreaker::new("unheard", config),
            ear,
            turns: Vec::new(),
            now: Instant::ZERO,
        }
    }

    /// Goes to so many seconds after the start.
    pub(crate) fn at(&mut self, seconds: f64) -> &mut Self {
        self.now = Instant::ZERO + s(seconds);
        self
    }

    pub(crate) fn admit(&mut self) -> Result<Ticket, Denied> {
        let admitted = self.admit_quietly();
        self.agree();
        admitted
    }

    pub(crate) fn settle(&mut self, ticket: Ticket, class: Class) -> &mut Self {
        self.settle_quietly(ticket, class);
        self.agree()
    }

    pub(crate) fn release(&mut self, ticket: Ticket) -> &mut Self {
        self.release_quietly(ticket);
        self.agree()
    }

    /// Only without a slow trip: with one, the handle reads the clock.
    pub(crate) fn abandon(&mut self, ticket: Ticket) -> &mut Self {
        self.abandon_quietly(ticket);
        self.agree()
    }

    // Quietly: without a look, which would take in what the handle has only counted.

    fn admit_quietly(&mut self) -> Result<Ticket, Denied> {
        let ours = self.act(|circuit, now, turns| circuit.admit(now, 0.5, turns));
        let [heard, unheard] = [&self.breaker, &self.unheard].map(|breaker| {
            Admit::<()>::admit(breaker, &(), &mut Now::at(self.now)).map_err(|rejected| denied(&rejected))
        });
        match (ours, heard, unheard) {
            (Ok(leave), Ok(heard), Ok(unheard)) => Ok((leave, heard, unheard)),
            (ours, heard, unheard) => {
                let ours = ours.map(|_| ());
                assert_eq!((ours, ours), (heard.map(|_| ()), unheard.map(|_| ())));
                Err(ours.unwrap_err())
            }
        }
    }

    fn settle_quietly(&mut self, (leave, heard, unheard): Ticket, class: Class) {
        self.act(|circuit, now, turns| circuit.settle(leave, class, now, 0.5, turns));
        self.breaker.settle(heard, class, &mut Now::at(self.now));
        self.unheard.settle(unheard, class, &mut Now::at(self.now));
    }

    fn release_quietly(&mut self, (leave, heard, unheard): Ticket) {
        self.circuit.release(leave);
        self.breaker.release(heard);
        self.unheard.release(unheard);
    }

    fn abandon_quietly(&mut self, (leave, heard, unheard): Ticket) {
        self.act(|circuit, now, turns| circuit.abandon(leave, now, 0.5, turns));
        self.breaker.abandon(heard);
        self.unheard.abandon(unheard);
    }

    /// One admitted call of no length.
    pub(crate) fn call(&mut self, class: Class) -> &mut Self {
        let ticket = self.admit().expect("admitted");
        self.settle(ticket, class)
    }

    pub(crate) fn calls<const M: usize>(&mut self, classes: [Class; M]) -> &mut Self {
        for class in classes {
            self.call(class);
        }
        self
    }

    /// One admitted call that takes so many seconds.
    pub(crate) fn call_of(&mut self, class: Class, seconds: f64) -> &mut Self {
        let ticket = self.admit().expect("admitted");
        self.now += s(seconds);
        self.settle(ticket, class)
    }

    /// Both are driven by hand in the same way.
    pub(crate) fn by_hand(
        &mut self,
        circuit: impl FnOnce(&mut Circuit, Instant, &mut Turns),
        breaker: impl Fn(&CircuitBreaker, Instant),
    ) -> &mut Self {
        self.act(circuit);
        breaker(&self.breaker, self.now);
        breaker(&self.unheard, self.now);
        self.agree()
    }

    pub(crate) fn is(&mut self, state: State) -> &mut Self {
        assert_eq!(self.circuit.state(), state, "{:?}", self.snapshot());
        self
    }

    pub(crate) fn refuses(&mut self, denied: Denied) -> &mut Self {
        assert_eq!(self.admit().map(|_| ()), Err(denied));
        self
    }

    /// Open for so many seconds still.
    pub(crate) fn refuses_for(&mut self, seconds: f64) -> &mut Self {
        self.refuses(Denied::Open { retry_after: s(seconds) })
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.circuit.snapshot(self.now)
    }

    pub(crate) fn turns(&self) -> &[Turn] {
        &self.turns
    }

    fn act<R>(&mut self, act: impl FnOnce(&mut Circuit, Instant, &mut Turns) -> R) -> R {
        let mut turns = Turns::default();
        let acted = act(&mut self.circuit, self.now, &mut turns);
        self.turns.extend(turns.drain());
        acted
    }

    fn agree(&mut self) -> &mut Self {
        assert_eq!(self.breaker.snapshot_at(self.now), self.circuit.snapshot(self.now));
        assert_eq!(self.unheard.snapshot_at(self.now), self.circuit.snapshot(self.now));
        assert_eq!(self.breaker.state(), self.circuit.state());
        assert_eq!(self.unheard.state(), self.circuit.state());
        assert_eq!(self.ear.turns(), self.turns);
        self
    }
}

pub(crate) fn denied(rejected: &Rejected) -> Denied {
    match (rejected.reason(), rejected.retry_after()) {
        (Reason::CircuitOpen, Some(retry_after)) => Denied::Open { retry_after },
        (Reason::ProbesTaken, None) => Denied::ProbesTaken,
        (Reason::Ramping, None) => Denied::Ramping,
        (Reason::ForcedOpen, None) => Denied::ForcedOpen,
        other => unreachable!("no refusal of a breaker: {other:?}"),
    }
}

pub(crate) fn opened(turns: &[Turn]) -> usize {
    turns.iter().filter(|turn| matches!(turn, Turn::Opened { .. })).count()
}
