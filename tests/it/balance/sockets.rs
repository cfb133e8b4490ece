//! Real backends on real sockets: killed and started under load, and asked how they are.

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use http::Request;
use http::uri::PathAndQuery;
use http_body_util::{BodyExt, Empty, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use parking_lot::Mutex;
use seawall::balance::{Config, Endpoint, Id, P2c, Pool, State, Tried};
use seawall::health::{Checks, Finding, GrpcCheck, HttpCheck, Thresholds, tcp};
use seawall::http::Status;
use seawall::outlier::Outliers;
use seawall::{Instant, Lift, Ratio};
use std::collections::BTreeMap;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic_health::ServingStatus;
use tower::{Service, ServiceExt};

type Http = Client<HttpConnector, Empty<Bytes>>;

fn client() -> Http {
    Client::builder(TokioExecutor::new()).build_http()
}

/// A backend in a runtime of its own, so that killing it cuts every connection in the middle of whatever it does.
struct Backend {
    runtime: Option<Runtime>,
    address: SocketAddr,
}

impl Backend {
    fn start(address: SocketAddr) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (bound, told) = std::sync::mpsc::channel();
        runtime.spawn(async move {
            let listener = TcpListener::bind(address).await.unwrap();
            let address = listener.local_addr().unwrap();
            let app = Router::new()
                .route("/", get(move || async move { address.to_string() }))
                .route("/healthz", get(|| async { "well" }));
            bound.send(address).unwrap();
            axum::serve(listener, app).await
        });
        Self { address: told.recv().unwrap(), runtime: Some(runtime) }
    }

    fn kill(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What reaches one backend.
#[derive(Clone)]
struct To {
    address: SocketAddr,
    client: Http,
}

impl Service<Request<Empty<Bytes>>> for To {
    type Response = <Http as Service<Request<Empty<Bytes>>>>::Response;
    type Error = <Http as Service<Request<Empty<Bytes>>>>::Error;
    type Future = <Http as Service<Request<Empty<Bytes>>>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Service::poll_ready(&mut self.client, cx)
    }

    fn call(&mut self, mut request: Request<Empty<Bytes>>) -> Self::Future {
        *request.uri_mut() = format!("http://{}{}", self.address, request.uri().path()).parse().unwrap();
        Service::call(&mut self.client, request)
    }
}

/// One request, tried at up to four different backends: who answered.
async fn request(pool: &Pool<Lift<To>>) -> Option<String> {
    let service = pool.balance().classifier(Status::new());
    let service = service.tried(|request: &Request<Empty<Bytes>>| request.extensions().get::<Tried>());
    let tried = Tried::new();
    for _ in 0..4 {
        let mut request = Request::new(Empty::new());
        request.extensions_mut().insert(tried.clone());
        if let Ok(response) = service.clone().oneshot(request).await
            && let Ok(body) = response.into_body().collect().await
        {
            return Some(String::from_utf8(body.to_bytes().to_vec()).unwrap());
        }
    }
    None
}

/// What was seen of a load that runs in the background.
#[derive(Default)]
struct Seen {
    lost: u32,
    /// By backend how many it has answered.
    answers: BTreeMap<String, u32>,
}

fn load(pool: &Pool<Lift<To>>, seen: &Arc<Mutex<Seen>>) -> JoinSet<()> {
    let mut callers = JoinSet::new();
    for _ in 0..8 {
        let (pool, seen) = (pool.clone(), Arc::clone(seen));
        callers.spawn(async move {
            loop {
                let answer = request(&pool).await;
                let mut seen = seen.lock();
                match answer {
                    Some(by) => *seen.answers.entry(by).or_default() += 1,
                    None => seen.lost += 1,
                }
            }
        });
    }
    callers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backends_die_and_come_back_under_load_and_no_request_is_lost() {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut backends: Vec<_> = (0..4).map(|_| Backend::start(any)).collect();
    let minute = Duration::from_secs(60);
    let outliers = Outliers::new().consecutive(3).most(Ratio::percent(50)).times(minute, minute);
    let pool = Pool::new("backends", Config::new(P2c::new()).outliers(outliers));
    let to = |address| Endpoint::new(address, Lift::new(To { address, client: client() }));
    pool.set(backends.iter().map(|backend| to(backend.address)));
    // The ejection lasts for a minute: only the checks bring a backend back sooner.
    let checks =
        Checks::new().interval(Duration::from_millis(100)).thresholds(Thresholds::new(3, 2)).unejects();
    let check = HttpCheck::get(PathAndQuery::from_static("/healthz"));
    let checking = pool.check(checks, move |id, service| check.ask(id, service));
    let seen = Arc::new(Mutex::new(Seen::default()));
    let mut tasks = load(&pool, &seen);
    tasks.spawn(async {
        checking.await;
    });
    let answers = |backend: &Backend| {
        let seen = seen.lock();
        seen.answers.get(&backend.address.to_string()).copied().unwrap_or_default()
    };

    eventually(|| backends.iter().all(|backend| answers(backend) > 50)).await;
    // Half of them die in the middle of whatever they do.
    for backend in &mut backends[..2] {
        backend.kill();
    }
    let out = || pool.endpoints().iter().filter(|endpoint| endpoint.state != State::In).count();
    eventually(|| out() == 2).await;
    let before = (answers(&backends[0]), answers(&backends[2]));
    eventually(|| answers(&backends[2]) > before.1 + 200).await;
    assert_eq!(answers(&backends[0]), before.0);

    // One comes back.
    let address = backends[0].address;
    backends[0] = Backend::start(address);
    let begin = Instant::now();
    eventually(|| answers(&backends[0]) > before.0).await;
    let recovery = Instant::now() - begin;
    // Two checks, a tenth of a second apart; the rest is a slow machine's.
    assert!(recovery < Duration::from_secs(5), "{recovery:?}");
    eventually(|| answers(&backends[0]) > before.0 + 50).await;

    drop(tasks);
    let seen = seen.lock();
    let served: u32 = seen.answers.values().sum();
    println!("{served} requests served, {} lost, back after {recovery:?}", seen.lost);
    assert_eq!(seen.lost, 0);
}

/// Waits for what must come, on a machine of whatever speed.
async fn eventually(what: impl Fn() -> bool) {
    let waiting = async {
        while !what() {
            let _ = timeout(Duration::from_millis(5), pending::<()>()).await;
        }
    };
    assert!(timeout(Duration::from_secs(30), waiting).await.is_ok(), "it did not come");
}

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
