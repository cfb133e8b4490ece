//! reqwest behind a policy: failed calls are made again, a host that is down is left alone, and `Retry-After` is kept.
//! Real sockets; run with `cargo run --example client_reqwest`.

use axum::http::StatusCode;
use axum::routing::get;
use axum::{Router, extract::State, response::IntoResponse};
use reqwest::{Client, Request, Response};
use seawall::circuit_breaker::{KeyedCircuitBreaker, State as Circuit, Trip};
use seawall::http::{Repeat, Replay, Status};
use seawall::retry::{Backoff, Plan, Retry};
use seawall::{Class, Instant, Policy};
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tower::{Layer, Service, ServiceExt};

/// What an answer says: by its status and headers, whatever the client's type for it.
fn judge(result: Result<&Response, &reqwest::Error>) -> Class {
    match result {
        Ok(answer) => Status::new().of(answer.status(), answer.headers()),
        Err(_) => Class::Transient,
    }
}

/// What may be sent twice: GET, PUT and their like, if the body can be cloned.
fn replay(request: &Request) -> Option<Request> {
    match Replay::new().repeat(request.method(), request.url().path(), request.headers()) {
        Repeat::Always => request.try_clone(),
        Repeat::Untouched | Repeat::Never => None,
    }
}

/// What circuits are told apart by.
fn host(request: &Request) -> String {
    request.url().authority().to_owned()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut servers = JoinSet::new();
    let (good, calls) = serve(&mut servers).await?;
    let (bad, bad_calls) = serve(&mut servers).await?;

    let circuits = KeyedCircuitBreaker::new("hosts", Trip::run_of(3), 1_000);
    let plan = Plan::new().backoff(Backoff::exponential(Duration::from_millis(10)));
    let policy = Policy::new("web")
        .retry(Retry::new("web", plan).replay(replay))
        .breaker(circuits.by(host))
        .attempt_timeout(Duration::from_secs(2))
        .classify(judge);
    let reqwest = Client::new();
    let mut client = policy.layer(reqwest.clone());

    // 502, 502, 200: three attempts, and the caller sees the last one.
    let flaky = reqwest.get(format!("http://{good}/flaky")).build()?;
    let answer = client.ready().await?.call(flaky).await?;
    assert_eq!((answer.status(), calls.swap(0, Relaxed)), (StatusCode::OK, 3));
    println!("GET  /flaky  200 after three attempts");

    // A POST may have happened: it is made once, and its answer is the answer.
    let order = reqwest.post(format!("http://{good}/flaky")).body("one order").build()?;
    let answer = client.ready().await?.call(order).await?;
    assert_eq!((answer.status(), calls.swap(0, Relaxed)), (StatusCode::BAD_GATEWAY, 1));
    println!("POST /flaky  502 after one attempt");

    // 429 with `Retry-After: 1`: a second later it is answered, not earlier.
    let busy = reqwest.get(format!("http://{good}/busy")).build()?;
    let asked = Instant::now();
    let answer = client.ready().await?.call(busy).await?;
    assert_eq!((answer.status(), calls.swap(0, Relaxed)), (StatusCode::OK, 2));
    assert!(Instant::now() - asked >= Duration::from_secs(1));
    println!("GET  /busy   200 after the second that it asked for");

    // Three failures in a row: the host that is down is asked no more, and the other hears nothing of it.
    let down = || reqwest.get(format!("http://{bad}/down")).build();
    let answer = client.ready().await?.call(down()?).await?;
    assert_eq!((answer.status(), bad_calls.load(Relaxed)), (StatusCode::BAD_GATEWAY, 3));
    let refused = client.ready().await?.call(down()?).await.expect_err("refused");
    assert!(refused.rejected().is_some_and(|rejected| rejected.retry_after().is_some()));
    assert_eq!((circuits.state(&bad), bad_calls.load(Relaxed)), (Circuit::Open, 3));
    println!("GET  /down   {refused}");
    assert_eq!(circuits.state(&good), Circuit::Closed);
    Ok(())
}

/// A server that fails on cue: its address, and the calls that it saw.
async fn serve(servers: &mut JoinSet<io::Result<()>>) -> io::Result<(String, Arc<AtomicU32>)> {
    let calls = Arc::new(AtomicU32::new(0));
    let app = Router::new()
        .route("/flaky", get(flaky).post(flaky))
        .route("/busy", get(busy))
        .route("/down", get(down))
        .with_state(Arc::clone(&calls));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    servers.spawn(async move { axum::serve(listener, app).await });
    Ok((address, calls))
}

async fn flaky(State(calls): State<Arc<AtomicU32>>) -> StatusCode {
    if calls.fetch_add(1, Relaxed) < 2 { StatusCode::BAD_GATEWAY } else { StatusCode::OK }
}

async fn busy(State(calls): State<Arc<AtomicU32>>) -> impl IntoResponse {
    if calls.fetch_add(1, Relaxed) == 0 {
        (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")])
    } else {
        (StatusCode::OK, [("retry-after", "")])
    }
}

async fn down(State(calls): State<Arc<AtomicU32>>) -> StatusCode {
    calls.fetch_add(1, Relaxed);
    StatusCode::BAD_GATEWAY
}
