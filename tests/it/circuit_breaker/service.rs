//! The breaker as a layer.

use super::*;
use seawall::LiftLayer;
use std::convert::Infallible;
use std::future::{Ready, pending, poll_fn};
use std::task::{Context, Poll};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

/// A peer that is never ready.
#[derive(Clone)]
struct Unready;

impl Service<()> for Unready {
    type Response = ();
    type Error = seawall::Error<Infallible>;
    type Future = Ready<Result<(), Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Pending
    }

    fn call(&mut self, (): ()) -> Self::Future {
        unreachable!("called unready")
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_answers_though_the_peer_is_never_ready() {
    let breaker = CircuitBreaker::new("a", plain(Trip::run_of(1)));
    breaker.open_for(s(5.0));
    let mut service = CircuitBreaker::layer(&breaker).layer(Unready);
    let refused = service.ready().await.unwrap().call(()).await.unwrap_err();
    assert_eq!(refused.rejected().unwrap().retry_after(), Some(s(5.0)));
    assert_eq!(breaker.state(), State::Open);
}

/// Hung probes are judged through the layer too, although nothing unready is ever asked.
#[tokio::test(start_paused = true)]
async fn hung_probes_open_the_circuit_though_the_peer_is_never_ready() {
    let breaker = CircuitBreaker::new("a", plain(Trip::run_of(1)).probes(Probes::of(1).max_wait(s(1.0))));
    breaker.open_for(Duration::ZERO);
    let _hung = breaker.try_acquire().unwrap();
    let mut service = CircuitBreaker::layer(&breaker).layer(Unready);
    tokio::time::advance(s(1.0)).await;
    let refused = service.ready().await.unwrap().call(()).await.unwrap_err();
    assert_eq!(refused.rejected().unwrap().reason(), Reason::CircuitOpen);
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test]
async fn a_question_reserves_no_probe() {
    let breaker = CircuitBreaker::new("a", plain(Trip::run_of(1)));
    breaker.open_for(Duration::ZERO);
    let mut service = CircuitBreaker::layer(&breaker).layer(Unready);
    for _ in 0..50 {
        assert!(poll_fn(|cx| Poll::Ready(service.poll_ready(cx))).await.is_pending());
    }
    assert_eq!((breaker.state(), breaker.snapshot().openings), (State::Open, 1));
    assert!(breaker.try_acquire().is_ok());
}

#[tokio::test]
async fn a_refusal_from_further_in_is_no_evidence() {
    let outer = CircuitBreaker::new("outer", plain(Trip::run_of(1)));
    let inner = CircuitBreaker::new("inner", plain(Trip::run_of(1)));
    inner.force_open();
    let service = ServiceBuilder::new()
        .layer(CircuitBreaker::layer(&outer))
        .layer(CircuitBreaker::layer(&inner))
        .layer(LiftLayer)
        .service(service_fn(|()| async { Ok::<_, ()>(()) }));
    for _ in 0..100 {
        let refused = service.clone().oneshot(()).await.unwrap_err();
        assert_eq!(refused.rejected().unwrap().by().as_str(), "inner");
    }
    assert_eq!(outer.state(), State::Closed);
    assert_eq!(outer.snapshot().abandoned, 0);
}

#[tokio::test]
async fn a_dropped_call_is_no_failure_and_frees_its_probe() {
    let breaker = CircuitBreaker::new("a", plain(Trip::run_of(1)));
    let layer = CircuitBreaker::layer(&breaker);
    let mut service = layer.layer(seawall::Lift::new(service_fn(|()| pending::<Result<(), ()>>())));
    drop(service.ready().await.unwrap().call(()));
    assert_eq!((breaker.state(), breaker.snapshot().abandoned), (State::Closed, 1));
    breaker.open_for(Duration::ZERO);
    drop(service.ready().await.unwrap().call(()));
    assert_eq!((breaker.state(), breaker.snapshot().probing), (State::HalfOpen, 0));
}

/// Polly and Resilience4j users know `HandleResult`: what counts is said by a classifier.
#[tokio::test]
async fn the_classifier_says_what_is_a_failure() {
    let breaker = CircuitBreaker::new("a", plain(Trip::run_of(1)));
    let layer = CircuitBreaker::layer(&breaker).classify(|answer| match answer {
        Ok(500..) => Class::Transient,
        Ok(404) => Class::Neutral,
        _ => Class::Success,
    });
    let service = layer.layer(seawall::Lift::new(service_fn(|n: u16| async move { Ok::<_, Infallible>(n) })));
    for status in [200, 404] {
        assert_eq!(service.clone().oneshot(status).await, Ok(status));
    }
    assert_eq!((breaker.state(), breaker.snapshot().failures), (State::Closed, 0));
    assert_eq!(service.oneshot(503).await, Ok(503));
    assert_eq!(breaker.state(), State::Open);
}
