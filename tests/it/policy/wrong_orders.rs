//! What each wrong order costs, beside the right one.

use super::{at_once, bucket};
use crate::tools::{Failed, Probe, Step};
use seawall::circuit_breaker::{State, Trip};
use seawall::deadline::Deadlines;
use seawall::hedge::{Always, Delay, Hedge};
use seawall::{CircuitBreaker, Class, Error, Fallback, Instant, LiftLayer, Policy, Timeout};
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

#[tokio::test(start_paused = true)]
async fn a_deadline_inside_a_retry_triples_the_callers_patience() {
    let hanging = Probe::always(Step::Never);

    let right = Policy::new("p").retry(at_once(3)).deadline(Deadlines::within("deadline", SECOND));
    let before = Instant::now();
    assert!(matches!(right.layer(hanging.clone()).oneshot(1).await, Err(Error::TimedOut(_))));
    assert_eq!(Instant::now() - before, SECOND);

    let wrong = ServiceBuilder::new()
        .layer(at_once(3).layer())
        .layer(Deadlines::within("deadline", SECOND).layer())
        .layer(LiftLayer)
        .service(hanging);
    let before = Instant::now();
    assert!(matches!(wrong.oneshot(1).await, Err(Error::TimedOut(_))));
    assert_eq!(Instant::now() - before, SECOND * 3);
}

#[tokio::test(start_paused = true)]
async fn a_retry_inside_a_hedge_lets_it_come_back_sooner_than_the_peer_asked_for() {
    let overloaded = |answer: Result<&u32, &Failed>| match answer {
        Ok(_) => Class::Success,
        Err(Failed) => Class::Overload(Some(SECOND)),
    };
    let hedge = || Hedge::new("hedge", Delay::fixed(SECOND / 10), Always);
    let probe = || Probe::script([Step::Fail { pend: 0 }, Step::Answer { pend: 0 }]);

    let right = Policy::new("p").retry(at_once(3)).hedge(hedge()).classify(overloaded);
    let before = Instant::now();
    assert_eq!(right.layer(probe()).oneshot(1).await, Ok(1));
    assert_eq!(Instant::now() - before, SECOND);

    let wrong = ServiceBuilder::new()
        .layer(hedge().classify(overloaded).layer())
        .layer(at_once(3).classify(overloaded).layer())
        .layer(LiftLayer)
        .service(probe());
    let before = Instant::now();
    assert_eq!(wrong.oneshot(1).await, Ok(1));
    // The one that waits as it was told looks like a straggler.
    assert_eq!(Instant::now() - before, SECOND / 10);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_inside_hears_of_no_refusal_further_out() {
    let (inside, outside) = (breaker(), breaker());
    inside.force_open();
    outside.force_open();
    let fallback = || Fallback::value("fallback", || 0);

    let right = Policy::new("p").breaker(inside).fallback(fallback());
    assert_eq!(right.layer(Probe::new()).oneshot(1).await, Ok(0));

    let wrong = ServiceBuilder::new()
        .layer(outside.layer())
        .layer(fallback().layer())
        .layer(LiftLayer)
        .service(Probe::new());
    assert!(wrong.oneshot(1).await.unwrap_err().rejected().is_some());
}
