//! Endpoints that say how busy they are, in paused time.

use seawall::Class;
use seawall::balance::{Endpoint, Pool, Report, Reported, RoundRobin};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::advance;

fn picks(pool: &Pool<()>, count: usize) -> BTreeMap<String, usize> {
    let mut seen = BTreeMap::new();
    for _ in 0..count {
        let ticket = pool.pick().unwrap();
        *seen.entry(ticket.id().to_string()).or_default() += 1;
        ticket.settle(Class::Success);
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn the_shares_follow_the_reports_after_the_blackout() {
    let pool = super::pool(Reported::new(), &["a", "b", "c"]);
    assert_eq!(picks(&pool, 300)["a"], 100, "round robin while nobody says anything");
    let say = || {
        // What they could serve: 100 and 1000 a second.
        pool.report("a", Report::new(10.0).application(0.1));
        pool.report("b", Report::new(100.0).cpu(0.1));
    };
    say();
    for _ in 0..9 {
        advance(Duration::from_secs(1)).await;
        say();
        assert_eq!(picks(&pool, 300)["a"], 100, "the blackout");
    }
    advance(Duration::from_secs(1)).await;
    say();
    // `c` counts as the mean of the two, 550.
    let seen = picks(&pool, 16_500);
    let is = |id: &str, expected: usize| assert!(seen[id].abs_diff(expected) < 30, "{seen:?}");
    is("a", 1_000);
    is("b", 10_000);
    is("c", 5_500);
    // Reports that stop are forgotten, without anybody's doing.
    advance(Duration::from_secs(181)).await;
    assert_eq!(picks(&pool, 300)["a"], 100);
}

#[tokio::test(start_paused = true)]
async fn what_was_reported_belongs_to_the_id_and_other_pools_hear_nothing() {
    let pool = super::pool(Reported::new().blackout(Duration::ZERO), &["a", "b"]);
    pool.report("a", Report::new(10.0).cpu(0.5));
    assert!(pool.report("b", Report::new(30.0).cpu(0.5)));
    assert!(!pool.report("c", Report::new(30.0).cpu(0.5)));
    pool.set(["a", "b"].map(|id| Endpoint::new(id, ()).weight(7)));
    let seen = picks(&pool, 4_000);
    assert!(seen["a"].abs_diff(1_000) < 10, "{seen:?}");
    assert!(!super::pool(RoundRobin::new(), &["a"]).report("a", Report::new(1.0).cpu(1.0)));
}
