//! A limit for each client, by its address.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use seawall::Gate;
use seawall::http::{ClientAddress, Respond, Unknown};
use seawall::rate_limit::{KeyedRateLimiter, Quota};
use seawall::telemetry::{Counters, Telemetry};
use std::net::SocketAddr;
use std::sync::Arc;
use tower::ServiceExt;

fn app(clients: ClientAddress, counters: &Arc<Counters>) -> Router {
    let telemetry = Telemetry::new("per client").observer(Arc::clone(counters));
    let limiter = KeyedRateLimiter::new(telemetry, Quota::per_hour(1), 100);
    Router::new().route("/", get(|| async { "hello" })).layer(Respond(clients.limit(limiter).layer()))
}

async fn ask(app: &Router, peer: Option<&str>) -> u16 {
    let mut request = Request::new(Body::empty());
    if let Some(peer) = peer {
        request.extensions_mut().insert(peer.parse::<SocketAddr>().unwrap());
    }
    app.clone().oneshot(request).await.unwrap().status().as_u16()
}

#[tokio::test(start_paused = true)]
async fn each_client_has_a_bucket_of_its_own() {
    let app = app(ClientAddress::peer(), &Arc::default());
    assert_eq!(ask(&app, Some("192.0.2.1:1")).await, 200);
    assert_eq!(ask(&app, Some("192.0.2.1:2")).await, 429);
    assert_eq!(ask(&app, Some("[::ffff:192.0.2.1]:3")).await, 429);
    assert_eq!(ask(&app, Some("192.0.2.2:1")).await, 200);
    assert_eq!(ask(&app, Some("[2001:db8:1:2::1]:1")).await, 200);
    assert_eq!(ask(&app, Some("[2001:db8:1:2::2]:1")).await, 429);
}

#[tokio::test(start_paused = true)]
async fn those_without_an_address_share_one() {
    let app = app(ClientAddress::peer(), &Arc::default());
    assert_eq!((ask(&app, None).await, ask(&app, None).await), (200, 429));
}

#[tokio::test(start_paused = true)]
async fn or_pass_without_a_limit() {
    let app = app(ClientAddress::peer().unknown(Unknown::Skip), &Arc::default());
    assert_eq!((ask(&app, None).await, ask(&app, None).await), (200, 200));
}

#[tokio::test(start_paused = true)]
async fn or_are_refused_with_a_400_which_counts() {
    let counters = Arc::default();
    let app = app(ClientAddress::peer().unknown(Unknown::Reject), &counters);
    assert_eq!(ask(&app, None).await, 400);
    let seen = counters.snapshot();
    assert_eq!((seen.refused, seen.admitted), (1, 0));
}
