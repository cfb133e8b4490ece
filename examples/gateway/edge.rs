//! The edge: what stands between the clients and the way to the backends.
//!
//! ```text
//! request id ► shed above a limit ► deadline ► limit per address ► API key ► limit per key ► route ► upstream
//!                └─ but not /healthz, /readyz, /metrics
//! ```

use crate::auth::{self, Tenant};
use crate::ledger::Ledger;
use crate::upstream::{self, Group, Upstream};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request};
use axum::middleware::from_fn;
use axum::response::Response;
use axum::routing::{any, get};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{StatusCode, Uri};
use http_body_util::{Full, LengthLimitError};
use metrics_exporter_prometheus::PrometheusHandle;
use seawall::balance::Tried;
use seawall::deadline::Deadlines;
use seawall::http::{ClientAddress, ReplayBody, Respond, RespondService};
use seawall::rate_limit::{KeyedRateLimiter, Quota};
use seawall::telemetry::{Metrics, Telemetry};
use seawall::{ConcurrencyLimit, Gate};
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;
use tower::ServiceExt;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};

/// How many calls the gateway works on at a time; the next is shed.
pub(crate) const IN_FLIGHT: u32 = 96;
/// How many addresses, and how many keys, are told apart at a time.
const KEYS: usize = 10_000;

/// The gateway, ready to be served.
pub(crate) struct Gateway {
    pub(crate) app: Router,
    pub(crate) groups: Arc<[Group]>,
    pub(crate) ledger: Arc<Ledger>,
    draining: Arc<AtomicBool>,
}

impl Gateway {
    /// A gateway that sends `/{group}` and all below it to the backends of that group. One client address may ask
    /// for `per_address`, whatever its keys.
    pub(crate) fn new(
        groups: &[(&'static str, Vec<(&'static str, SocketAddr)>)],
        per_address: Quota,
        prometheus: PrometheusHandle,
    ) -> Self {
        let (metrics, ledger) = (Arc::new(Metrics::new()), Arc::new(Ledger::default()));
        let tell =
            |name: String| Telemetry::new(name).observer(Arc::clone(&metrics)).observer(Arc::clone(&ledger));

        let mut api = Router::new();
        let mut known = Vec::new();
        for (name, backends) in groups {
            let (group, upstream) = upstream::group(name, backends, tell);
            let forward = move |request| forward(upstream.clone(), request);
            api = api
                .route(&format!("/{name}"), any(forward.clone()))
                .route(&format!("/{name}/{{*rest}}"), any(forward));
            known.push(group);
        }
        let groups: Arc<[Group]> = known.into();

        // A proxy on this very machine may say for whom it asks; nobody else.
        let clients =
            ClientAddress::proxies(["127.0.0.0/8", "::1"].map(|net| net.parse().expect("a network")))
                .peer_from(|extensions| extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0));
        let per_address =
            clients.limit(KeyedRateLimiter::new(tell("per address".to_owned()), per_address, KEYS));
        let per_key = KeyedRateLimiter::new(tell("per key".to_owned()), Quota::per_second(10), KEYS)
            .by(|request: &Request| tenant(request).map(|tenant| tenant.name))
            .quota(|request: &Request| tenant(request).map_or(Quota::deny_all(), |tenant| tenant.quota));
        let shed = ConcurrencyLimit::new(tell("edge".to_owned()), IN_FLIGHT);

        let headers = upstream::deadlines();
        let deadlines =
            Deadlines::per_request(tell("edge".to_owned()), move |request: &Request| headers.of(request));

        let draining = Arc::new(AtomicBool::new(false));
        let (watched, leaving) = (Arc::clone(&groups), Arc::clone(&draining));
        // The last layer is the outermost.
        let app = api
            .layer(Respond(per_key.layer()))
            .layer(from_fn(auth::authenticate))
            .layer(Respond(per_address.layer()))
            .layer(Respond(deadlines.layer()))
            .route("/healthz", get(|| async { "alive\n" }))
            .route("/readyz", get(async move || readiness(&watched, leaving.load(SeqCst))))
            .route(
                "/metrics",
                get(async move || {
                    prometheus.run_upkeep();
                    prometheus.render()
                }),
            )
            .layer(
                Respond(shed.layer())
                    .exempt(|parts| matches!(parts.uri.path(), "/healthz" | "/readyz" | "/metrics")),
            )
            .layer(PropagateRequestIdLayer::x_request_id())
            .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid));
        Self { app, groups, ledger, draining }
    }

    /// From now on it tells whoever balances over gateways that it is leaving.
    pub(crate) fn drain(&self) -> impl FnOnce() + Send + 'static {
        let draining = Arc::clone(&self.draining);
        move || draining.store(true, SeqCst)
    }
}

fn tenant(request: &Request) -> Option<&Tenant> {
    request.extensions().get()
}

/// Ready if every group has a backend to call.
fn readiness(groups: &[Group], draining: bool) -> (StatusCode, String) {
    if draining {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n".to_owned());
    }
    let down: Vec<_> = groups.iter().filter(|group| !group.is_ready()).map(|group| group.name).collect();
    match down.is_empty() {
        true => (StatusCode::OK, "ready\n".to_owned()),
        false => (StatusCode::SERVICE_UNAVAILABLE, format!("nobody to call for {}\n", down.join(", "))),
    }
}

/// Sends a request on, and its answer back.
async fn forward(upstream: Upstream, request: Request) -> Result<Response, StatusCode> {
    let (mut parts, body) = request.into_parts();
    let body = read(&parts.headers, body).await?;
    strip(&mut parts.headers);
    if let Some(ConnectInfo(peer)) = parts.extensions.get::<ConnectInfo<SocketAddr>>()
        && let Ok(peer) = HeaderValue::try_from(peer.ip().to_string())
    {
        parts.headers.append(FORWARDED_FOR, peer);
    }
    // The backend's own name is set when one is picked.
    parts.headers.remove(header::HOST);
    parts.uri = parts.uri.path_and_query().cloned().map_or_else(Uri::default, Uri::from);
    // A retry goes to a backend that this request has not tried.
    parts.extensions.insert(Tried::new());
    let request = Request::from_parts(parts, ReplayBody::capped(Full::new(body), LONGEST));
    match RespondService::new(upstream).oneshot(request).await {
        Ok(answer) => {
            let mut answer = answer.map(Body::new);
            strip(answer.headers_mut());
            Ok(answer)
        }
        Err(_) => Err(StatusCode::BAD_GATEWAY),
    }
}

/// The longest body that is let through.
const LONGEST: usize = 256 * 1024;
/// How long a client may take to send it.
const UPLOAD: Duration = Duration::from_secs(10);

/// Reads the body whole before anybody is called, so that a client who sends slowly holds no backend and is no
/// evidence against one.
async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, StatusCode> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > LONGEST as u64) {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    match tokio::time::timeout(UPLOAD, to_bytes(body, LONGEST)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) if error.source().is_some_and(|source| source.is::<LengthLimitError>()) => {
            Err(StatusCode::PAYLOAD_TOO_LARGE)
        }
        Ok(Err(_)) => Err(StatusCode::BAD_REQUEST),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Takes out what is meant for the next hop alone (RFC 9110, 7.6.1).
fn strip(headers: &mut HeaderMap) {
    const HOP_BY_HOP: [HeaderName; 8] = [
        header::CONNECTION,
        HeaderName::from_static("keep-alive"),
        header::PROXY_AUTHENTICATE,
        header::PROXY_AUTHORIZATION,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ];
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}
