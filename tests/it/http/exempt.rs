//! Exempt requests pass by the layer.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use seawall::http::{Exempt, Respond};
use seawall::{ConcurrencyLimit, Lift};
use tower::limit::ConcurrencyLimitLayer;
use tower::{Layer, Service, ServiceExt, service_fn};

fn ask(path: &str) -> Request<Body> {
    Request::builder().uri(path).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn a_health_check_passes_a_full_limit_and_is_not_counted() {
    let limit = ConcurrencyLimit::new("api", 1);
    let held = limit.try_acquire().unwrap();
    let seen = limit.clone();
    let app = Router::new()
        .route("/health", get(move || async move { seen.in_flight().to_string() }))
        .route("/work", get(|| async { "done" }))
        .layer(Respond(limit.layer()).exempt(|parts| parts.uri.path() == "/health"));

    let health = app.clone().oneshot(ask("/health")).await.unwrap();
    assert_eq!(health.status(), 200);
    assert_eq!(axum::body::to_bytes(health.into_body(), 8).await.unwrap(), "1");
    assert_eq!(app.clone().oneshot(ask("/work")).await.unwrap().status(), 503);
    drop(held);
    assert_eq!(app.oneshot(ask("/work")).await.unwrap().status(), 200);
}

#[tokio::test]
async fn an_exempt_call_does_not_wait_for_what_the_layered_service_has_reserved() {
    // tower's limit holds its one permit while it is ready: the layered service has it, the bare one needs it.
    let inner = ConcurrencyLimitLayer::new(1).layer(service_fn(|request: Request<Body>| async move {
        Ok::<_, ()>(request.uri().path().to_owned())
    }));
    let limit = ConcurrencyLimit::new("api", 1);
    let mut service =
        Exempt::new(limit.layer(), |parts| parts.uri.path() == "/health").layer(Lift::new(inner));
    for path in ["/health", "/work", "/health"] {
        assert_eq!(service.ready().await.unwrap().call(ask(path)).await.unwrap(), path);
    }
    assert_eq!(limit.in_flight(), 0);
}
