//! Picks, lookups and builds, beside those that people use.

use crate::{Bare, Visit, serve, unexpected};
use pingora_ketama::{Bucket, Continuum};
use rendezvous_hash::{DefaultNodeHasher, RendezvousNodes};
use seawall::balance::{
    Ask, Config, Endpoint, Hashed, LeastConnections, P2c, PeakEwma, Pool, Random, RoundRobin,
    WeightedRoundRobin,
};
use seawall::hash::{HashRing, JumpHash, Maglev, Nodes, Placement, Rendezvous};
use seawall::{Class, Lift};
use std::hint::black_box;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;
use tower::discover::ServiceList;
use tower::load::{CompleteOnResponse, PeakEwma as TowerPeakEwma, PendingRequests};

pub(crate) fn rows(visit: &mut impl Visit) {
    picks(visit);
    balances(visit);
    lookups(visit);
}

fn address(i: u32) -> SocketAddr {
    SocketAddr::from(([10, 0, (i / 250) as u8, (i % 250) as u8], 80))
}

fn pool(config: impl Into<Config>, size: u32) -> Pool<Lift<Bare>> {
    let pool = Pool::new("api", config);
    pool.set((0..size).map(|i| Endpoint::new(address(i), Lift::new(Bare)).weight(1)));
    pool
}

/// Picked, and settled as a success.
fn picks(visit: &mut impl Visit) {
    let mut row = |name, pool: Pool<Lift<Bare>>| {
        visit.row("pick", name, || {
            || {
                let Ok(ticket) = pool.pick() else { unexpected("refused") };
                ticket.settle(Class::Success);
            }
        });
    };
    row("seawall round robin of 10", pool(RoundRobin::new(), 10));
    row("seawall random of 10", pool(Random, 10));
    row("seawall two choices of 10", pool(P2c::new(), 10));
    row("seawall two choices of 1000", pool(P2c::new(), 1000));
    row("seawall peak EWMA of 10", pool(PeakEwma::new(), 10));
    row("seawall least connections of 10", pool(LeastConnections::new(), 10));
    row("seawall least connections of 100", pool(LeastConnections::new(), 100));
    let weighted = pool(WeightedRoundRobin::new(), 0);
    weighted.set((0..10).map(|i| Endpoint::new(address(i), Lift::new(Bare)).weight(1 + i % 3)));
    row("seawall weighted round robin of 10", weighted);
    for (name, size) in [("seawall by key, Maglev of 10", 10), ("seawall by key, Maglev of 1000", 1000)] {
        let hashed = pool(Hashed::maglev(), size);
        visit.row("pick", name, || {
            let (mut key, hashed) = (0u64, &hashed);
            move || {
                key = key.wrapping_add(1);
                let Ok(ticket) = hashed.pick_for(Ask::new().key(key.to_le_bytes().as_slice())) else {
                    unexpected("refused")
                };
                ticket.settle(Class::Success);
            }
        });
    }
}

/// One call through a balancer over ten services that answer at once.
fn balances(visit: &mut impl Visit) {
    const GROUP: &str = "balancer of 10";
    let two_choices = pool(P2c::new(), 10).balance();
    visit.row(GROUP, "seawall two choices", || serve(two_choices.clone()));
    let peak = pool(PeakEwma::new(), 10).balance();
    visit.row(GROUP, "seawall peak EWMA", || serve(peak.clone()));

    // tower's belongs to one task, so each thread has its own.
    visit.row(GROUP, "tower PendingRequests", || {
        let services = [(); 10].map(|()| PendingRequests::new(Bare, CompleteOnResponse::default()));
        serve(tower::balance::p2c::Balance::new(ServiceList::new::<u64>(services)))
    });
    visit.row(GROUP, "tower PeakEwma", || {
        let rtt = Duration::from_millis(1);
        let one = || TowerPeakEwma::new(Bare, rtt, 10e9, CompleteOnResponse::default());
        serve(tower::balance::p2c::Balance::new(ServiceList::new::<u64>([(); 10].map(|()| one()))))
    });
}

