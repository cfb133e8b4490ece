//! The backends: real HTTP servers on loopback, each on a runtime of its own, so that one can be killed like a
//! process: all its connections break at once.

use crate::seen::{InFlight, Seen};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// One backend process, as far as the gateway can tell.
pub(crate) struct Backend {
    name: &'static str,
    address: SocketAddr,
    seen: Arc<Seen>,
    process: Option<Runtime>,
}

impl Backend {
    /// Starts one on a free port.
    pub(crate) fn start(name: &'static str) -> io::Result<Self> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut backend = Self { name, address: any, seen: Arc::new(Seen::new()), process: None };
        backend.revive()?;
        Ok(backend)
    }

    /// Starts it again, on the port it had.
    pub(crate) fn revive(&mut self) -> io::Result<()> {
        let listener = std::net::TcpListener::bind(self.address)?;
        listener.set_nonblocking(true)?;
        self.address = listener.local_addr()?;
        self.seen.come();
        let process = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let app = Router::new().fallback(answer).with_state((self.name, Arc::clone(&self.seen)));
        process.spawn(async move {
            if let Ok(listener) = TcpListener::from_std(listener) {
                axum::serve(listener, app).await.ok();
            }
        });
        self.process = Some(process);
        Ok(())
    }

    /// Breaks all its connections and stops listening.
    pub(crate) fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            // To the end, or its port would not be free for the next one.
            tokio::task::block_in_place(|| process.shutdown_timeout(Duration::from_secs(10)));
        }
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn seen(&self) -> &Seen {
        &self.seen
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn answer(
    State((name, seen)): State<(&'static str, Arc<Seen>)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    if uri.path() == "/health" {
        return health(&seen);
    }
    let (_in_flight, number) = InFlight::new(&seen);
    let id = headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or("none");
    if method == Method::POST {
        seen.posted(id);
    }
    let Some(length) = read(&seen, body).await else { return StatusCode::BAD_REQUEST.into_response() };
    if !seen.work(number).await {
        let told = [("x-backend", name)];
        return (StatusCode::INTERNAL_SERVER_ERROR, told, "out of order\n").into_response();
    }
    // The catalogue is the same for all, and an old page of it is better than none; orders are nobody else's business.
    let kept = match uri.path() {
        "/catalogue/sale" => "max-age=60",
        path if path.starts_with("/catalogue/") => "max-age=1, stale-if-error=60",
        _ => "no-store",
    };
    let told = [("x-backend", name), ("cache-control", kept)];
    (told, format!("{name} got {length} bytes of request {id}\n")).into_response()
}

/// A cheap page: it may pass while calls fail.
fn health(seen: &Seen) -> Response {
    if seen.is_leaving() {
        let told = [("x-envoy-immediate-health-check-fail", "true")];
        return (StatusCode::SERVICE_UNAVAILABLE, told, "about to leave\n").into_response();
    }
    "well\n".into_response()
}

/// Reads a body as it comes, and counts it.
async fn read(seen: &Seen, mut body: Body) -> Option<u64> {
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let data = frame.ok()?.into_data().map_or(0, |data| data.len() as u64);
        seen.received(data);
        length += data;
    }
    Some(length)
}
