//! A client that steps back by itself.

use seawall::telemetry::{Counters, Telemetry};
use seawall::throttle::Config;
use seawall::{Class, Gate, Instant, Ratio, Reason, Throttle};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

const fn at(secs: u64) -> Instant {
    Instant::from_nanos(secs * 1_000_000_000)
}

/// So many calls at that time, of which so many are accepted; the rest fails. Nothing is refused here.
fn feed(throttle: &Throttle, now: Instant, calls: u32, accepted: u32) {
    throttle.set(Config::new().max(Ratio::ZERO));
    for n in 0..calls {
        let class = if n < accepted { Class::Success } else { Class::Overload(None) };
        throttle.try_acquire_at(now).unwrap().settle(class);
    }
    throttle.set(Config::new().max(Ratio::ONE));
}

#[test]
fn to_8_the_chance_of_a_refusal_is_the_books() {
    let throttle = Throttle::new("throttle", Config::new());
    feed(&throttle, at(1), 100, 50);
    assert_eq!(throttle.refusal_at(at(1)), 0.0);
    let throttle = Throttle::new("throttle", Config::new());
    feed(&throttle, at(1), 100, 40);
    assert_eq!(throttle.refusal_at(at(1)), 20.0 / 101.0);
    let throttle = Throttle::new("throttle", Config::new());
    feed(&throttle, at(1), 120, 90);
    throttle.set(Config::new().k(Ratio::of(10, NonZeroU32::new(9).unwrap())));
    assert_eq!(throttle.refusal_at(at(1)), 20.0 / 121.0);
}

#[test]
fn a_peer_that_refuses_everything_is_asked_by_a_tenth() {
    let counters = Arc::new(Counters::default());
    let telemetry = Telemetry::new("throttle").observer(counters.clone());
    let throttle = Throttle::new(telemetry, Config::new());
    for _ in 0..10_000 {
        match throttle.try_acquire_at(at(1)) {
            Ok(permit) => permit.settle(Class::Overload(None)),
            Err(rejected) => assert_eq!(rejected.reason(), Reason::Throttled),
        }
    }
    let seen = counters.snapshot();
    assert_eq!(seen.admitted + seen.refused, 10_000);
    // Binomial: a thousand, give or take five times thirty.
    assert!((850..1150).contains(&seen.admitted), "{}", seen.admitted);
}

#[test]
fn it_recovers_as_the_peer_does_and_as_time_passes() {
    let throttle = Throttle::new("throttle", Config::new());
    feed(&throttle, at(1), 100, 0);
    assert!(throttle.refusal_at(at(1)) > 0.9);
    feed(&throttle, at(60), 200, 200);
    assert_eq!(throttle.refusal_at(at(60)), 0.0);
    let silent = Throttle::new("throttle", Config::new());
    feed(&silent, at(1), 100, 0);
    assert!(silent.refusal_at(at(119)) > 0.9);
    assert_eq!(silent.refusal_at(at(121)), 0.0);
}

#[test]
fn an_abandoned_and_a_released_call_leave_no_trace() {
    let throttle = Throttle::new("throttle", Config::new().min_calls(1));
    for _ in 0..50 {
        drop(throttle.try_acquire_at(at(1)).unwrap());
        throttle.try_acquire_at(at(1)).unwrap().release();
    }
    assert_eq!(throttle.refusal_at(at(1)), 0.0);
    throttle.try_acquire_at(at(1)).unwrap().settle(Class::Overload(None));
    assert_eq!(throttle.refusal_at(at(1)), 0.5);
}

#[test]
fn neutral_and_permanent_answers_are_accepted_transient_ones_are_not() {
    for (class, refusal) in [
        (Class::Success, 0.0),
        (Class::Neutral, 0.0),
        (Class::Permanent, 0.0),
        (Class::Transient, 10.0 / 11.0),
        (Class::Overload(Some(Duration::from_secs(1))), 10.0 / 11.0),
    ] {
        let throttle = Throttle::new("throttle", Config::new().max(Ratio::ZERO));
        (0..10).for_each(|_| throttle.try_acquire_at(at(1)).unwrap().settle(class));
        throttle.set(Config::new().max(Ratio::ONE));
        assert_eq!(throttle.refusal_at(at(1)), refusal, "{class:?}");
    }
}

#[test]
fn a_late_answer_belongs_to_the_slice_of_its_request() {
    let throttle = Throttle::new("throttle", Config::new().min_calls(1));
    let late = throttle.try_acquire_at(at(1)).unwrap();
    // Its slice has long been started over.
    feed(&throttle, at(121), 20, 0);
    throttle.set(Config::new().min_calls(1).max(Ratio::ONE));
    let before = throttle.refusal_at(at(121));
    late.settle(Class::Success);
    assert_eq!(throttle.refusal_at(at(121)), before);
}

#[tokio::test(start_paused = true)]
async fn as_a_gate_it_gives_back_what_a_later_gate_refuses() {
    let throttle = Throttle::new("throttle", Config::new().min_calls(1));
    let gates = (throttle.clone(), seawall::ConcurrencyLimit::new("limit", 0));
    for _ in 0..20 {
        assert!(gates.try_acquire().is_err());
    }
    assert_eq!(throttle.refusal(), 0.0);
}
