//! Defects that other breakers are known for, each shown not to happen here. Others have their place by state: late
//! answers in `late`, hung probes in `half_open`, peers that only hang in `slow`, refusals from further in in `service`.

use super::{F, Pair, S, half, plain};
use seawall::circuit_breaker::{CircuitBreaker, Config, Probes, State, Trip, Window};
use seawall::{Class, Instant};
use std::time::Duration;

/// gobreaker's `Interval` empties all counts at once, so an outage that lies across the moment is seen by halves.
#[test]
fn failures_on_both_sides_of_a_boundary_add_up() {
    let window = Window::time(Duration::from_secs(10));
    let mut pair = Pair::new(plain(Trip::ratio(half()).over(window).min_calls(10)));
    pair.at(0.0).call(S).at(9.9).calls([F; 5]).is(State::Closed);
    pair.at(10.1).calls([F; 5]).is(State::Open);
}

/// Polly counts a cancelled call as a success, which ends a run of failures and closes a half-open circuit.
#[test]
fn a_cancelled_call_is_no_success() {
    let mut pair = Pair::new(plain(Trip::run_of(2)));
    pair.call(F);
    let cancelled = pair.admit().unwrap();
    pair.abandon(cancelled).call(F).is(State::Open).at(5.0);
    let probe = pair.admit().unwrap();
    pair.abandon(probe).is(State::HalfOpen);
}

/// A permit of the half-open state that is lost with a cancelled call blocks the circuit for ever once all are lost.
#[test]
fn cancelled_probes_use_no_slot_up() {
    let mut pair = Pair::new(plain(Trip::run_of(1)).probes(Probes::of(3).need(2)));
    pair.call(F).at(5.0);
    for _ in 0..100 {
        let probes = [(); 3].map(|()| pair.admit().unwrap());
        for probe in probes {
            pair.abandon(probe);
        }
    }
    pair.is(State::HalfOpen).calls([S, S]).is(State::Closed);
}

/// A window that keeps each call grows with the traffic, and so does the time that each further call takes.
#[test]
fn a_time_window_takes_no_memory_for_its_calls() {
    let breaker = CircuitBreaker::new("db", Trip::ratio(half()).over(Window::time(Duration::from_secs(60))));
    let start = Instant::from_nanos(1_000_000_000);
    let spent = allocation_counter::measure(|| {
        for n in 0..100_000_u64 {
            let class = if n % 10 == 0 { Class::Transient } else { Class::Success };
            let now = start + Duration::from_micros(n * 100);
            breaker.try_acquire_at(now).unwrap().settle_at(class, now);
        }
    });
    assert_eq!(spent.count_total, 0);
    let seen = breaker.snapshot_at(start + Duration::from_secs(10));
    assert_eq!((seen.failures, seen.successes), (10_000, 90_000));
}

/// Times of two threads may come the wrong way round; an earlier one neither reopens, nor panics, nor is lost.
#[test]
fn time_that_goes_back_is_read_as_the_latest() {
    let mut pair = Pair::new(plain(Trip::run_of(3)));
    pair.at(10.0).call(F).at(4.0).call(F).at(11.0).call(F).is(State::Open);
    pair.at(12.0).refuses_for(4.0);
    pair.at(16.0).call(S).is(State::Closed);
}

/// Where the end of each call invalidates what the others hold, calls that overlap are lost or counted late.
#[test]
fn calls_that_overlap_are_all_counted_once() {
    for (trip, hanging) in [
        (Trip::from(Trip::ratio(half()).over(Window::calls(1_000))), 0),
        (Trip::ratio(half()).over(Window::time(Duration::from_secs(60))).into(), 0),
        (Trip::ratio(half()).over(Window::calls(1_000)).or(Trip::slow(Duration::from_secs(1), half())), 10),
    ] {
        let breaker = CircuitBreaker::new("db", Config::new().trip(trip));
        let mut now = Instant::from_nanos(1_000_000_000);
        let mut flying: Vec<_> = (0..10).map(|_| breaker.try_acquire_at(now).unwrap()).collect();
        for n in 0..300 {
            now += Duration::from_millis(10);
            // The oldest lands, for the hundred milliseconds that ten are in the air; now and then one fails.
            let class = if n % 50 == 49 { Class::Transient } else { Class::Success };
            flying.remove(0).settle_at(class, now);
            flying.push(breaker.try_acquire_at(now).unwrap());
        }
        let seen = breaker.snapshot_at(now);
        assert_eq!((seen.failures, seen.successes, seen.overdue, seen.late), (6, 294, 0, 0));
        // Those still in the air hang: under a slow trip they are overdue after the limit.
        let later = now + Duration::from_secs(2);
        assert_eq!(breaker.snapshot_at(later).overdue, hanging);
        flying.into_iter().for_each(seawall::gate::Permit::release);
        assert_eq!(breaker.snapshot_at(later).overdue, 0);
    }
}
