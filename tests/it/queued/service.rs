//! The queue as a layer.

use super::{fill, ms};
use seawall::gate::Queued;
use seawall::{ConcurrencyLimit, Error, Instant, LiftLayer, Reason};
use std::future::{Future, pending, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test(start_paused = true)]
async fn it_is_always_ready_and_waits_in_call() {
    let limit = ConcurrencyLimit::new("db", 1);
    let queued = Queued::new("q", limit.clone(), 5, ms(1000));
    let mut service = ServiceBuilder::new()
        .layer(queued.layer())
        .layer(LiftLayer)
        .service(service_fn(|n: u32| ready(Ok::<_, ()>(n))));
    let held = fill(&limit);
    let mut answer = pin!(service.ready().await.unwrap().call(7));
    assert_eq!(queued.waiting(), 1);
    assert!(poll(answer.as_mut()).is_pending());
    drop(held);
    assert_eq!(answer.await, Ok(7));
    assert_eq!((limit.in_flight(), queued.waiting()), (0, 0));
}

/// A service that holds its only slot from the moment it is ready, as tower's own limit does.
#[tokio::test(start_paused = true)]
async fn while_waiting_no_readiness_of_the_inner_service_is_held() {
    let inner = ServiceBuilder::new()
        .concurrency_limit(1)
        .layer(LiftLayer)
        .service(service_fn(|n: u32| ready(Ok::<_, ()>(n))));
    let stuck = ConcurrencyLimit::new("stuck", 0);
    let slow = Queued::new("slow", stuck, 5, ms(60_000));
    let fast = Queued::new("fast", ConcurrencyLimit::new("free", 1), 5, ms(60_000));
    let (mut slow, mut fast) = (
        ServiceBuilder::new().layer(slow.layer()).service(inner.clone()),
        ServiceBuilder::new().layer(fast.layer()).service(inner),
    );
    let start = Instant::now();
    let mut waiting = pin!(slow.ready().await.unwrap().call(1));
    assert!(poll(waiting.as_mut()).is_pending());
    assert_eq!(fast.ready().await.unwrap().call(2).await, Ok(2));
    assert_eq!(Instant::now(), start);
    let refused = waiting.await.unwrap_err();
    assert_eq!(refused.rejected().unwrap().reason(), Reason::QueueTimeout);
    assert_eq!(Instant::now() - start, ms(60_000));
}

#[tokio::test(start_paused = true)]
async fn an_unready_inner_service_is_sought_after_admission_and_its_error_gives_the_permit_back() {
    #[derive(Clone)]
    struct Broken;
    impl Service<()> for Broken {
        type Response = ();
        type Error = Error<&'static str>;
        type Future = std::future::Pending<Result<(), Self::Error>>;
        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            Poll::Ready(Err(Error::Inner("broken")))
        }
        fn call(&mut self, (): ()) -> Self::Future {
            pending()
        }
    }
    let limit = ConcurrencyLimit::new("db", 1);
    let queued = Queued::new("q", limit.clone(), 5, ms(1000));
    let service = ServiceBuilder::new().layer(queued.layer()).service(Broken);
    assert_eq!(service.oneshot(()).await, Err(Error::Inner("broken")));
    assert_eq!(limit.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_stage_it_leaves_nothing_behind() {
    let limit = ConcurrencyLimit::new("db", 1);
    let queued = Queued::new("q", limit.clone(), 5, ms(1000));
    let mut service = ServiceBuilder::new()
        .layer(queued.layer())
        .layer(LiftLayer)
        .service(service_fn(|()| pending::<Result<(), ()>>()));
    let unpolled = service.ready().await.unwrap().call(());
    assert_eq!(limit.in_flight(), 1);
    let waiting = service.ready().await.unwrap().call(());
    assert_eq!(queued.waiting(), 1);
    drop(unpolled);
    let mut called = Box::pin(waiting);
    assert!(poll(called.as_mut()).is_pending());
    assert_eq!((limit.in_flight(), queued.waiting()), (1, 0));
    drop(called);
    assert_eq!(limit.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_need_be_send_or_owned() {
    let text = String::from("borrowed");
    let counted = std::rc::Rc::new(7);
    let inner = service_fn(|request: &str| {
        let (counted, length) = (std::rc::Rc::clone(&counted), request.len());
        async move { Ok::<_, std::rc::Rc<()>>(*counted + length) }
    });
    let queued = Queued::new("q", ConcurrencyLimit::new("db", 1), 5, ms(1000));
    let mut service = ServiceBuilder::new().layer(queued.layer()).layer(LiftLayer).service(inner);
    assert_eq!(service.ready().await.unwrap().call(&text).await.unwrap(), 15);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_callers_are_served_in_their_order() {
    let limit = ConcurrencyLimit::new("db", 2);
    let queued = Queued::new("q", limit.clone(), 100, ms(10_000));
    let served = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let service = ServiceBuilder::new().layer(queued.layer()).layer(LiftLayer).service(service_fn({
        let served = std::sync::Arc::clone(&served);
        move |n: u32| {
            let turn = served.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            async move {
                tokio::task::yield_now().await;
                if turn == n { Ok(()) } else { Err((n, turn)) }
            }
        }
    }));
    let calls: Vec<_> = (0..100).map(|n| tokio::spawn(service.clone().oneshot(n))).collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), Ok(()));
    }
    assert_eq!((limit.in_flight(), queued.waiting()), (0, 0));
}
