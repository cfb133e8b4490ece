//! Zones, regions, endpoints that warm up, and calls that stick.

use seawall::balance::{
    Ask, Config, Endpoint, Failover, LeastConnections, P2c, Pool, RoundRobin, SlowStart, State, Token, Tried,
    WeightedRoundRobin, ZoneWeights, Zoning,
};
use seawall::health::{Checks, Finding, Health};
use seawall::outlier::Outliers;
use seawall::{Class, Ratio, Reason};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{advance, timeout};

/// Of so many picks, settled as successes, how many went where.
fn picks(pool: &Pool<()>, count: usize) -> BTreeMap<String, usize> {
    let mut seen = BTreeMap::new();
    for _ in 0..count {
        let ticket = pool.pick().unwrap();
        *seen.entry(ticket.id().to_string()).or_default() += 1;
        ticket.settle(Class::Success);
    }
    seen
}

/// So many endpoints in each zone, named after it.
fn zoned(config: Config, zones: &[(&'static str, usize)]) -> Pool<()> {
    let pool = Pool::new("pool", config.seed(3));
    let endpoints = zones.iter().flat_map(|&(zone, count)| {
        (0..count).map(move |i| Endpoint::new(format!("{zone}{i}"), ()).zone(zone))
    });
    pool.set(endpoints);
    pool
}

fn in_zone(seen: &BTreeMap<String, usize>, zone: &str) -> usize {
    seen.iter().filter(|(id, _)| id.starts_with(zone)).map(|(_, count)| count).sum()
}

#[test]
fn what_its_own_zone_cannot_take_goes_to_the_one_with_room() {
    let zoning = Zoning::of("a").callers([("a", 1), ("b", 1)]);
    for config in
        [Config::new(P2c::new()), Config::new(RoundRobin::new()), Config::new(WeightedRoundRobin::new())]
    {
        let pool = zoned(config.zoning(zoning.clone()), &[("a", 2), ("b", 2), ("c", 2)]);
        let seen = picks(&pool, 9_000);
        // 6666 of ten thousand stay.
        assert!((5_850..6_150).contains(&in_zone(&seen, "a")), "{seen:?}");
        assert_eq!(in_zone(&seen, "b"), 0);
    }
}

#[test]
fn a_zone_that_falls_ill_sends_its_calls_away_and_few_endpoints_know_no_zones() {
    let pool = zoned(Config::new(P2c::new()).zoning(Zoning::of("a")), &[("a", 4), ("b", 4)]);
    assert_eq!(in_zone(&picks(&pool, 500), "b"), 0);
    pool.set_health("a0", Health::Unhealthy);
    pool.set_health("a1", Health::Unhealthy);
    // Two of six carry two thirds of half of the calls.
    let away = in_zone(&picks(&pool, 9_000), "b");
    assert!((2_800..3_200).contains(&away), "{away}");
    pool.set_health("a2", Health::Unhealthy);
    // Five are too few to balance within zones.
    let away = in_zone(&picks(&pool, 5_000), "b");
    assert!((3_800..4_200).contains(&away), "{away}");
}

#[test]
fn zones_have_the_calls_that_their_weights_and_their_health_say() {
    let weights = ZoneWeights::new([("x", 1), ("y", 2)]);
    for config in
        [Config::new(P2c::new()), Config::new(RoundRobin::new()), Config::new(WeightedRoundRobin::new())]
    {
        let pool = zoned(config.zone_weights(weights.clone()), &[("x", 4), ("y", 2), ("none", 4)]);
        let share = || {
            let seen = picks(&pool, 9_000);
            assert_eq!(in_zone(&seen, "none"), 0, "{seen:?}");
            in_zone(&seen, "x") as f64 / 9_000.0
        };
        assert!((share() - 0.333).abs() < 0.02);
        pool.set_health("x0", Health::Unhealthy);
        pool.set_health("x1", Health::Unhealthy);
        // Half of it carries 1.4 times half of its weight: 0.7 of 2.7.
        assert!((share() - 0.259).abs() < 0.02);
        pool.set_health("x2", Health::Unhealthy);
        pool.set_health("x3", Health::Unhealthy);
        assert_eq!(share(), 0.0);
    }
}

#[test]
fn zones_without_a_weight_are_used_when_no_zone_has_one_and_in_panic() {
    let weights = ZoneWeights::new([("gone", 1)]);
    let pool = zoned(Config::new(P2c::new()).zone_weights(weights), &[("x", 2), ("y", 2)]);
    assert!(in_zone(&picks(&pool, 1_000), "x") > 400);
    let weights = ZoneWeights::new([("x", 1)]);
    let pool = zoned(Config::new(P2c::new()).zone_weights(weights), &[("x", 2), ("y", 4)]);
    assert_eq!(in_zone(&picks(&pool, 1_000), "x"), 1_000);
    for id in ["y0", "y1", "y2", "y3"] {
        pool.set_health(id, Health::Unhealthy);
    }
    assert!(in_zone(&picks(&pool, 6_000), "y") > 3_500, "the level panics, and everybody is used");
}

#[test]
fn a_zone_whose_endpoints_are_full_is_left() {
    let pool = Pool::new("pool", Config::new(RoundRobin::new()).zoning(Zoning::of("a")));
    pool.set((0..6).map(|i| Endpoint::new(format!("{i}"), ()).zone(["a", "b"][i % 2]).limit(1)));
    let held: Vec<_> = (0..6).map(|_| pool.pick().unwrap()).collect();
    assert!(held[..3].iter().all(|ticket| ["0", "2", "4"].contains(&ticket.id().as_str())));
    assert_eq!(pool.pick().unwrap_err().reason(), Reason::EndpointsFull);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_comes_gets_its_share_only_as_it_warms_up() {
    let slow = SlowStart::over(Duration::from_secs(60));
    for config in
        [Config::new(RoundRobin::new()), Config::new(P2c::new()), Config::new(LeastConnections::new())]
    {
        let pool = Pool::new("pool", config.slow_start(slow).seed(5));
        pool.set(["a", "b", "c"].map(|id| Endpoint::new(id, ())));
        // All are cold alike: nobody has to yield.
        assert!(picks(&pool, 3_000).values().all(|&count| count > 800));
        advance(Duration::from_secs(60)).await;
        pool.insert(Endpoint::new("d", ()));
        let mut shares = Vec::new();
        for seconds in [0, 12, 18, 30] {
            advance(Duration::from_secs(seconds)).await;
            shares.push(picks(&pool, 8_000).get("d").copied().unwrap_or_default());
        }
        // Of 2000 a tenth, a fifth, half, and all.
        let expected = [200, 400, 1_000, 2_000];
        for (&seen, expected) in shares.iter().zip(expected) {
            assert!(seen.abs_diff(expected) < expected / 5, "{shares:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_well_again_warms_up_anew() {
    let config = Config::new(RoundRobin::new()).slow_start(SlowStart::over(Duration::from_secs(60)));
    let pool = super::pool(config, &["a", "b"]);
    advance(Duration::from_secs(100)).await;
    assert_eq!(picks(&pool, 1_000)["b"], 500);
    pool.set_health("b", Health::Unhealthy);
    pool.set_health("b", Health::Healthy);
    let cold = picks(&pool, 1_000)["b"];
    assert!((20..100).contains(&cold), "{cold}");
}

#[tokio::test(start_paused = true)]
async fn a_region_is_left_at_once_and_returned_to_after_its_time() {
    let pool = Pool::new("pool", Config::new(RoundRobin::new()).failover(Failover::new()));
    let near = (0..4).map(|i| Endpoint::new(format!("eu{i}"), ()));
    pool.set(near.chain((0..4).map(|i| Endpoint::new(format!("us{i}"), ()).level(1))));
    let is_home = || {
        let seen = picks(&pool, 40);
        match (in_zone(&seen, "eu"), in_zone(&seen, "us")) {
            (40, 0) => true,
            (0, 40) => false,
            _ => panic!("both at once: {seen:?}"),
        }
    };
    assert!(is_home());
    for id in ["eu0", "eu1"] {
        pool.set_health(id, Health::Unhealthy);
    }
    assert!(is_home(), "half of it is well");
    pool.set_health("eu2", Health::Unhealthy);
    assert!(!is_home());
    // It flaps: nobody follows.
    for id in ["eu0", "eu1", "eu2"] {
        pool.set_health(id, Health::Healthy);
    }
    assert!(!is_home());
    advance(Duration::from_secs(59)).await;
    assert!(!is_home());
    pool.set_health("eu0", Health::Unhealthy);
    assert!(!is_home(), "three of four is below 80 %: the time begins anew");
    pool.set_health("eu0", Health::Healthy);
    assert!(!is_home());
    advance(Duration::from_secs(59)).await;
    assert!(!is_home());
    advance(Duration::from_secs(2)).await;
    assert!(is_home(), "by the clock alone");
}

#[test]
fn a_sticky_call_goes_back_whatever_the_shares_and_elsewhere_when_it_must() {
    let pool = Pool::new("pool", RoundRobin::new());
    pool.set([Endpoint::new("a", ()), Endpoint::new("b", ()).level(1), Endpoint::new("c", ()).limit(1)]);
    let token = |id: &str| Token::of(&id.into());
    let stick = |id: &str| pool.pick_for(Ask::new().sticky(token(id)));
    let id = |id: &str| stick(id).unwrap().id().to_string();
    assert_eq!((id("a"), id("b"), id("c")), ("a".into(), "b".into(), "c".into()));
    // Degraded or draining it is still its own.
    for health in [Health::Degraded, Health::Draining] {
        pool.set_health("b", health);
        assert_eq!(id("b"), "b");
    }
    pool.set_health("b", Health::Unhealthy);
    assert_ne!(id("b"), "b");
    // Full.
    let held = stick("c").unwrap();
    assert_eq!(id("c"), "a");
    drop(held);
    assert_eq!(id("c"), "c");
    // It could not be reached.
    stick("a").unwrap().unready();
    assert_eq!(id("a"), "c");
    // Tried before.
    let tried = Tried::new();
    let again = || pool.pick_for(Ask::new().sticky(token("c")).tried(&tried)).unwrap().id().to_string();
    assert_eq!(again(), "c");
    pool.set([Endpoint::new("a2", ()), Endpoint::new("c", ())]);
    assert_eq!(again(), "a2");
    // Gone.
    assert_ne!(id("b"), "b");
}

#[test]
fn a_token_of_another_seed_is_nobodys() {
    let pool = Pool::new("pool", Config::new(P2c::new()).token_seed(7).require_affinity());
    pool.set(["a", "b"].map(|id| Endpoint::new(id, ())));
    let token = pool.pick().unwrap().token();
    let again = pool.pick_for(Ask::new().sticky(token)).unwrap();
    assert_eq!(again.token(), token);
    let guessed = Token::of(again.id());
    assert_eq!(pool.pick_for(Ask::new().sticky(guessed)).unwrap_err().reason(), Reason::EndpointAway);
}

#[test]
fn a_pool_that_requires_affinity_refuses_rather_than_pick_another() {
    let pool = super::pool(Config::new(P2c::new()).require_affinity(), &["a", "b"]);
    let ask = Ask::new().sticky(Token::of(&"a".into()));
    assert_eq!(pool.pick_for(ask).unwrap().id().as_str(), "a");
    pool.set_health("a", Health::Unhealthy);
    assert_eq!(pool.pick_for(ask).unwrap_err().reason(), Reason::EndpointAway);
    assert_eq!(pool.pick().unwrap().id().as_str(), "b");
    assert_eq!(pool.in_flight(), 0);
}

#[test]
fn the_degraded_get_what_the_well_cannot_carry() {
    let pool = super::pool(Config::new(RoundRobin::new()).seed(1), &["a", "b", "c", "d"]);
    pool.set_health("d", Health::Degraded);
    assert_eq!(picks(&pool, 300).get("d"), None, "three of four carry everything");
    for id in ["b", "c"] {
        pool.set_health(id, Health::Degraded);
    }
    assert_eq!(pool.endpoints()[1].state, State::Degraded);
    // One of four carries 35 of a hundred.
    let seen = picks(&pool, 10_000);
    assert!((3_300..3_700).contains(&seen["a"]), "{seen:?}");
}

#[test]
fn a_pool_that_fails_in_panic_uses_no_endpoint_that_is_ill() {
    let pool = super::pool(Config::new(P2c::new()).fail_in_panic(), &["a", "b", "c", "d"]);
    for id in ["a", "b"] {
        pool.set_health(id, Health::Unhealthy);
    }
    assert!(picks(&pool, 100).keys().all(|id| id == "c" || id == "d"));
    pool.set_health("c", Health::Unhealthy);
    assert_eq!(pool.pick().unwrap_err().reason(), Reason::EndpointsOut);
    pool.set_health("c", Health::Healthy);
    assert!(pool.pick().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_passed_check_ends_an_ejection_only_if_told_so() {
    for (checks, back) in [(Checks::new(), false), (Checks::new().unejects(), true)] {
        let outliers = Outliers::new().consecutive(1).most(Ratio::percent(50));
        let pool = super::pool(Config::new(RoundRobin::new().starting_at(0)).outliers(outliers), &["a", "b"]);
        pool.pick().unwrap().settle(Class::Transient);
        assert!(matches!(pool.endpoints()[0].state, State::Ejected { .. }));
        let checking = pool.check(checks, |_, ()| async { Finding::Pass });
        assert!(timeout(Duration::from_secs(5), checking).await.is_err());
        assert_eq!(picks(&pool, 10).contains_key("a"), back);
    }
}
