//! A page that says how an endpoint is: any tower service, and real sockets through hyper and reqwest.

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use http::header::{HOST, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use seawall::balance::{Endpoint, Id, Pool, RoundRobin, State};
use seawall::health::{Checks, Finding, HttpCheck, Thresholds};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tower::service_fn;

const fn page() -> HttpCheck {
    HttpCheck::get(PathAndQuery::from_static("/health?deep"))
}

async fn found(check: &HttpCheck, status: u16, header: Option<&'static str>) -> Finding {
    let client = service_fn(move |_: Request<String>| async move {
        let mut answer = Response::new(String::new());
        *answer.status_mut() = StatusCode::from_u16(status).unwrap();
        if let Some(header) = header {
            answer.headers_mut().insert(header, HeaderValue::from_static("true"));
        }
        Ok::<_, io::Error>(answer)
    });
    check.ask(&"a:1".into(), &client).await
}

#[tokio::test]
async fn a_status_that_is_expected_passes() {
    for (status, finding) in
        [(200, Finding::Pass), (204, Finding::Pass), (301, Finding::Fail), (503, Finding::Fail)]
    {
        assert_eq!(found(&page(), status, None).await, finding, "{status}");
    }
    assert_eq!(found(&page().expect(200..=399), 301, None).await, Finding::Pass);
    assert_eq!(found(&page(), 200, Some("x-envoy-degraded")).await, Finding::Degraded);
    assert_eq!(found(&page(), 503, Some("x-envoy-degraded")).await, Finding::Fail);
    assert_eq!(found(&page(), 200, Some("x-envoy-immediate-health-check-fail")).await, Finding::Draining);
}

#[test]
fn the_request_goes_to_the_endpoint_or_where_the_service_goes_already() {
    let request = page().host(HeaderValue::from_static("api.test")).request(&"[::1]:80".into());
    assert_eq!(request.uri(), "http://[::1]:80/health?deep");
    assert_eq!(request.method(), Method::GET);
    assert_eq!(request.headers()[HOST], "api.test");
    assert_eq!(page().https().request(&"a:1".into()).uri(), "https://a:1/health?deep");
    assert_eq!(page().request(&"no host".into()).uri(), "/health?deep");
    let head = HttpCheck::head(PathAndQuery::from_static("/health")).request(&"a:1".into());
    assert_eq!(head.method(), Method::HEAD);
}

#[tokio::test]
async fn an_error_before_or_after_the_head_is_a_failure_or_not() {
    let broken =
        service_fn(|_: Request<String>| async { Err::<Response<String>, _>(io::Error::other("reset")) });
    assert_eq!(page().ask(&"a:1".into(), &broken).await, Finding::Fail);
    // The head said enough.
    let cut = service_fn(|_: Request<String>| async { Ok::<_, io::Error>(Response::new(Cut)) });
    assert_eq!(page().ask(&"a:1".into(), &cut).await, Finding::Pass);
}

/// A body that breaks at once.
struct Cut;

impl http_body::Body for Cut {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, io::Error>>> {
        Poll::Ready(Some(Err(io::Error::other("cut"))))
    }
}

/// A server that says of itself what it is told to say, and counts its connections.
struct Server {
    id: Id,
    says: Arc<AtomicU16>,
    asked: Arc<AtomicU32>,
    _serving: JoinSet<()>,
}

async fn server() -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let id = listener.local_addr().unwrap().into();
    let (says, asked) = (Arc::new(AtomicU16::new(200)), Arc::new(AtomicU32::new(0)));
    let (status, count) = (says.clone(), asked.clone());
    let health = get(move || {
        count.fetch_add(1, SeqCst);
        let status = StatusCode::from_u16(status.load(SeqCst)).unwrap();
        async move { (status, "a page of some words") }
    });
    let mut serving = JoinSet::new();
    serving
        .spawn(async move { axum::serve(listener, Router::new().route("/health", health)).await.unwrap() });
    Server { id, says, asked, _serving: serving }
}

#[tokio::test]
async fn over_hypers_client() {
    let server = server().await;
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    assert_eq!(page().ask(&server.id, &client).await, Finding::Pass);
    server.says.store(503, SeqCst);
    assert_eq!(page().ask(&server.id, &client).await, Finding::Fail);
    assert_eq!(page().ask(&"127.0.0.1:1".into(), &client).await, Finding::Fail);
    assert_eq!(server.asked.load(SeqCst), 2);
}

/// The same over reqwest, which has requests and answers of its own.
async fn by_reqwest(check: HttpCheck, client: reqwest::Client, id: Id) -> Finding {
    let Ok(request) = reqwest::Request::try_from(check.request(&id).map(|()| "")) else {
        return Finding::Fail;
    };
    match client.execute(request).await {
        Ok(answer) => check.finding(answer.status(), answer.headers()),
        Err(_) => Finding::Fail,
    }
}

#[tokio::test]
async fn over_reqwest() {
    let server = server().await;
    let client = reqwest::Client::new();
    assert_eq!(by_reqwest(page(), client.clone(), server.id.clone()).await, Finding::Pass);
    server.says.store(500, SeqCst);
    assert_eq!(by_reqwest(page(), client.clone(), server.id.clone()).await, Finding::Fail);
    assert_eq!(by_reqwest(page(), client, "127.0.0.1:1".into()).await, Finding::Fail);
}

#[tokio::test]
async fn a_pool_leaves_out_who_says_that_it_is_ill() {
    let servers = [server().await, server().await];
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let pool = Pool::new("api", RoundRobin::new());
    pool.set(servers.iter().map(|server| Endpoint::new(&server.id, client.clone())));
    let checks = Checks::new().interval(Duration::from_millis(10)).thresholds(Thresholds::new(2, 2));
    let page = page();
    let mut checking = Box::pin(pool.check(checks, move |id, client| page.ask(id, client)));
    for (says, ill) in [(200, 0), (500, 1), (200, 0)] {
        servers[0].says.store(says, SeqCst);
        let begin = seawall::Instant::now();
        let count = || pool.endpoints().iter().filter(|endpoint| endpoint.state == State::Unhealthy).count();
        while count() != ill || servers.iter().any(|server| server.asked.load(SeqCst) == 0) {
            assert!(timeout(Duration::from_millis(5), &mut checking).await.is_err());
            assert!(seawall::Instant::now() - begin < Duration::from_secs(20), "{:?}", pool.endpoints());
        }
    }
}