const SIZES: [(u32, [&str; 6]); 3] = [
    (10, ["ring of 10", "ketama of 10", "hashring of 10", "Maglev of 10", "jump of 10", "jumphash of 10"]),
    (
        100,
        [
            "ring of 100",
            "ketama of 100",
            "hashring of 100",
            "Maglev of 100",
            "jump of 100",
            "jumphash of 100",
        ],
    ),
    (
        1000,
        [
            "ring of 1000",
            "ketama of 1000",
            "hashring of 1000",
            "Maglev of 1000",
            "jump of 1000",
            "jumphash of 1000",
        ],
    ),
];

/// 160 points a node, as ours and nginx's.
const POINTS: u32 = 160;

fn nodes(size: u32) -> Nodes {
    Nodes::equal((0..size).map(|i| address(i).to_string()))
}

fn continuum(size: u32) -> Continuum {
    Continuum::new(&(0..size).map(|i| Bucket::new(address(i), 1)).collect::<Vec<_>>())
}

fn hashring(size: u32) -> hashring::HashRing<(u32, u32)> {
    let mut ring = hashring::HashRing::new();
    ring.batch_add((0..size).flat_map(|node| (0..POINTS).map(move |k| (node, k))).collect());
    ring
}

/// The home of a key of eight bytes, its hashing included.
fn lookups(visit: &mut impl Visit) {
    let mut row = |name, look: &(dyn Fn(&[u8; 8]) -> usize + Sync)| {
        visit.row("lookup", name, || {
            let mut key = 0u64;
            move || {
                key = key.wrapping_add(1);
                black_box(look(&key.to_le_bytes()));
            }
        });
    };
    for (size, [ring, ketama, hashring_name, maglev, jump, jumphash]) in SIZES {
        let shards = NonZeroU32::new(size).unwrap_or(NonZeroU32::MIN);
        let of = HashRing::new(nodes(size));
        row(ring, &|key| of.first(of.hash(key)).unwrap_or_default());
        let of = continuum(size);
        row(ketama, &|key| of.node(key).map_or(0, |address| address.port().into()));
        let of = hashring(size);
        row(hashring_name, &|key| of.get(key).map_or(0, |node| node.0 as usize));
        let of = Maglev::new(nodes(size));
        row(maglev, &|key| of.first(of.hash(key)).unwrap_or_default());
        let of = JumpHash::new(shards);
        row(jump, &|key| of.lookup_key(key) as usize);
        let of = jumphash::JumpHasher::new();
        row(jumphash, &|key| of.slot(key, size) as usize);
    }
    let of = Rendezvous::new(nodes(100));
    row("rendezvous of 100", &|key| of.first(of.hash(key)).unwrap_or_default());
    let of = Rendezvous::new(Nodes::weighted((0..100).map(|i| (address(i).to_string(), 1 + i % 3))));
    row("rendezvous of 100, weighted", &|key| of.first(of.hash(key)).unwrap_or_default());
    let names: Vec<_> = (0..100).map(|i| address(i).to_string()).collect();
    let mut of = RendezvousNodes::<&str, DefaultNodeHasher>::default();
    for name in &names {
        of.insert(name);
    }
    row("rendezvous_hash of 100", &|key| of.calc_candidates(key).next().map_or(0, |node| node.len()));
}

/// What a change of the members costs. Milliseconds each, so only for who measures time.
pub fn builds(visit: &mut impl Visit) {
    const GROUP: &str = "build";
    visit.row(GROUP, "ring of 1000 x 160", || || drop(black_box(HashRing::new(nodes(1000)))));
    visit.row(GROUP, "ketama of 1000 x 160", || || drop(black_box(continuum(1000))));
    visit.row(GROUP, "hashring of 1000 x 160", || || drop(black_box(hashring(1000))));
    visit.row(GROUP, "Maglev of 1000", || || drop(black_box(Maglev::new(nodes(1000)))));
    let pool = pool(P2c::new(), 1000);
    visit.row(GROUP, "a snapshot of 1000 endpoints", || {
        || pool.insert(Endpoint::new(address(0), Lift::new(Bare)))
    });
}
