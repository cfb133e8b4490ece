//! Fallback, deadline and hedge in their slots.

use super::{at_once, bucket, slots};
use crate::tools::{Failed, Probe, Step};
use seawall::circuit_breaker::Trip;
use seawall::deadline::{Deadline, Deadlines};
use seawall::hedge::{Always, Delay, Hedge};
use seawall::retry::{Backoff, Jitter, Plan, Retry};
use seawall::{CircuitBreaker, Class, Error, Fallback, Instant, Policy, Reason};
use std::cell::Cell;
use std::time::Duration;
use tower::{Layer, ServiceExt};

const MS: Duration = Duration::from_millis(1);

fn hedge(delay: Duration) -> Hedge {
    Hedge::new("hedge", Delay::fixed(delay), Always)
}

#[tokio::test(start_paused = true)]
async fn drivers_set_in_another_order_make_the_same_stack() {
    let within = || Deadlines::within("deadline", MS);
    let fallback = || Fallback::value("fallback", zero as fn() -> u32);
    let one = Policy::new("p").fallback(fallback()).deadline(within()).hedge(hedge(MS)).retry(at_once(2));
    let other = Policy::new("p").retry(at_once(2)).hedge(hedge(MS)).deadline(within()).fallback(fallback());
    assert_eq!(std::any::type_name_of_val(&one), std::any::type_name_of_val(&other));
}

const fn zero() -> u32 {
    0
}

