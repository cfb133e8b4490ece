use super::config::{Config, Start};
use super::probes::{Trial, Verdict};
use super::state::{Denied, State, Turn, Turns};
use super::trip::Cause;
use super::watch::{Counts, Quiet, Term, Watch};
use crate::class::Class;
use crate::time::Instant;

/// The circuit as a value that decides, given the time and a lot: no clock, no lock, no chance of its own.
///
/// [`CircuitBreaker`](super::CircuitBreaker) shares one between tasks. Use it directly where you hold the
/// state yourself: in a simulation, or in a table of your own.
///
/// # Examples
///
/// ```
/// use seawall::circuit_breaker::{Circuit, Config, Denied, OpenFor, State, Trip, Turns};
/// use seawall::{Class, Instant};
/// use std::time::Duration;
///
/// let second = |n: u64| Instant::from_nanos(n * 1_000_000_000);
/// let config = Config::new().trip(Trip::run_of(2)).open_for(OpenFor::fixed(Duration::from_secs(5)));
/// let (mut circuit, mut turns) = (Circuit::new(config, second(0)), Turns::default());
///
/// for at in [0, 1] {
///     let leave = circuit.admit(second(at), 0.0, &mut turns).unwrap();
///     circuit.settle(leave, Class::Transient, second(at), 0.0, &mut turns);
/// }
/// assert_eq!(circuit.state(), State::Open);
/// let denied = circuit.admit(second(4), 0.0, &mut turns).unwrap_err();
/// assert_eq!(denied, Denied::Open { retry_after: Duration::from_secs(2) });
/// assert!(circuit.admit(second(6), 0.0, &mut turns).is_ok());
/// assert_eq!(circuit.state(), State::HalfOpen);
/// ```
#[derive(Clone, Debug)]
pub struct Circuit {
    pub(super) config: Config,
    pub(super) standing: Standing,
    /// How many stays there were before this one.
    pub(super) stay: u64,
    pub(super) watch: Watch,
    /// The latest time written down: an earlier one is read as this.
    pub(super) latest: Instant,
    /// Openings in a row.
    pub(super) openings: u32,
    /// What was held when the circuit last opened.
    pub(super) opened_with: Counts,
    pub(super) late: u64,
    pub(super) abandoned: u64,
}

/// A state with what belongs to one stay in it.
#[derive(Clone, Debug)]
pub(super) enum Standing {
    Closed,
    Open { until: Instant },
    HalfOpen { trial: Trial, last: Instant },
    Ramping { since: Instant },
    ForcedOpen,
    ForcedClosed,
    ObserveOnly { told: bool },
}

/// Leave that a [`Circuit`] gave for one call: inert data that names its stay.
///
/// It ends in [`settle`](Circuit::settle), [`release`](Circuit::release) or [`abandon`](Circuit::abandon), so it
/// is no `Clone`.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a probe that never ends keeps its slot: settle it, release it or abandon it"]
pub struct Leave {
    pub(super) stay: u64,
    pub(super) began: Instant,
    pub(super) term: Term,
}

impl Circuit {
    /// A circuit in its first stay, at `now`.
    ///
    /// ```
    /// use seawall::Instant;
    /// use seawall::circuit_breaker::{Circuit, Config, Start, State};
    /// let circuit = Circuit::new(Config::new().start(Start::Open), Instant::ZERO);
    /// assert_eq!(circuit.state(), State::Open);
    /// ```
    #[must_use]
    pub fn new(config: impl Into<Config>, now: Instant) -> Self {
        let config = config.into();
        let (standing, openings) = match config.start {
            Start::Closed => (Standing::Closed, 0),
            Start::Open => (Standing::Open { until: now + config.open_for.period(0, 0.0) }, 1),
            Start::ForcedOpen => (Standing::ForcedOpen, 0),
            Start::ForcedClosed => (Standing::ForcedClosed, 0),
            Start::ObserveOnly => (Standing::ObserveOnly { told: false }, 0),
        };
        Self {
            config,
            standing,
            stay: 0,
            watch: Watch::new(config.trip),
            latest: Instant::ZERO,
            openings,
            opened_with: Counts::default(),
            late: 0,
            abandoned: 0,
        }
    }

