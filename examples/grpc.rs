//! gRPC at both ends: a tonic channel behind a policy, and a tonic server behind limits. Deadlines go out and come in as
//! `grpc-timeout`, refusals are gRPC statuses. Real sockets; run with `cargo run --example grpc`.

use seawall::circuit_breaker::{CircuitBreaker, Trip};
use seawall::deadline::{Deadline, Deadlines};
use seawall::http::{DeadlineHeaders, PassDeadline, Replay, ReplayBody, Respond, Status};
use seawall::rate_limit::Quota;
use seawall::retry::{Backoff, Plan, Retry};
use seawall::{Policy, RateLimiter};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;
use tokio::task::JoinSet;
use tonic::body::Body;
use tonic::codegen::{BoxStream, http};
use tonic::transport::{Channel, Server, server::TcpIncoming};
use tonic::{Code, Request, Response};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tower::ServiceBuilder;

/// The calls that the server lets through in an hour.
const QUOTA: u32 = 4;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let moody = Moody::default();
    let calls = Arc::clone(&moody.calls);
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse()?)?;
    let address = incoming.local_addr()?;

    // The server: the caller's deadline comes in, at most ten seconds of it, and a quota. What they refuse is an answer
    // of trailers only, so the client sees a status and no broken stream.
    let headers = DeadlineHeaders::new().at_most(Duration::from_secs(10));
    let deadlines = Deadlines::per_request("api", move |request: &http::Request<Body>| headers.of(request));
    let quota = RateLimiter::new("api", Quota::per_hour(1).burst(QUOTA));
    let limits = ServiceBuilder::new().layer(deadlines.layer()).layer(quota.layer()).into_inner();
    let server = Server::builder().layer(Respond(limits)).add_service(HealthServer::new(moody));
    let mut servers = JoinSet::new();
    servers.spawn(async move { server.serve_with_incoming(incoming).await });

    // The client: what is read only may be sent twice; the deadline in force goes out with each attempt.
    let reads = Replay::new().idempotent_grpc(|method| method == "/grpc.health.v1.Health/Check");
    let plan = Plan::new().backoff(Backoff::exponential(Duration::from_millis(10)));
    let policy = Policy::new("health")
        .retry(Retry::new("health", plan).replayer(reads))
        .breaker(CircuitBreaker::new("health", Trip::run_of(3)))
        .classifier(Status::grpc());
    let pass = PassDeadline::new("health", DeadlineHeaders::new());
    let channel = ServiceBuilder::new()
        .map_request(|request: http::Request<Body>| request.map(ReplayBody::new))
        .layer(Respond(ServiceBuilder::new().layer(policy.lifted()).layer(pass).into_inner()))
        .map_request(|request: http::Request<ReplayBody<Body>>| request.map(Body::new))
        .service(Channel::from_shared(format!("http://{address}"))?.connect().await?);
    let mut client = HealthClient::new(channel);

    // UNAVAILABLE at first: made again, and the caller sees the second answer.
    client.check(ask("flaky")).await?;
    assert_eq!(calls.load(Relaxed), 2);
    println!("flaky:    answered after two attempts");

    // The deadline of the caller is in force in the server's handler.
    let patient = Deadline::within(Duration::from_secs(5));
    let left = patient.scope(client.check(ask("patience"))).await?.into_inner().status;
    assert!((1..=5_000).contains(&left), "{left} ms");
    println!("patience: {left} ms were left in the handler");

    // Nobody waits longer than that. The channel reads `grpc-timeout` too, and calls a timeout of its own CANCELLED.
    let hurried = Deadline::within(Duration::from_millis(100));
    let late = hurried.scope(client.check(ask("slow"))).await.expect_err("too late");
    assert!(matches!(late.code(), Code::DeadlineExceeded | Code::Cancelled), "{late:?}");
    assert!(hurried.is_over());
    println!("slow:     given up in time");
    assert_eq!(calls.load(Relaxed), QUOTA);

    // The quota is used up: a status, and when to come back. That is too long to wait for, so nobody tries again.
    for _ in 0..2 {
        let refused = client.check(ask("")).await.expect_err("over quota");
        assert_eq!(refused.code(), Code::ResourceExhausted, "{refused:?}");
        assert!(refused.metadata().contains_key("grpc-retry-pushback-ms"));
    }
    // With the timeout these were three in a row: the client's own circuit is open, and says so as a gRPC status.
    let open = client.check(ask("")).await.expect_err("an open circuit");
    assert_eq!((open.code(), open.message()), (Code::Unavailable, "unavailable"));
    println!("quota:    refused twice, then the circuit is open: {:?}", open.code());
    assert_eq!(calls.load(Relaxed), QUOTA);
    Ok(())
}

fn ask(service: &str) -> Request<HealthCheckRequest> {
    Request::new(HealthCheckRequest { service: service.to_owned() })
}

/// A health service of many moods.
#[derive(Default)]
struct Moody {
    calls: Arc<AtomicU32>,
}

#[tonic::async_trait]
impl Health for Moody {
    type WatchStream = BoxStream<HealthCheckResponse>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, tonic::Status> {
        let calls = self.calls.fetch_add(1, Relaxed) + 1;
        let status = match &*request.into_inner().service {
            "flaky" if calls == 1 => return Err(tonic::Status::unavailable("not yet")),
            "slow" => std::future::pending().await,
            "patience" => Deadline::current().map_or(0, |deadline| deadline.remaining().as_millis() as i32),
            _ => 1,
        };
        Ok(Response::new(HealthCheckResponse { status }))
    }

    async fn watch(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, tonic::Status> {
        Err(tonic::Status::unimplemented("nobody watches"))
    }
}
