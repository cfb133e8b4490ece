//! Two zones and a region far away: calls stay near as long as they can, and come back when they may.
//! `cargo run --example zones_and_regions`. In paused time: over at once, and the same each time.

use seawall::balance::{Config, Endpoint, Failover, P2c, Pool, Zoning};
use seawall::health::Health;
use seawall::{Class, Rejected};
use std::collections::BTreeMap;
use std::time::Duration;

/// A thousand calls: how many went where.
fn calls(pool: &Pool<&'static str>) -> Result<BTreeMap<&'static str, u32>, Rejected> {
    let mut seen = BTreeMap::new();
    for _ in 0..1_000 {
        let ticket = pool.pick()?;
        *seen.entry(*ticket.service()).or_default() += 1;
        ticket.settle(Class::Success);
    }
    Ok(seen)
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Rejected> {
    // This program runs in zone a; as many instances of it run in zone b.
    let zoning = Zoning::of("eu-a").callers([("eu-a", 1), ("eu-b", 1)]);
    let failover = Failover::new().hold(Duration::from_secs(60));
    let pool = Pool::new("api", Config::new(P2c::new()).zoning(zoning).failover(failover).seed(1));
    let place = |zone: &'static str, level: u8, count: u32| {
        (0..count).map(move |i| Endpoint::new(format!("{zone}-{i}"), zone).zone(zone).level(level))
    };
    pool.set(place("eu-a", 0, 4).chain(place("eu-b", 0, 4)).chain(place("us", 1, 8)));
    let health = |zone: &str, count: u32, health| {
        for i in 0..count {
            pool.set_health(&format!("{zone}-{i}"), health);
        }
    };

    let seen = calls(&pool)?;
    println!("all is well:                       {seen:?}");
    assert_eq!(seen, BTreeMap::from([("eu-a", 1_000)]));

    // Half of the own zone falls ill: it takes what it can take of its callers, the neighbour the rest.
    health("eu-a", 2, Health::Unhealthy);
    let seen = calls(&pool)?;
    println!("half of eu-a is ill:               {seen:?}");
    assert!((600..730).contains(&seen["eu-a"]) && seen.len() == 2, "two thirds stay");

    // The whole zone, and one more: less than half of the region is left, and all calls leave it.
    health("eu-a", 4, Health::Unhealthy);
    health("eu-b", 1, Health::Unhealthy);
    let seen = calls(&pool)?;
    println!("three of eight are left in eu:     {seen:?}");
    assert_eq!(seen, BTreeMap::from([("us", 1_000)]));

    // It comes back, and nobody hurries: a region that flaps would take the sessions and caches to and fro.
    health("eu-a", 4, Health::Healthy);
    health("eu-b", 1, Health::Healthy);
    let seen = calls(&pool)?;
    println!("eu is well again:                  {seen:?}");
    assert_eq!(seen, BTreeMap::from([("us", 1_000)]));
    tokio::time::advance(Duration::from_secs(61)).await;
    let seen = calls(&pool)?;
    println!("and has been so for a minute:      {seen:?}");
    assert_eq!(seen, BTreeMap::from([("eu-a", 1_000)]));
    Ok(())
}
