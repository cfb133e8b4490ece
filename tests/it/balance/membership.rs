//! Endpoints come and go while they are used.

use super::{ids, pool};
use seawall::Class;
use seawall::Reason;
use seawall::balance::{Ask, Endpoint, LeastConnections, Pool, RoundRobin, Tried};
use seawall::telemetry::{Counters, Telemetry};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn what_is_counted_of_an_id_survives_every_change_of_the_rest() {
    let pool = pool(LeastConnections::new(), &["a", "b"]);
    let held = [pool.pick().unwrap(), pool.pick().unwrap()];
    pool.set([Endpoint::new("b", ()).weight(2).level(1), Endpoint::new("a", ()).limit(7)]);
    assert!(pool.endpoints().iter().all(|endpoint| endpoint.in_flight == 1));
    drop(held);
    assert_eq!(pool.in_flight(), 0);
}

#[test]
fn the_service_of_an_endpoint_that_left_is_dropped_after_its_last_call() {
    let service = Arc::new(());
    let pool = Pool::new("pool", RoundRobin::new());
    pool.set([Endpoint::new("a", Arc::clone(&service))]);
    let ticket = pool.pick().unwrap();
    pool.set([]);
    assert_eq!(pool.pick().unwrap_err().reason(), Reason::NoEndpoint);
    assert_eq!(Arc::strong_count(&service), 2);
    ticket.settle(Class::Success);
    assert_eq!(Arc::strong_count(&service), 1);
}

#[tokio::test(start_paused = true)]
async fn an_id_that_returns_within_a_minute_is_the_same_endpoint() {
    let pool = pool(RoundRobin::new(), &["a", "b"]);
    let serial = pool.endpoints()[0].serial;
    pool.remove("a");
    tokio::time::advance(Duration::from_secs(60)).await;
    pool.insert(Endpoint::new("a", ()));
    assert_eq!(pool.endpoints()[0].serial, serial);
    pool.remove("a");
    tokio::time::advance(Duration::from_secs(61)).await;
    pool.insert(Endpoint::new("c", ()));
    pool.insert(Endpoint::new("a", ()));
    assert_ne!(pool.endpoints()[0].serial, serial);
}

#[test]
fn never_more_are_remembered_than_there_are() {
    let pool = pool(RoundRobin::new(), &["a", "b", "c", "d"]);
    let serials: Vec<_> = pool.endpoints().iter().map(|endpoint| endpoint.serial).collect();
    pool.set([Endpoint::new("d", ())]);
    // Of the three that left only the last one is remembered.
    pool.set(["a", "b", "c", "d"].map(|id| Endpoint::new(id, ())));
    let same: Vec<_> = pool.endpoints().iter().zip(serials).map(|(e, serial)| e.serial == serial).collect();
    assert_eq!(same, [false, false, true, true]);
}

#[test]
fn of_two_with_one_id_the_last_counts_and_it_is_told() {
    let counters = Arc::new(Counters::default());
    let pool = Pool::new(Telemetry::new("pool").observer(counters.clone()), RoundRobin::new());
    pool.set([Endpoint::new("a", 1), Endpoint::new("a", 2)]);
    assert_eq!((pool.len(), *pool.pick().unwrap().service()), (1, 2));
    assert_eq!(counters.snapshot().endpoint_changes, 1);
    pool.set([Endpoint::new("a", 3)]);
    assert_eq!(counters.snapshot().endpoint_changes, 1);
}

#[test]
fn an_answer_that_repeats_an_id_each_time_is_told_of_once() {
    let counters = Arc::new(Counters::default());
    let pool = Pool::new(Telemetry::new("pool").observer(counters.clone()), RoundRobin::new());
    let told = |ids: &[&'static str]| {
        pool.set(ids.iter().map(|&id| Endpoint::new(id, ())));
        counters.snapshot().endpoint_changes
    };
    assert_eq!([told(&["a", "b", "a"]), told(&["a", "b", "a"]), told(&["b", "a", "a"])], [1, 1, 1]);
    // Once more is news, and so is that it ended and began anew.
    assert_eq!([told(&["a", "a", "b", "b"]), told(&["a", "b"]), told(&["a", "b", "b"])], [2, 2, 3]);
}

#[test]
fn the_order_of_arrival_does_not_matter() {
    let round = |order: &[&str]| {
        let pool = pool(RoundRobin::new().starting_at(0), order);
        ids(&[pool.pick().unwrap(), pool.pick().unwrap(), pool.pick().unwrap()])
    };
    assert_eq!(round(&["b", "c", "a"]), ["a", "b", "c"]);
    assert_eq!(round(&["c", "a", "b"]), ["a", "b", "c"]);
}

#[test]
fn a_change_keeps_the_place_in_the_round() {
    let pool = pool(RoundRobin::new().starting_at(0), &["a", "b", "c"]);
    assert_eq!(pool.pick().unwrap().id().as_str(), "a");
    pool.insert(Endpoint::new("d", ()));
    assert_eq!(pool.pick().unwrap().id().as_str(), "b");
}

#[test]
fn weight_zero_drains_without_an_error() {
    let pool = pool(RoundRobin::new(), &["a"]);
    let held = pool.pick().unwrap();
    pool.set([Endpoint::new("a", ()).weight(0)]);
    assert_eq!(pool.pick().unwrap_err().reason(), Reason::EndpointsOut);
    assert_eq!(pool.in_flight(), 1);
    held.settle(Class::Success);
}

#[test]
fn a_retry_goes_elsewhere_until_nothing_else_is_left() {
    let pool = pool(LeastConnections::new(), &["a", "b", "c"]);
    let tried = Tried::new();
    let pick = || pool.pick_for(Ask::new().tried(&tried));
    let first = [pick().unwrap(), pick().unwrap(), pick().unwrap()];
    let mut seen = ids(&first);
    seen.sort();
    assert_eq!(seen, ["a", "b", "c"]);
    // The fourth goes where one has been before: better than a refusal.
    assert!(pick().is_ok());
    // Another request has tried nobody.
    assert!(pool.pick_for(Ask::new().tried(&Tried::new())).is_ok());
}

#[test]
fn snapshots_may_change_under_racing_picks() {
    let pool = pool(RoundRobin::new(), &["a", "b"]);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..5000 {
                    pool.pick().unwrap().settle(Class::Success);
                }
            });
        }
        for round in 0..500 {
            let ids: Vec<_> = (0..=round % 7).map(|i| Endpoint::new(format!("e{i}"), ())).collect();
            pool.set(ids);
        }
    });
    assert_eq!(pool.in_flight(), 0);
}
