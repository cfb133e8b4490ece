//! Deadlines in virtual time.

use crate::retry::{Calls, MS, after, constant};
use crate::tools::Probe;
use proptest::prelude::*;
use seawall::deadline::{Deadline, Deadlines};
use seawall::retry::{Backoff, Plan, Retry};
use seawall::telemetry::{Counters, Telemetry};
use seawall::{Error, LiftLayer, Reason, TimedOut, Timeout};
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use tower::{ServiceBuilder, ServiceExt, service_fn};

#[tokio::test(start_paused = true)]
async fn rt_13_a_deadline_cuts_the_attempt_that_is_under_way() {
    let (calls, retry) = (Calls::start(), Retry::new("retry", constant(200)));
    let answer = Deadlines::within("deadline", 300 * MS)
        .run_lifted(|| {
            retry.run(|| {
                calls.next();
                async {
                    after(60).await;
                    Err::<(), _>(())
                }
            })
        })
        .await;
    assert_eq!(answer, Err(Error::TimedOut(TimedOut::new("deadline", 300 * MS))));
    assert_eq!((calls.times(), calls.ms()), (vec![0, 260], 300));
}

#[tokio::test(start_paused = true)]
async fn to_3_a_deadline_lets_a_failure_through_whose_retry_would_come_too_late() {
    let (calls, retry) = (Calls::start(), Retry::new("retry", constant(1000)));
    let deadlines = Deadlines::within("deadline", 100 * MS);
    let answer = deadlines.run_lifted(|| retry.run(|| async { Err::<(), _>("failed") })).await;
    assert_eq!((answer, calls.ms()), (Err(Error::Inner("failed")), 0));
}

#[tokio::test(start_paused = true)]
async fn to_5_an_inner_scope_only_shortens() {
    let (one, five) = (Deadline::within(1000 * MS), Deadline::within(5000 * MS));
    one.scope(async {
        five.scope(async { assert_eq!(Deadline::current(), Some(one)) }).await;
        let half = Deadline::within(500 * MS);
        half.scope(async { assert_eq!(Deadline::current(), Some(half)) }).await;
        assert_eq!(Deadline::current(), Some(one));
    })
    .await;
    assert_eq!(Deadline::current(), None);
}

#[tokio::test(start_paused = true)]
async fn what_is_over_before_the_call_is_refused_and_the_peer_is_left_alone() {
    let counters = Arc::new(Counters::default());
    let telemetry = Telemetry::new("deadline").observer(counters.clone());
    let deadlines = Deadlines::per_request(telemetry, |due: &Deadline| Some(*due));
    let probe = Probe::new();
    let service = ServiceBuilder::new().layer(deadlines.layer()).layer(LiftLayer).service(probe.clone());
    for over in [Deadline::within(Duration::ZERO), Deadline::at(seawall::Instant::ZERO)] {
        let refused = service.clone().oneshot(over).await.unwrap_err();
        assert_eq!(refused.rejected().unwrap().reason(), Reason::Deadline);
    }
    let seen = counters.snapshot();
    assert_eq!((probe.calls(), seen.refused, seen.timed_out), (0, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_made_in_a_scope_keeps_to_it_though_the_handle_is_off() {
    let clock = Calls::start();
    let answer = Deadline::within(100 * MS)
        .scope(async { Deadlines::off().run(pending::<Result<(), ()>>).await })
        .await;
    assert!(matches!(answer, Err(Error::TimedOut(_))));
    assert_eq!(clock.ms(), 100);
    assert_eq!(Deadlines::off().run(|| async { Ok::<_, ()>(7) }).await, Ok(7));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_inside_is_shortened() {
    let clock = Calls::start();
    let timeout = Timeout::new("timeout", 5000 * MS);
    let answer =
        Deadlines::within("deadline", 100 * MS).run_lifted(|| timeout.run(pending::<Result<(), ()>>)).await;
    assert_eq!(answer, Err(Error::TimedOut(TimedOut::new("timeout", 100 * MS))));
    assert_eq!(clock.ms(), 100);
}

#[tokio::test(start_paused = true)]
async fn the_service_is_called_with_the_deadline_in_force() {
    let service = ServiceBuilder::new()
        .layer(Deadlines::within("deadline", 100 * MS).layer())
        .layer(LiftLayer)
        .service(service_fn(|()| {
            let at_call = Deadline::current();
            async move { Ok::<_, ()>(at_call.is_some() && at_call == Deadline::current()) }
        }));
    assert_eq!(service.oneshot(()).await, Ok(true));
    assert_eq!(Deadline::current(), None);
}

#[tokio::test(start_paused = true)]
async fn a_panic_inside_leaves_no_deadline_behind() {
    let deadline = Deadline::within(100 * MS);
    let panics = AssertUnwindSafe(|| deadline.scope_sync(|| panic!("inside")));
    assert!(catch_unwind(panics).is_err());
    assert_eq!(Deadline::current(), None);
}

/// A retry of a retry of anything keeps to the deadline.
fn nested(history: Vec<(u32, bool)>, deadline: u32, waits: (u32, u32)) -> u64 {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let calls = Calls::start();
        let plan =
            |wait: u32| Plan::new().attempts(5).backoff(Backoff::exponential(wait * MS).seeded(wait.into()));
        let outer = Retry::new("outer", plan(waits.0)).budget(None);
        let inner = Retry::new("inner", plan(waits.1)).budget(None);
        let _ = Deadlines::within("deadline", deadline * MS)
            .run_lifted(|| {
                outer.run_lifted(|| {
                    inner.run(|| {
                        let (takes, ok) = history[calls.next() as usize % history.len()];
                        async move {
                            after(takes).await;
                            if ok { Ok(()) } else { Err(()) }
                        }
                    })
                })
            })
            .await;
        assert!(calls.times().iter().all(|at| *at < u64::from(deadline)), "{:?}", calls.times());
        calls.ms()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_retry_of_a_retry_of_anything_keeps_to_the_deadline(
        history in prop::collection::vec((0u32..300, prop::bool::weighted(0.1)), 1..8),
        deadline in 1u32..1000,
        waits in (0u32..400, 0u32..400),
    ) {
        prop_assert!(nested(history, deadline, waits) <= u64::from(deadline));
    }
}
