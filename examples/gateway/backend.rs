//! The backends: real HTTP servers on loopback, each on a runtime of its own, so that one can be killed like a
//! process: all its connections break at once.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// How long a healthy backend works on a request.
const WORK: Duration = Duration::from_millis(1);

/// One backend process, as far as the gateway can tell.
pub(crate) struct Backend {
    name: &'static str,
    address: SocketAddr,
    seen: Arc<Seen>,
    process: Option<Runtime>,
}

/// What a backend has seen, and how it behaves.
#[derive(Default)]
pub(crate) struct Seen {
    requests: AtomicU64,
    in_flight: AtomicU32,
    most: AtomicU32,
    failing: AtomicU64,
    slow_by: AtomicU64,
    // How often each POST came, by its request id: one must never come twice.
    posts: parking_lot::Mutex<HashMap<String, u32>>,
}

impl Backend {
    /// Starts one on a free port.
    pub(crate) fn start(name: &'static str) -> io::Result<Self> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut backend = Self { name, address: any, seen: Arc::default(), process: None };
        backend.revive()?;
        Ok(backend)
    }

    /// Starts it again, on the port it had.
    pub(crate) fn revive(&mut self) -> io::Result<()> {
        let process = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = std::net::TcpListener::bind(self.address)?;
        listener.set_nonblocking(true)?;
        self.address = listener.local_addr()?;
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
            process.shutdown_background();
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

impl Seen {
    /// From now on it answers every `nth` request with a 500; 0 is none.
    pub(crate) fn fail_every(&self, nth: u64) {
        self.failing.store(nth, SeqCst);
    }

    /// From now on it takes so much longer.
    pub(crate) fn slow_down(&self, by: Duration) {
        self.slow_by.store(by.as_millis().try_into().unwrap_or(u64::MAX), SeqCst);
    }

    /// Requests so far.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(SeqCst)
    }

    /// The most requests that were in flight at a time since the last look.
    pub(crate) fn take_most(&self) -> u32 {
        self.most.swap(0, SeqCst)
    }

    /// How often each POST came, by its request id.
    pub(crate) fn posts(&self) -> HashMap<String, u32> {
        self.posts.lock().clone()
    }
}

/// Counts a request as in flight while it lives, also if the connection goes away.
struct InFlight<'a>(&'a Seen);

impl<'a> InFlight<'a> {
    /// And the number of the request.
    fn new(seen: &'a Seen) -> (Self, u64) {
        seen.most.fetch_max(seen.in_flight.fetch_add(1, SeqCst) + 1, SeqCst);
        (Self(seen), seen.requests.fetch_add(1, SeqCst))
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, SeqCst);
    }
}

async fn answer(
    State((name, seen)): State<(&'static str, Arc<Seen>)>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, [(&'static str, &'static str); 1], String) {
    let (_in_flight, number) = InFlight::new(&seen);
    let id = headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or("none");
    if method == Method::POST {
        *seen.posts.lock().entry(id.to_owned()).or_default() += 1;
    }
    crate::pause(WORK + Duration::from_millis(seen.slow_by.load(SeqCst))).await;
    let served_by = [("x-backend", name)];
    let nth = seen.failing.load(SeqCst);
    if nth > 0 && number.is_multiple_of(nth) {
        return (StatusCode::INTERNAL_SERVER_ERROR, served_by, "out of order\n".to_owned());
    }
    (StatusCode::OK, served_by, format!("{name} got {} bytes of request {id}\n", body.len()))
}
