//! Refusing what a service is not ready for.

use seawall::concurrency::Shed;
use seawall::telemetry::{Counters, Telemetry};
use seawall::{LiftLayer, Reason};
use std::future::ready;
use std::sync::Arc;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

#[tokio::test]
async fn it_answers_at_once_whatever_the_inner_service_does() {
    let counters = Arc::new(Counters::default());
    let shed = Shed::new(Telemetry::new("legacy").observer(Arc::clone(&counters)));
    let inner = ServiceBuilder::new().concurrency_limit(1).service(service_fn(|()| ready(Ok::<_, ()>(()))));
    let service = ServiceBuilder::new().layer(shed.layer()).layer(LiftLayer).service(inner);
    let (mut a, mut b) = (service.clone(), service.clone());
    let running = a.ready().await.unwrap().call(());
    for _ in 0..50 {
        b.ready().await.unwrap();
    }
    assert_eq!(counters.snapshot().refused, 0);
    let refused = b.call(()).await.unwrap_err();
    assert_eq!(refused.rejected().unwrap().reason(), Reason::NotReady);
    assert_eq!(counters.snapshot().refused, 1);
    running.await.unwrap();
    assert_eq!(b.ready().await.unwrap().call(()).await, Ok(()));
}

#[tokio::test]
async fn a_clone_that_was_never_made_ready_is_refused() {
    let inner = service_fn(|()| ready(Ok::<_, ()>(())));
    let mut service = ServiceBuilder::new().layer(Shed::new("s").layer()).layer(LiftLayer).service(inner);
    service.ready().await.unwrap();
    assert!(service.clone().call(()).await.is_err());
    assert!(service.call(()).await.is_ok());
}
