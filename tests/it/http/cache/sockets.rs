//! Through hyper on both sides: what is stored is what came, and streams stream.

use super::*;
use axum::Router;
use axum::routing::get;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use seawall::http::Respond;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

async fn serve(app: Router, tasks: &mut JoinSet<()>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tasks.spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

/// hyper's server ► cache ► hyper's client ► hyper's server.
#[tokio::test]
async fn a_proxy_of_hyper_asks_its_origin_once_for_forty_connections() {
    let mut tasks = JoinSet::new();
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let page = "0123456789".repeat(10_000);
    let body = page.clone();
    let origin = Router::new().route(
        "/page",
        get(async move || {
            counted.fetch_add(1, SeqCst);
            ([("cache-control", "max-age=60"), ("etag", "\"one\"")], body.clone())
        }),
    );
    let origin = serve(origin, &mut tasks).await;
    let cache = HttpCache::new("edge", 1 << 24, Config::new());
    tasks.spawn(cache.background());
    let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build_http();
    let upstream = service_fn(move |mut request: Request<Body>| {
        *request.uri_mut() = format!("http://{origin}{}", request.uri().path()).parse().unwrap();
        client.request(request)
    });
    let cached = ServiceBuilder::new().layer(cache).layer(LiftLayer).service(upstream);
    let cached = cached.map_response(|answer| answer.map(Body::new));
    let proxy = Router::new().fallback_service(tower::util::MapErr::new(cached, |error| -> Infallible {
        panic!("the origin failed: {error}")
    }));
    let proxy = serve(proxy.layer(Respond(tower::layer::util::Identity::new())), &mut tasks).await;

    let mut clients = JoinSet::new();
    for _ in 0..40 {
        let page = page.clone();
        clients.spawn(async move {
            let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build_http();
            for _ in 0..4 {
                let answer = client.get(format!("http://{proxy}/page").parse().unwrap()).await.unwrap();
                assert_eq!(answer.status(), 200);
                assert_eq!(answer.headers()["etag"], "\"one\"");
                assert!(answer.into_body().collect().await.unwrap().to_bytes() == page);
            }
        });
    }
    clients.join_all().await;
    assert_eq!(calls.load(SeqCst), 1);

    let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build_http();
    let known = Request::get(format!("http://{proxy}/page")).header("if-none-match", "\"one\"");
    let answer = client.request(known.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 304);
    let head = Request::head(format!("http://{proxy}/page")).body(Body::empty()).unwrap();
    let answer = client.request(head).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-length"]),
        (200, &"100000".parse().unwrap())
    );
    assert_eq!(calls.load(SeqCst), 1);
}
