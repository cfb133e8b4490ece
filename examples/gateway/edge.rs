//! The edge: what stands between the clients and the way to the backends.
//!
//! ```text
//! request id ► shed above a limit ► deadline ► limit per address ► API key ► limit per key ► route ► forward ► upstream
//!                └─ but not /healthz, /readyz, /metrics
//! ```

use crate::auth::{self, Tenant};
use crate::forward::forward;
use crate::upload;
use crate::upstream::{Group, Upstreams};
use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderName, StatusCode};
use axum::middleware::from_fn;
use axum::routing::{any, get};
use metrics_exporter_prometheus::PrometheusHandle;
use seawall::deadline::Deadlines;
use seawall::http::{ClientAddress, DeadlineHeaders, Respond};
use seawall::rate_limit::{KeyedRateLimiter, Quota};
use seawall::telemetry::Telemetry;
use seawall::{ConcurrencyLimit, Gate};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};

/// How many calls the gateway works on at a time, a bound on its memory; the next is shed. More than one group may take.
const IN_FLIGHT: u32 = 160;
/// How many addresses, and how many keys, are told apart at a time.
const KEYS: usize = 10_000;
/// How long a whole call may take, attempts and waits and all, however patient its client.
const LONGEST: Duration = Duration::from_secs(3);
/// Those who watch over the gateway are neither shed nor counted.
const WATCHERS: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// The gateway, ready to be served.
pub(crate) struct Gateway {
    pub(crate) app: Router,
    pub(crate) groups: Arc<[Group]>,
    draining: Arc<AtomicBool>,
    // Health checks and the cache's background, which end with the gateway.
    _upstreams: Upstreams,
}

impl Gateway {
    /// A gateway that sends `/{group}` and all below it to the backends of that group. One client address may ask
    /// for `per_address`, whatever its keys. `tell` makes the telemetry of an instance.
    pub(crate) fn new(
        groups: &[(&'static str, Vec<SocketAddr>)],
        per_address: Quota,
        prometheus: PrometheusHandle,
        tell: impl Fn(&str) -> Telemetry,
    ) -> Self {
        let mut upstreams = Upstreams::new(&tell);
        let mut api = Router::new();
        let mut known = Vec::new();
        for (name, backends) in groups {
            let (group, upstream) = upstreams.group(name, backends, &tell);
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
        let per_address = clients.limit(KeyedRateLimiter::new(tell("per address"), per_address, KEYS));
        let per_key = KeyedRateLimiter::new(tell("per key"), Quota::per_second(10), KEYS)
            .by(|request: &Request| tenant(request).map(|tenant| tenant.name))
            .quota(|request: &Request| tenant(request).map_or(Quota::deny_all(), |tenant| tenant.quota));
        let shed = ConcurrencyLimit::new(tell("edge"), IN_FLIGHT);
        let (call, upload) = (deadlines().at_most(LONGEST), deadlines().at_most(upload::PATIENCE));
        let deadlines = Deadlines::per_request(tell("edge"), move |request: &Request| {
            if upload::is_large(request.headers()) { upload.of(request) } else { call.of(request) }
        });

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
            .layer(Respond(shed.layer()).exempt(|parts| WATCHERS.contains(&parts.uri.path())))
            .layer(PropagateRequestIdLayer::x_request_id())
            .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid));
        Self { app, groups, draining, _upstreams: upstreams }
    }

    /// From now on it tells whoever balances over gateways that it is leaving.
    pub(crate) fn drain(&self) -> impl FnOnce() + Send + 'static {
        let draining = Arc::clone(&self.draining);
        move || draining.store(true, SeqCst)
    }
}

/// How clients say how long they will wait, and backends hear how much of it is left.
pub(crate) fn deadlines() -> DeadlineHeaders {
    DeadlineHeaders::new().millis(HeaderName::from_static("x-request-timeout-ms"))
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
