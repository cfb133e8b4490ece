//! One hand on many breakers.

use super::*;
use seawall::circuit_breaker::Control;
use std::thread::scope;

fn three() -> [CircuitBreaker; 3] {
    ["a", "b", "c"].map(|name| CircuitBreaker::new(name, Config::new()))
}

/// Polly, `CircuitBreakerManualControlTests` in spirit.
#[test]
fn who_comes_later_obeys_too() {
    let (control, breakers) = (Control::new(), three());
    breakers[..2].iter().for_each(|breaker| control.add(breaker));
    control.force_open();
    control.add(&breakers[2]);
    assert!(breakers.iter().all(|breaker| breaker.state() == State::ForcedOpen));
    control.force_closed();
    assert!(breakers.iter().all(|breaker| breaker.state() == State::ForcedClosed));
    control.reset();
    assert!(breakers.iter().all(|breaker| breaker.state() == State::Closed));
}

#[test]
fn two_orders_at_once_leave_all_in_one_state() {
    for _ in 0..50 {
        let (control, breakers) = (Control::new(), three());
        breakers.iter().for_each(|breaker| control.add(breaker));
        scope(|scope| {
            scope.spawn(|| control.force_open());
            scope.spawn(|| control.observe_only());
        });
        let state = breakers[0].state();
        assert!(breakers.iter().all(|breaker| breaker.state() == state));
    }
}

#[test]
fn it_keeps_no_breaker_alive() {
    let control = Control::new();
    for _ in 0..10_000 {
        control.add(&CircuitBreaker::new("short-lived", Trip::run_of(1)));
    }
    assert_eq!(format!("{control:?}"), "Control { breakers: 1, order: None, .. }");
}
