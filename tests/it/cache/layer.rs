//! A cache in front of a service: what it keeps the service from, and what it passes on.

use super::{Cache, cache, lifetime, ms};
use seawall::cache::Keep;
use seawall::{Error, LiftLayer};
use std::future::{Ready, pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::task::{Context, Poll};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

/// Ready until it has been called once, and then never again.
#[derive(Clone)]
struct Once(Arc<AtomicU32>);

impl Service<u32> for Once {
    type Response = u32;
    type Error = &'static str;
    type Future = Ready<Result<u32, &'static str>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        if self.0.load(SeqCst) == 0 { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn call(&mut self, request: u32) -> Self::Future {
        self.0.fetch_add(1, SeqCst);
        ready(Ok(request * 10))
    }
}

#[tokio::test(start_paused = true)]
async fn a_hit_does_not_wait_for_a_service_that_is_never_ready() {
    let cache: Cache = cache(lifetime());
    let calls = Arc::new(AtomicU32::new(0));
    let layer = ServiceBuilder::new().layer(cache.layer(|n: &u32| Some(*n))).layer(LiftLayer);
    let service = layer.service(Once(Arc::clone(&calls)));
    assert_eq!(service.clone().oneshot(7).await.unwrap(), 70);
    assert_eq!(service.clone().oneshot(7).await.unwrap(), 70);
    assert!(tokio::time::timeout(ms(10), service.oneshot(8)).await.is_err());
    assert_eq!((calls.load(SeqCst), cache.loading()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_thousand_requests_are_one_call_and_services_of_all_layers_share() {
    let (cache, calls) = (cache(lifetime()), Arc::new(AtomicU32::new(0)));
    let services: Vec<_> = (0..2)
        .map(|_| {
            let calls = Arc::clone(&calls);
            let slow = service_fn(move |n: u32| {
                calls.fetch_add(1, SeqCst);
                async move {
                    tokio::time::sleep(ms(50)).await;
                    Ok::<_, &'static str>(n)
                }
            });
            cache.layer(|n: &u32| Some(*n)).layer(LiftLayer.layer(slow))
        })
        .collect();
    let requests: Vec<_> = (0..1000).map(|n| tokio::spawn(services[n % 2].clone().oneshot(7))).collect();
    for request in requests {
        assert_eq!(request.await.unwrap().unwrap(), 7);
    }
    assert_eq!(calls.load(SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_key_it_goes_straight_through_and_an_answer_may_not_be_kept() {
    let (cache, calls) = (cache(lifetime()), Arc::new(AtomicU32::new(0)));
    let counted = Arc::clone(&calls);
    let inner = service_fn(move |n: u32| ready(Ok::<_, &'static str>(n + counted.fetch_add(1, SeqCst))));
    let layer = cache.layer(|n: &u32| (*n < 100).then_some(*n));
    let layer = layer.keep(|answer: &u32| if *answer < 50 { Keep::For(ms(10)) } else { Keep::No });
    let service = layer.layer(LiftLayer.layer(inner));
    for (request, answer) in [(100, 100), (100, 101), (60, 62), (60, 63), (1, 5), (1, 5)] {
        assert_eq!(service.clone().oneshot(request).await.unwrap(), answer, "{request}");
    }
    super::pass(ms(10)).await;
    assert_eq!(service.oneshot(1).await.unwrap(), 6);
}

#[tokio::test(start_paused = true)]
async fn errors_and_panics_reach_all_who_wait() {
    let cache = cache(lifetime());
    let failing = service_fn(|n: u32| async move {
        tokio::time::sleep(ms(5)).await;
        assert!(n != 13, "unlucky");
        Err::<u32, _>("down")
    });
    let service = cache.layer(|n: &u32| Some(*n)).layer(LiftLayer.layer(failing));
    let (a, b) = tokio::join!(service.clone().oneshot(1), service.clone().oneshot(1));
    assert_eq!((a, b), (Err(Error::Inner("down")), Err(Error::Inner("down"))));
    let panicked: Vec<_> = (0..2).map(|_| tokio::spawn(service.clone().oneshot(13))).collect();
    for request in panicked {
        let panic = request.await.unwrap_err().into_panic();
        assert_eq!(panic.downcast_ref::<String>().unwrap(), "unlucky");
    }
    assert_eq!(cache.loading(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_dropped_takes_its_call_with_it() {
    let cache = cache(lifetime());
    let hung = service_fn(|_: u32| pending::<Result<u32, &'static str>>());
    let service = cache.layer(|n: &u32| Some(*n)).layer(LiftLayer.layer(hung));
    assert!(tokio::time::timeout(ms(10), service.oneshot(1)).await.is_err());
    assert_eq!(cache.loading(), 0);
}
