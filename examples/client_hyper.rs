//! hyper behind a policy, with bodies that can be sent again: empty, one byte, exactly at the cap, one byte beyond it,
//! and streams. Real sockets; run with `cargo run --example client_hyper`.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Method, Request, StatusCode};
use axum::routing::put;
use http_body::Frame;
use http_body_util::BodyExt;
use hyper_util::client::legacy::{self, Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use seawall::http::{Replay, ReplayBody, Status};
use seawall::retry::{Backoff, Plan, Retry};
use seawall::{Error as Lifted, Policy};
use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tower::{Layer, ServiceExt};

/// How much of a body is kept for a further attempt.
const CAP: usize = 16;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let calls = Arc::new(AtomicU32::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let app = Router::new().route("/", put(store).post(store)).with_state(Arc::clone(&calls));
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, app).await });

    // What was never sent may be sent again, whatever it is.
    let replay = Replay::new().never_sent(|error: &legacy::Error| error.is_connect());
    let plan = Plan::new().backoff(Backoff::exponential(Duration::from_millis(10)));
    let policy =
        Policy::new("store").retry(Retry::new("store", plan).replayer(replay)).classifier(Status::new());
    let hyper: Client<HttpConnector, ReplayBody<Body>> = Client::builder(TokioExecutor::new()).build_http();
    let client = policy.layer(hyper);

    // The server answers the first attempt with 502 after it has read the body, and the second with its length.
    let cases: [(&str, Body, Option<usize>); 6] = [
        ("empty", Body::empty(), Some(0)),
        ("one byte", Body::from("x"), Some(1)),
        ("at the cap", Body::from("x".repeat(CAP)), Some(CAP)),
        ("beyond the cap", Body::from("x".repeat(CAP + 1)), None),
        ("a stream within the cap", stream(CAP), Some(CAP)),
        ("a stream beyond the cap", stream(CAP + 1), None),
    ];
    for (name, body, stored) in cases {
        calls.store(0, Relaxed);
        let request = Request::put(format!("http://{address}/")).body(ReplayBody::capped(body, CAP))?;
        let answer = client.clone().oneshot(request).await?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await?.to_bytes();
        match stored {
            Some(length) => {
                assert_eq!((head.status, calls.load(Relaxed)), (StatusCode::OK, 2), "{name}");
                assert_eq!(body, length.to_string(), "{name}: the second attempt sent the whole");
            }
            // It passed once, unharmed, and its answer is the answer.
            None => assert_eq!((head.status, calls.load(Relaxed)), (StatusCode::BAD_GATEWAY, 1), "{name}"),
        }
        println!("PUT  {name}: {} after {} attempt(s)", head.status, calls.load(Relaxed));
    }

    // A POST is not idempotent: one attempt, unless nobody was there to receive it.
    let post =
        |to: String| Request::builder().method(Method::POST).uri(to).body(ReplayBody::new(Body::from("x")));
    calls.store(0, Relaxed);
    let answer = client.clone().oneshot(post(format!("http://{address}/"))?).await?;
    assert_eq!((answer.status(), calls.load(Relaxed)), (StatusCode::BAD_GATEWAY, 1));
    println!("POST: {} after one attempt", answer.status());

    let nobody = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let failed = client.oneshot(post(format!("http://{nobody}/"))?).await.expect_err("nobody listens");
    assert!(matches!(&failed, Lifted::Inner(error) if error.is_connect()), "{failed:?}");
    println!("POST to nobody: {failed}");
    Ok(())
}

/// Reads the whole body; the first call fails all the same.
async fn store(State(calls): State<Arc<AtomicU32>>, body: Bytes) -> (StatusCode, String) {
    let status = if calls.fetch_add(1, Relaxed) == 0 { StatusCode::BAD_GATEWAY } else { StatusCode::OK };
    (status, body.len().to_string())
}

/// A body of unknown length, byte by byte.
fn stream(length: usize) -> Body {
    Body::new(Bytewise(length))
}

struct Bytewise(usize);

impl http_body::Body for Bytewise {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let left = self.0.checked_sub(1);
        self.0 = left.unwrap_or(0);
        Poll::Ready(left.map(|_| Ok(Frame::data(Bytes::from_static(b"x")))))
    }
}
