//! Copies of the request.

use super::{Calls, constant};
use seawall::retry::{Attempt, Cause, Replay, Retry, RetryBudget};
use seawall::telemetry::{Counters, Telemetry};
use seawall::{LiftLayer, Seen};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use tower::{ServiceBuilder, ServiceExt, service_fn};

#[tokio::test(start_paused = true)]
async fn rt_14_without_a_copy_there_is_exactly_one_attempt() {
    let (calls, counters) = (Calls::start(), Arc::new(Counters::default()));
    let budget = RetryBudget::default();
    let retry = Retry::new(Telemetry::new("retry").observer(counters.clone()), constant(50))
        .budget(budget.clone())
        .replay(|_: &String| None);
    let service =
        ServiceBuilder::new().layer(retry.layer()).layer(LiftLayer).service(service_fn(|text: String| {
            calls.next();
            async move { Err::<(), _>(text) }
        }));
    let answer = service.oneshot("untouched".to_owned()).await;
    assert_eq!(answer.unwrap_err().into_inner().unwrap(), "untouched");
    assert_eq!((calls.made(), calls.ms(), budget.available()), (1, 0, 100));
    assert_eq!(counters.snapshot().not_replayable, 1);
}

#[tokio::test(start_paused = true)]
async fn a_copy_is_made_only_before_an_attempt_that_may_be_followed_by_another() {
    for (attempts, copies) in [(1, 0), (2, 1), (3, 2)] {
        let made = Arc::new(AtomicU32::new(0));
        let counting = {
            let made = made.clone();
            move |n: &u32| {
                made.fetch_add(1, SeqCst);
                Some(*n)
            }
        };
        let retry = Retry::new("retry", constant(50).attempts(attempts)).replay(counting);
        let service = ServiceBuilder::new()
            .layer(retry.layer())
            .layer(LiftLayer)
            .service(service_fn(|n: u32| async move { Err::<(), _>(n) }));
        assert!(service.oneshot(7).await.is_err());
        assert_eq!(made.load(SeqCst), copies);
    }
}

/// Repeats only what the error says was never sent, and marks each attempt.
#[derive(Clone, Copy)]
struct Posts;

#[derive(Debug, PartialEq)]
enum Failure {
    Refused,
    Reset,
}

impl Replay<(u32, u32), (), Failure> for Posts {
    fn replay(&self, request: &(u32, u32)) -> Option<(u32, u32)> {
        Some(*request)
    }

    fn again(&self, _: &(u32, u32), result: Result<&(), Seen<'_, Failure>>) -> bool {
        matches!(result, Err(Seen::Inner(Failure::Refused)))
    }

    fn mark(&self, request: &mut (u32, u32), attempt: Attempt) {
        assert_eq!(attempt.cause() == Cause::First, attempt.number() == 1);
        request.1 = attempt.number();
    }
}

#[tokio::test(start_paused = true)]
async fn the_result_may_forbid_another_attempt_and_each_is_told_its_number() {
    let calls = Calls::start();
    let retry = Retry::new("retry", constant(50).attempts(9)).replayer(Posts);
    let service =
        ServiceBuilder::new().layer(retry.layer()).layer(LiftLayer).service(service_fn(|(n, attempt)| {
            calls.next();
            async move {
                assert_eq!(n, 7);
                Err::<(), _>(if attempt < 3 { Failure::Refused } else { Failure::Reset })
            }
        }));
    assert_eq!(service.oneshot((7, 0)).await.unwrap_err().into_inner(), Some(Failure::Reset));
    assert_eq!(calls.made(), 3);
}
