//! Slow calls, and those that are still in flight beyond the limit.

use super::*;
use seawall::circuit_breaker::{Cause, Window};

fn pair(min: u32) -> Pair {
    Pair::new(plain(Trip::slow(s(4.0), half()).over(Window::time(s(60.0))).min_calls(min)))
}

/// Known of breakers that look at results alone: a peer that only hangs never
/// opens the circuit, because nothing ever ends.
#[test]
fn a_peer_that_only_hangs_opens_the_circuit() {
    let mut pair = pair(3);
    let _hanging: Vec<_> = (0..3).map(|_| pair.admit().unwrap()).collect();
    // Nobody is overdue at the limit itself; everybody is at 9/8 of it.
    let _fourth = pair.at(4.0).admit().unwrap();
    pair.is(State::Closed).at(4.5).refuses_for(5.0).is(State::Open);
    let Some(Turn::Opened { cause: Cause::Slow, slow: 3, recorded: 0, .. }) = pair.turns().last() else {
        panic!("{:?}", pair.turns());
    };
}

#[test]
fn an_overdue_call_that_ends_counts_once() {
    let mut pair = pair(5);
    let hanging = pair.admit().unwrap();
    pair.at(5.0);
    assert_eq!((pair.snapshot().overdue, pair.snapshot().slow), (1, 0));
    pair.settle(hanging, S);
    assert_eq!((pair.snapshot().overdue, pair.snapshot().slow), (0, 1));
}

#[test]
fn a_slow_neutral_call_is_not_counted() {
    let mut pair = pair(1);
    let neutral = pair.admit().unwrap();
    pair.at(4.2).settle(neutral, N).is(State::Closed);
    assert_eq!((pair.snapshot().overdue, pair.snapshot().slow), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_call_counts_as_slow_only_beyond_the_limit() {
    let breaker = CircuitBreaker::new("a", plain(Trip::slow(s(4.0), half()).min_calls(5)));
    let [quick, slow] = [(); 2].map(|()| breaker.try_acquire().unwrap());
    tokio::time::advance(s(1.0)).await;
    drop(quick);
    assert_eq!(breaker.snapshot().slow, 0);
    tokio::time::advance(s(4.0)).await;
    drop(slow);
    let seen = breaker.snapshot();
    assert_eq!((seen.slow, seen.overdue, seen.successes, seen.failures, seen.abandoned), (1, 0, 0, 0, 2));
}

/// The layer foresees it too, so the hanging peer need not become ready first.
#[test]
fn a_question_foresees_what_asking_would_do() {
    let breaker = CircuitBreaker::new("a", plain(Trip::slow(s(4.0), half()).min_calls(1)));
    let hanging = breaker.try_acquire_at(Instant::ZERO).unwrap();
    let later = Instant::ZERO + s(5.0);
    let foreseen = breaker.refuses(&mut Now::at(later)).unwrap();
    assert_eq!((foreseen.reason(), foreseen.retry_after()), (Reason::CircuitOpen, Some(s(5.0))));
    assert_eq!(breaker.state(), State::Closed);
    assert!(breaker.try_acquire_at(later).is_err());
    assert_eq!(breaker.state(), State::Open);
    drop(hanging);
}
