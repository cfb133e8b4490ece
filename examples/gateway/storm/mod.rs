//! The storm: traffic, what befalls the backends meanwhile, and what must hold all the same.
//!
//! Claims are about counts. Where something has to happen first, it is waited for; latencies are shown, not judged.

mod account;
mod bodies;
mod crowds;
mod input;
mod ledger;
mod load;
mod pages;
mod sick;
mod sum;
mod tally;

use self::account::Account;
use self::ledger::{Ledger, Turn};
use self::load::{Asks, Load};
use self::tally::Tally;
use crate::auth::GOLD;
use crate::backend::Backend;
use crate::edge::Gateway;
use crate::listen::serve;
use crate::{Failure, GROUPS};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use seawall::Instant;
use seawall::rate_limit::Quota;
use seawall::telemetry::{Metrics, Telemetry};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Clients of either group that are there all the time, and how they ask: some 800 requests a second in all.
const CLIENTS: u32 = 10;
const PACE: Duration = Duration::from_millis(15);
const PHASE: Duration = Duration::from_millis(700);
/// How long something may take to happen that has to.
const AT_LAST: Duration = Duration::from_secs(20);

/// What one client address may ask for, whatever its keys; the clients here ask for less.
const PER_ADDRESS: Quota = Quota::per_second(100).burst(100);

/// The gateway in the storm, and what has been seen of it.
struct Storm {
    gateway: Gateway,
    address: SocketAddr,
    orders: Vec<Backend>,
    catalogue: Vec<Backend>,
    ledger: Arc<Ledger>,
    prometheus: PrometheusHandle,
    account: Account,
    /// Calls for orders that were not refused at the edge for their quota.
    calls: u64,
    broken_off: u64,
    nameless: u64,
}

/// Whether all held that must.
pub(crate) async fn run() -> Result<bool, Failure> {
    let [orders, catalogue] =
        GROUPS.map(|(_, names)| names.iter().map(|name| Backend::start(name)).collect::<Result<Vec<_>, _>>());
    let (orders, catalogue) = (orders?, catalogue?);
    let places = [("orders", &orders), ("catalogue", &catalogue)]
        .map(|(group, backends)| (group, backends.iter().map(Backend::address).collect()));
    let (metrics, ledger) = (Arc::new(Metrics::new()), Arc::new(Ledger::default()));
    let prometheus = PrometheusBuilder::new().install_recorder()?;
    let gateway = Gateway::new(&places, PER_ADDRESS, prometheus.clone(), |name| {
        Telemetry::new(name.to_owned()).observer(Arc::clone(&metrics)).observer(Arc::clone(&ledger))
    });
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let mut serving = JoinSet::new();
    serving.spawn(serve(gateway.app.clone(), listener, std::future::pending()));
    say!("gateway on {address}, {CLIENTS} clients of each group");
    let mut storm = Storm {
        gateway,
        address,
        orders,
        catalogue,
        ledger,
        prometheus,
        account: Account::default(),
        calls: 0,
        broken_off: 0,
        nameless: 0,
    };

    let begun = Instant::now();
    storm.sick_backends().await?;
    storm.pages_in_an_outage().await?;
    storm.bodies().await?;
    storm.crowds().await;
    storm.bad_input().await?;
    storm.in_all(begun);
    drop(serving);
    Ok(storm.account.close())
}

impl Storm {
    const fn load(&self, asks: Asks) -> Load {
        Load { gateway: self.address, asks, key: GOLD.key, clients: CLIENTS, pace: PACE, one_address: false }
    }

    /// Both groups are asked as always while `weather` is; what came of it is printed under `title`.
    async fn phase<T>(
        &mut self,
        title: &str,
        weather: impl AsyncFnOnce(&mut Self) -> T,
    ) -> (Tally, Tally, T) {
        self.account.phase(title);
        self.ledger.take_turns();
        let retries = |storm: &Self| (storm.ledger.retries("orders"), storm.ledger.retries("catalogue"));
        let before = retries(self);
        let (orders, pages) = (self.load(Asks::Orders).start(), self.load(Asks::Pages).start());
        let came = weather(self).await;
        let (orders, pages) = tokio::join!(orders.stop(), pages.stop());
        let after = retries(self);
        self.account.table();
        self.account.row("orders", &orders, after.0 - before.0);
        self.account.row("catalogue", &pages, after.1 - before.1);
        self.turns();
        self.note(&orders);
        self.note(&pages);
        self.calls += orders.sent;
        self.account.must(
            format!("every client of the catalogue was served, {} of {}", pages.status(200), pages.sent),
            pages.all_served(),
        );
        (orders, pages, came)
    }

    fn note(&mut self, tally: &Tally) {
        self.broken_off += tally.status(599);
        self.nameless += tally.nameless;
    }

    /// What the circuits and endpoints did.
    fn turns(&self) {
        let mut circuits = BTreeMap::<_, Vec<_>>::new();
        let mut out = BTreeMap::<_, u32>::new();
        for turn in self.ledger.take_turns() {
            match turn {
                Turn::Circuit { group, state } => circuits.entry(group).or_default().push(state),
                Turn::Out { group, serial, why } => {
                    *out.entry((self.name(group, serial), why.as_str())).or_default() += 1;
                }
            }
        }
        let out: Vec<_> =
            out.iter().map(|((name, why), times)| format!("{name} {why} {times} times")).collect();
        if !out.is_empty() {
            say!("  out: {}", out.join(", "));
        }
        for (group, states) in circuits {
            let more = if states.len() > 8 { " ► …" } else { "" };
            say!("  circuit of {group}: {}{more}", states[..states.len().min(8)].join(" ► "));
        }
    }

    fn name(&self, group: &str, serial: u32) -> &'static str {
        let group = self.gateway.groups.iter().find(|known| known.name == group);
        let endpoint = group.and_then(|group| group.endpoints().into_iter().find(|at| at.serial == serial));
        let backend = endpoint.and_then(|endpoint| {
            let mut all = self.orders.iter().chain(&self.catalogue);
            all.find(|backend| backend.address().to_string() == endpoint.id.as_str())
        });
        backend.map_or("?", Backend::name)
    }

    /// Waits until it is so; traffic goes on where there is some.
    async fn until(&self, holds: impl Fn(&Self) -> bool) -> bool {
        let end = Instant::now() + AT_LAST;
        while !holds(self) && Instant::now() < end {
            crate::pause(Duration::from_millis(5)).await;
        }
        holds(self)
    }

    /// Waits until nothing is wrong with any backend. Probes go with the traffic, so there is some.
    async fn recovered(&mut self, what: &str) {
        let traffic = [Asks::Reads, Asks::Pages].map(|asks| self.load(asks).start());
        let well = self.until(|storm| storm.gateway.groups.iter().all(|group| group.is_well())).await;
        for running in traffic {
            let tally = running.stop().await;
            self.note(&tally);
            self.calls += tally.sent;
        }
        self.account.must(format!("{what}: they are all called again"), well);
    }
}
