//! A circuit for each host around a `reqwest::Client`: what one host does wrong, no other pays for.
//!
//! `cargo run --example breaker_per_host` starts four hosts on real sockets: one is well, one fails, one hangs, and one
//! is not there. After three failures in a row a host is left alone; the failing one is mended, and one probe finds out.

#![expect(clippy::disallowed_methods, reason = "a program has clocks and tasks of its own")]

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use reqwest::{Client, Request, Response};
use seawall::circuit_breaker::{Config, KeyedCircuitBreaker, OpenFor, Probes, State, Trip};
use seawall::http::Status;
use seawall::{Class, Error, Gate, LiftLayer, Reason, Timeout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::Duration;
use tokio::net::TcpListener;
use tower::{Service, ServiceBuilder, ServiceExt};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Serves `app` on a port of its own; its authority, as it stands in a URL.
async fn host(app: Router) -> Result<String, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let authority = listener.local_addr()?.to_string();
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(authority)
}

async fn ask<S>(client: &mut S, authority: &str) -> Result<StatusCode, Error<reqwest::Error>>
where
    S: Service<Request, Response = Response, Error = Error<reqwest::Error>>,
{
    let url = format!("http://{authority}/").parse().expect("a URL");
    Ok(client.ready().await?.call(Request::new(reqwest::Method::GET, url)).await?.status())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let well = host(Router::new().route("/", get(|| async { "well" }))).await?;
    let (mended, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let fails = host(Router::new().route("/", {
        let (mended, asked) = (Arc::clone(&mended), Arc::clone(&asked));
        get(move || async move {
            asked.fetch_add(1, Relaxed);
            if mended.load(Relaxed) { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR }
        })
    }))
    .await?;
    let hangs = host(Router::new().route("/", get(std::future::pending::<&str>))).await?;
    // A port that was free a moment ago.
    let gone = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.to_string();

    let config = Config::new()
        .trip(Trip::run_of(3))
        .open_for(OpenFor::fixed(Duration::from_millis(300)))
        .probes(Probes::of(1));
    let per_host = KeyedCircuitBreaker::new("hosts", config, 1_000);
    let by_host = per_host.by(|request: &Request| request.url().authority().to_owned()).classify(
        |answer: Result<&Response, &reqwest::Error>| match answer {
            Ok(answer) => Status::new().of(answer.status(), answer.headers()),
            Err(_) => Class::Transient,
        },
    );
    // The timeout stands inside the breaker, so that hanging is evidence.
    let mut client = ServiceBuilder::new()
        .layer(by_host.layer())
        .layer(Timeout::new("attempt", Duration::from_millis(100)).layer())
        .layer(LiftLayer)
        .service(Client::builder().no_proxy().build()?);

    for (bad, what) in [(&fails, "fails"), (&hangs, "hangs"), (&gone, "is gone")] {
        for _ in 0..3 {
            match ask(&mut client, bad).await {
                Ok(status) => assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR),
                Err(Error::TimedOut(_)) => assert_eq!(bad, &hangs),
                Err(Error::Inner(error)) => assert!(error.is_connect() && bad == &gone, "{error}"),
                Err(refused) => return Err(refused.into()),
            }
        }
        let refused = ask(&mut client, bad).await.expect_err("refused");
        println!("the host that {what}: {refused}");
        assert_eq!(refused.rejected().map(|rejected| rejected.reason()), Some(Reason::CircuitOpen));
        // The others hear nothing of it.
        assert_eq!(ask(&mut client, &well).await?, StatusCode::OK);
        assert_eq!((per_host.state(bad), per_host.state(&well)), (State::Open, State::Closed));
    }
    assert_eq!(asked.load(Relaxed), 3, "what is refused is never sent");

    mended.store(true, Relaxed);
    while per_host.state(&fails) != State::Closed {
        match ask(&mut client, &fails).await {
            Ok(status) => println!("the host that failed, asked again: {status}"),
            // It says when to come back.
            Err(Error::Rejected(rejected)) => {
                tokio::time::sleep(rejected.retry_after().unwrap_or_default()).await
            }
            Err(error) => return Err(error.into()),
        }
    }
    assert_eq!(asked.load(Relaxed), 4, "one probe closes it");
    println!("{} hosts known, the failing one is {}", per_host.len(), per_host.state(&fails));
    Ok(())
}
