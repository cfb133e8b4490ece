//! Half-open: the probes, their slots, and the verdict.

use super::*;
use seawall::circuit_breaker::{Cause, Verdict};

/// Half-open from the first probe on; that one is given back.
fn half_open(config: Config) -> Pair {
    let mut pair = Pair::new(config);
    pair.by_hand(|c, now, turns| c.open_for(s(5.0), now, turns), |b, now| b.open_for_at(s(5.0), now));
    let first = pair.at(5.0).admit().unwrap();
    pair.release(first).is(State::HalfOpen);
    pair
}

fn probing(probes: Probes) -> Pair {
    half_open(plain(Trip::run_of(1)).probes(probes))
}

/// Resilience4j, `CircuitBreakerStateMachineTest.shouldIncreaseCounterOnReleasePermission`.
#[test]
fn slots_are_taken_and_given_back() {
    let mut pair = probing(Probes::of(4).need(3));
    let mut out: Vec<_> = (0..4).map(|_| pair.admit().unwrap()).collect();
    pair.refuses(Denied::ProbesTaken).refuses(Denied::ProbesTaken);
    pair.release(out.pop().unwrap());
    out.push(pair.admit().unwrap());
    pair.refuses(Denied::ProbesTaken);
    // A caller that gives up takes no slot with it.
    pair.abandon(out.pop().unwrap());
    assert_eq!(pair.snapshot().probing, 3);
    out.push(pair.admit().unwrap());
}

/// failsafe-go, `TestHalfOpenFailureWithSuccessRatio`, `…WithSuccessAndFailureThresholds`,
/// `…WithSuccessRatioAndFailureThreshold`, and others of `halfopenstate_test.go`.
#[test]
fn the_verdict_falls_as_soon_as_it_is_certain() {
    let four = Probes::of(4).need(3);
    probing(four).calls([F]).is(State::HalfOpen).call(F).is(State::Open);
    probing(four).calls([F, S, S]).is(State::HalfOpen).call(S).is(State::Closed);
    probing(four).calls([S, S, N]).is(State::HalfOpen).call(S).is(State::Closed);
    let mut pair = probing(four);
    pair.calls([N; 4]).is(State::HalfOpen);
    assert_eq!(pair.snapshot().probing, 0);
    let _out = [(); 4].map(|()| pair.admit().unwrap());
    pair.refuses(Denied::ProbesTaken);

    probing(Probes::of(3).need(3)).calls([S, S]).is(State::HalfOpen).call(F).is(State::Open);
    probing(Probes::of(3).need(2)).calls([F, S]).is(State::HalfOpen).call(F).is(State::Open);
    probing(Probes::of(4).need(2)).calls([S, F, F]).is(State::HalfOpen).call(F).is(State::Open);
    probing(Probes::of(5).need_ratio(half()))
        .calls([F, S, F, S])
        .is(State::HalfOpen)
        .call(S)
        .is(State::Closed);
}

#[test]
fn a_slow_probe_is_a_bad_one() {
    let slow = Trip::slow(s(4.0), half()).min_calls(5);
    let mut pair = half_open(plain(slow).probes(Probes::of(4).need(3)));
    pair.call_of(S, 5.0).is(State::HalfOpen).call_of(S, 5.0).is(State::Open);
    let Some(Turn::Opened { cause, failures, recorded, .. }) = pair.turns().last() else {
        panic!("not opened")
    };
    assert_eq!((*cause, *failures, *recorded), (Cause::Probes, 2, 2));
}

/// Known of breakers with one probe and no deadline: a probe that never comes back keeps the
/// circuit half-open for ever.
#[test]
fn hung_probes_are_judged_by_the_next_call() {
    let probes = Probes::of(1).max_wait(s(1.0));
    let mut pair = probing(probes);
    let hung = pair.admit().unwrap();
    pair.at(5.5).refuses(Denied::ProbesTaken).at(6.0).refuses_for(5.0).is(State::Open);
    let Some(Turn::Opened { cause: Cause::Hung, .. }) = pair.turns().last() else { panic!("not hung") };
    // When it does come back, it is late.
    pair.settle(hung, S).is(State::Open);
    assert_eq!(pair.snapshot().late, 1);

    let mut pair = probing(probes.hung(Verdict::Close));
    let _hung = pair.admit().unwrap();
    pair.at(5.5).refuses(Denied::ProbesTaken).at(6.0).call(S).is(State::Closed);
}

#[test]
fn sparse_traffic_is_never_judged_hung() {
    let mut pair = probing(Probes::of(3).need(2).max_wait(s(1.0)));
    let _out = pair.admit().unwrap();
    // A slot is free, and weeks may pass.
    pair.at(1e6).call(S).is(State::HalfOpen).at(2e6).call(S).is(State::Closed);
}

#[test]
fn the_last_admission_counts_not_the_first() {
    let mut pair = probing(Probes::of(2).max_wait(s(1.0)));
    let _first = pair.admit().unwrap();
    let _second = pair.at(5.9).admit().unwrap();
    pair.at(6.5).refuses(Denied::ProbesTaken).at(6.9).refuses_for(5.0);
}

#[test]
fn a_second_bad_probe_opens_nothing_again() {
    let mut pair = probing(Probes::of(3));
    let [a, b] = [pair.admit().unwrap(), pair.admit().unwrap()];
    pair.settle(a, F).settle(b, F).is(State::Open);
    assert_eq!((opened(pair.turns()), pair.snapshot().late), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_probe_dropped_after_the_slow_limit_is_bad() {
    let config = plain(Trip::slow(s(1.0), half())).probes(Probes::of(1));
    let breaker = CircuitBreaker::new("a", config);
    breaker.open_for(Duration::ZERO);
    let quick = breaker.try_acquire().unwrap();
    drop(quick);
    assert_eq!((breaker.state(), breaker.snapshot().probing), (State::HalfOpen, 0));
    let slow = breaker.try_acquire().unwrap();
    tokio::time::advance(s(1.5)).await;
    drop(slow);
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(breaker.snapshot().abandoned, 2);
}

#[tokio::test]
async fn a_panicking_probe_gives_its_slot_back() {
    let breaker = CircuitBreaker::new("a", plain(Trip::run_of(1)));
    breaker.open_for(Duration::ZERO);
    let call = breaker.run(|| async { panic!("the peer's client") as Result<(), ()> });
    let call = futures_catch(call).await;
    assert!(call.is_err());
    assert_eq!((breaker.state(), breaker.snapshot().probing), (State::HalfOpen, 0));
    assert_eq!(breaker.run(|| async { Ok::<_, ()>(1) }).await, Ok(1));
    assert_eq!(breaker.state(), State::Closed);
}

/// Polls once under `catch_unwind`.
async fn futures_catch<F: Future>(future: F) -> std::thread::Result<()> {
    let mut future = Box::pin(future);
    std::future::poll_fn(move |cx| {
        let polled = std::panic::AssertUnwindSafe(|| future.as_mut().poll(cx).is_ready());
        std::task::Poll::Ready(std::panic::catch_unwind(polled).map(|_| ()))
    })
    .await
}