#[tokio::test(start_paused = true)]
async fn the_policys_judge_judges_for_the_drivers_whichever_is_set_first() {
    // A three is a failure of the peer: hedged at once, retried, and replaced in the end.
    let judge = |answer: Result<&u32, &()>| if answer == Ok(&3) { Class::Transient } else { Class::Success };
    let calls = Cell::new(0);
    let three = || {
        calls.set(calls.get() + 1);
        async { Ok::<u32, ()>(3) }
    };
    let first = Policy::new("p")
        .classify(judge)
        .hedge(hedge(MS * 50))
        .fallback(Fallback::value("fallback", zero))
        .retry(at_once(2));
    let last = Policy::new("p")
        .retry(at_once(2))
        .fallback(Fallback::value("fallback", zero))
        .hedge(hedge(MS * 50))
        .classify(judge);
    let before = Instant::now();
    assert_eq!(first.run(three).await, Ok(0));
    assert_eq!(calls.get(), 4, "two attempts, each of two");
    assert_eq!(last.run(three).await, Ok(0));
    assert_eq!(calls.get(), 8);
    assert_eq!(Instant::now() - before, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn each_hedge_asks_the_gates_and_a_refused_one_ends_nothing() {
    let (bucket, slots) = (bucket(9), slots(1));
    let policy = Policy::new("p").hedge(hedge(MS * 10)).rate_limit(bucket.clone()).concurrency(slots.clone());
    let slow = || async {
        let never = std::future::pending::<()>();
        assert!(tokio::time::timeout(MS * 100, never).await.is_err());
        Ok::<_, ()>(7)
    };
    let before = Instant::now();
    assert_eq!(policy.run(slow).await, Ok(7));
    // The hedge found no slot, and gave its token back.
    assert_eq!((Instant::now() - before, bucket.available(), slots.in_flight()), (MS * 100, 8, 0));
}

#[tokio::test(start_paused = true)]
async fn a_straggler_is_hedged_through_the_layer_and_leaves_nothing_behind() {
    let slots = slots(4);
    let policy = Policy::new("p").hedge(hedge(MS * 10)).concurrency(slots.clone()).retry(at_once(3));
    let probe = Probe::script([Step::Never, Step::Answer { pend: 0 }]);
    let before = Instant::now();
    assert_eq!(policy.layer(probe.clone()).oneshot(5).await, Ok(5));
    assert_eq!(Instant::now() - before, MS * 10);
    assert_eq!((probe.calls(), probe.in_flight(), slots.in_flight()), (2, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_bounds_all_attempts_and_every_wait() {
    let second = Backoff::constant(MS * 1000).jitter(Jitter::none());
    let policy = Policy::new("p")
        .deadline(Deadlines::within("deadline", MS * 500))
        .retry(Retry::new("retry", Plan::new().backoff(second)));
    let before = Instant::now();
    // A wait of a second would be too long, so the failure is told at once.
    let answer = policy.layer(Probe::always(Step::Fail { pend: 0 })).oneshot(1).await;
    assert_eq!((answer, Instant::now() - before), (Err(Error::Inner(Failed)), Duration::ZERO));
    let late = policy.layer(Probe::always(Step::Never)).oneshot(1).await;
    assert!(matches!(late, Err(Error::TimedOut(late)) if late.after() == MS * 500), "{late:?}");
    // Inside, everybody sees it.
    assert_eq!(policy.run(|| async { Ok::<_, ()>(Deadline::current().is_some()) }).await, Ok(true));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_is_over_leaves_breaker_and_quota_alone() {
    let bucket = bucket(3);
    let policy = Policy::new("p").deadline(Deadlines::off()).rate_limit(bucket.clone());
    let over = Deadline::within(Duration::ZERO);
    let refused = over.scope(policy.run(|| async { Ok::<_, ()>(1) })).await.unwrap_err();
    assert_eq!(refused.rejected().map(|rejected| rejected.reason()), Some(Reason::Deadline));
    assert_eq!(bucket.available(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_fallback_sees_the_refusals_of_everybody_inside() {
    let breaker = CircuitBreaker::new("breaker", Trip::run_of(1));
    let policy = Policy::new("p")
        .breaker(breaker.clone())
        .fallback(Fallback::value("fallback", zero))
        .deadline(Deadlines::within("deadline", MS));
    breaker.force_open();
    let probe = Probe::always(Step::Never);
    assert_eq!(policy.layer(probe.clone()).oneshot(1).await, Ok(0));
    breaker.force_closed();
    assert_eq!(policy.layer(probe.clone()).oneshot(1).await, Ok(0), "a timeout is replaced too");
    assert_eq!(probe.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_handle_given_to_a_policy_still_commands_it() {
    let (fallback, hedge) = (Fallback::value("fallback", zero), hedge(MS));
    let deadlines = Deadlines::within("deadline", MS * 5);
    let policy = Policy::new("p")
        .fallback(fallback.clone())
        .hedge(hedge.clone())
        .deadline(deadlines.clone())
        .classify(|_: Result<&u32, &Failed>| Class::Success);
    let service = policy.layer(Probe::script([Step::Never, Step::Never, Step::Answer { pend: 1 }]));
    fallback.set_off();
    hedge.set_at_most(0);
    let late = service.clone().oneshot(1).await;
    assert!(matches!(late, Err(Error::TimedOut(_))), "{late:?}: no hedge, no fallback");
    deadlines.set_rest(Duration::MAX);
    hedge.set_at_most(1);
    assert_eq!(service.oneshot(2).await, Ok(2), "no deadline, and a hedge");
}

#[tokio::test(start_paused = true)]
async fn every_driver_off_is_the_same_type_and_calls_once() {
    let on = Policy::new("p").hedge(hedge(MS)).deadline(Deadlines::within("d", MS)).retry(at_once(3));
    let off = Policy::new("p").hedge(Hedge::off()).deadline(Deadlines::off()).retry(Retry::off());
    assert_eq!(std::any::type_name_of_val(&on), std::any::type_name_of_val(&off));
    let failing = Probe::always(Step::Fail { pend: 0 });
    assert_eq!(off.layer(failing.clone()).oneshot(1).await, Err(Error::Inner(Failed)));
    assert_eq!(failing.calls(), 1);
}

#[tokio::test]
async fn a_direct_call_through_every_driver_can_be_spawned() {
    let policy = Policy::new("p")
        .retry(at_once(2))
        .hedge(hedge(MS))
        .deadline(Deadlines::within("deadline", MS * 1000))
        .fallback(Fallback::value("fallback", zero))
        .concurrency(slots(2));
    let mut calls = tokio::task::JoinSet::new();
    calls.spawn(async move { policy.run(|| async { Ok::<_, ()>(7) }).await });
    assert_eq!(calls.join_next().await.unwrap().unwrap(), Ok(7));
}

#[test]
fn a_policy_of_closures_can_be_printed() {
    let policy = Policy::new("p")
        .attempt_timeout_by(|_: &u32| Some(MS))
        .hedge(Hedge::new("hedge", Delay::fixed(MS), |_: &u32| true))
        .deadline(Deadlines::per_request("deadline", |_: &u32| None))
        .fallback(Fallback::value("fallback", || 0));
    let printed = format!("{policy:?}");
    assert!(printed.contains("PerRequest") && printed.contains("delay"), "{printed}");
}

#[tokio::test(start_paused = true)]
async fn what_answers_from_the_cache_slot_takes_nothing_from_those_inside() {
    use seawall::Lift;
    use seawall::cache::{CacheAside, Lifetime, Memory};

    let (bucket, probe) = (bucket(3), Probe::always(Step::Answer { pend: 0 }));
    let cache: CacheAside<u32, u32, Failed> =
        CacheAside::new("cache", Memory::lru(10), Lifetime::of(Duration::from_secs(60)));
    let service = Policy::new("p")
        .rate_limit(bucket.clone())
        .deadline(Deadlines::within("deadline", MS))
        .cache(cache.layer(|request: &u32| Some(*request)))
        .fallback(Fallback::value("fallback", || 0))
        .lifted()
        .layer(Lift::new(probe.clone()));
    for _ in 0..3 {
        assert_eq!(service.clone().oneshot(1).await, Ok(1));
    }
    assert_eq!((probe.calls(), bucket.available()), (1, 2));
    // Two who miss at once are one call.
    let misses = tokio::join!(service.clone().oneshot(2), service.clone().oneshot(2));
    assert_eq!(misses, (Ok(2), Ok(2)));
    assert_eq!((probe.calls(), bucket.available()), (2, 1));
    // A refusal inside is not kept, and the fallback outside answers for it.
    bucket.try_acquire().unwrap().settle(Class::Success);
    assert_eq!(service.clone().oneshot(3).await, Ok(0));
    assert_eq!((probe.calls(), cache.hit(&3).is_none()), (2, true));
}
