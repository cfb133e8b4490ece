//! Endpoints that announce themselves.

use super::{Followed, endpoint};
use seawall::discover::{Discovery, Registry};
use std::time::Duration;
use tokio::time::advance;

const SECOND: Duration = Duration::from_secs(1);

fn registry() -> Registry {
    Registry::new(30 * SECOND, 100)
}

#[tokio::test(start_paused = true)]
async fn who_is_heard_of_stays_and_who_is_not_leaves_with_the_expiry() {
    let registry = registry();
    let mut followed = Followed::new(registry.source("orders"), Discovery::new());
    registry.announce("orders", endpoint("a")).unwrap();
    registry.announce("orders", endpoint("b")).unwrap();
    registry.announce("payments", endpoint("c")).unwrap();
    assert_eq!(followed.run(SECOND / 100).await, ["a", "b"]);
    for _ in 0..10 {
        registry.announce("orders", endpoint("a")).unwrap();
        followed.run_seconds(10).await;
    }
    assert_eq!(followed.ids(), ["a"]);
    assert_eq!(followed.counters.snapshot().endpoint_changes, 2, "heartbeats are no changes");
}

#[tokio::test(start_paused = true)]
async fn an_expiry_is_seen_by_who_follows_when_it_comes() {
    let registry = registry();
    registry.announce("orders", endpoint("a")).unwrap();
    registry.announce("orders", endpoint("b")).unwrap();
    let mut followed = Followed::new(registry.source("orders"), Discovery::new());
    followed.run_seconds(20).await;
    registry.announce("orders", endpoint("a")).unwrap();
    assert_eq!(followed.run(Duration::from_millis(9_990)).await, ["a", "b"]);
    assert_eq!(followed.run(Duration::from_millis(20)).await, ["a"]);
}

#[tokio::test(start_paused = true)]
async fn when_all_fall_silent_the_last_ones_stay_unless_nobody_is_believed() {
    let registry = registry();
    registry.announce("orders", endpoint("a")).unwrap();
    let mut strict = Followed::new(registry.source("orders"), Discovery::new());
    let mut lenient = Followed::new(registry.source("orders"), Discovery::new().allow_empty());
    strict.run_seconds(1).await;
    lenient.run_seconds(1).await;
    assert_eq!(strict.run_seconds(60).await, ["a"]);
    assert!(lenient.run_seconds(2).await.is_empty());
    assert_eq!(strict.failures(), 1);
    registry.announce("orders", endpoint("b")).unwrap();
    assert_eq!(strict.run_seconds(2).await, ["b"]);
    assert_eq!(lenient.run_seconds(2).await, ["b"]);
}

#[tokio::test(start_paused = true)]
async fn another_weight_is_news() {
    let registry = registry();
    registry.announce("orders", endpoint("a")).unwrap();
    let mut followed = Followed::new(registry.source("orders"), Discovery::new());
    followed.run_seconds(2).await;
    registry.announce("orders", endpoint("a").weight(7)).unwrap();
    followed.run_seconds(2).await;
    assert_eq!(followed.pool.endpoints()[0].weight, 7);
}

#[tokio::test(start_paused = true)]
async fn a_lease_beats_leaves_when_dropped_and_takes_nothing_from_a_later_one() {
    let registry = registry();
    let old = registry.join("orders", endpoint("a")).unwrap();
    advance(29 * SECOND).await;
    assert!(old.beat());
    advance(29 * SECOND).await;
    assert_eq!(registry.found("orders").len(), 1);
    // The same endpoint was restarted, and its predecessor is only now let go of.
    let new = registry.join("orders", endpoint("a")).unwrap();
    assert!(!old.beat());
    drop(old);
    assert_eq!(registry.found("orders").len(), 1);
    drop(new);
    assert!(registry.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_kept_lease_ends_when_somebody_else_takes_the_place() {
    let registry = registry();
    let lease = registry.join("orders", endpoint("a")).unwrap();
    assert!(tokio::time::timeout(1000 * SECOND, lease.keep()).await.is_err());
    registry.announce("orders", endpoint("a")).unwrap();
    assert!(tokio::time::timeout(11 * SECOND, lease.keep()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn it_never_holds_more_than_its_bound_and_forgets_the_names_of_services() {
    let registry = Registry::new(30 * SECOND, 3);
    for i in 0..100 {
        let full = registry.announce(&format!("service {i}"), endpoint("a")).is_err();
        assert_eq!(full, i >= 3, "{i}");
    }
    registry.announce("service 1", endpoint("a")).unwrap();
    assert_eq!(registry.len(), 3);
    // Room comes with the expiry, without anybody looking.
    advance(31 * SECOND).await;
    for i in 0..3 {
        registry.announce("other", endpoint(&i.to_string())).unwrap();
    }
    let error = registry.announce("other", endpoint("d")).unwrap_err();
    assert_eq!(error.to_string(), "the registry is full: it holds 3 endpoints");
}
