//! Closed: what is counted, and when it is enough.

use super::*;
use seawall::circuit_breaker::{Cause, Window};

fn by_time() -> Trip {
    Trip::ratio(half()).over(Window::time(s(20.0))).min_calls(5).into()
}

/// Resilience4j, `CircuitBreakerStateMachineTest.shouldOpenAfterFailureRateThresholdExceeded`.
#[test]
fn the_success_that_reaches_the_least_number_of_calls_may_open() {
    let mut pair = Pair::new(plain(by_time()));
    pair.calls([F, F, F, S]).is(State::Closed);
    assert_eq!((pair.snapshot().failure_ratio, pair.snapshot().failures), (None, 3));
    pair.call(S).is(State::Open).refuses_for(5.0);
    let cause = Turn::Opened { cause: Cause::Ratio, period: s(5.0), failures: 3, slow: 0, recorded: 5 };
    assert_eq!(pair.turns(), [cause]);
}

#[test]
fn two_of_five_are_forty_per_cent_and_three_of_six_are_half() {
    let mut pair = Pair::new(plain(by_time()));
    for (second, class) in [S, S, S, F, F].into_iter().enumerate() {
        pair.at(second as f64).call(class);
    }
    pair.is(State::Closed);
    assert_eq!(pair.snapshot().failure_ratio, Some(Ratio::percent(40)));
    pair.at(5.0).call(F).is(State::Open);
}

/// Resilience4j, `CircuitBreakerStateMachineTest.shouldOpenAfterSlowCallRateThresholdExceeded`.
#[test]
fn slow_and_failed_are_two_verdicts() {
    let slow = Trip::slow(s(4.0), half()).over(Window::time(s(20.0))).min_calls(5);
    let mut pair = Pair::new(plain(by_time().or(slow)));
    pair.call_of(F, 5.0).call_of(S, 5.0).call_of(F, 0.1).call_of(S, 0.1).is(State::Closed);
    pair.call_of(S, 5.0).is(State::Open);
    let Turn::Opened { cause, failures, slow, recorded, .. } = pair.turns()[0] else { panic!("not opened") };
    assert_eq!((cause, failures, slow, recorded), (Cause::Slow, 2, 3, 5));
}

#[test]
fn a_call_as_long_as_the_limit_is_not_slow() {
    let slow = Trip::slow(s(4.0), half()).over(Window::time(s(60.0))).min_calls(5);
    let mut pair = Pair::new(plain(slow));
    for seconds in [5.0, 5.0, 1.0, 1.0] {
        pair.call_of(S, seconds);
    }
    pair.is(State::Closed).call_of(S, 5.0).is(State::Open);

    let mut pair = Pair::new(plain(slow));
    for _ in 0..5 {
        pair.call_of(S, 4.0);
    }
    pair.is(State::Closed);
    assert_eq!(pair.snapshot().slow, 0);
}

/// failsafe-go, `TestClosedStateFailureWithFailureThreshold`, `TestClosedStateSuccessWithFailureThreshold`.
#[test]
fn a_success_ends_a_run() {
    Pair::new(plain(Trip::run_of(3))).calls([F, S, F, F]).is(State::Closed).call(F).is(State::Open);
    let mut pair = Pair::new(plain(Trip::run_of(2)));
    for _ in 0..20 {
        pair.calls([S, F]);
    }
    pair.is(State::Closed);
}

/// gobreaker, `TestDefaultCircuitBreaker`.
#[test]
fn six_in_a_row_open_for_a_minute() {
    let mut pair = Pair::new(plain(Trip::run_of(6)).open_for(OpenFor::fixed(s(60.0))));
    pair.calls([F; 5]).calls([S, F]).is(State::Closed).calls([F; 5]).is(State::Open);
    pair.at(59.999).refuses_for(0.001).at(60.0).call(F).is(State::Open);
    pair.at(120.0).call(S).is(State::Closed);
}

