//! Answers that tell the quota, and a client's limit that heeds them.

use http::{HeaderMap, Request, Response};
use seawall::http::{ClientAddress, Heed, QuotaFields, QuotaHeaders, Respond, Unknown, quota_left};
use seawall::rate_limit::{Heeding, KeyedRateLimiter, Named, Quota, TokenBucket};
use seawall::telemetry::{Counters, Telemetry};
use seawall::{ConcurrencyLimit, Gate, LiftLayer, RateLimiter};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tower::layer::Layer;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

fn hello()
-> impl Service<Request<&'static str>, Response = Response<String>, Error = Infallible, Future: Send> + Clone
{
    service_fn(|_: Request<&'static str>| async { Ok(Response::new("hello".into())) })
}

async fn ask<S, B>(service: &S, request: Request<&'static str>) -> (u16, HeaderMap)
where
    S: Service<Request<&'static str>, Response = Response<B>, Error = Infallible> + Clone,
{
    let answer = service.clone().oneshot(request).await.unwrap();
    (answer.status().as_u16(), answer.headers().clone())
}

fn of(user: &'static str) -> Request<&'static str> {
    Request::new(user)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test(start_paused = true)]
async fn each_answer_tells_what_its_key_has_left() {
    let limiter = KeyedRateLimiter::new("per user", Quota::per_minute(2), 100);
    limiter.set_quota_of("paying", Some(Quota::per_minute(60))).unwrap();
    let gate = limiter.by(|request: &Request<&'static str>| *request.body());
    let service = QuotaHeaders::new(gate).layer(hello());

    let (status, headers) = ask(&service, of("a")).await;
    assert_eq!((status, text(&headers, "ratelimit")), (200, Some(r#""per user";r=1;t=30"#)));
    assert_eq!(text(&headers, "ratelimit-policy"), Some(r#""per user";q=2;w=60"#));
    assert_eq!(text(&headers, "x-ratelimit-limit"), None);
    let (_, headers) = ask(&service, of("a")).await;
    assert_eq!(text(&headers, "ratelimit"), Some(r#""per user";r=0;t=60"#));
    let (status, headers) = ask(&service, of("a")).await;
    assert_eq!((status, text(&headers, "ratelimit")), (429, Some(r#""per user";r=0;t=30"#)));
    assert_eq!(text(&headers, "retry-after"), Some("30"));
    let (status, headers) = ask(&service, of("paying")).await;
    assert_eq!((status, text(&headers, "ratelimit")), (200, Some(r#""per user";r=59;t=1"#)));
    assert_eq!(text(&headers, "ratelimit-policy"), Some(r#""per user";q=60;w=60"#));

    tokio::time::advance(Duration::from_secs(30)).await;
    assert_eq!(ask(&service, of("a")).await.0, 200, "exactly when it said");
}

#[tokio::test(start_paused = true)]
async fn of_several_limits_all_are_told_and_the_narrowest_is_left() {
    let limits = [
        Named::new("burst", TokenBucket::new(Quota::per_second(2))),
        Named::new("daily", TokenBucket::new(Quota::per_day(3))),
    ];
    let layer = QuotaHeaders::new(RateLimiter::with("api", limits)).fields(QuotaFields::Both);
    let service = layer.layer(hello());
    let (_, headers) = ask(&service, of("a")).await;
    assert_eq!(text(&headers, "ratelimit-policy"), Some(r#""burst";q=2;w=1, "daily";q=3;w=86400"#));
    assert_eq!(text(&headers, "ratelimit"), Some(r#""burst";r=1;t=28800"#));
    tokio::time::advance(Duration::from_secs(1)).await;
    let _ = ask(&service, of("a")).await;
    let (_, headers) = ask(&service, of("a")).await;
    assert_eq!(
        (text(&headers, "ratelimit"), text(&headers, "x-ratelimit-remaining")),
        (Some(r#""burst";r=0;t=86399"#), Some("0"))
    );
    tokio::time::advance(Duration::from_secs(1)).await;
    let (status, headers) = ask(&service, of("a")).await;
    assert_eq!((status, text(&headers, "x-ratelimit-reset")), (429, text(&headers, "retry-after")));
    assert_eq!(text(&headers, "ratelimit"), Some(r#""daily";r=0;t=28798"#));
}

#[tokio::test(start_paused = true)]
async fn a_call_refused_further_in_costs_nothing() {
    let counters = Arc::new(Counters::default());
    let limiter = RateLimiter::new(Telemetry::new("api").observer(Arc::clone(&counters)), Quota::per_hour(1));
    let full = Respond(ConcurrencyLimit::new("db", 0).layer());
    let service = QuotaHeaders::new(limiter.clone()).layer(full.layer(hello()));
    assert_eq!(ask(&service, of("a")).await.0, 503);
    assert_eq!(limiter.available(), 1);

    let service = QuotaHeaders::new(limiter.clone()).layer(hello());
    assert_eq!(ask(&service, of("a")).await.0, 200);
    assert_eq!(ask(&service, of("a")).await.0, 429);
    let seen = counters.snapshot();
    assert_eq!((seen.admitted, seen.refused), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn who_is_not_asked_is_told_nothing() {
    let limiter = KeyedRateLimiter::new("per client", Quota::per_hour(1), 100);
    let service =
        QuotaHeaders::new(ClientAddress::peer().unknown(Unknown::Skip).limit(limiter.clone())).layer(hello());
    let (status, headers) = ask(&service, of("a")).await;
    assert_eq!((status, headers.len()), (200, 0));
    let service = QuotaHeaders::new(ClientAddress::peer().unknown(Unknown::Reject).limit(limiter.clone()))
        .layer(hello());
    let (status, headers) = ask(&service, of("a")).await;
    assert_eq!((status, headers.len()), (400, 0));

    let mut known = of("a");
    known.extensions_mut().insert(SocketAddr::from(([192, 0, 2, 1], 4711)));
    let (status, headers) = ask(&service, known).await;
    assert_eq!((status, text(&headers, "ratelimit")), (200, Some(r#""per client";r=0;t=3600"#)));

    let exempt = RateLimiter::new("api", Quota::per_hour(0))
        .exempt(|request: &Request<&'static str>| *request.body() == "health");
    let service = QuotaHeaders::new(exempt).layer(hello());
    assert_eq!(ask(&service, of("health")).await.0, 200);
    assert_eq!(ask(&service, of("a")).await.0, 413);
}

#[tokio::test(start_paused = true)]
async fn no_room_for_a_key_is_503_without_figures() {
    let limiter = KeyedRateLimiter::new("per user", Quota::per_hour(1), 1)
        .when_full(seawall::rate_limit::WhenFull::Refuse);
    let service =
        QuotaHeaders::new(limiter.by(|request: &Request<&'static str>| *request.body())).layer(hello());
    assert_eq!(ask(&service, of("a")).await.0, 200);
    let (status, headers) = ask(&service, of("b")).await;
    assert_eq!(
        (status, text(&headers, "retry-after"), text(&headers, "ratelimit")),
        (503, Some("3600"), None)
    );
}

#[tokio::test(start_paused = true)]
async fn grpc_is_told_in_its_own_form() {
    let service = QuotaHeaders::new(RateLimiter::new("api", Quota::per_hour(0).burst(1))).layer(hello());
    let grpc = || Request::builder().header("content-type", "application/grpc").body("a").unwrap();
    let (status, headers) = ask(&service, grpc()).await;
    assert_eq!(
        (status, text(&headers, "grpc-retry-pushback-ms")),
        (200, Some("-1")),
        "nothing is ever admitted"
    );

    let service = QuotaHeaders::new(RateLimiter::new("api", Quota::per_hour(1))).layer(hello());
    let _ = ask(&service, grpc()).await;
    let (status, headers) = ask(&service, grpc()).await;
    assert_eq!((status, text(&headers, "grpc-status")), (200, Some("8")));
    let read = tonic::Status::from_header_map(&headers).unwrap();
    assert_eq!(read.code(), tonic::Code::ResourceExhausted);
    // google.rpc.Status { code: 8, message, details: [RetryInfo { retry_delay: 3600 s }] }
    assert!(read.details().starts_with(b"\x08\x08\x12\x0crate limited\x1a"));
    assert!(read.details().ends_with(b"google.rpc.RetryInfo\x12\x05\x0a\x03\x08\x90\x1c"));
}

#[tokio::test(start_paused = true)]
async fn a_client_learns_what_the_server_tells() {
    let server = QuotaHeaders::new(RateLimiter::new("api", Quota::per_minute(3))).layer(hello());
    let limiter = RateLimiter::with("client", Heeding::new(TokenBucket::new(Quota::unlimited())));
    let client = ServiceBuilder::new()
        .layer(limiter.layer())
        .layer(LiftLayer)
        .layer(Heed::new(&limiter))
        .service(server);

    let mut sent = 0;
    for _ in 0..10 {
        if let Ok(answer) = client.clone().oneshot(of("a")).await {
            sent += 1;
            assert_eq!(answer.status(), 200, "the server never has to refuse");
            assert!(quota_left(answer.headers()).is_some());
        }
    }
    assert_eq!(sent, 3);
    tokio::time::advance(Duration::from_secs(60)).await;
    assert!(client.oneshot(of("a")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_our_own_is_not_the_servers_word() {
    let limiter = RateLimiter::with("client", Heeding::new(TokenBucket::new(Quota::unlimited())));
    let own = RateLimiter::new("own", Quota::per_hour(1));
    let service = Heed::new(&limiter).layer(Respond(own.layer()).layer(hello()));
    let _ = service.clone().oneshot(of("a")).await;
    assert_eq!(service.oneshot(of("a")).await.unwrap().status(), 429);
    assert!(limiter.check().is_ok());
}
