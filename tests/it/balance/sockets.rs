//! Real backends on real sockets: killed and started under load, and asked how they are.

use bytes::Bytes;
use http::Request;
use http::uri::PathAndQuery;
use http_body_util::{Empty, Full};
use seawall::balance::Id;
use seawall::health::{Finding, GrpcCheck, HttpCheck, tcp};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tonic_health::ServingStatus;

#[tokio::test]
async fn a_connection_that_is_accepted_passes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let id = Id::from(listener.local_addr().unwrap());
    assert_eq!(tcp(&id).await, Finding::Pass);
    drop(listener);
    assert_eq!(tcp(&id).await, Finding::Fail);
    assert_eq!(tcp(&Id::from("no port")).await, Finding::Fail);
}

#[tokio::test]
async fn an_http_check_heeds_the_status_and_what_the_host_says_of_itself() {
    let answers = |status: u16, header: Option<&'static str>| {
        tower::service_fn(move |request: Request<Empty<Bytes>>| async move {
            assert_eq!(request.uri(), "http://10.0.0.1:80/healthz?deep=1");
            let mut response = http::Response::builder().status(status);
            if let Some(header) = header {
                response = response.header(header, "");
            }
            Ok::<_, std::convert::Infallible>(response.body(String::new()).unwrap())
        })
    };
    let check = HttpCheck::get(PathAndQuery::from_static("/healthz?deep=1"));
    let id = Id::from("10.0.0.1:80");
    assert_eq!(check.ask(&id, &answers(204, None)).await, Finding::Pass);
    assert_eq!(check.ask(&id, &answers(302, None)).await, Finding::Fail);
    assert_eq!(check.clone().expect(200..=399).ask(&id, &answers(302, None)).await, Finding::Pass);
    assert_eq!(check.ask(&id, &answers(200, Some("x-envoy-degraded"))).await, Finding::Degraded);
    let leaving = answers(503, Some("x-envoy-immediate-health-check-fail"));
    assert_eq!(check.ask(&id, &leaving).await, Finding::Draining);
}

#[tokio::test]
async fn a_grpc_check_speaks_with_a_real_health_service() {
    let (reporter, health) = tonic_health::server::health_reporter();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    let incoming = tonic::transport::server::TcpIncoming::from(listener);
    tasks.spawn(async move {
        let _ = tonic::transport::Server::builder().add_service(health).serve_with_incoming(incoming).await;
    });
    let channel =
        tonic::transport::Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
    let ask = async |name: &str| {
        let body = |message| tonic::body::Body::new(Full::new(message));
        GrpcCheck::of(name).ask(&Id::from(address), &channel, body).await
    };
    assert_eq!(ask("").await, Finding::Pass);
    assert_eq!(ask("unknown").await, Finding::Fail);
    reporter.set_service_status("api", ServingStatus::NotServing).await;
    assert_eq!(ask("api").await, Finding::NotServing);
    reporter.set_service_status("api", ServingStatus::Serving).await;
    assert_eq!(ask("api").await, Finding::Pass);
}
