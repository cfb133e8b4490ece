//! Open: for how long, and what ends it.

use super::*;
use seawall::circuit_breaker::Start;

/// Resilience4j, `CircuitBreakerStateMachineTest.shouldTransitionToHalfOpenAfterWaitDuration`; here the first moment
/// of the next stay is `now >= until`.
#[test]
fn it_refuses_until_its_time_and_says_how_long_still() {
    let mut pair = Pair::new(plain(Trip::run_of(1)));
    pair.call(F).at(3.0).refuses_for(2.0).at(5.0);
    pair.is(State::Open);
    let probe = pair.admit().unwrap();
    pair.is(State::HalfOpen);
    let seen = pair.snapshot();
    assert_eq!((seen.failures, seen.successes, seen.probing), (0, 0, 1));
    pair.settle(probe, S).is(State::Closed);
}

#[test]
fn it_grows_while_the_peer_stays_away() {
    let growing = OpenFor::exponential(s(5.0)).factor(1.5);
    let mut pair = Pair::new(plain(Trip::run_of(1)).open_for(growing));
    pair.call(F).at(3.0).refuses_for(2.0).at(6.0).call(F).is(State::Open);
    pair.at(12.0).refuses_for(1.5).at(13.5).call(S).is(State::Closed);
    // Closed, the row is over.
    pair.call(F).refuses_for(5.0);
}

/// Polly, `CircuitStateControllerTests` in spirit: open, half-open, open, half-open, closed, each told once.
#[test]
fn an_outage_of_two_periods_tells_each_turn_once() {
    let trip = Trip::ratio(half()).over(seawall::circuit_breaker::Window::time(s(10.0))).min_calls(10);
    let mut pair = Pair::new(plain(trip).open_for(OpenFor::fixed(s(1.0))));
    pair.calls([F; 10]).refuses_for(1.0).at(0.5).refuses_for(0.5);
    pair.at(1.0).call(F).is(State::Open).refuses_for(1.0);
    pair.at(2.0).call(S).is(State::Closed);
    let count = |turn: fn(&Turn) -> bool| pair.turns().iter().filter(|t| turn(t)).count();
    assert_eq!(count(|turn| matches!(turn, Turn::Opened { .. })), 2);
    assert_eq!(count(|turn| *turn == Turn::HalfOpened), 2);
    assert_eq!(count(|turn| *turn == Turn::Closed), 1);
}

#[test]
fn a_peer_may_ask_for_patience_within_a_cap() {
    for (asked, waits) in [(20.0, 20.0), (1.0, 5.0), (3600.0, 300.0)] {
        Pair::new(plain(Trip::run_of(1))).call(Class::Overload(Some(s(asked)))).refuses_for(waits);
    }
    // Only the result that opens the circuit is asked.
    let mut pair = Pair::new(plain(Trip::run_of(2)));
    pair.call(Class::Overload(Some(s(100.0)))).call(F).refuses_for(5.0);
    // A probe may be the one.
    pair.at(5.0).call(Class::Overload(Some(s(60.0)))).refuses_for(60.0);
}

#[test]
fn it_shows_the_counts_that_opened_it() {
    let trip = Trip::ratio(half()).min_calls(4);
    let mut pair = Pair::new(plain(trip));
    pair.calls([S, F, S, F]).is(State::Open);
    let seen = pair.at(1.0).snapshot();
    assert_eq!((seen.failures, seen.successes, seen.failure_ratio), (2, 2, Some(half())));
    assert_eq!((seen.remaining, seen.openings), (Some(s(4.0)), 1));
}

/// Nobody asks, so nothing happens: no timer closes it behind the back of who looks.
#[test]
fn looking_does_not_end_it() {
    let mut pair = Pair::new(plain(Trip::run_of(1)));
    pair.call(F).at(3_600.0).is(State::Open);
    assert_eq!(pair.snapshot().remaining, Some(Duration::ZERO));
    assert_eq!(pair.turns().len(), 1);
}

#[test]
fn jitter_draws_from_the_seed() {
    let config = plain(Trip::run_of(1)).open_for(OpenFor::fixed(s(10.0)).jitter(half())).seed(7);
    let wait = |config: Config| {
        let breaker = CircuitBreaker::new("a", config);
        breaker.try_acquire_at(Instant::ZERO).unwrap().settle_at(F, Instant::ZERO);
        breaker.try_acquire_at(Instant::ZERO).unwrap_err().retry_after().unwrap()
    };
    assert_eq!(wait(config), wait(config));
    assert_ne!(wait(config), wait(config.seed(8)));
    assert!(wait(config) > s(5.0) && wait(config) <= s(10.0));
}

#[tokio::test(start_paused = true)]
async fn an_initial_open_counts_from_construction() {
    let breaker = CircuitBreaker::new("a", plain(Trip::run_of(1)).start(Start::Open));
    assert_eq!(breaker.try_acquire().unwrap_err().retry_after(), Some(s(5.0)));
    tokio::time::advance(s(5.0)).await;
    assert!(breaker.try_acquire().is_ok());
    assert_eq!(breaker.state(), State::HalfOpen);
}

#[test]
fn refusals_are_counted_for_who_asked() {
    let breaker = CircuitBreaker::new("a", plain(Trip::run_of(1)).count_refusals());
    breaker.open_for_at(s(5.0), Instant::ZERO);
    for _ in 0..3 {
        assert!(breaker.try_acquire_at(Instant::ZERO).is_err());
    }
    assert_eq!(breaker.snapshot_at(Instant::ZERO).refused, Some(3));
    breaker.reset();
    assert_eq!(breaker.snapshot_at(Instant::ZERO).refused, Some(0));
}

/// Hystrix, `HystrixCircuitBreakerTest.testSingleTestOnOpenCircuitAfterTimeWindow` and `testCircuitClosedAfterSuccess`.
#[test]
fn after_its_time_one_call_is_let_through_and_its_success_closes() {
    let mut pair = Pair::new(plain(Trip::run_of(4)).open_for(OpenFor::fixed(s(0.2))));
    pair.calls([F; 4]).refuses_for(0.2).at(0.25);
    let single = pair.admit().unwrap();
    pair.refuses(Denied::ProbesTaken).settle(single, S).is(State::Closed).calls([S; 3]);
}

/// gobreaker, `TestCustomCircuitBreaker`: what is excluded takes no place of a probe for good.
#[test]
fn neutral_probes_decide_nothing() {
    let mut pair = Pair::new(plain(Trip::run_of(1)).probes(Probes::of(3)));
    pair.call(F).at(5.0).calls([N; 4]).is(State::HalfOpen).call(F).is(State::Open);
    pair.at(10.0).calls([S, S]).is(State::HalfOpen);
    let third = pair.admit().unwrap();
    pair.refuses(Denied::ProbesTaken).settle(third, S).is(State::Closed);
}
