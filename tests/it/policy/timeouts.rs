//! The attempt timeout: innermost, so that a slow answer is evidence.

use super::{at_once, slots};
use seawall::retry::{Backoff, Plan, Retry};
use seawall::telemetry::{Counters, Telemetry};
use seawall::{ConcurrencyLimit, Error, Instant, Policy};
use std::cell::Cell;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn each_attempt_has_its_own_time() {
    let start = Instant::now();
    let retry = Retry::new(
        "retry",
        Plan::new().attempts(3).backoff(Backoff::constant(SECOND).jitter(seawall::retry::Jitter::none())),
    );
    let policy = Policy::new("p").retry(retry).attempt_timeout(SECOND);
    let calls = Cell::new(0);
    let answer = policy
        .run(|| {
            calls.set(calls.get() + 1);
            pending::<Result<(), ()>>()
        })
        .await;
    assert!(matches!(answer, Err(Error::TimedOut(t)) if t.by().as_str() == "p" && t.after() == SECOND));
    assert_eq!((calls.get(), Instant::now() - start), (3, 5 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_is_evidence_for_the_gates() {
    let counters = Arc::new(Counters::default());
    let slots = ConcurrencyLimit::new(Telemetry::new("slots").observer(counters.clone()), 4);
    let policy = Policy::new("p").concurrency(slots).attempt_timeout(SECOND);
    assert!(policy.run(pending::<Result<(), ()>>).await.is_err());
    let seen = counters.snapshot();
    assert_eq!((seen.failed, seen.abandoned), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_changed_timeout_holds_for_services_already_made() {
    let policy = Policy::new("p").retry(at_once(1)).concurrency(slots(1));
    policy.set_attempt_timeout(SECOND);
    let start = Instant::now();
    assert!(policy.run(pending::<Result<(), ()>>).await.is_err());
    assert_eq!(Instant::now() - start, SECOND);
    policy.set_attempt_timeout(None);
    let patient = tokio::time::timeout(3600 * SECOND, policy.run(pending::<Result<(), ()>>)).await;
    assert!(patient.is_err());
}

#[test]
fn an_answer_that_is_there_needs_no_runtime() {
    let policy = Policy::new("p").retry(at_once(3)).attempt_timeout(SECOND);
    let mut call = std::pin::pin!(policy.run(|| async { Ok::<_, ()>(7) }));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert_eq!(call.as_mut().poll(&mut cx), std::task::Poll::Ready(Ok(7)));
}

#[tokio::test(start_paused = true)]
async fn streams_may_have_no_limit() {
    let policy = Policy::new("p").attempt_timeout_by(|(): &()| None);
    let patient = tokio::time::timeout(3600 * SECOND, policy.run(pending::<Result<(), ()>>)).await;
    assert!(patient.is_err());
}
