//! Serves for real: until told to stop, and then until the calls in flight have ended.

use crate::auth;
use crate::backend::Backend;
use crate::edge::Gateway;
use crate::{Failure, GROUPS};
use axum::Router;
use metrics_exporter_prometheus::PrometheusBuilder;
use seawall::rate_limit::Quota;
use seawall::telemetry::{Metrics, Telemetry};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// How long calls in flight may take to end once the gateway has been told to stop.
const DRAIN: Duration = Duration::from_secs(10);

pub(crate) async fn run(address: SocketAddr) -> Result<(), Failure> {
    let listener =
        TcpListener::bind(address).await.map_err(|error| format!("cannot listen on {address}: {error}"))?;
    let backends = GROUPS.map(|(group, names)| (group, names.iter().map(|name| Backend::start(name))));
    let prometheus = PrometheusBuilder::new().install_recorder()?;
    let metrics = Arc::new(Metrics::new());
    let mut groups = Vec::new();
    let mut running = Vec::new();
    for (group, backends) in backends {
        let backends = backends.collect::<std::io::Result<Vec<_>>>()?;
        groups.push((group, backends.iter().map(Backend::address).collect()));
        running.push(backends);
    }
    // Room for a load generator, which asks from one address.
    let gateway = Gateway::new(&groups, Quota::per_second(50_000), prometheus, |name| {
        Telemetry::new(name.to_owned()).observer(Arc::clone(&metrics))
    });
    invite(listener.local_addr()?, &groups);

    let (told, mut leaving) = oneshot::channel();
    let drain = gateway.drain();
    let stop = async move {
        stopped().await;
        say!("draining");
        drain();
        told.send(()).ok();
    };
    let serving = serve(gateway.app.clone(), listener, stop);
    tokio::pin!(serving);
    tokio::select! {
        () = &mut serving => return Ok(()),
        _ = &mut leaving => {}
    }
    match tokio::time::timeout(DRAIN, serving).await {
        Ok(()) => say!("drained"),
        Err(_) => say!("gave up on calls that would not end"),
    }
    Ok(())
}

/// Serves until `stop`, and then until the calls in flight have ended.
pub(crate) async fn serve(
    app: Router,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).with_graceful_shutdown(stop).await.ok();
}

fn invite(address: SocketAddr, groups: &[(&str, Vec<SocketAddr>)]) {
    say!("listening on http://{address}, in front of");
    for (group, backends) in groups {
        let places: Vec<_> = backends.iter().map(SocketAddr::to_string).collect();
        say!("  /{group:<10} {}", places.join(", "));
    }
    for tenant in auth::TENANTS {
        say!(
            "  curl -i -H 'x-api-key: {}' http://{address}/catalogue/7    # {} tenant",
            tenant.key,
            tenant.name
        );
    }
    say!("  curl http://{address}/readyz; curl http://{address}/metrics");
}

/// Until SIGTERM or ctrl-c.
async fn stopped() {
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = terminate.recv() => return,
            _ = tokio::signal::ctrl_c() => return,
        }
    }
    tokio::signal::ctrl_c().await.ok();
}
