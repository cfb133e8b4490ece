//! A circuit that threads report to at once: nothing is lost between the stripes, the word and the lock.

use super::{CircuitBreaker, Config, State, Trip, Window};
use crate::class::Class;
use crate::ratio::Ratio;
use crate::sync::model::{check, thread};
use crate::time::Instant;

const NOW: Instant = Instant::from_nanos(1_000_000_000);

fn report(breaker: &CircuitBreaker, class: Class) {
    if let Ok(permit) = breaker.try_acquire_at(NOW) {
        permit.settle_at(class, NOW);
    }
}

#[test]
fn no_success_is_lost_between_stripes_and_window() {
    check(|| {
        let trip = Trip::ratio(Ratio::percent(50)).over(Window::calls(8));
        let breaker = CircuitBreaker::new("model", Config::new().trip(trip).seed(1));
        let other = thread::spawn({
            let breaker = breaker.clone();
            move || report(&breaker, Class::Success)
        });
        report(&breaker, Class::Success);
        // Takes the sum while the other may still count.
        let early = breaker.snapshot_at(NOW).successes;
        other.join().unwrap();
        assert!((1..=2).contains(&early));
        assert_eq!(breaker.snapshot_at(NOW).successes, 2);
    });
}

#[test]
fn two_failures_at_once_open_a_run_of_two() {
    check(|| {
        let breaker = CircuitBreaker::new("model", Config::new().trip(Trip::run_of(2)).seed(1));
        let other = thread::spawn({
            let breaker = breaker.clone();
            move || report(&breaker, Class::Transient)
        });
        report(&breaker, Class::Transient);
        other.join().unwrap();
        assert_eq!(breaker.snapshot_at(NOW).state, State::Open);
    });
}

/// Under a slow trip departures and landings are counted beside the lock as well: whoever looks finds each call once.
#[test]
fn no_flight_is_lost_between_stripes_and_window() {
    check(|| {
        let trip = Trip::slow(std::time::Duration::from_secs(1), Ratio::percent(50)).over(Window::calls(8));
        let breaker = CircuitBreaker::new("model", Config::new().trip(trip).seed(1));
        // Once around, so that it counts from here on.
        report(&breaker, Class::Success);
        let other = thread::spawn({
            let breaker = breaker.clone();
            move || report(&breaker, Class::Success)
        });
        let hangs = breaker.try_acquire_at(NOW).unwrap();
        // Two limits later the one that hangs is overdue, the other has landed or will.
        let later = NOW + std::time::Duration::from_secs(2);
        let early = breaker.snapshot_at(later).overdue;
        other.join().unwrap();
        assert!((1..=2).contains(&early));
        assert_eq!(breaker.snapshot_at(later).overdue, 1);
        hangs.settle_at(Class::Success, later);
        assert_eq!((breaker.snapshot_at(later).overdue, breaker.snapshot_at(later).slow), (0, 1));
    });
}
