//! Levels carry each other's load.

use seawall::Ratio;
use seawall::balance::{Config, Endpoint, P2c, Pool, RoundRobin, State};
use seawall::health::Health;

/// Ten near endpoints and ten far ones, `ill` of the near ones unhealthy.
fn pool(ill: usize) -> Pool<()> {
    let pool = Pool::new("pool", Config::new(P2c::new()).seed(1));
    let of_level = |level: u8| (0..10).map(move |i| Endpoint::new(format!("{level}-{i}"), ()).level(level));
    pool.set(of_level(0).chain(of_level(1)));
    (0..ill).for_each(|i| assert!(pool.set_health(&format!("0-{i}"), Health::Unhealthy)));
    pool
}

/// How many of ten thousand calls stay near.
fn near(pool: &Pool<()>) -> usize {
    (0..10_000).filter(|_| pool.pick().unwrap().id().as_str().starts_with('0')).count()
}

#[test]
fn a_level_is_relieved_as_far_as_it_is_ill() {
    let nears: Vec<_> = [0, 2, 3, 5, 10].map(|ill| near(&pool(ill))).into();
    assert_eq!((nears[0], nears[1]), (10_000, 10_000));
    assert!(nears[2].abs_diff(9800) < 100 && nears[3].abs_diff(7000) < 200, "{nears:?}");
    assert_eq!(nears[4], 0);
}

#[test]
fn the_ill_ones_are_not_picked_and_the_well_ones_come_home() {
    let pool = pool(3);
    assert!((0..1000).all(|_| !["0-0", "0-1", "0-2"].contains(&pool.pick().unwrap().id().as_str())));
    (0..3).for_each(|i| assert!(pool.set_health(&format!("0-{i}"), Health::Healthy)));
    assert_eq!(near(&pool), 10_000);
    assert!(!pool.set_health("nobody", Health::Healthy));
}

#[test]
fn a_full_level_passes_on_to_the_next() {
    let pool = Pool::new("pool", RoundRobin::new());
    pool.set([Endpoint::new("near", ()).limit(1), Endpoint::new("far", ()).level(7)]);
    let held = [pool.pick().unwrap(), pool.pick().unwrap()];
    assert_eq!(super::ids(&held), ["near", "far"]);
}

#[test]
fn when_most_are_ill_all_are_used_and_the_draining_never() {
    let pool = Pool::new("pool", RoundRobin::new());
    pool.set((0..6).map(|i| Endpoint::new(i.to_string(), ())));
    (0..4).for_each(|i| assert!(pool.set_health(&i.to_string(), Health::Unhealthy)));
    pool.set_health("5", Health::Draining);
    let mut picked: Vec<_> = (0..50).map(|_| pool.pick().unwrap().id().to_string()).collect();
    picked.sort();
    picked.dedup();
    assert_eq!(picked, ["0", "1", "2", "3", "4"]);
    assert_eq!(pool.endpoints()[5].state, State::Drained);
    assert_eq!(pool.endpoints()[0].state, State::Unhealthy);
}

#[test]
fn without_panic_nothing_ill_is_called() {
    let pool = Pool::new("pool", Config::new(RoundRobin::new()).panic(Ratio::ZERO));
    pool.set(["a", "b"].map(|id| Endpoint::new(id, ())));
    pool.set_health("a", Health::Unhealthy);
    assert!((0..9).all(|_| pool.pick().unwrap().id().as_str() == "b"));
    pool.set_health("b", Health::Unhealthy);
    let refused = pool.pick().unwrap_err();
    assert_eq!((refused.reason(), refused.retry_after()), (seawall::Reason::EndpointsOut, None));
}
