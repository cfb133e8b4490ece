//! A circuit for each key, and never more of them than there may be.

use super::*;
use seawall::circuit_breaker::KeyedCircuitBreaker;
use seawall::gate::Keyed;
use std::thread::scope;

fn keyed(capacity: usize) -> KeyedCircuitBreaker<u64> {
    KeyedCircuitBreaker::new("keys", plain(Trip::run_of(1)), capacity)
}

fn fail(keyed: &KeyedCircuitBreaker<u64>, key: u64) {
    keyed.try_acquire_at(&key, Instant::ZERO).unwrap().settle_at(F, Instant::ZERO);
}

#[test]
fn one_keys_failures_are_no_others() {
    let keyed = keyed(10);
    fail(&keyed, 1);
    let refused = keyed.try_acquire_at(&1, Instant::ZERO).unwrap_err();
    assert_eq!((refused.reason(), refused.retry_after()), (Reason::CircuitOpen, Some(s(5.0))));
    assert!(keyed.try_acquire_at(&2, Instant::ZERO).is_ok());
    assert_eq!(
        (keyed.state(&1), keyed.state(&2), keyed.state(&3)),
        (State::Open, State::Closed, State::Closed)
    );
    assert_eq!(keyed.len(), 2);
}

#[test]
fn a_flood_of_keys_does_not_push_an_open_circuit_out() {
    let keyed = keyed(64);
    fail(&keyed, 0);
    for key in 1..10_000 {
        keyed.try_acquire_at(&key, Instant::ZERO).unwrap().settle_at(S, Instant::ZERO);
        assert!(keyed.len() <= 64);
    }
    assert_eq!(keyed.state(&0), State::Open);
}

#[test]
fn the_least_recently_used_goes_first() {
    let keyed = keyed(16);
    for key in (0..16).chain([0]) {
        drop(keyed.try_acquire(&key));
    }
    drop(keyed.try_acquire(&99));
    assert_eq!((keyed.snapshot(&1), keyed.len()), (None, 16));
    assert!([0, 2, 15, 99].iter().all(|key| keyed.snapshot(key).is_some()));
}

#[test]
fn where_all_are_open_one_of_them_goes() {
    let keyed = keyed(4);
    (0..5).for_each(|key| fail(&keyed, key));
    assert_eq!(keyed.len(), 4);
    assert_eq!(keyed.state(&0), State::Closed);
}

#[test]
fn what_is_in_flight_for_a_gone_key_ends_in_nothing() {
    let ear = Ear::default();
    let keyed =
        KeyedCircuitBreaker::new(Telemetry::new("keys").observer(ear.clone()), plain(Trip::run_of(1)), 1);
    let in_flight = keyed.try_acquire_at(&1, Instant::ZERO).unwrap();
    drop(keyed.try_acquire_at(&2, Instant::ZERO));
    drop(keyed.try_acquire_at(&1, Instant::ZERO));
    in_flight.settle_at(F, Instant::ZERO);
    assert_eq!((keyed.state(&1), ear.turns()), (State::Closed, vec![]));
}

#[test]
fn by_hand_and_by_setting() {
    let keyed = keyed(10);
    keyed.force_open(&1);
    assert_eq!(keyed.try_acquire(&1).unwrap_err().reason(), Reason::ForcedOpen);
    keyed.reset(&1);
    keyed.set(plain(Trip::run_of(2)));
    fail(&keyed, 1);
    fail(&keyed, 2);
    assert_eq!((keyed.state(&1), keyed.state(&2)), (State::Closed, State::Closed));
    fail(&keyed, 1);
    assert_eq!(keyed.state(&1), State::Open);
}

#[test]
fn threads_never_make_more_keys_than_may_be() {
    let keyed = keyed(32);
    scope(|scope| {
        for thread in 0..4u64 {
            let keyed = &keyed;
            scope.spawn(move || {
                for call in 0..1_000u64 {
                    drop(keyed.try_acquire_at(&(call * 7 + thread), Instant::ZERO));
                    assert!(keyed.len() <= 32);
                }
            });
        }
    });
    assert_eq!(keyed.len(), 32);
}

/// The generic table takes a breaker too; it lets go only what nobody could tell from a new one.
#[test]
fn a_generic_table_keeps_what_has_counted() {
    let keyed = Keyed::new("keys", 2, |_: &u64| CircuitBreaker::new("keys", Config::new()));
    keyed.try_acquire(&1).unwrap().settle(F);
    keyed.try_acquire(&2).unwrap().release();
    assert!(keyed.try_acquire(&3).is_ok());
    assert_eq!(keyed.gate(&1).unwrap().snapshot().failures, 1);
}

/// As the docs tell: what a key takes, and what a breaker does.
#[test]
fn memory_is_bounded_and_told() {
    let keyed = KeyedCircuitBreaker::new("keys", Config::new(), 1_000);
    let spent = allocation_counter::measure(|| {
        (0..1_000u64).for_each(|key| drop(keyed.try_acquire_at(&key, Instant::ZERO)));
    });
    let first = spent.bytes_current;
    // From here on a key that comes is paid for by one that goes; only the rows may grow a little.
    let spent = allocation_counter::measure(|| {
        (1_000..5_000u64).for_each(|key| drop(keyed.try_acquire_at(&key, Instant::ZERO)));
    });
    let per_key = (first + spent.bytes_current) / 1_000;
    assert!((1_000..2_048).contains(&per_key), "{per_key}");

    let mut breaker = None;
    let spent = allocation_counter::measure(|| breaker = Some(CircuitBreaker::new("a", Config::new())));
    assert!((2_048..4_096).contains(&spent.bytes_current), "{}", spent.bytes_current);
}