    /// Leave for one call, or why not. `u` is a sample of `[0, 1)`; what happened is told to `turns`.
    ///
    /// ```
    /// use seawall::circuit_breaker::{Circuit, Trip, Turns};
    /// use seawall::Instant;
    /// let (mut circuit, mut turns) = (Circuit::new(Trip::run_of(1), Instant::ZERO), Turns::default());
    /// let leave = circuit.admit(Instant::ZERO, 0.0, &mut turns);
    /// assert!(leave.is_ok());
    /// ```
    ///
    /// # Errors
    ///
    /// Why the call is refused. A refusal writes nothing down, unless it is the one that finds the probes
    /// hung or the calls in flight overdue.
    pub fn admit(&mut self, now: Instant, u: f64, turns: &mut Turns) -> Result<Leave, Denied> {
        let now = now.max(self.latest);
        if self.hangs(now) == Some(Verdict::Close) {
            // This call is admitted, whatever lot it drew.
            self.close(now, turns);
            return Ok(self.leave(now));
        }
        self.ask(now, u, turns);
        if let Some(denied) = self.denied(now) {
            return Err(denied);
        }
        match &mut self.standing {
            Standing::Open { .. } => {
                let mut trial = Trial::new(self.config.probes);
                trial.take();
                self.enter(Standing::HalfOpen { trial, last: now });
                turns.push(Turn::HalfOpened);
            }
            Standing::HalfOpen { trial, last } => {
                trial.take();
                *last = now;
            }
            Standing::Ramping { since } if self.config.ramp.is_some_and(|r| u >= r.share(now - *since)) => {
                return Err(Denied::Ramping);
            }
            _ => {}
        }
        Ok(self.leave(now))
    }

    /// What time alone decides once a call asks: the end of a ramp, hung probes, calls overdue.
    pub(super) fn ask(&mut self, now: Instant, u: f64, turns: &mut Turns) {
        let now = now.max(self.latest);
        self.end_ramp(now, turns);
        if self.hangs(now) == Some(Verdict::Open) {
            self.open(Cause::Hung, now, u, None, turns);
        } else if self.is_watching()
            && let Some(cause) = self.watch.judge_slow(now)
        {
            self.tripped(cause, now, u, None, turns);
        }
    }

    /// Why a call would be refused at `now`: a question, which changes nothing and draws no lot.
    ///
    /// ```
    /// use seawall::Instant;
    /// use seawall::circuit_breaker::{Circuit, Config};
    /// assert_eq!(Circuit::new(Config::new(), Instant::ZERO).denies(Instant::ZERO), None);
    /// ```
    #[must_use]
    pub fn denies(&self, now: Instant) -> Option<Denied> {
        let now = now.max(self.latest);
        let next_period = || Denied::Open { retry_after: self.config.open_for.period(self.openings, 0.0) };
        match self.hangs(now) {
            Some(Verdict::Open) => Some(next_period()),
            Some(Verdict::Close) => None,
            None => self.denied(now).or_else(|| {
                let admits = matches!(self.standing, Standing::Closed | Standing::Ramping { .. });
                (admits && self.watch.is_too_slow_at(now)).then(next_period)
            }),
        }
    }

    /// Why a call is refused at `now`, once what time decides is decided.
    fn denied(&self, now: Instant) -> Option<Denied> {
        match &self.standing {
            Standing::ForcedOpen => Some(Denied::ForcedOpen),
            Standing::Open { until } if now < *until => Some(Denied::Open { retry_after: *until - now }),
            Standing::HalfOpen { trial, .. } if !trial.has_room() => Some(Denied::ProbesTaken),
            _ => None,
        }
    }

