//! What each wrong order costs, beside the right one.

use super::{at_once, bucket};
use crate::tools::{Probe, Step};
use seawall::circuit_breaker::{State, Trip};
use seawall::{CircuitBreaker, LiftLayer, Policy, Timeout};
use std::time::Duration;
use tower::{Layer, ServiceBuilder, ServiceExt};

const SECOND: Duration = Duration::from_secs(1);

fn breaker() -> CircuitBreaker {
    CircuitBreaker::new("breaker", Trip::run_of(3))
}

#[tokio::test(start_paused = true)]
async fn a_breaker_outside_a_retry_sees_one_call_for_three_attempts() {
    let failing = Probe::always(Step::Fail { pend: 0 });

    let right = breaker();
    let policy = Policy::new("p").retry(at_once(3)).breaker(right.clone());
    assert!(policy.layer(failing.clone()).oneshot(1).await.is_err());
    assert_eq!(right.state(), State::Open);

    let wrong = breaker();
    let service = ServiceBuilder::new()
        .layer(wrong.layer())
        .layer(at_once(3).layer())
        .layer(LiftLayer)
        .service(failing.clone());
    assert!(service.oneshot(1).await.is_err());
    assert_eq!((failing.calls(), wrong.state()), (6, State::Closed));
}

#[tokio::test(start_paused = true)]
async fn a_limit_outside_a_retry_is_passed_threefold() {
    let failing = Probe::always(Step::Fail { pend: 0 });

    let right = bucket(9);
    let policy = Policy::new("p").retry(at_once(3)).rate_limit(right.clone());
    assert!(policy.layer(failing.clone()).oneshot(1).await.is_err());
    assert_eq!(right.available(), 6);

    let wrong = bucket(9);
    let service = ServiceBuilder::new()
        .layer(wrong.layer())
        .layer(at_once(3).layer())
        .layer(LiftLayer)
        .service(failing.clone());
    assert!(service.oneshot(1).await.is_err());
    assert_eq!((failing.calls(), wrong.available()), (6, 8));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_outside_a_breaker_keeps_the_circuit_of_a_hanging_peer_closed() {
    let hanging = Probe::always(Step::Never);

    let right = breaker();
    let policy = Policy::new("p").breaker(right.clone()).attempt_timeout(SECOND);
    let wrong = breaker();
    let service = ServiceBuilder::new()
        .layer(Timeout::new("timeout", SECOND).layer())
        .layer(wrong.layer())
        .layer(LiftLayer)
        .service(hanging.clone());
    for _ in 0..3 {
        assert!(policy.layer(hanging.clone()).oneshot(1).await.is_err());
        assert!(service.clone().oneshot(1).await.is_err());
    }
    assert_eq!((right.state(), wrong.state()), (State::Open, State::Closed));
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_leaves_the_quota_alone_and_speaks_first() {
    let (breaker, bucket) = (breaker(), bucket(1));
    breaker.force_open();
    bucket.check().unwrap();
    let policy = Policy::new("p").rate_limit(bucket).breaker(breaker);
    let refused = policy.run(|| async { Ok::<_, ()>(1) }).await.unwrap_err();
    assert_eq!(refused.rejected().unwrap().by().as_str(), "breaker");
}
