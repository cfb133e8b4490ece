//! The one adaptor over the simplest gate.

use seawall::{Class, ConcurrencyLimit, Error, LiftLayer, Reason};
use std::future::pending;
use std::rc::Rc;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

#[tokio::test]
async fn a_dropped_call_gives_its_slot_back() {
    let limit = ConcurrencyLimit::new("db", 1);
    let mut service = ServiceBuilder::new()
        .layer(limit.layer())
        .layer(LiftLayer)
        .service(service_fn(|()| pending::<Result<(), ()>>()));
    let call = service.ready().await.unwrap().call(());
    assert_eq!(limit.in_flight(), 1);
    let refused = service.ready().await.unwrap().call(()).await.unwrap_err();
    assert_eq!(refused.rejected().unwrap().reason(), Reason::LimitReached);
    drop(call);
    assert_eq!(limit.in_flight(), 0);
}

#[tokio::test]
async fn an_unannotated_classifier_infers() {
    let layer = ConcurrencyLimit::new("db", 1).layer().classify(|result| match result {
        Ok(_) => Class::Success,
        Err(_) => Class::Permanent,
    });
    let service = layer.layer(seawall::Lift::new(service_fn(|n: u32| async move { Err::<u32, _>(n) })));
    assert_eq!(service.oneshot(3).await, Err(Error::Inner(3)));
}

#[tokio::test]
async fn nothing_need_be_send_or_owned() {
    let borrowed = String::from("borrowed");
    let counted = Rc::new(7);
    let inner = service_fn(|request: &str| {
        let (counted, length) = (Rc::clone(&counted), request.len());
        async move { Ok::<_, Rc<()>>(*counted + length) }
    });
    let mut service = ConcurrencyLimit::new("db", 1).layer().layer(seawall::Lift::new(inner));
    assert_eq!(service.ready().await.unwrap().call(&borrowed).await.unwrap(), 15);
}