    /// The call was handed over, and went so.
    ///
    /// ```
    /// use seawall::circuit_breaker::{Circuit, State, Trip, Turns};
    /// use seawall::{Class, Instant};
    /// let (mut circuit, mut turns) = (Circuit::new(Trip::run_of(1), Instant::ZERO), Turns::default());
    /// let leave = circuit.admit(Instant::ZERO, 0.0, &mut turns).unwrap();
    /// circuit.settle(leave, Class::Transient, Instant::ZERO, 0.0, &mut turns);
    /// assert_eq!(circuit.state(), State::Open);
    /// ```
    pub fn settle(&mut self, leave: Leave, class: Class, now: Instant, u: f64, turns: &mut Turns) {
        if leave.stay != self.stay {
            self.late += u64::from(class != Class::Neutral);
            return;
        }
        if class == Class::Neutral {
            self.give_back(leave);
            return;
        }
        let now = self.at(now);
        self.end_ramp(now, turns);
        let slow = self.watch.is_slow(now - leave.began);
        let after = match class {
            Class::Overload(after) => after,
            _ => None,
        };
        self.watch.land(leave.began, leave.term);
        match &mut self.standing {
            Standing::Closed | Standing::Ramping { .. } | Standing::ObserveOnly { .. } => {
                self.watch.record(now, class.is_failure(), slow);
                if let Some(cause) = self.watch.judge(now) {
                    self.tripped(cause, now, u, after, turns);
                }
            }
            Standing::HalfOpen { trial, .. } => {
                let verdict = trial.judge(class == Class::Success && !slow);
                self.follow(verdict, now, u, after, turns);
            }
            Standing::Open { .. } | Standing::ForcedOpen | Standing::ForcedClosed => {}
        }
    }

    /// The call was never handed over: as if never asked.
    ///
    /// ```
    /// use seawall::circuit_breaker::{Circuit, State, Trip, Turns};
    /// use seawall::Instant;
    /// let (mut circuit, mut turns) = (Circuit::new(Trip::run_of(1), Instant::ZERO), Turns::default());
    /// let leave = circuit.admit(Instant::ZERO, 0.0, &mut turns).unwrap();
    /// circuit.release(leave);
    /// assert_eq!(circuit.state(), State::Closed);
    /// ```
    pub fn release(&mut self, leave: Leave) {
        if leave.stay == self.stay {
            self.give_back(leave);
        }
    }

    /// Nobody knows how the call went. If it had been slow by then, that much is known.
    ///
    /// ```
    /// use seawall::circuit_breaker::{Circuit, Trip, Turns};
    /// use seawall::Instant;
    /// let (mut circuit, mut turns) = (Circuit::new(Trip::run_of(1), Instant::ZERO), Turns::default());
    /// let leave = circuit.admit(Instant::ZERO, 0.0, &mut turns).unwrap();
    /// circuit.abandon(leave, Instant::ZERO, 0.0, &mut turns);
    /// assert_eq!(circuit.snapshot(Instant::ZERO).abandoned, 1);
    /// ```
    pub fn abandon(&mut self, leave: Leave, now: Instant, u: f64, turns: &mut Turns) {
        self.abandoned += 1;
        if leave.stay != self.stay {
            return;
        }
        let now = self.at(now);
        self.end_ramp(now, turns);
        let slow = self.watch.is_slow(now - leave.began);
        match &mut self.standing {
            Standing::Closed | Standing::Ramping { .. } | Standing::ObserveOnly { .. } => {
                self.watch.land(leave.began, leave.term);
                if slow {
                    self.watch.record_slow(now);
                    if let Some(cause) = self.watch.judge(now) {
                        self.tripped(cause, now, u, None, turns);
                    }
                }
            }
            Standing::HalfOpen { trial, .. } => {
                if slow {
                    let verdict = trial.judge(false);
                    self.follow(verdict, now, u, None, turns);
                } else {
                    trial.give_back();
                }
            }
            Standing::Open { .. } | Standing::ForcedOpen | Standing::ForcedClosed => {}
        }
    }

    /// Changes the settings: same stay, permits in flight still count, and no transition by itself.
    ///
    /// Thresholds apply from the next result. A window that changed starts empty, the others keep their
    /// counts. An open circuit keeps its time, a half-open one its probes. The start is past.
    ///
    /// ```
    /// use seawall::circuit_breaker::{Circuit, Trip};
    /// use seawall::Instant;
    /// let mut circuit = Circuit::new(Trip::run_of(1), Instant::ZERO);
    /// circuit.set(Trip::run_of(2));
    /// assert_eq!(*circuit.config(), Trip::run_of(2).into());
    /// ```
    pub fn set(&mut self, config: impl Into<Config>) {
        self.config = config.into();
        self.watch.set(self.config.trip);
    }

