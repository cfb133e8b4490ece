//! One limit, shared.

use seawall::gate::{Admit, Now};
use seawall::rate_limit::{Booking, Carry, Quota, TokenBucket};
use seawall::telemetry::{Counters, Telemetry};
use seawall::{Class, ConcurrencyLimit, Gate, Instant, LiftLayer, RateLimiter, Reason};
use std::sync::Arc;
use std::time::Duration;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

#[tokio::test(start_paused = true)]
async fn waiting_exactly_as_told_is_admitted_and_a_nanosecond_less_is_not() {
    let limiter = RateLimiter::new("api", Quota::per_second(7).burst(3));
    let start = Instant::now();
    assert!(limiter.try_acquire_many_at(3, start).is_ok());
    let wait = limiter.check_at(start).unwrap_err().retry_after().unwrap();
    assert!(limiter.check_at(start + (wait - Duration::from_nanos(1))).is_err());
    assert!(limiter.check_at(start + wait).is_ok());
}

#[test]
fn only_a_released_permit_comes_back() {
    let limiter = RateLimiter::new("api", Quota::per_hour(10));
    limiter.try_acquire().unwrap().settle(Class::Success);
    drop(limiter.try_acquire().unwrap());
    limiter.try_acquire().unwrap().release();
    assert_eq!(limiter.available(), 8);
}

#[test]
fn what_can_never_fit_is_refused_for_good_and_names_both_numbers() {
    let limiter = RateLimiter::new("api", Quota::per_hour(10));
    let refused = limiter.try_acquire_many(11).unwrap_err();
    assert_eq!((refused.reason(), refused.retry_after()), (Reason::TooLarge, None));
    assert_eq!(refused.to_string(), "api: costs 11, more than the capacity of 10");
    assert_eq!(limiter.available(), 10);
}

#[test]
fn a_refusal_further_in_costs_nothing_here() {
    let gates = (RateLimiter::new("api", Quota::per_hour(1)), ConcurrencyLimit::new("db", 0));
    assert_eq!(gates.try_acquire().unwrap_err().by().as_str(), "db");
    assert_eq!(gates.0.available(), 1);
}

#[tokio::test]
async fn the_services_of_one_layer_share_one_limit() {
    let layer = RateLimiter::new("api", Quota::per_hour(1)).layer();
    let make = || {
        ServiceBuilder::new()
            .layer(layer.clone())
            .layer(LiftLayer)
            .service(service_fn(|n: u32| async move { Ok::<_, ()>(n) }))
    };
    assert_eq!(make().oneshot(1).await, Ok(1));
    let refused = make().oneshot(2).await.unwrap_err();
    assert_eq!(refused.rejected().unwrap().reason(), Reason::RateLimited);
}

#[tokio::test]
async fn a_service_asked_whether_it_is_ready_spends_nothing() {
    let limiter = RateLimiter::new("api", Quota::per_hour(1));
    let inner = seawall::Lift::new(service_fn(|()| async { Ok::<_, ()>(()) }));
    let mut service = tower::Layer::layer(&RateLimiter::layer(&limiter), inner);
    for _ in 0..1000 {
        let _: &mut _ = ServiceExt::<()>::ready(&mut service).await.unwrap();
    }
    assert_eq!(limiter.available(), 1);
    assert!(service.call(()).await.is_ok());
    assert_eq!(limiter.available(), 0);
}

#[test]
fn a_change_of_quota_is_neither_a_reset_nor_a_gift() {
    let limiter = RateLimiter::with("api", TokenBucket::new(Quota::per_second(1).burst(10)));
    let at = |millis| Instant::ZERO + Duration::from_millis(millis);
    assert!(limiter.try_acquire_many_at(10, at(0)).is_ok());
    limiter.set_algorithm(TokenBucket::new(Quota::per_second(10)), Carry::Keep, at(5000));
    assert_eq!(limiter.peek_at(0, at(5000)).remaining(), 5);
    assert_eq!(limiter.peek_at(0, at(5500)).remaining(), 10);
    // The same quota once more changes nothing.
    limiter.set_algorithm(TokenBucket::new(Quota::per_second(10)), Carry::Keep, at(5000));
    assert_eq!(limiter.peek_at(0, at(5000)).remaining(), 5);
}

#[test]
fn what_happens_is_counted() {
    let counters = Arc::new(Counters::default());
    let limiter = RateLimiter::new(Telemetry::new("api").observer(counters.clone()), Quota::per_hour(3));
    limiter.check().unwrap();
    limiter.try_acquire().unwrap().settle(Class::Success);
    limiter.try_acquire().unwrap().release();
    drop(limiter.try_acquire());
    assert!(limiter.check().is_err());
    limiter.set_quota(Quota::per_hour(4));
    let seen = counters.snapshot();
    assert_eq!((seen.admitted, seen.refused, seen.limit_changes), (4, 1, 1));
    assert_eq!((seen.succeeded, seen.released, seen.abandoned), (1, 1, 1));
}

#[test]
fn one_reading_of_the_clock_serves_a_tuple() {
    let limits = (RateLimiter::new("a", Quota::per_hour(1)), RateLimiter::new("b", Quota::per_hour(1)));
    let mut now = Now::at(Instant::ZERO);
    assert!(limits.admit(&(), &mut now).is_ok());
    assert_eq!(limits.admit(&(), &mut now).unwrap_err().retry_after(), Some(Duration::from_secs(3600)));
}

#[test]
fn whoever_comes_with_an_older_time_is_given_nothing_for_it() {
    let limiter = RateLimiter::new("api", Quota::per_second(1));
    let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
    assert!(limiter.check_at(at(100)).is_ok());
    for seconds in [0, 50, 99, 100] {
        let wait = limiter.check_at(at(seconds)).unwrap_err().retry_after();
        assert_eq!(wait, Some(Duration::from_secs(101 - seconds)));
    }
    assert!(limiter.check_at(at(101)).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_reservation_dropped_before_its_time_is_cancelled() {
    let limiter = RateLimiter::with("mail", Booking::new(Quota::per_second(1)));
    let patience = Duration::from_secs(60);
    limiter.check().unwrap();
    let first = limiter.reserve(1, patience).unwrap();
    let second = limiter.reserve(1, patience).unwrap();
    assert_eq!((first.wait(), second.wait()), (Duration::from_secs(1), Duration::from_secs(2)));
    drop(second);
    assert_eq!(limiter.reserve(1, patience).map(|turn| turn.wait()), Ok(Duration::from_secs(2)));
    tokio::time::advance(first.wait()).await;
    // At its time it is spent.
    drop(first);
    assert_eq!(limiter.reserve(1, patience).unwrap().wait(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn who_waits_in_a_queue_is_let_in_in_order_and_nobody_overtakes() {
    use seawall::gate::Queued;
    let limiter = RateLimiter::new("api", Quota::per_second(1));
    limiter.check().unwrap();
    let queued = Queued::new("queue", limiter.clone(), 2, Duration::from_secs(10));
    let start = Instant::now();
    let wait = || async {
        queued.run(|| async { Ok::<_, ()>(Instant::now()) }).await.map(|at| (at - start).as_secs())
    };
    let (first, second, ()) = tokio::join!(wait(), wait(), async {
        let overtaking = limiter.check().unwrap_err();
        assert_eq!(overtaking.retry_after(), Some(Duration::from_secs(3)));
        assert_eq!(wait().await.unwrap_err().rejected().unwrap().reason(), Reason::QueueFull);
    });
    assert_eq!((first, second), (Ok(1), Ok(2)));
}
