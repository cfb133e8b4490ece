//! A small but real API gateway on seawall: axum and hyper in front of real HTTP backends on loopback.
//!
//! ```text
//! cargo run --example gateway                            a storm of its own, an account of it, exit code 0 if all held
//! cargo run --example gateway -- --listen 127.0.0.1:8080 serves until stopped; try it with curl or wrk
//! ```
//!
//! `command` reads the arguments, `edge` is what clients meet, `upstream` the way to the backends, `backend` the
//! backends themselves, `storm` the script of the storm, `load` its clients, `account` what is printed.

/// `println!`, except that nobody who stops listening (`| head`) makes it panic.
macro_rules! say {
    ($($what:tt)*) => {{
        use std::io::Write as _;
        writeln!(std::io::stdout(), $($what)*).ok();
    }};
}

mod account;
mod auth;
mod backend;
mod command;
mod edge;
mod ledger;
mod load;
mod storm;
mod upstream;

use crate::backend::Backend;
use crate::command::{Command, USAGE};
use crate::edge::Gateway;
use axum::Router;
use metrics_exporter_prometheus::PrometheusBuilder;
use seawall::rate_limit::Quota;
use std::error::Error as StdError;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

type Failure = Box<dyn StdError + Send + Sync>;

/// The groups of backends, and who is in them. The storm is for the first; the second shows that it is spared.
const GROUPS: [(&str, &[&str]); 2] = [("orders", &["a", "b", "c"]), ("catalogue", &["d", "e"])];
/// How long calls in flight may take to end once the gateway has been told to stop.
const DRAIN: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let command = match Command::parse(std::env::args_os().skip(1)) {
        Ok(command) => command,
        Err(wrong) => {
            eprintln!("gateway: {wrong}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let done =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::from).and_then(
            |runtime| {
                runtime.block_on(async {
                    match command {
                        Command::Help => {
                            say!("{USAGE}");
                            Ok(true)
                        }
                        Command::Storm => storm::run().await,
                        Command::Listen(address) => listen(address).await,
                    }
                })
            },
        );
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("gateway: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Starts the backends of one group.
fn start(names: &[&'static str]) -> std::io::Result<Vec<Backend>> {
    names.iter().map(|name| Backend::start(name)).collect()
}

/// A gateway before these backends.
fn gateway(groups: &[(&'static str, Vec<Backend>)], per_address: Quota) -> Result<Gateway, Failure> {
    let place = |backend: &Backend| (backend.name(), backend.address());
    let places: Vec<_> =
        groups.iter().map(|(group, backends)| (*group, backends.iter().map(place).collect())).collect();
    Ok(Gateway::new(&places, per_address, PrometheusBuilder::new().install_recorder()?))
}

/// Serves until `stop`, and then until the calls in flight have ended.
async fn serve(app: Router, listener: TcpListener, stop: impl Future<Output = ()> + Send + 'static) {
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).with_graceful_shutdown(stop).await.ok();
}

async fn listen(address: SocketAddr) -> Result<bool, Failure> {
    let listener =
        TcpListener::bind(address).await.map_err(|error| format!("cannot listen on {address}: {error}"))?;
    let backends = GROUPS
        .iter()
        .map(|(group, names)| Ok((*group, start(names)?)))
        .collect::<std::io::Result<Vec<_>>>()?;
    // Room for a load generator, which asks from one address.
    let gateway = gateway(&backends, Quota::per_second(50_000))?;
    let address = listener.local_addr()?;
    say!("listening on http://{address}, in front of");
    for (group, backends) in &backends {
        let places: Vec<_> = backends.iter().map(|backend| backend.address().to_string()).collect();
        say!("  /{group:<10} {}", places.join(", "));
    }
    for tenant in auth::TENANTS {
        say!(
            "  curl -i -H 'x-api-key: {}' http://{address}/orders/7    # {} tenant",
            tenant.key,
            tenant.name
        );
    }
    say!("  curl http://{address}/readyz; curl http://{address}/metrics");

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
        () = &mut serving => return Ok(true),
        _ = &mut leaving => {}
    }
    match tokio::time::timeout(DRAIN, serving).await {
        Ok(()) => say!("drained"),
        Err(_) => say!("gave up on calls that would not end"),
    }
    Ok(true)
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

/// A gateway on a free port of loopback, that runs until the set is dropped.
async fn on_loopback(gateway: &Gateway) -> Result<(SocketAddr, JoinSet<()>), Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let mut serving = JoinSet::new();
    serving.spawn(serve(gateway.app.clone(), listener, std::future::pending()));
    Ok((address, serving))
}

#[expect(clippy::disallowed_methods, reason = "a program may sleep; the library may not")]
async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}
