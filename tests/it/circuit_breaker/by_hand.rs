//! Driven by hand: forced, observed, opened for a time, reset.

use super::*;
use seawall::circuit_breaker::{Cause, Window};

fn pair() -> Pair {
    Pair::new(plain(Trip::ratio(half()).over(Window::time(s(20.0))).min_calls(5)))
}

/// Resilience4j, `CircuitBreakerStateMachineTest.shouldThrowCallNotPermittedExceptionWhenStateIsForcedOpen`; Polly,
/// `IsolateAsync`.
#[test]
fn forced_open_refuses_for_ever_and_tells_once() {
    let mut pair = pair();
    for _ in 0..2 {
        pair.by_hand(|c, _, turns| c.force_open(turns), |b, _| b.force_open());
    }
    pair.refuses(Denied::ForcedOpen).at(86_400.0).refuses(Denied::ForcedOpen);
    assert_eq!(pair.turns(), [Turn::Forced(State::ForcedOpen)]);
}

/// Resilience4j, `transitionToDisabledState`.
#[test]
fn forced_closed_counts_nothing() {
    let mut pair = pair();
    pair.by_hand(|c, _, turns| c.force_closed(turns), |b, _| b.force_closed());
    pair.calls([S, F, F, F, F]).is(State::ForcedClosed);
    let seen = pair.snapshot();
    assert_eq!((seen.failures, seen.successes, seen.failure_ratio), (0, 0, None));
}

/// Resilience4j, `transitionToMetricsOnlyState`.
#[test]
fn observe_only_tells_once_that_it_would_have_opened() {
    let trip = Trip::ratio(half()).over(Window::calls(10)).min_calls(10);
    let mut pair = Pair::new(plain(trip));
    pair.by_hand(|c, _, turns| c.observe_only(turns), |b, _| b.observe_only());
    pair.calls([S, S, F, F]);
    assert_eq!(pair.snapshot().failure_ratio, None);
    pair.calls([F, F, F, F, S, S, S, S]);
    assert_eq!(pair.snapshot().failure_ratio, Some(Ratio::percent(60)));
    let would = Turn::WouldOpen { cause: Cause::Ratio };
    assert_eq!(pair.turns(), [Turn::Forced(State::ObserveOnly), would]);
    pair.calls([S, S, S]).is(State::ObserveOnly);
    assert_eq!(pair.snapshot().failure_ratio, Some(Ratio::percent(30)));

    let mut pair = self::pair();
    pair.by_hand(|c, _, turns| c.observe_only(turns), |b, _| b.observe_only());
    pair.calls([F, F, F, S, S, F]).is(State::ObserveOnly);
    assert_eq!(pair.turns(), [Turn::Forced(State::ObserveOnly), would]);
}

#[test]
fn opened_for_a_time_it_probes_as_usual() {
    let mut pair = pair();
    pair.by_hand(|c, now, turns| c.open_for(s(7_200.0), now, turns), |b, now| b.open_for_at(s(7_200.0), now));
    pair.at(3_600.0).refuses_for(3_600.0).at(7_200.0);
    let probe = pair.admit().unwrap();
    pair.is(State::HalfOpen).settle(probe, S).is(State::Closed);
}

#[test]
fn reset_empties_and_disowns_what_is_in_flight() {
    let mut pair = pair();
    let before = pair.admit().unwrap();
    pair.calls([S, F]);
    pair.by_hand(|c, _, turns| c.reset(turns), |b, _| b.reset());
    assert_eq!((pair.snapshot().failures, pair.snapshot().failure_ratio), (0, None));
    pair.settle(before, F);
    assert_eq!((pair.snapshot().failures, pair.snapshot().late), (0, 1));
    assert_eq!(pair.turns(), [Turn::Reset]);
}

#[test]
fn reset_closes_and_forgets_the_row() {
    let mut pair = Pair::new(plain(Trip::run_of(1)).open_for(OpenFor::exponential(s(5.0))));
    pair.call(F).at(5.0).call(F).refuses_for(10.0);
    pair.by_hand(|c, _, turns| c.reset(turns), |b, _| b.reset());
    assert_eq!(pair.turns()[pair.turns().len() - 2..], [Turn::Reset, Turn::Closed]);
    pair.call(F).refuses_for(5.0);
}

#[test]
fn probe_now_does_not_wait_for_the_time() {
    let mut pair = Pair::new(plain(Trip::run_of(1)));
    pair.call(F).refuses_for(5.0);
    pair.by_hand(|c, _, _| c.probe_now(), |b, _| b.probe_now());
    pair.is(State::Open).call(S).is(State::Closed);
}
