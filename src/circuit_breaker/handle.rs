use super::config::Config;
use super::shared::{Passed, Shared};
use super::snapshot::Snapshot;
use super::state::State;
use crate::class::Class;
use crate::error::Rejected;
use crate::gate::{Admit, Evict, Gate, Line, Now, verbs};
use crate::telemetry::Telemetry;
use crate::time::Instant;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Stops calling a peer that fails, and finds out with a few probes whether it is back.
///
/// Clones share the circuit.
///
/// # Examples
///
/// ```
/// use seawall::circuit_breaker::{CircuitBreaker, State, Trip, Window};
/// use seawall::{Class, Ratio, Reason};
///
/// let breaker = CircuitBreaker::new(
///     "payments",
///     Trip::ratio(Ratio::percent(50)).over(Window::calls(20)).min_calls(10),
/// );
/// for _ in 0..10 {
///     breaker.try_acquire().unwrap().settle(Class::Transient);
/// }
/// assert_eq!(breaker.state(), State::Open);
/// let refused = breaker.try_acquire().unwrap_err();
/// assert_eq!(refused.reason(), Reason::CircuitOpen);
/// assert!(refused.retry_after().unwrap() <= std::time::Duration::from_secs(5));
/// ```
#[derive(Clone)]
pub struct CircuitBreaker(pub(super) Arc<Shared>);

verbs!(
    CircuitBreaker,
    "use seawall::circuit_breaker::{CircuitBreaker, Config};",
    "CircuitBreaker::new(\"payments\", Config::default())"
);

impl CircuitBreaker {
    /// A breaker that behaves as `config` says; a [`Trip`](super::Trip) alone will do.
    ///
    /// ```
    /// use seawall::circuit_breaker::{CircuitBreaker, Config, Trip};
    /// let usual = CircuitBreaker::new("payments", Config::default());
    /// let strict = CircuitBreaker::new("payments", Trip::run_of(3));
    /// ```
    #[must_use]
    pub fn new(telemetry: impl Into<Telemetry>, config: impl Into<Config>) -> Self {
        Self(Arc::new(Shared::new(telemetry.into(), config.into())))
    }

    /// The state. No clock is read: an open circuit is open until a call finds its time over.
    ///
    /// ```
    /// use seawall::circuit_breaker::{CircuitBreaker, Config, State};
    /// assert_eq!(CircuitBreaker::new("payments", Config::default()).state(), State::Closed);
    /// ```
    #[must_use]
    pub fn state(&self) -> State {
        self.0.word().state()
    }

