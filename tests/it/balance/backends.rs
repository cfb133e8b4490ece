//! Real HTTP backends on real sockets, a client for each, and a load that runs in the background.

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use parking_lot::Mutex;
use seawall::Lift;
use seawall::balance::{Endpoint, Pool, Tried};
use seawall::http::Status;
use std::collections::BTreeMap;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tower::{Service, ServiceExt};

type Http = Client<HttpConnector, Empty<Bytes>>;

pub(super) const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// A backend in a runtime of its own, so that killing it cuts every connection in the middle of whatever it does.
pub(super) struct Backend {
    runtime: Option<Runtime>,
    pub(super) address: SocketAddr,
    takes: Arc<AtomicU64>,
}

impl Backend {
    pub(super) fn start(address: SocketAddr) -> Self {
        let takes = Arc::new(AtomicU64::new(0));
        let time = Arc::clone(&takes);
        Self::with(address, takes, move |listener, address| async move {
            let answer = move || {
                let time = time.load(SeqCst);
                async move {
                    pause(time).await;
                    address.to_string()
                }
            };
            let app = Router::new().route("/", get(answer)).route("/healthz", get(|| async { "well" }));
            let _ = axum::serve(listener, app).await;
        })
    }

    /// One that accepts every connection and says nothing, for ever.
    pub(super) fn hung(address: SocketAddr) -> Self {
        Self::with(address, Arc::default(), |listener, _| async move {
            let mut held = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                held.push(stream);
            }
        })
    }

    fn with<Fut>(
        address: SocketAddr,
        takes: Arc<AtomicU64>,
        serve: impl FnOnce(TcpListener, SocketAddr) -> Fut + Send + 'static,
    ) -> Self
    where
        Fut: Future<Output = ()> + Send,
    {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (bound, told) = std::sync::mpsc::channel();
        runtime.spawn(async move {
            let listener = bound_to(address).await;
            let address = listener.local_addr().unwrap();
            bound.send(address).unwrap();
            serve(listener, address).await;
        });
        Self { address: told.recv().unwrap(), runtime: Some(runtime), takes }
    }

    /// From now on each of its answers takes so long.
    pub(super) fn take(&self, millis: u64) {
        self.takes.store(millis, SeqCst);
    }

    pub(super) fn kill(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    pub(super) fn endpoint(&self) -> Endpoint<Lift<To>> {
        Endpoint::new(self.address, Lift::new(To::new(self.address)))
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Listens there, as soon as whoever did before has been killed.
async fn bound_to(address: SocketAddr) -> TcpListener {
    let mut bound = TcpListener::bind(address).await;
    for _ in 0..1_000 {
        if bound.is_ok() {
            break;
        }
        pause(5).await;
        bound = TcpListener::bind(address).await;
    }
    bound.unwrap()
}

async fn pause(millis: u64) {
    let _ = timeout(Duration::from_millis(millis), pending::<()>()).await;
}

/// What reaches one backend.
#[derive(Clone)]
pub(super) struct To {
    address: SocketAddr,
    client: Http,
}

impl To {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self { address, client: Client::builder(TokioExecutor::new()).build_http() }
    }
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

/// One request, tried at up to four different backends, each for as long as `patience`: who answered.
pub(super) async fn request(pool: &Pool<Lift<To>>, patience: Duration) -> Option<String> {
    let service = pool.balance().classifier(Status::new());
    let service = service.tried(|request: &Request<Empty<Bytes>>| request.extensions().get::<Tried>());
    let tried = Tried::new();
    for _ in 0..4 {
        let mut request = Request::new(Empty::new());
        request.extensions_mut().insert(tried.clone());
        if let Ok(Ok(response)) = timeout(patience, service.clone().oneshot(request)).await
            && let Ok(body) = response.into_body().collect().await
        {
            return Some(String::from_utf8(body.to_bytes().to_vec()).unwrap());
        }
    }
    None
}

/// What was seen of a load that runs in the background.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) lost: u32,
    /// By backend how many it has answered.
    answers: BTreeMap<String, u32>,
}

impl Seen {
    fn note(&mut self, answer: Option<String>) {
        match answer {
            Some(by) => *self.answers.entry(by).or_default() += 1,
            None => self.lost += 1,
        }
    }

    pub(super) fn answers(&self, backend: &Backend) -> u32 {
        self.answers.get(&backend.address.to_string()).copied().unwrap_or_default()
    }

    pub(super) fn served(&self) -> u32 {
        self.answers.values().sum()
    }
}

/// Eight callers without a pause, as long as the tasks are held.
pub(super) fn load(pool: &Pool<Lift<To>>, patience: Duration) -> (Arc<Mutex<Seen>>, JoinSet<()>) {
    let (seen, mut callers) = (Arc::<Mutex<Seen>>::default(), JoinSet::new());
    for _ in 0..8 {
        let (pool, seen) = (pool.clone(), Arc::clone(&seen));
        callers.spawn(async move {
            loop {
                let answer = request(&pool, patience).await;
                seen.lock().note(answer);
                // A caller that loses everything at once leaves the others a turn.
                tokio::task::yield_now().await;
            }
        });
    }
    (seen, callers)
}

/// Waits for what must come, on a machine of whatever speed.
pub(super) async fn eventually(what: impl Fn() -> bool) {
    let waiting = async {
        while !what() {
            pause(5).await;
        }
    };
    assert!(timeout(Duration::from_secs(30), waiting).await.is_ok(), "it did not come");
}
