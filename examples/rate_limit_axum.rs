//! Two limits on an axum server: each address may ask three times an hour, each API key as often as its plan says.
//!
//! `cargo run --example rate_limit_axum` starts the server on a real socket, asks it, and shows what clients are told.
//! With a key that is known the key counts, else the address: nobody gets around the limit by leaving the key out or making one up.

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::routing::get;
use reqwest::{Client, StatusCode};
use seawall::Gate;
use seawall::http::{ClientAddress, QuotaFields, QuotaHeaders};
use seawall::rate_limit::{KeyedRateLimiter, Quota};
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The plan of the request's key. In earnest it comes from where keys are checked; a key that is not known is none.
fn plan(request: &Request) -> Option<Quota> {
    match key(request)? {
        b"gold" => Some(Quota::per_hour(1000).burst(100)),
        b"silver" => Some(Quota::per_hour(2)),
        _ => None,
    }
}

fn key(request: &Request) -> Option<&[u8]> {
    request.headers().get("x-api-key").map(|key| key.as_bytes())
}

fn app() -> Router {
    let per_address = KeyedRateLimiter::new("per address", Quota::per_hour(3), 100_000);
    // The connection's own address. Behind a proxy: `ClientAddress::hops(1)`, see docs/rate_limit.md.
    let address = ClientAddress::peer()
        .peer_from(|extensions| extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0));
    let by_address = address.limit(per_address).exempt(|request: &Request| plan(request).is_some());

    let per_key = KeyedRateLimiter::new("per key", Quota::per_hour(1000), 100_000);
    let by_key = per_key
        .by(|request: &Request| key(request).map(<[u8]>::to_vec))
        .quota(|request: &Request| plan(request).unwrap_or(Quota::deny_all()))
        .exempt(|request: &Request| plan(request).is_none());

    Router::new()
        .route("/", get(|| async { "hello" }))
        .layer(QuotaHeaders::new(by_key).fields(QuotaFields::Both))
        .layer(QuotaHeaders::new(by_address))
        // Health checks pass by: a layer covers only the routes above it.
        .route("/health", get(|| async { "well" }))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let mut server = JoinSet::new();
    let app = app().into_make_service_with_connect_info::<SocketAddr>();
    server.spawn(async move { axum::serve(listener, app).await });

    let client = Client::new();
    let ask = async |key: Option<&str>| {
        let request = client.get(&url);
        let answer =
            key.into_iter().fold(request, |request, key| request.header("x-api-key", key)).send().await?;
        let said =
            |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("-").to_owned();
        let told = [said("ratelimit"), said("retry-after"), said("x-ratelimit-limit")];
        println!(
            "key {:8} {}  ratelimit: {}  retry-after: {}",
            key.unwrap_or("-"),
            answer.status(),
            told[0],
            told[1]
        );
        Ok::<_, Failure>((answer.status(), told))
    };

    for left in (0..3).rev() {
        let (status, [ratelimit, ..]) = ask(None).await?;
        assert_eq!(
            (status, &*ratelimit),
            (StatusCode::OK, &*format!(r#""per address";r={left};t={}"#, (3 - left) * 1200))
        );
    }
    let (status, [_, retry_after, _]) = ask(None).await?;
    assert_eq!((status, &*retry_after), (StatusCode::TOO_MANY_REQUESTS, "1200"));

    // The same address with keys: their own quotas.
    for _ in 0..5 {
        let (status, [_, _, limit]) = ask(Some("gold")).await?;
        assert_eq!((status, &*limit), (StatusCode::OK, "100"));
    }
    assert_eq!(ask(Some("silver")).await?.0, StatusCode::OK);
    assert_eq!(ask(Some("silver")).await?.0, StatusCode::OK);
    assert_eq!(ask(Some("silver")).await?.0, StatusCode::TOO_MANY_REQUESTS);
    // A forged key is none: the address counts, and it has used up its quota.
    assert_eq!(ask(Some("forged")).await?.0, StatusCode::TOO_MANY_REQUESTS);

    assert_eq!(client.get(format!("{url}health")).send().await?.status(), StatusCode::OK);
    Ok(())
}