    /// How things stand.
    ///
    /// ```
    /// use seawall::circuit_breaker::{CircuitBreaker, Config};
    /// let breaker = CircuitBreaker::new("payments", Config::default());
    /// assert_eq!(breaker.snapshot().failures, 0);
    /// ```
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot_at(Instant::now())
    }

    /// [`snapshot`](Self::snapshot) at a time that the caller already holds.
    ///
    /// ```
    /// use seawall::Instant;
    /// use seawall::circuit_breaker::{CircuitBreaker, Config};
    /// let breaker = CircuitBreaker::new("payments", Config::default());
    /// assert_eq!(breaker.snapshot_at(Instant::now()).openings, 0);
    /// ```
    #[must_use]
    pub fn snapshot_at(&self, now: Instant) -> Snapshot {
        self.0.snapshot(now)
    }

    /// Refuses everything until somebody says otherwise.
    ///
    /// ```
    /// use seawall::Reason;
    /// use seawall::circuit_breaker::{CircuitBreaker, Config};
    /// let breaker = CircuitBreaker::new("payments", Config::default());
    /// breaker.force_open();
    /// assert_eq!(breaker.try_acquire().unwrap_err().reason(), Reason::ForcedOpen);
    /// ```
    #[doc(alias = "isolate")]
    pub fn force_open(&self) {
        self.0.by_hand(|circuit, turns| circuit.force_open(turns));
    }

    /// Admits everything and counts nothing until somebody says otherwise.
    ///
    /// ```
    /// use seawall::Class;
    /// use seawall::circuit_breaker::{CircuitBreaker, State, Trip};
    /// let breaker = CircuitBreaker::new("payments", Trip::run_of(1));
    /// breaker.force_closed();
    /// breaker.try_acquire().unwrap().settle(Class::Permanent);
    /// assert_eq!(breaker.state(), State::ForcedClosed);
    /// ```
    #[doc(alias = "disable")]
    pub fn force_closed(&self) {
        self.0.by_hand(|circuit, turns| circuit.force_closed(turns));
    }

    /// Admits everything, watches, and only tells, once, that it would have opened: the way to try a
    /// setting in production.
    ///
    /// ```
    /// use seawall::Class;
    /// use seawall::circuit_breaker::{CircuitBreaker, State, Trip};
    /// let breaker = CircuitBreaker::new("payments", Trip::run_of(1));
    /// breaker.observe_only();
    /// breaker.try_acquire().unwrap().settle(Class::Permanent);
    /// assert!(breaker.try_acquire().is_ok());
    /// ```
    #[doc(alias = "shadow")]
    pub fn observe_only(&self) {
        self.0.by_hand(|circuit, turns| circuit.observe_only(turns));
    }

    /// Opens now, for exactly `period`, then probes as usual.
    ///
    /// ```
    /// use seawall::circuit_breaker::{CircuitBreaker, Config, State};
    /// use std::time::Duration;
    /// let breaker = CircuitBreaker::new("payments", Config::default());
    /// breaker.open_for(Duration::from_secs(7200));
    /// assert_eq!(breaker.state(), State::Open);
    /// ```
    pub fn open_for(&self, period: Duration) {
        self.open_for_at(period, Instant::now());
    }

    /// [`open_for`](Self::open_for) from a time that the caller already holds.
    ///
    /// ```
    /// use seawall::Instant;
    /// use seawall::circuit_breaker::{CircuitBreaker, Config};
    /// use std::time::Duration;
    /// let breaker = CircuitBreaker::new("payments", Config::default());
    /// breaker.open_for_at(Duration::from_secs(60), Instant::ZERO);
    /// assert!(breaker.try_acquire_at(Instant::ZERO + Duration::from_secs(60)).is_ok());
    /// ```
    pub fn open_for_at(&self, period: Duration, now: Instant) {
        self.0.by_hand(|circuit, turns| circuit.open_for(period, now, turns));
    }

    /// An open circuit lets the next call probe, without waiting for its time.
    ///
    /// ```
    /// use seawall::circuit_breaker::{CircuitBreaker, Config, State};
    /// use std::time::Duration;
    /// let breaker = CircuitBreaker::new("payments", Config::default());
    /// breaker.open_for(Duration::from_secs(7200));
    /// breaker.probe_now();
    /// assert!(breaker.try_acquire().is_ok());
    /// ```
    pub fn probe_now(&self) {
        self.0.by_hand(|circuit, _| circuit.probe_now());
        self.0.line.wake();
    }

    /// Closed, all counts zero, the row of openings too. Results still in flight no longer count.
    ///
    /// ```
    /// use seawall::circuit_breaker::{CircuitBreaker, Config, State};
    /// let breaker = CircuitBreaker::new("payments", Config::default());
    /// breaker.force_open();
    /// breaker.reset();
    /// assert_eq!(breaker.state(), State::Closed);
    /// ```
    pub fn reset(&self) {
        self.0.by_hand(|circuit, turns| circuit.reset(turns));
    }

    /// Changes the settings while it runs: same stay, permits in flight still count, no transition by itself.
    ///
    /// Thresholds apply from the next result. A window that changed starts empty, the others keep their
    /// counts. An open circuit keeps its time, a half-open one its probes.
    ///
    /// ```
    /// use seawall::circuit_breaker::{CircuitBreaker, Config, Trip};
    /// let breaker = CircuitBreaker::new("payments", Config::default());
    /// breaker.set(breaker.config().trip(Trip::run_of(5)));
    /// ```
    pub fn set(&self, config: impl Into<Config>) {
        let config = config.into();
        self.0.by_hand(|circuit, _| circuit.set(config));
    }

    /// The settings.
    ///
    /// ```
    /// use seawall::circuit_breaker::{CircuitBreaker, Config};
    /// assert_eq!(CircuitBreaker::new("payments", Config::default()).config(), Config::default());
    /// ```
    #[must_use]
    pub fn config(&self) -> Config {
        self.0.config()
    }
}

impl Gate for CircuitBreaker {
    type Pass = Passed;

    #[inline]
    fn refuses(&self, now: &mut Now) -> Option<Rejected> {
        self.0.refuses(now)
    }

    fn refused(&self, rejected: &Rejected) {
        Gate::refused(&*self.0, rejected);
    }

    #[inline]
    fn settle(&self, passed: Passed, class: Class, now: &mut Now) {
        Gate::settle(&*self.0, passed, class, now);
    }

    #[inline(never)]
    fn release(&self, passed: Passed) {
        Gate::release(&*self.0, passed);
    }

    #[cold]
    #[inline(never)]
    fn abandon(&self, passed: Passed) {
        Gate::abandon(&*self.0, passed);
    }

    fn line(&self) -> Option<&Line> {
        self.0.line()
    }

    fn due(&self, now: Instant) -> Option<Instant> {
        self.0.due(now)
    }
}

impl<Req: ?Sized> Admit<Req> for CircuitBreaker {
    #[inline]
    fn admit(&self, request: &Req, now: &mut Now) -> Result<Passed, Rejected> {
        self.0.admit(request, now)
    }

    fn admit_head(&self, request: &Req, now: &mut Now) -> Result<Passed, Rejected> {
        self.0.admit_head(request, now)
    }
}

/// Closed, and nothing counted: nobody could tell it from a new one.
impl Evict for CircuitBreaker {
    fn is_fresh(&self, now: &mut Now) -> bool {
        let seen = self.0.snapshot(now.get());
        seen.state == State::Closed && seen.successes + seen.failures + seen.slow + seen.overdue == 0
    }
}

impl fmt::Debug for CircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker")
            .field("name", &self.0.telemetry.name())
            .field("state", &self.state())
            .field("config", &self.config())
            .finish_non_exhaustive()
    }
}
