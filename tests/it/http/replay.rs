//! Which requests a retry sends again, and that they are sent whole.

use axum::body::Body;
use http::{Method, Request, Response};
use seawall::LiftLayer;
use seawall::http::{Replay, ReplayBody, Status};
use seawall::retry::{Attempt, Backoff, Plan, Retry};
use std::sync::Arc;
use tower::{ServiceBuilder, ServiceExt, service_fn};

/// What each attempt at `request` brought: its body as far as the upstream read it, and its number. The upstream
/// reads it whole if `reads`, and answers 503.
async fn attempts(replay: Replay, request: Request<Body>, reads: bool) -> Vec<(String, Option<u32>)> {
    let seen = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let retry = Retry::new("upstream", Plan::new().backoff(Backoff::none()))
        .classifier(Status::new())
        .replayer(replay);
    let upstream = service_fn(|request: Request<ReplayBody<Body>>| {
        let seen = Arc::clone(&seen);
        async move {
            let number = request.extensions().get().map(|attempt: &Attempt| attempt.number());
            let body = match reads {
                true => axum::body::to_bytes(Body::new(request.into_body()), 1 << 20).await.unwrap(),
                false => bytes::Bytes::new(),
            };
            seen.lock().push((String::from_utf8(body.to_vec()).unwrap(), number));
            Ok::<_, std::io::Error>(Response::builder().status(503).body(()).unwrap())
        }
    });
    let client = ServiceBuilder::new()
        .map_request(|request: Request<Body>| request.map(|body| ReplayBody::capped(body, 64)))
        .layer(retry.layer())
        .layer(LiftLayer)
        .service(upstream);
    assert_eq!(client.oneshot(request).await.unwrap().status(), 503);
    std::mem::take(&mut *seen.lock())
}

fn request(method: Method, body: &'static str) -> Request<Body> {
    Request::builder().method(method).uri("/").body(Body::from(body)).unwrap()
}

#[tokio::test]
async fn a_put_is_sent_again_and_whole_each_time() {
    let seen = attempts(Replay::new(), request(Method::PUT, "coal"), true).await;
    assert_eq!(seen, [("coal".into(), None), ("coal".into(), Some(2)), ("coal".into(), Some(3))]);
}

#[tokio::test]
async fn a_put_that_was_answered_unread_is_sent_again() {
    assert_eq!(attempts(Replay::new(), request(Method::PUT, "coal"), false).await.len(), 3);
}

#[tokio::test]
async fn a_get_is_sent_again() {
    assert_eq!(attempts(Replay::new(), request(Method::GET, ""), true).await.len(), 3);
}

#[tokio::test]
async fn a_post_is_sent_once() {
    assert_eq!(attempts(Replay::new(), request(Method::POST, "coal"), true).await, [("coal".into(), None)]);
}

#[tokio::test]
async fn a_post_with_a_key_is_sent_again_if_asked_for() {
    let mut post = request(Method::POST, "coal");
    post.headers_mut().insert("idempotency-key", "1".parse().unwrap());
    assert_eq!(attempts(Replay::new().idempotency_key(), post, true).await.len(), 3);
}

#[tokio::test]
async fn a_put_too_long_to_keep_is_sent_once_and_whole() {
    let long = "coal ".repeat(100).leak();
    assert_eq!(attempts(Replay::new(), request(Method::PUT, long), true).await, [(long.to_owned(), None)]);
}
