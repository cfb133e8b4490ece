//! The health service of gRPC: tonic's own server and channel, over real sockets.

use bytes::Bytes;
use http_body_util::Full;
use seawall::balance::Id;
use seawall::health::{Finding, GrpcCheck};
use tokio::task::JoinSet;
use tonic::body::Body;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, health_reporter};

struct World {
    id: Id,
    channel: Channel,
    reporter: HealthReporter,
    _serving: JoinSet<()>,
}

async fn world() -> World {
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = incoming.local_addr().unwrap();
    let (reporter, health) = health_reporter();
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        Server::builder().add_service(health).serve_with_incoming(incoming).await.unwrap();
    });
    let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    World { id: address.into(), channel, reporter, _serving: serving }
}

fn body(bytes: Bytes) -> Body {
    Body::new(Full::new(bytes))
}

impl World {
    async fn ask(&self, check: GrpcCheck) -> Finding {
        check.ask(&self.id, &self.channel, body).await
    }
}

#[tokio::test]
async fn what_tonics_server_says_of_itself_and_of_a_service() {
    let world = world().await;
    assert_eq!(world.ask(GrpcCheck::server()).await, Finding::Pass);
    // It does not know that one: gRPC's NOT_FOUND.
    assert_eq!(world.ask(GrpcCheck::of("orders.v1.Orders")).await, Finding::Fail);
    for (status, finding) in [
        (ServingStatus::Serving, Finding::Pass),
        (ServingStatus::NotServing, Finding::NotServing),
        (ServingStatus::Unknown, Finding::Fail),
        (ServingStatus::Serving, Finding::Pass),
    ] {
        world.reporter.set_service_status("orders.v1.Orders", status).await;
        assert_eq!(world.ask(GrpcCheck::of("orders.v1.Orders")).await, finding, "{status:?}");
    }
    // A name long enough that its length takes two bytes.
    let long = "x".repeat(300);
    world.reporter.set_service_status(&long, ServingStatus::Serving).await;
    assert_eq!(world.ask(GrpcCheck::of(&long)).await, Finding::Pass);
}

#[tokio::test]
async fn a_server_that_has_no_health_service_is_not_ill() {
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = incoming.local_addr().unwrap();
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        Server::builder()
            .add_routes(tonic::service::Routes::default())
            .serve_with_incoming(incoming)
            .await
            .unwrap();
    });
    let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    let asked = GrpcCheck::server().ask(&address.into(), &channel, body);
    assert_eq!(asked.await, Finding::Pass);
}

#[tokio::test]
async fn nobody_there_has_failed() {
    let channel = Channel::from_static("http://127.0.0.1:1").connect_lazy();
    let asked = GrpcCheck::server().ask(&"127.0.0.1:1".into(), &channel, body);
    assert_eq!(asked.await, Finding::Fail);
}
