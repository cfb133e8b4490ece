//! What the peer is spared.

use super::{Calls, constant};
use seawall::retry::{Budget, Retry, RetryBudget};
use seawall::telemetry::{Counters, Telemetry};
use seawall::{Error, Ratio, Timeout};
use std::sync::Arc;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn a_total_outage_costs_a_fifth_more_and_not_three_times_as_much() {
    let (calls, counters) = (Calls::start(), Arc::new(Counters::default()));
    let budget = RetryBudget::new(Budget::default().reserve(0));
    let retry = Retry::new(Telemetry::new("retry").observer(counters.clone()), constant(1)).budget(budget);
    for _ in 0..1000 {
        let answer = retry
            .run(|| {
                calls.next();
                async { Err::<(), _>("down") }
            })
            .await;
        assert_eq!(answer, Err(Error::Inner("down")));
    }
    assert_eq!(calls.made(), 1200);
    let seen = counters.snapshot();
    assert_eq!((seen.retried, seen.budget_exhausted), (200, 1000));
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_the_answer_at_once() {
    let calls = Calls::start();
    let retry = Retry::new("retry", constant(500)).budget(RetryBudget::new(Budget::quota(0)));
    let answer = retry
        .run(|| {
            calls.next();
            async { Err::<(), _>("down") }
        })
        .await;
    assert_eq!(answer, Err(Error::Inner("down")));
    assert_eq!((calls.made(), calls.ms()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn rt_18_a_quota_learns_from_the_calls_themselves() {
    let budget = RetryBudget::new(Budget::quota(500));
    let calls = Calls::start();
    let retry = Retry::new("retry", constant(1)).budget(budget.clone());
    let answer = retry
        .run(|| {
            let n = calls.next();
            let left = budget.available();
            async move { if n < 2 { Err(left) } else { Ok(left) } }
        })
        .await;
    assert_eq!((answer, budget.available()), (Ok(490), 495));

    let slow = RetryBudget::new(Budget::quota(100));
    let calls = Calls::start();
    let retry = Retry::new("retry", constant(1)).budget(slow.clone());
    let timeout = Timeout::new("attempt", Duration::from_secs(1));
    let answer = retry
        .run_lifted(|| {
            let n = calls.next();
            let left = slow.available();
            timeout.run(move || async move {
                if n < 2 {
                    std::future::pending::<()>().await;
                }
                Ok::<_, ()>(left)
            })
        })
        .await;
    assert_eq!((answer, slow.available()), (Ok(80), 90));
}

#[tokio::test(start_paused = true)]
async fn two_retries_of_one_budget_are_one_bound() {
    let budget = RetryBudget::new(Budget::ratio(Ratio::ZERO).reserve(0).hold(0));
    let outer = Retry::new("outer", constant(1)).budget(budget.clone());
    let inner = Retry::new("inner", constant(1)).budget(budget.withdraw_only());
    let calls = Calls::start();
    let answer = outer
        .run_lifted(|| {
            inner.run(|| {
                calls.next();
                async { Err::<(), _>("down") }
            })
        })
        .await;
    assert_eq!((answer, calls.made()), (Err(Error::Inner("down")), 1));
}
