//! axum makes services per connection; a limit is one all the same.

use axum::Router;
use axum::routing::get;
use seawall::circuit_breaker::{Config, OpenFor, State, Trip};
use seawall::http::{Respond, Status};
use seawall::rate_limit::Quota;
use seawall::telemetry::{Counters, Telemetry};
use seawall::{CircuitBreaker, ConcurrencyLimit, RateLimiter};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

const CONNECTIONS: u32 = 40;
const LIMIT: u32 = 5;

#[derive(Default)]
struct Handler {
    inside: AtomicU32,
    most: AtomicU32,
    calls: AtomicU32,
}

/// One answer of a keep-alive connection: its status. The bodies here have a length.
async fn ask(stream: &mut TcpStream) -> u16 {
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut seen = Vec::new();
    loop {
        assert!(stream.read_buf(&mut seen).await.unwrap() > 0, "closed early");
        if let Some(end) = seen.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = std::str::from_utf8(&seen[..end]).unwrap().to_lowercase();
            let length = head.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap();
            while seen.len() < end + 4 + length.parse::<usize>().unwrap() {
                assert!(stream.read_buf(&mut seen).await.unwrap() > 0, "closed early");
            }
            return head[9..12].parse().unwrap();
        }
    }
}

/// 40 keep-alive connections × 4 requests against a limit of 5.
async fn storm(address: SocketAddr, serve: impl Future<Output = ()> + Send + 'static, handler: Arc<Handler>) {
    let mut server = JoinSet::new();
    server.spawn(serve);
    let mut clients = JoinSet::new();
    for _ in 0..CONNECTIONS {
        clients.spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let mut statuses = Vec::new();
            for _ in 0..4 {
                statuses.push(ask(&mut stream).await);
            }
            statuses
        });
    }
    let statuses: Vec<u16> = clients.join_all().await.concat();
    let ok = statuses.iter().filter(|status| **status == 200).count();
    let refused = statuses.iter().filter(|status| **status == 503).count();
    assert_eq!(ok + refused, 160, "{statuses:?}");
    assert_eq!(handler.calls.load(SeqCst) as usize, ok);
    assert!(handler.most.load(SeqCst) <= LIMIT, "{} at once", handler.most.load(SeqCst));
    assert!(ok >= LIMIT as usize && refused > 0, "{ok} ok, {refused} refused");
}

fn app(handler: &Arc<Handler>) -> Router {
    let limit = ConcurrencyLimit::new("api", LIMIT);
    let full = Arc::new(Semaphore::new(0));
    let refusals = Arc::new(AtomicU32::new(0));
    let (handler, gate) = (Arc::clone(handler), Arc::clone(&full));
    Router::new()
        .route(
            "/",
            get(move || async move {
                handler.calls.fetch_add(1, SeqCst);
                let inside = handler.inside.fetch_add(1, SeqCst) + 1;
                handler.most.fetch_max(inside, SeqCst);
                // Until somebody has been refused, so that the limit is sure to be reached.
                drop(gate.acquire().await.unwrap());
                handler.inside.fetch_sub(1, SeqCst);
                "done"
            }),
        )
        .layer(Respond(limit.layer()).answer(move |_, mut answer| {
            if refusals.fetch_add(1, SeqCst) == 30 {
                full.add_permits(1);
            }
            answer.headers_mut().insert("content-length", 0.into());
            answer
        }))
}

#[tokio::test]
async fn a_limit_is_global_under_serve() {
    let handler = Arc::new(Handler::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, app) = (listener.local_addr().unwrap(), app(&handler));
    storm(address, async { axum::serve(listener, app).await.unwrap() }, handler).await;
}

#[tokio::test]
async fn a_limit_is_global_under_into_make_service() {
    let handler = Arc::new(Handler::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, app) = (listener.local_addr().unwrap(), app(&handler).into_make_service());
    storm(address, async { axum::serve(listener, app).await.unwrap() }, handler).await;
}

/// Sends 40 × 4 requests to `app` over 40 keep-alive connections, and counts the answers by status.
async fn statuses(app: Router) -> BTreeMap<u16, usize> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = JoinSet::new();
    server.spawn(async { axum::serve(listener, app).await.unwrap() });
    let mut clients = JoinSet::new();
    for _ in 0..CONNECTIONS {
        clients.spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let mut statuses = Vec::new();
            for _ in 0..4 {
                statuses.push(ask(&mut stream).await);
            }
            statuses
        });
    }
    let mut counted = BTreeMap::new();
    for status in clients.join_all().await.concat() {
        *counted.entry(status).or_default() += 1;
    }
    counted
}

#[tokio::test]
async fn a_quota_is_global() {
    let limiter = RateLimiter::new("api", Quota::per_day(5));
    let app = Router::new().route("/", get(|| async { "done" })).layer(Respond(limiter.layer()));
    assert_eq!(statuses(app).await, BTreeMap::from([(200, 5), (429, 155)]));
}

#[tokio::test]
async fn a_breaker_opens_once_for_all() {
    let counters = Arc::new(Counters::default());
    let config = Config::new().trip(Trip::run_of(3)).open_for(OpenFor::fixed(Duration::from_secs(3600)));
    let breaker = CircuitBreaker::new(Telemetry::new("api").observer(Arc::clone(&counters)), config);
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let app = Router::new()
        .route(
            "/",
            get(move || async move {
                counted.fetch_add(1, SeqCst);
                axum::http::StatusCode::BAD_GATEWAY
            }),
        )
        .layer(Respond(breaker.layer().classifier(Status::new())));
    let seen = statuses(app).await;
    let through = calls.load(SeqCst) as usize;
    assert_eq!(seen, BTreeMap::from([(502, through), (503, 160 - through)]));
    assert!((3..=CONNECTIONS as usize).contains(&through), "{through} calls got through");
    assert_eq!((breaker.state(), counters.snapshot().opened), (State::Open, 1));
}
