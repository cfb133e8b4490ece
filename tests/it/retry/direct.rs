//! Direct use.

use super::{Calls, constant};
use seawall::retry::{Plan, Retry, RetryBudget};
use seawall::{ConcurrencyLimit, Error};

#[tokio::test(start_paused = true)]
async fn nothing_happens_before_the_first_poll() {
    let (calls, budget) = (Calls::start(), RetryBudget::default());
    let retry = Retry::new("retry", constant(1)).budget(budget.clone());
    drop(retry.run(|| {
        calls.next();
        async { Ok::<_, ()>(()) }
    }));
    assert_eq!((calls.made(), budget.available()), (0, 100));
}

#[tokio::test(start_paused = true)]
async fn each_attempt_asks_the_gate_inside() {
    let limit = ConcurrencyLimit::new("limit", 1);
    let calls = Calls::start();
    let answer = Retry::new("retry", constant(50))
        .run_lifted(|| {
            limit.run(|| {
                let n = calls.next();
                async move { if n < 2 { Err(n) } else { Ok(n) } }
            })
        })
        .await;
    assert_eq!((answer, calls.times(), limit.in_flight()), (Ok(2), vec![0, 50, 100], 0));
}

#[test]
fn a_call_that_succeeds_at_once_needs_no_runtime() {
    let retry = Retry::new("retry", Plan::new());
    let mut call = std::pin::pin!(retry.run(|| async { Ok::<_, ()>(7) }));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert_eq!(call.as_mut().poll(&mut cx), std::task::Poll::Ready(Ok::<_, Error<()>>(7)));
}
