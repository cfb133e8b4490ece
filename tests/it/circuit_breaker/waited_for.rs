//! A circuit that is waited for, instead of being refused by.

use super::*;
use seawall::gate::Queued;

fn queued(breaker: &CircuitBreaker) -> Queued<CircuitBreaker> {
    Queued::new("queue", breaker.clone(), 8, s(3_600.0))
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_is_waited_for_until_its_time() {
    let breaker = CircuitBreaker::new("a", plain(Trip::run_of(1)));
    breaker.open_for(s(5.0));
    let start = Instant::now();
    queued(&breaker).acquire().await.unwrap().settle(S);
    assert!(Instant::now() - start >= s(5.0) && Instant::now() - start < s(5.1));
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_ends_lets_the_next_in() {
    let ear = Ear::default();
    let telemetry = Telemetry::new("a").observer(ear.clone());
    let breaker = CircuitBreaker::new(telemetry, plain(Trip::run_of(1)).probes(Probes::of(1)));
    breaker.open_for(Duration::ZERO);
    let probe = breaker.try_acquire().unwrap();
    let queued = queued(&breaker);
    let start = Instant::now();
    let waits = async { queued.acquire().await.unwrap().settle(S) };
    tokio::join!(waits, async {
        tokio::task::yield_now().await;
        probe.release();
    });
    assert_eq!((Instant::now() - start, breaker.state()), (Duration::ZERO, State::Closed));
    // Who waits is refused by nobody.
    assert_eq!(ear.refusals(), []);
}

#[tokio::test(start_paused = true)]
async fn a_hand_that_closes_the_circuit_lets_the_waiters_in() {
    let breaker = CircuitBreaker::new("a", plain(Trip::run_of(1)));
    breaker.open_for(s(3_600.0));
    let (queued, start) = (queued(&breaker), Instant::now());
    let waits = async { queued.acquire().await.map(|permit| permit.settle(S)) };
    let (first, second, ()) = tokio::join!(waits, async { queued.acquire().await.map(drop) }, async {
        tokio::task::yield_now().await;
        breaker.reset();
    });
    assert_eq!((first, second, Instant::now() - start), (Ok(()), Ok(()), Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_forced_circuit_is_not_waited_for() {
    let breaker = CircuitBreaker::new("a", plain(Trip::run_of(1)));
    breaker.force_open();
    assert_eq!(queued(&breaker).acquire().await.map(drop).unwrap_err().reason(), Reason::ForcedOpen);
}

#[tokio::test(start_paused = true)]
async fn hung_probes_are_found_by_who_waits() {
    let breaker = CircuitBreaker::new("a", plain(Trip::run_of(1)).probes(Probes::of(1).max_wait(s(10.0))));
    breaker.open_for(Duration::ZERO);
    let hung = breaker.try_acquire_owned().unwrap();
    let start = Instant::now();
    queued(&breaker).acquire().await.unwrap().settle(S);
    let waited = Instant::now() - start;
    // Ten seconds for the probe, five for the next period.
    assert!(waited >= s(15.0) && waited < s(15.1), "{waited:?}");
    drop(hung);
    assert_eq!(breaker.state(), State::Closed);
}
