//! Leaving the line, at any moment.

use super::{Waiter, fill, ms};
use seawall::gate::Queued;
use seawall::telemetry::{Counters, Telemetry};
use seawall::{ConcurrencyLimit, Reason};
use std::sync::Arc;

#[tokio::test(start_paused = true)]
async fn a_permit_handed_to_one_that_leaves_goes_to_the_next() {
    let limit = ConcurrencyLimit::new("db", 1);
    let queued = Queued::new("q", limit.clone(), 5, ms(1000));
    let held = fill(&limit);
    let [first, mut second] = [(); 2].map(|()| Waiter::waits(queued.acquire()));
    drop(held);
    assert_eq!((first.wakes(), second.wakes()), (1, 0));
    drop(first);
    assert_eq!(second.wakes(), 1);
    drop(second.goes());
}

#[tokio::test(start_paused = true)]
async fn leaving_frees_the_place_at_once() {
    let queued = Queued::new("q", ConcurrencyLimit::new("db", 0), 1, ms(1000));
    let waiter = Waiter::waits(queued.acquire());
    assert_eq!(queued.acquire().await.unwrap_err().reason(), Reason::QueueFull);
    drop(waiter);
    Waiter::waits(queued.acquire());
}

#[tokio::test(start_paused = true)]
async fn one_never_polled_never_arrived() {
    let queued = Queued::new("q", ConcurrencyLimit::new("db", 0), 1, ms(1000));
    let unpolled = queued.acquire();
    assert_eq!(queued.waiting(), 0);
    drop(unpolled);
}

#[tokio::test(start_paused = true)]
async fn each_waiter_is_heard_of_once_on_its_way_in_and_once_on_its_way_out() {
    let counters = Arc::new(Counters::default());
    let limit = ConcurrencyLimit::new("db", 1);
    let queued = Queued::new(Telemetry::new("q").observer(Arc::clone(&counters)), limit.clone(), 2, ms(20));
    let held = fill(&limit);
    let [mut served, dropped] = [(); 2].map(|()| Waiter::waits(queued.acquire()));
    assert!(queued.acquire().await.is_err());
    drop(dropped);
    drop(held);
    let permit = served.goes();
    drop(served);
    assert!(queued.acquire().await.is_err());
    drop(permit);
    let seen = counters.snapshot();
    assert_eq!((seen.queued, seen.dequeued, seen.refused, seen.abandoned), (3, 3, 2, 1));
}

#[tokio::test(start_paused = true)]
async fn the_gate_counts_no_refusal_of_those_who_wait() {
    let counters = Arc::new(Counters::default());
    let limit = ConcurrencyLimit::new(Telemetry::new("db").observer(Arc::clone(&counters)), 1);
    let queued = Queued::new("q", limit.clone(), 2, ms(1000));
    let held = fill(&limit);
    let mut waiter = Waiter::waits(queued.acquire());
    waiter.still_waits();
    drop(held);
    drop(waiter.goes());
    let seen = counters.snapshot();
    assert_eq!((seen.admitted, seen.refused), (2, 0));
}
