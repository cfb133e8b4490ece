//! What is told, when, and to whom.

use super::*;
use seawall::telemetry::Counters;

#[test]
fn refusals_are_told_with_their_reason() {
    let mut pair = Pair::new(plain(Trip::run_of(1)));
    pair.call(F).refuses_for(5.0).at(5.0);
    let probe = pair.admit().unwrap();
    pair.refuses(Denied::ProbesTaken).settle(probe, S);
    pair.by_hand(|c, _, turns| c.force_open(turns), |b, _| b.force_open());
    pair.refuses(Denied::ForcedOpen);
    assert_eq!(pair.ear.refusals(), [Reason::CircuitOpen, Reason::ProbesTaken, Reason::ForcedOpen]);
}

/// Each turn is told once, whatever number of callers saw it happen.
#[test]
fn counters_add_up() {
    let counters = Arc::new(Counters::default());
    let breaker = CircuitBreaker::new(Telemetry::new("a").observer(counters.clone()), plain(Trip::run_of(1)));
    breaker.try_acquire_at(Instant::ZERO).unwrap().settle_at(F, Instant::ZERO);
    assert!(breaker.try_acquire_at(Instant::ZERO).is_err());
    breaker.try_acquire_at(Instant::ZERO + s(5.0)).unwrap().settle_at(S, Instant::ZERO + s(5.0));
    let seen = counters.snapshot();
    assert_eq!((seen.admitted, seen.refused, seen.succeeded, seen.failed), (2, 1, 1, 1));
    assert_eq!((seen.opened, seen.half_opened, seen.closed), (1, 1, 1));
}

/// Calls back into the breaker from each event.
struct Meddler(std::sync::OnceLock<CircuitBreaker>, Mutex<u32>);

impl Observe for Meddler {
    fn observe(&self, event: &Event) {
        let Some(breaker) = self.0.get() else { return };
        let _ = (breaker.state(), breaker.snapshot_at(Instant::ZERO));
        *self.1.lock() += 1;
        if matches!(event.what, What::Circuit(Turn::Opened { .. })) {
            breaker.reset();
        }
    }
}

#[test]
fn an_observer_may_call_the_breaker() {
    let meddler = Arc::new(Meddler(std::sync::OnceLock::new(), Mutex::new(0)));
    let breaker = CircuitBreaker::new(Telemetry::new("a").observer(meddler.clone()), plain(Trip::run_of(1)));
    assert!(meddler.0.set(breaker.clone()).is_ok());
    breaker.try_acquire_at(Instant::ZERO).unwrap().settle_at(F, Instant::ZERO);
    assert_eq!(breaker.state(), State::Closed);
    // Admitted, opened, reset, closed, settled.
    assert_eq!(*meddler.1.lock(), 5);
}

/// Panics at whatever `when` says.
struct Fragile(fn(&What) -> bool);

impl Observe for Fragile {
    fn observe(&self, event: &Event) {
        assert!(!(self.0)(&event.what), "an observer of no great strength");
    }
}

#[test]
fn an_observer_that_panics_loses_no_probe() {
    for when in [(|what| matches!(what, What::Circuit(Turn::HalfOpened))) as fn(&What) -> bool, |what| {
        matches!(what, What::Admitted { .. })
    }] {
        let breaker =
            CircuitBreaker::new(Telemetry::new("a").observer(Fragile(when)), plain(Trip::run_of(1)));
        breaker.open_for_at(Duration::ZERO, Instant::ZERO);
        let asked = std::panic::AssertUnwindSafe(|| breaker.try_acquire_at(Instant::ZERO).map(drop));
        assert!(std::panic::catch_unwind(asked).is_err());
        let seen = breaker.snapshot_at(Instant::ZERO);
        assert_eq!((seen.state, seen.probing), (State::HalfOpen, 0));
    }
}
