//! The clients: each has a connection and an address of its own, and asks at its own pace.

use axum::body::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use seawall::Instant;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::task::JoinSet;

/// So many clients that ask like this for so long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) gateway: SocketAddr,
    pub(crate) group: &'static str,
    pub(crate) key: &'static str,
    pub(crate) clients: u32,
    /// Between the answer to one request and the next.
    pub(crate) pace: Duration,
    pub(crate) span: Duration,
    /// Whether there are POSTs and PUTs among the requests.
    pub(crate) writes: bool,
    /// Whether all clients share one address.
    pub(crate) one_address: bool,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) sent: u64,
    pub(crate) by_status: BTreeMap<u16, u64>,
    /// Of those, the POSTs.
    pub(crate) posts: BTreeMap<u16, u64>,
    /// Answers of 429 and 503 that do not say when to come back, though they ought to.
    pub(crate) mute: u64,
    /// Answers that lost the request's id.
    pub(crate) nameless: u64,
    pub(crate) by_backend: BTreeMap<String, u64>,
    latencies: Vec<Duration>,
}

impl Tally {
    pub(crate) fn status(&self, status: u16) -> u64 {
        self.by_status.get(&status).copied().unwrap_or(0)
    }

    /// All that is not 200, 429, 503 or 504.
    pub(crate) fn other(&self) -> u64 {
        self.sent - [200, 429, 503, 504].iter().map(|status| self.status(*status)).sum::<u64>()
    }

    /// How many of the requests that may be sent twice succeeded, in percent.
    pub(crate) fn repeatable_ok(&self) -> f64 {
        let posts: u64 = self.posts.values().sum();
        let ok = self.status(200) - self.posts.get(&200).copied().unwrap_or(0);
        100.0 * ok as f64 / (self.sent - posts).max(1) as f64
    }

    /// The latency that so many percent stayed below.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).copied().unwrap_or_default()
    }

    fn count(&mut self, method: &Method, status: StatusCode, headers: &HeaderMap, latency: Duration) {
        let status = status.as_u16();
        self.sent += 1;
        *self.by_status.entry(status).or_default() += 1;
        if method == Method::POST {
            *self.posts.entry(status).or_default() += 1;
        }
        self.mute += u64::from(status == 429 && !headers.contains_key("retry-after"));
        self.nameless += u64::from(!headers.contains_key("x-request-id"));
        if let Some(backend) = headers.get("x-backend").and_then(|backend| backend.to_str().ok()) {
            *self.by_backend.entry(backend.to_owned()).or_default() += 1;
        }
        self.latencies.push(latency);
    }

    fn merge(mut self, other: Self) -> Self {
        self.sent += other.sent;
        self.mute += other.mute;
        self.nameless += other.nameless;
        for (into, from) in [(&mut self.by_status, other.by_status), (&mut self.posts, other.posts)] {
            from.into_iter().for_each(|(status, count)| *into.entry(status).or_default() += count);
        }
        other
            .by_backend
            .into_iter()
            .for_each(|(name, count)| *self.by_backend.entry(name).or_default() += count);
        self.latencies.extend(other.latencies);
        self
    }
}

impl Load {
    pub(crate) async fn run(self) -> Tally {
        let mut clients = JoinSet::new();
        for number in 0..self.clients {
            clients.spawn(self.client(number));
        }
        clients.join_all().await.into_iter().fold(Tally::default(), Tally::merge)
    }

    async fn client(self, number: u32) -> Tally {
        let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
        let end = Instant::now() + self.span;
        let address = if self.one_address { 0 } else { number };
        let mut tally = Tally::default();
        for turn in 0_u32.. {
            let start = Instant::now();
            if start >= end {
                break;
            }
            let (method, body) = match turn % 10 {
                3 if self.writes => (Method::POST, "one ton of coal"),
                7 if self.writes => (Method::PUT, "two tons of coal"),
                _ => (Method::GET, ""),
            };
            let request = Request::builder()
                .method(&method)
                .uri(format!("http://{}/{}/{turn}", self.gateway, self.group))
                .header("x-api-key", self.key)
                .header("x-forwarded-for", format!("198.51.{}.{}", 100 + u32::from(self.writes), address))
                .body(Full::from(body));
            let answer = match request {
                Ok(request) => client.request(request).await,
                Err(_) => continue,
            };
            // A connection that broke is counted as a 599: the gateway must not do that.
            let (status, headers) = match answer {
                Ok(answer) => {
                    let (head, body) = answer.into_parts();
                    let whole = body.collect().await.is_ok();
                    (if whole { head.status } else { BROKEN }, head.headers)
                }
                Err(_) => (BROKEN, HeaderMap::new()),
            };
            tally.count(&method, status, &headers, Instant::now() - start);
            crate::pause(self.pace).await;
        }
        tally
    }
}

const BROKEN: StatusCode = match StatusCode::from_u16(599) {
    Ok(broken) => broken,
    Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
};
