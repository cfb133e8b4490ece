//! Weights are shares of the traffic.

use seawall::Class;
use seawall::balance::{Config, Endpoint, LeastConnections, P2c, Pool, WeightedRandom, WeightedRoundRobin};
use std::collections::BTreeMap;

fn weighted(config: impl Into<Config>, weights: &[(&str, u32)]) -> Pool<()> {
    let pool = Pool::new("pool", config);
    pool.set(weights.iter().map(|&(id, weight)| Endpoint::new(id, ()).weight(weight)));
    pool
}

fn counts(pool: &Pool<()>, picks: usize) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for _ in 0..picks {
        let ticket = pool.pick().unwrap();
        *counts.entry(ticket.id().to_string()).or_default() += 1;
        ticket.settle(Class::Success);
    }
    counts
}

#[test]
fn the_smooth_round_is_exact() {
    let pool = weighted(WeightedRoundRobin::new(), &[("a", 5), ("b", 1), ("c", 1), ("drained", 0)]);
    let counts = counts(&pool, 700);
    assert_eq!(
        counts.into_iter().collect::<Vec<_>>(),
        [("a".into(), 500), ("b".into(), 100), ("c".into(), 100)]
    );
}

#[test]
fn while_one_is_out_the_others_keep_their_proportions() {
    let pool = weighted(WeightedRoundRobin::new(), &[("a", 6), ("b", 3), ("c", 1)]);
    // Put out, wherever the round begins.
    let heavy = std::iter::repeat_with(|| pool.pick().unwrap()).find(|ticket| ticket.id().as_str() == "a");
    heavy.unwrap().unready();
    let counts = counts(&pool, 4000);
    assert_eq!(counts.get("a"), None);
    assert!(counts["b"].abs_diff(3000) < 20, "{counts:?}");
}

#[test]
fn an_idle_pool_under_least_connections_follows_the_weights() {
    let pool = weighted(LeastConnections::new().starting_at(0), &[("a", 5), ("b", 1), ("c", 1)]);
    let picked: String = (0..7).map(|_| pool.pick().unwrap().id().to_string()).collect();
    assert_eq!(picked, "aabacaa");
}

#[test]
fn the_random_ones_follow_the_weights_in_the_long_run() {
    for config in [Config::new(WeightedRandom).seed(3), Config::new(P2c::new()).seed(3)] {
        let counts = counts(&weighted(config, &[("a", 1), ("b", 2), ("c", 5)]), 80_000);
        for (id, share) in [("a", 10_000), ("b", 20_000), ("c", 50_000usize)] {
            assert!(counts[id].abs_diff(share) < 500, "{counts:?}");
        }
    }
}

#[test]
fn held_calls_settle_in_proportion_to_the_weights() {
    for config in [Config::new(LeastConnections::new()), Config::new(P2c::new()).seed(5)] {
        let pool = weighted(config, &[("a", 1), ("b", 2), ("c", 5)]);
        let held: Vec<_> = (0..800).map(|_| pool.pick().unwrap()).collect();
        let in_flight: Vec<_> = pool.endpoints().iter().map(|e| e.in_flight).collect();
        for (in_flight, share) in in_flight.iter().zip([100u32, 200, 500]) {
            assert!(in_flight.abs_diff(share) <= 10, "{in_flight} {share}");
        }
        drop(held);
    }
}