/// failsafe-go, `TestClosedStateFailureWithFailureRatio`, `TestClosedStateSuccessWithFailureRatio`.
#[test]
fn a_call_window_slides_result_by_result() {
    let two_thirds = Ratio::of(2, 3.try_into().unwrap());
    let trip = Trip::ratio(two_thirds).over(Window::calls(3)).min_calls(3);
    Pair::new(plain(trip)).calls([F, S]).is(State::Closed).call(F).is(State::Open);

    let trip = Trip::ratio(Ratio::percent(75)).over(Window::calls(4)).min_calls(4);
    let mut pair = Pair::new(plain(trip));
    for _ in 0..20 {
        pair.calls([S, F]);
    }
    pair.is(State::Closed);
}

/// Polly, `AdvancedCircuitBehaviorTests.OnActionFailure_WhenClosed_EnsureCorrectBehavior`.
#[test]
fn the_ratio_is_at_least_and_the_throughput_is_a_minimum() {
    let trip = Trip::ratio(Ratio::percent(10)).over(Window::time(s(30.0))).min_calls(10);
    for (calls, failures, state) in
        [(10, 0, State::Closed), (10, 1, State::Open), (10, 2, State::Open), (9, 1, State::Closed)]
    {
        let mut pair = Pair::new(plain(trip));
        for call in 0..calls {
            pair.call(if call < failures { F } else { S });
        }
        pair.is(state);
    }
}

#[test]
fn the_least_number_is_honoured_whatever_the_window() {
    let trip = Trip::ratio(half()).over(Window::calls(5)).min_calls(6);
    Pair::new(plain(trip)).calls([F; 4]).is(State::Closed).call(F).is(State::Open);
    let trip = Trip::ratio(half()).over(Window::time(s(10.0))).min_calls(100);
    Pair::new(plain(trip)).calls([F; 99]).is(State::Closed).call(F).is(State::Open);
}

#[test]
fn a_time_window_forgets_slice_by_slice() {
    let trip = Trip::ratio(half()).over(Window::time(s(5.0)).slices(5));
    let mut pair = Pair::new(plain(trip));
    pair.at(0.0).call(S).at(0.1).call(S).at(0.8).call(S);
    let held = |pair: &mut Pair, at: f64| pair.at(at).snapshot().successes;
    assert_eq!((held(&mut pair, 4.8), held(&mut pair, 5.8)), (3, 0));

    let mut pair = Pair::new(plain(Trip::ratio(half()).over(Window::time(s(10.0)))));
    for second in 0..10 {
        pair.at(f64::from(second)).call(S);
    }
    assert_eq!([9.0, 10.0, 11.0].map(|at| held(&mut pair, at)), [10, 9, 8]);
}

#[test]
fn failures_too_far_apart_do_not_add_up() {
    let mut pair = Pair::new(plain(Trip::count(2).within(s(0.2))));
    pair.calls([F, S]).at(0.21).calls([F, S]).is(State::Closed);
    pair.at(0.26).call(F).is(State::Open);
}

/// Hystrix, `HystrixCircuitBreakerTest.testLowVolumeDoesNotTripCircuit`.
#[test]
fn low_volume_does_not_open_it_though_all_fails() {
    Pair::new(plain(by_time())).calls([F; 4]).is(State::Closed);
}

/// Hystrix, `HystrixCircuitBreakerTest.testTripCircuitOnFailuresAboveThreshold` and
/// `testCircuitDoesNotTripOnFailuresBelowThreshold`, at 40 %.
#[test]
fn a_share_below_the_threshold_does_not_open_it() {
    let trip = Trip::ratio(Ratio::percent(40)).over(Window::time(s(10.0))).min_calls(8);
    Pair::new(plain(trip)).calls([S, S, F, S, S, S, F, F]).is(State::Closed);
    Pair::new(plain(trip)).calls([S, S, F, S, F, F, S, F]).is(State::Open);
}
