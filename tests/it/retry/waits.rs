//! When the attempts are made.

use super::{Calls, MS, after, constant};
use seawall::retry::{Backoff, Plan, Retry};
use seawall::{Class, ConcurrencyLimit, LiftLayer};
use std::future::pending;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

#[tokio::test(start_paused = true)]
async fn rt_10_the_time_that_the_peer_named_is_waited_for() {
    for (named, called_at) in [(3000, vec![0, 3000]), (10, vec![0, 50]), (60_000, vec![0])] {
        let calls = Calls::start();
        let retry = Retry::new("retry", constant(50).attempts(2))
            .classify(move |_: Result<&(), &()>| Class::Overload(Some(named * MS)));
        let _ = retry
            .run(|| {
                calls.next();
                async { Err(()) }
            })
            .await;
        assert_eq!(calls.times(), called_at);
    }
}

#[tokio::test(start_paused = true)]
async fn rt_12_within_ends_the_retrying_but_cuts_no_attempt() {
    let calls = Calls::start();
    let plan = Plan::new().attempts(9).within(100 * MS).backoff(Backoff::none());
    let answer = Retry::new("retry", plan)
        .run(|| {
            let n = calls.next();
            async move {
                tokio::time::advance(n as u32 * 120 * MS).await;
                Err::<(), _>(n)
            }
        })
        .await;
    assert_eq!(answer.unwrap_err().into_inner(), Some(1));
    assert_eq!((calls.made(), calls.ms()), (2, 120));
}

#[tokio::test(start_paused = true)]
async fn rt_13_no_wait_is_begun_that_would_end_too_late() {
    let calls = Calls::start();
    let answer = Retry::new("retry", constant(200).within(300 * MS))
        .run(|| {
            let n = calls.next();
            async move {
                after(60).await;
                Err::<(), _>(n)
            }
        })
        .await;
    assert_eq!(answer.unwrap_err().into_inner(), Some(1));
    assert_eq!((calls.times(), calls.ms()), (vec![0, 260], 320));
}

#[tokio::test(start_paused = true)]
async fn nothing_of_the_inner_service_is_held_while_waiting() {
    let limit = ConcurrencyLimit::new("limit", 1);
    let calls = Calls::start();
    let inner = ServiceBuilder::new().concurrency_limit(1).layer(limit.layer()).layer(LiftLayer).service(
        service_fn(|()| {
            let n = calls.next();
            async move { if n == 0 { Err("failed") } else { Ok(()) } }
        }),
    );
    let mut other = inner.clone();
    let retry = Retry::new("retry", constant(60_000));
    let mut service = ServiceBuilder::new().layer(retry.layer()).service(inner);
    let waiting = service.ready().await.unwrap().call(());
    tokio::pin!(waiting);
    assert!(futures_poll(waiting.as_mut()).await.is_none());
    // The layer's own idle instance was never made ready; the waiting call holds no unit either.
    assert_eq!(other.ready().await.unwrap().call(()).await, Ok(()));
    assert_eq!((calls.ms(), limit.in_flight()), (0, 0));
    assert_eq!(waiting.await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn the_longest_wait_neither_panics_nor_ends() {
    let plan = Plan::new().backoff(Backoff::constant(std::time::Duration::MAX));
    let retry = Retry::new("retry", plan.within(std::time::Duration::MAX));
    let call = retry.run(|| async { Err::<(), _>(()) });
    let ended = tokio::time::timeout(1_000_000 * MS, async {
        let _ = call.await;
        pending::<()>().await;
    });
    assert!(ended.await.is_err());
}

/// Polled once.
async fn futures_poll<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|cx| {
        std::task::Poll::Ready(match future.as_mut().poll(cx) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}
