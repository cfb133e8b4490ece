//! What fails real calls is left out for a while.

use seawall::balance::{Config, Endpoint, Pool, RoundRobin, State};
use seawall::outlier::Outliers;
use seawall::telemetry::{Counters, Telemetry};
use seawall::{Class, Reason};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::advance;

fn pool(n: usize, outliers: Outliers) -> Pool<()> {
    let pool = Pool::new("pool", Config::new(RoundRobin::new().starting_at(0)).outliers(outliers));
    pool.set((0..n).map(|i| Endpoint::new(format!("e{i:02}"), ())));
    pool
}

/// So many calls, of which those at `bad` go so and the others well.
fn calls(pool: &Pool<()>, calls: usize, bad: &[&str], class: Class) {
    for _ in 0..calls {
        let ticket = pool.pick().unwrap();
        let class = if bad.contains(&ticket.id().as_str()) { class } else { Class::Success };
        ticket.settle(class);
    }
}

fn ejected(pool: &Pool<()>) -> Vec<String> {
    let out = |state| matches!(state, State::Ejected { .. });
    pool.endpoints().into_iter().filter(|e| out(e.state)).map(|e| e.id.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_run_of_failures_ejects_at_once_and_time_brings_it_back() {
    let counters = Arc::new(Counters::default());
    let config = Config::new(RoundRobin::new().starting_at(0)).outliers(Outliers::new());
    let pool = Pool::new(Telemetry::new("pool").observer(counters.clone()), config);
    pool.set(["e00", "e01", "e02"].map(|id| Endpoint::new(id, ())));
    calls(&pool, 12, &["e01"], Class::Transient);
    assert_eq!(ejected(&pool), [""; 0]);
    calls(&pool, 3, &["e01"], Class::Transient);
    assert_eq!(ejected(&pool), ["e01"]);
    assert!((0..30).all(|_| pool.pick().unwrap().id().as_str() != "e01"));
    advance(Duration::from_secs(30)).await;
    assert_eq!((0..3).filter(|_| pool.pick().unwrap().id().as_str() == "e01").count(), 1);
    let seen = counters.snapshot();
    assert_eq!((seen.endpoints_out, seen.endpoints_in), (1, 1));
    // It starts clean: one more failure is no run.
    calls(&pool, 3, &["e01"], Class::Transient);
    assert_eq!(ejected(&pool), [""; 0]);
    // The next ejection lasts longer.
    calls(&pool, 15, &["e01"], Class::Transient);
    advance(Duration::from_secs(59)).await;
    assert_eq!(ejected(&pool), ["e01"]);
    advance(Duration::from_secs(1)).await;
    assert_eq!(ejected(&pool), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn success_ends_a_run_and_what_says_nothing_does_not_count() {
    let pool = pool(2, Outliers::new());
    for class in [Class::Success, Class::Neutral] {
        for _ in 0..4 {
            calls(&pool, 8, &["e00"], Class::Permanent);
            calls(&pool, 2, &["e00"], Class::Success);
        }
        calls(&pool, 40, &["e00"], class);
    }
    assert_eq!(ejected(&pool), [""; 0]);
    // Given up is not failed.
    (0..20).for_each(|_| drop(pool.pick().unwrap()));
    assert_eq!(ejected(&pool), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn never_more_than_the_part_and_never_the_last() {
    let twenty = pool(20, Outliers::new());
    let bad: Vec<_> = (0..10).map(|i| format!("e{i:02}")).collect();
    let bad: Vec<_> = bad.iter().map(String::as_str).collect();
    calls(&twenty, 400, &bad, Class::Overload(None));
    assert_eq!(ejected(&twenty).len(), 2);
    let one = pool(1, Outliers::new());
    calls(&one, 50, &["e00"], Class::Transient);
    assert_eq!(ejected(&one), [""; 0]);
    let two = pool(2, Outliers::new());
    calls(&two, 50, &["e00", "e01"], Class::Transient);
    assert_eq!(ejected(&two).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_now_and_then_is_found_at_the_mark() {
    let pool = pool(5, Outliers::new());
    for round in 0..200 {
        for _ in 0..5 {
            let ticket = pool.pick().unwrap();
            let fails = ticket.id().as_str() == "e03" && round % 2 == 0;
            ticket.settle(if fails { Class::Transient } else { Class::Success });
        }
    }
    assert_eq!(ejected(&pool), [""; 0]);
    advance(Duration::from_secs(10)).await;
    calls(&pool, 1, &[], Class::Success);
    assert_eq!(ejected(&pool), ["e03"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_is_found_though_its_calls_are_given_up() {
    let pool = pool(3, Outliers::new().slow(Duration::from_secs(2)));
    for _ in 0..15 {
        let ticket = pool.pick().unwrap();
        if ticket.id().as_str() == "e02" {
            advance(Duration::from_secs(2)).await;
            drop(ticket);
        } else {
            ticket.settle(Class::Success);
        }
    }
    assert_eq!(ejected(&pool), ["e02"]);
}

#[tokio::test(start_paused = true)]
async fn a_late_failure_from_before_does_not_count_after_the_return() {
    let pool = pool(2, Outliers::new());
    let late: Vec<_> = (0..20).map(|_| pool.pick().unwrap()).collect();
    calls(&pool, 10, &["e00"], Class::Transient);
    assert_eq!(ejected(&pool), ["e00"]);
    for ticket in late {
        let class = if ticket.id().as_str() == "e00" { Class::Transient } else { Class::Success };
        ticket.settle(class);
    }
    advance(Duration::from_secs(30)).await;
    calls(&pool, 8, &["e00"], Class::Transient);
    assert_eq!(ejected(&pool), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn ejected_ones_are_used_when_most_are_out() {
    let outliers = Outliers::new().most(seawall::Ratio::ONE);
    let config = Config::new(RoundRobin::new()).outliers(outliers);
    for (config, used) in [(config.clone(), true), (config.panic(seawall::Ratio::ZERO), false)] {
        let pool = Pool::new("pool", config);
        pool.set(["a", "b", "c"].map(|id| Endpoint::new(id, ())));
        while ejected(&pool).len() < 2 {
            let ticket = pool.pick().unwrap();
            let class = if ticket.id().as_str() == "c" { Class::Success } else { Class::Transient };
            ticket.settle(class);
        }
        let picked = (0..200).map(|_| pool.pick().unwrap()).collect::<Vec<_>>();
        assert_eq!(picked.iter().any(|ticket| ticket.id().as_str() != "c"), used);
        drop(picked);
        pool.remove("c");
        let refused = pool.pick();
        assert_eq!(refused.is_ok(), used);
        if let Err(refused) = refused {
            assert_eq!(refused.reason(), Reason::EndpointsOut);
            assert_eq!(refused.retry_after(), Some(Duration::from_secs(30)));
        }
    }
}
