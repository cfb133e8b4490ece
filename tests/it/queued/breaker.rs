//! Over a circuit breaker: waiting for it to close.

use super::{Waiter, at, ms};
use seawall::circuit_breaker::{Config, OpenFor, Trip};
use seawall::gate::Queued;
use seawall::{CircuitBreaker, Class, Instant, Reason};

fn open(seconds: u64) -> CircuitBreaker {
    let config = Config::new().trip(Trip::run_of(1)).open_for(OpenFor::fixed(ms(seconds * 1000)));
    let breaker = CircuitBreaker::new("peer", config);
    breaker.try_acquire().unwrap().settle(Class::Transient);
    breaker
}

#[tokio::test(start_paused = true)]
async fn the_head_probes_when_the_open_period_is_over_and_the_rest_follow_its_success() {
    let breaker = open(5);
    let queued = Queued::new("q", breaker.clone(), 9, ms(10_000));
    let start = Instant::now();
    let [mut first, mut second] = [(); 2].map(|()| Waiter::waits(queued.acquire()));
    at(start, 4999).await;
    first.still_waits();
    at(start, 5000).await;
    let mut probes = vec![first.goes()];
    // The config may let more probes out; all who get in have their turn.
    if let std::task::Poll::Ready(Ok(permit)) = second.poll() {
        probes.push(permit);
    }
    for probe in probes {
        probe.settle(Class::Success);
    }
    assert_eq!(breaker.state().as_str(), breaker.state().to_string());
    tokio::time::advance(ms(1)).await;
    drop(queued.acquire().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn an_open_period_longer_than_the_wait_is_refused_on_arrival() {
    let queued = Queued::new("q", open(5), 9, ms(4000));
    let refused = queued.acquire().await.unwrap_err();
    assert_eq!((refused.reason(), refused.retry_after()), (Reason::QueueTimeout, Some(ms(5000))));
}

#[tokio::test(start_paused = true)]
async fn a_circuit_opened_by_hand_is_not_waited_for() {
    let breaker = CircuitBreaker::new("peer", Config::new());
    breaker.force_open();
    let queued = Queued::new("q", breaker, 9, ms(4000));
    let refused = queued.acquire().await.unwrap_err();
    assert_eq!((refused.by().as_str(), refused.reason()), ("peer", Reason::ForcedOpen));
}
