//! Timeouts in virtual time.

use crate::retry::{Calls, MS, after, constant};
use crate::tools::Polls;
use seawall::retry::{Backoff, Plan, Retry};
use seawall::telemetry::{Counters, Telemetry};
use seawall::{ConcurrencyLimit, Error, LiftLayer, TimedOut, Timeout};
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tower::{ServiceBuilder, ServiceExt, service_fn};

async fn takes(ms: u32) -> Result<u32, ()> {
    after(ms).await;
    Ok(ms)
}

fn timed_out<T>(by: &'static str, ms: u32) -> Result<T, Error<()>> {
    Err(Error::TimedOut(TimedOut::new(by, ms * MS)))
}

#[tokio::test(start_paused = true)]
async fn to_1_a_late_answer_is_none_and_one_at_the_very_instant_is_one() {
    let (clock, counters) = (Calls::start(), Arc::new(Counters::default()));
    let timeout = Timeout::new(Telemetry::new("timeout").observer(counters.clone()), 2000 * MS);
    assert_eq!(timeout.run(|| takes(4000)).await, timed_out("timeout", 2000));
    assert_eq!((clock.ms(), counters.snapshot().timed_out), (2000, 1));
    assert_eq!(timeout.run(|| takes(2000)).await, Ok(2000));
    assert_eq!((clock.ms(), counters.snapshot().timed_out), (4000, 1));
}

#[test]
fn to_1_an_answer_that_is_there_needs_no_runtime() {
    let timeout = Timeout::new("timeout", 2000 * MS);
    let mut call = pin!(timeout.run(|| async { Ok::<_, ()>(7) }));
    assert_eq!(Polls::default().poll(call.as_mut()), Poll::Ready(Ok(7)));
}

#[tokio::test(start_paused = true)]
async fn to_2_a_timeout_around_a_retry_ends_it() {
    let calls = Calls::start();
    let retry = Retry::new("retry", Plan::new().attempts(9).backoff(Backoff::none()));
    let answer = Timeout::new("timeout", 150 * MS)
        .run_lifted(|| {
            retry.run(|| {
                calls.next();
                async {
                    after(60).await;
                    Err::<(), ()>(())
                }
            })
        })
        .await;
    assert_eq!(answer, timed_out("timeout", 150));
    assert_eq!((calls.times(), calls.ms()), (vec![0, 60, 120], 150));
}

#[tokio::test(start_paused = true)]
async fn to_3_a_timeout_hides_a_failure_whose_retry_comes_too_late() {
    let calls = Calls::start();
    let retry = Retry::new("retry", constant(1000));
    let answer =
        Timeout::new("timeout", 100 * MS).run_lifted(|| retry.run(|| async { Err::<(), ()>(()) })).await;
    assert_eq!((answer, calls.ms()), (timed_out("timeout", 100), 100));
}

#[tokio::test(start_paused = true)]
async fn to_4_the_shorter_one_fires_alone() {
    let (calls, counters) = (Calls::start(), Arc::new(Counters::default()));
    let timeout = |name, ms| Timeout::new(Telemetry::new(name).observer(counters.clone()), ms * MS);
    let (inner, outer) = (timeout("inner", 100), timeout("outer", 500));
    assert_eq!(outer.run_lifted(|| inner.run(|| takes(150))).await, timed_out("inner", 100));
    assert_eq!((calls.ms(), counters.snapshot().timed_out), (100, 1));
}

#[tokio::test(start_paused = true)]
async fn zero_is_one_poll_and_the_longest_is_none() {
    let clock = Calls::start();
    let zero = Timeout::new("zero", Duration::ZERO);
    assert_eq!(zero.run(|| async { Ok::<_, ()>(7) }).await, Ok(7));
    assert_eq!(zero.run(|| takes(1)).await, timed_out("zero", 0));
    assert_eq!(clock.ms(), 0);
    for timeout in [Timeout::new("longest", Duration::MAX), Timeout::off()] {
        assert_eq!(timeout.run(|| takes(1_000_000_000)).await, Ok(1_000_000_000));
    }
}

#[tokio::test(start_paused = true)]
async fn each_request_may_have_a_time_of_its_own_or_none() {
    let timeout = Timeout::per_request("files", |ms: &u32| (*ms < 5000).then_some(100 * MS));
    let service = ServiceBuilder::new().layer(timeout.layer()).layer(LiftLayer).service(service_fn(takes));
    assert_eq!(service.clone().oneshot(50).await, Ok(50));
    assert_eq!(service.clone().oneshot(500).await, timed_out("files", 100));
    assert_eq!(service.oneshot(5000).await, Ok(5000));
}

#[tokio::test(start_paused = true)]
async fn what_the_call_held_is_back_before_the_caller_goes_on() {
    let limit = ConcurrencyLimit::new("limit", 1);
    let service = ServiceBuilder::new()
        .layer(Timeout::new("timeout", 100 * MS).layer())
        .layer(limit.layer())
        .layer(LiftLayer)
        .service(service_fn(|()| pending::<Result<(), ()>>()));
    let mut call = pin!(service.oneshot(()));
    let answer = std::future::poll_fn(|cx| call.as_mut().poll(cx)).await;
    // The future itself still lives.
    assert_eq!((answer, limit.in_flight()), (timed_out("timeout", 100), 0));
}

#[tokio::test(start_paused = true)]
async fn to_be_dropped_is_not_a_timeout() {
    let counters = Arc::new(Counters::default());
    let timeout = Timeout::new(Telemetry::new("timeout").observer(counters.clone()), 100 * MS);
    let mut call = Box::pin(timeout.run(|| takes(500)));
    assert!(Polls::default().poll(call.as_mut()).is_pending());
    drop(call);
    tokio::time::advance(200 * MS).await;
    assert_eq!(counters.snapshot().timed_out, 0);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_changed_holds_for_the_next_call() {
    let timeout = Timeout::off();
    timeout.set_limit(100 * MS);
    assert_eq!(timeout.run(|| takes(500)).await, timed_out("off", 100));
}