    /// The settings.
    ///
    /// ```
    /// use seawall::circuit_breaker::{Circuit, Trip};
    /// use seawall::Instant;
    /// let circuit = Circuit::new(Trip::run_of(1), Instant::ZERO);
    /// assert_eq!(*circuit.config(), Trip::run_of(1).into());
    /// ```
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The state. Time passes only when somebody asks to be admitted.
    ///
    /// ```
    /// use seawall::circuit_breaker::{Circuit, State, Trip};
    /// use seawall::Instant;
    /// let circuit = Circuit::new(Trip::run_of(1), Instant::ZERO);
    /// assert_eq!(circuit.state(), State::Closed);
    /// ```
    #[must_use]
    pub const fn state(&self) -> State {
        match self.standing {
            Standing::Closed => State::Closed,
            Standing::Open { .. } => State::Open,
            Standing::HalfOpen { .. } => State::HalfOpen,
            Standing::Ramping { .. } => State::Ramping,
            Standing::ForcedOpen => State::ForcedOpen,
            Standing::ForcedClosed => State::ForcedClosed,
            Standing::ObserveOnly { .. } => State::ObserveOnly,
        }
    }

    /// When somebody who was refused at `now` without a time may ask again, though nothing comes free.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        match &self.standing {
            Standing::HalfOpen { trial, last } => Some(*last + trial.probes.max_wait),
            // By then another sixteenth of all calls is let through.
            Standing::Ramping { .. } => self.config.ramp.map(|ramp| now + ramp.length / 16),
            _ => None,
        }
    }

    /// Enters successes that were only counted, while nothing else happened in this stay.
    pub(super) fn record_quiet(&mut self, successes: u64) {
        if self.is_watching() {
            self.watch.record_quiet(self.latest, successes);
        }
    }

    /// Enters departures and landings of a tick that were only counted.
    pub(super) fn settle_up(&mut self, tick: u64, departed: u64, landed: u64) {
        self.watch.settle_up(tick, departed, landed);
    }

    /// Whether, for now, only the number of successes matters; forced closed, not even that.
    pub(super) fn quiet(&self) -> Option<Quiet> {
        match self.standing {
            Standing::Closed | Standing::ObserveOnly { .. } => self.watch.quiet(self.latest),
            Standing::ForcedClosed => Some(Quiet::IDLE),
            _ => None,
        }
    }

    /// Which stay this is.
    pub(super) const fn stay(&self) -> u64 {
        self.stay
    }

    /// Since when the flights are counted, as a number that changes.
    pub(super) const fn term(&self) -> Term {
        self.watch.term()
    }

    /// The latest time written down.
    pub(super) const fn latest(&self) -> Instant {
        self.latest
    }

    /// The limit of the slow trip, in nanoseconds.
    pub(super) fn slow_limit(&self) -> u64 {
        self.config.trip.slow.map_or(0, |slow| crate::time::nanos(slow.limit))
    }

    /// Whether admissions and abandonments need a time because there is a slow trip.
    pub(super) const fn watches_time(&self) -> bool {
        self.watch.watches_time()
    }

    /// Until when an open circuit refuses.
    pub(super) const fn until(&self) -> Option<Instant> {
        match self.standing {
            Standing::Open { until } => Some(until),
            _ => None,
        }
    }

    fn leave(&mut self, now: Instant) -> Leave {
        self.latest = now;
        let term = if self.is_watching() { self.watch.depart(now) } else { Term::NONE };
        // Without a slow trip nobody need look at the clock: such a call is of no known length, and never slow.
        let began = if self.watches_time() { now } else { Instant::MAX };
        Leave { stay: self.stay, began, term }
    }

    /// Whether results are recorded and judged.
    const fn is_watching(&self) -> bool {
        matches!(self.standing, Standing::Closed | Standing::Ramping { .. } | Standing::ObserveOnly { .. })
    }

    /// What hung probes come to, if all are out and the last went long ago.
    fn hangs(&self, now: Instant) -> Option<Verdict> {
        match &self.standing {
            Standing::HalfOpen { trial, last }
                if !trial.has_room() && now >= *last + trial.probes.max_wait =>
            {
                Some(trial.probes.hung)
            }
            _ => None,
        }
    }

    fn give_back(&mut self, leave: Leave) {
        match &mut self.standing {
            Standing::HalfOpen { trial, .. } => trial.give_back(),
            _ => self.watch.land(leave.began, leave.term),
        }
    }
}
