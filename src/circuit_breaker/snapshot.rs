use super::circuit::{Circuit, Standing};
use super::state::State;
use crate::ratio::Ratio;
use crate::time::Instant;
use std::time::Duration;

/// How a circuit stood at one moment.
///
/// ```
/// use seawall::circuit_breaker::{CircuitBreaker, Config, State};
/// let breaker = CircuitBreaker::new("payments", Config::default());
/// breaker.try_acquire().unwrap().settle(seawall::Class::Success);
/// let snapshot = breaker.snapshot();
/// assert_eq!((snapshot.state, snapshot.successes, snapshot.failure_ratio), (State::Closed, 1, None));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Snapshot {
    /// The state.
    pub state: State,
    /// How long the state lasts still, if time ends it.
    pub remaining: Option<Duration>,
    /// Failures held by the ratio's window, else by the count's, else the run of them. While open, those that
    /// opened it; while half-open, the bad probes.
    pub failures: u64,
    /// Successes held by the ratio's window, or good probes.
    pub successes: u64,
    /// Slow calls held.
    pub slow: u64,
    /// Calls in flight for longer than the limit.
    pub overdue: u64,
    /// The share of failures; `None` below the least number of calls.
    pub failure_ratio: Option<Ratio>,
    /// The share of slow and overdue calls; `None` below the least number of calls.
    pub slow_ratio: Option<Ratio>,
    /// Probes that are out.
    pub probing: u32,
    /// Calls refused in this stay, if [`Config::count_refusals`](super::Config::count_refusals) asked for it.
    pub refused: Option<u64>,
    /// Openings in a row, this one included.
    pub openings: u32,
    /// Results that came after their stay was over, ever.
    pub late: u64,
    /// Calls that were cancelled or panicked, ever.
    pub abandoned: u64,
}

impl Circuit {
    /// How things stand at `now`; nothing moves and nothing is judged.
    ///
    /// ```
    /// use seawall::circuit_breaker::{Circuit, State, Trip};
    /// use seawall::Instant;
    /// let circuit = Circuit::new(Trip::run_of(1), Instant::ZERO);
    /// assert_eq!(circuit.snapshot(Instant::ZERO).state, State::Closed);
    /// ```
    #[must_use]
    pub fn snapshot(&self, now: Instant) -> Snapshot {
        let now = now.max(self.latest);
        let (counts, remaining, probing) = match &self.standing {
            Standing::Open { until } => (self.opened_with, Some(*until - now), 0),
            Standing::HalfOpen { trial, .. } => (trial.counts(), None, trial.taken),
            Standing::Ramping { since } => {
                let left = self.config.ramp.map(|ramp| (*since + ramp.length) - now);
                (self.watch.counts_at(now), left, 0)
            }
            _ => (self.watch.counts_at(now), None, 0),
        };
        Snapshot {
            state: self.state(),
            remaining,
            successes: counts.recorded - counts.failures,
            failures: counts.failures,
            slow: counts.slow,
            overdue: counts.overdue,
            failure_ratio: counts.failure_ratio,
            slow_ratio: counts.slow_ratio,
            probing,
            refused: None,
            openings: self.openings,
            late: self.late,
            abandoned: self.abandoned,
        }
    }
}
