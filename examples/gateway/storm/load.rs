//! The clients: each has a connection and an address of its own, and asks at its own pace.

use super::tally::Tally;
use axum::body::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use parking_lot::Mutex;
use seawall::Instant;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;
use tokio::task::JoinSet;

/// So many clients that ask like this.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) gateway: SocketAddr,
    pub(crate) asks: Asks,
    pub(crate) key: &'static str,
    pub(crate) clients: u32,
    /// Between the answer to one request and the next.
    pub(crate) pace: Duration,
    /// Whether all clients share one address.
    pub(crate) one_address: bool,
}

/// What clients ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    /// Orders, and some of them are new.
    Orders,
    /// Orders, to look at.
    Reads,
    /// The same few pages of the catalogue.
    Pages,
    /// One page of it.
    Sale,
}

/// How many pages of the catalogue are asked for.
pub(crate) const PAGES: u32 = 20;

/// Clients at work.
pub(crate) struct Running {
    pub(crate) tally: Arc<Mutex<Tally>>,
    stop: Arc<AtomicBool>,
    clients: JoinSet<()>,
}

impl Running {
    /// Lets each client have its last answer.
    pub(crate) async fn stop(self) -> Tally {
        self.stop.store(true, SeqCst);
        self.clients.join_all().await;
        std::mem::take(&mut *self.tally.lock())
    }
}

impl Load {
    pub(crate) fn start(self) -> Running {
        let mut running = Running { tally: Arc::default(), stop: Arc::default(), clients: JoinSet::new() };
        for number in 0..self.clients {
            let (tally, stop) = (Arc::clone(&running.tally), Arc::clone(&running.stop));
            running.clients.spawn(self.client(number, tally, stop));
        }
        running
    }

    async fn client(self, number: u32, tally: Arc<Mutex<Tally>>, stop: Arc<AtomicBool>) {
        let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
        let mut turn = 0;
        while !stop.load(SeqCst) {
            let (request, start) = (self.request(number, turn), Instant::now());
            let method = request.method().clone();
            // A connection that broke is counted as a 599: the gateway must not do that.
            let (status, headers) = match client.request(request).await {
                Ok(answer) => {
                    let (head, body) = answer.into_parts();
                    let whole = body.collect().await.is_ok();
                    (if whole { head.status } else { BROKEN }, head.headers)
                }
                Err(_) => (BROKEN, HeaderMap::new()),
            };
            tally.lock().count(&method, status, &headers, Instant::now() - start);
            crate::pause(self.pace).await;
            turn += 1;
        }
    }

    fn request(&self, number: u32, turn: u32) -> Request<Full<Bytes>> {
        let (method, body) = match turn % 10 {
            3 if self.asks == Asks::Orders => (Method::POST, "one ton of coal"),
            7 if self.asks == Asks::Orders => (Method::PUT, "two tons of coal"),
            _ => (Method::GET, ""),
        };
        let (path, net) = match self.asks {
            Asks::Orders => (format!("orders/{number}/{turn}"), 101),
            Asks::Reads => (format!("orders/{number}/{turn}"), 102),
            Asks::Pages => (format!("catalogue/{}", turn % PAGES), 100),
            Asks::Sale => ("catalogue/sale".to_owned(), 103),
        };
        let address = if self.one_address { 0 } else { number };
        Request::builder()
            .method(method)
            .uri(format!("http://{}/{path}", self.gateway))
            .header("x-api-key", self.key)
            .header("x-forwarded-for", format!("198.51.{net}.{address}"))
            .body(Full::from(body))
            .expect("a valid request")
    }
}

const BROKEN: StatusCode = match StatusCode::from_u16(599) {
    Ok(broken) => broken,
    Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
};
