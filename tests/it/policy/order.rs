//! Who stands outside whom, and what a refusal does to an answer.

use super::{at_once, bucket, slots};
use crate::tools::{Probe, Step};
use seawall::{Error, Policy, Reason};
use std::cell::Cell;
use tower::{Layer, ServiceExt};

#[tokio::test(start_paused = true)]
async fn slots_filled_in_another_order_make_the_same_stack() {
    let one = Policy::new("p").retry(at_once(3)).rate_limit(bucket(9)).concurrency(slots(4));
    let other = Policy::new("p").concurrency(slots(4)).rate_limit(bucket(9)).retry(at_once(3));
    assert_eq!(std::any::type_name_of_val(&one), std::any::type_name_of_val(&other));
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_is_switched_off_changes_no_type() {
    let on = Policy::new("p").concurrency(Some(slots(0)));
    let off = Policy::new("p").concurrency(None::<seawall::ConcurrencyLimit>);
    assert_eq!(std::any::type_name_of_val(&on), std::any::type_name_of_val(&off));
    assert!(on.run(|| async { Ok::<_, ()>(1) }).await.is_err());
    assert_eq!(off.run(|| async { Ok::<_, ()>(1) }).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn each_attempt_asks_the_gates_and_a_refusal_gives_the_last_real_result() {
    let bucket = bucket(2);
    let policy = Policy::new("p").retry(at_once(5)).rate_limit(bucket.clone());
    let calls = Cell::new(0);
    let answer = policy
        .run(|| {
            calls.set(calls.get() + 1);
            let n = calls.get();
            async move { Err::<(), _>(n) }
        })
        .await;
    // Two attempts had a token each; the third was refused, and the second's own error is the answer.
    assert_eq!((calls.get(), answer), (2, Err(Error::Inner(2))));
    assert_eq!(bucket.available(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_further_in_costs_nothing_further_out() {
    let bucket = bucket(5);
    let policy = Policy::new("p").retry(at_once(5)).rate_limit(bucket.clone()).concurrency(slots(0));
    let refused = policy.run(|| async { Ok::<_, ()>(()) }).await.unwrap_err();
    assert_eq!(refused.rejected().unwrap().by().as_str(), "slots");
    assert_eq!(bucket.available(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_slot_is_free_while_the_next_attempt_is_awaited() {
    let slots = slots(1);
    let retry = seawall::Retry::new("retry", seawall::retry::Plan::new());
    let policy = Policy::new("p").retry(retry).concurrency(slots.clone());
    let probe = Probe::script([Step::Fail { pend: 0 }, Step::Answer { pend: 0 }]);
    let call = policy.layer(probe).oneshot(7);
    let (answer, in_flight) = tokio::join!(call, async {
        tokio::task::yield_now().await;
        slots.in_flight()
    });
    assert_eq!((answer.unwrap(), in_flight), (7, 0));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_names_who_refused() {
    let service = Policy::new("p").concurrency(slots(0)).layer(Probe::new());
    let refused = service.oneshot(1).await.unwrap_err();
    let rejected = refused.rejected().unwrap();
    assert_eq!((rejected.by().as_str(), rejected.reason()), ("slots", Reason::LimitReached));
}
