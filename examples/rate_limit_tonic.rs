//! A tonic server with a quota for each caller, and a client that heeds what it is told.
//!
//! `cargo run --example rate_limit_tonic`: the server refuses with `RESOURCE_EXHAUSTED` and a `google.rpc.RetryInfo`; the client's own
//! limiter reads that, and the next call is not even sent.

use seawall::http::{Heed, QuotaHeaders, Respond};
use seawall::rate_limit::{Heeding, KeyedRateLimiter, Quota, TokenBucket};
use seawall::{RateLimiter, telemetry::Counters, telemetry::Telemetry};
use std::error::Error;
use std::sync::Arc;
use tokio::task::JoinSet;
use tonic::body::Body;
use tonic::codegen::http;
use tonic::transport::{Channel, Server, server::TcpIncoming};
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tower::ServiceBuilder;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // The server: two calls a minute for each tenant; those that name none share one bucket.
    let served = Arc::new(Counters::default());
    let telemetry = Telemetry::new("per tenant").observer(Arc::clone(&served));
    let per_tenant = KeyedRateLimiter::new(telemetry, Quota::per_minute(2), 10_000);
    let by_tenant = per_tenant.by(|request: &http::Request<Body>| {
        request.headers().get("tenant").map(|tenant| tenant.as_bytes().to_vec())
    });
    let (_, health) = tonic_health::server::health_reporter();
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse()?)?;
    let address = incoming.local_addr()?;
    let server = Server::builder().layer(QuotaHeaders::new(by_tenant)).add_service(health);
    let mut servers = JoinSet::new();
    servers.spawn(async move { server.serve_with_incoming(incoming).await });

    // The client: no limit of its own, only the server's word.
    let limiter = RateLimiter::with("health", Heeding::new(TokenBucket::new(Quota::unlimited())));
    let channel = ServiceBuilder::new()
        .layer(Respond(limiter.layer()))
        .map_response(|answer: http::Response<_>| answer.map(Body::new))
        .layer(Heed::new(&limiter))
        .service(Channel::from_shared(format!("http://{address}"))?.connect().await?);
    let mut client = HealthClient::new(channel);
    let ask = |tenant: &'static str| {
        let mut request = Request::new(HealthCheckRequest::default());
        request.metadata_mut().insert("tenant", tenant.parse().expect("a tenant"));
        request
    };

    for left in [1, 0] {
        let answer = client.check(ask("blue")).await?;
        let told = answer.metadata().get("ratelimit").expect("the quota is told").to_str()?;
        println!("answered, ratelimit: {told}");
        assert!(told.starts_with(&format!(r#""per tenant";r={left};"#)));
    }
    assert_eq!((served.snapshot().admitted, served.snapshot().refused), (2, 0));

    // Nothing is left, as the last answer said: so the client's own limiter refuses, for a minute.
    let refused = client.check(ask("blue")).await.expect_err("over quota");
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(served.snapshot().refused, 0, "the server was not even asked");
    println!("not sent: {:?}, {} bytes of RetryInfo", refused.code(), refused.details().len());

    // A client that does not heed is refused by the server, each tenant for itself.
    let mut heedless = HealthClient::new(Channel::from_shared(format!("http://{address}"))?.connect().await?);
    let refused = heedless.check(ask("blue")).await.expect_err("over quota");
    let wait: u32 =
        refused.metadata().get("grpc-retry-pushback-ms").expect("when to come back").to_str()?.parse()?;
    assert_eq!((refused.code(), served.snapshot().refused), (Code::ResourceExhausted, 1));
    assert!((1..=30_000).contains(&wait));
    println!("refused:  come back in {wait} ms");
    heedless.check(ask("green")).await?;
    Ok(())
}
