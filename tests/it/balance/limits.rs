//! The limit of an endpoint is hard.

use super::ids;
use seawall::Reason;
use seawall::balance::{Endpoint, LeastConnections, Pool, RoundRobin};
use std::sync::Barrier;

#[test]
fn a_full_endpoint_passes_its_calls_on() {
    let pool = Pool::new("pool", RoundRobin::new());
    pool.set([Endpoint::new("a", ()).limit(1), Endpoint::new("b", ())]);
    let held: Vec<_> = (0..4).map(|_| pool.pick().unwrap()).collect();
    assert_eq!(ids(&held).iter().filter(|id| *id == "a").count(), 1);
    assert_eq!(pool.in_flight(), 4);
}

#[test]
fn when_all_are_full_the_next_is_refused() {
    let pool = Pool::new("pool", RoundRobin::new());
    pool.set(["a", "b"].map(|id| Endpoint::new(id, ()).limit(1)));
    let held = [pool.pick().unwrap(), pool.pick().unwrap()];
    for _ in 0..2 {
        assert_eq!(pool.pick().unwrap_err().reason(), Reason::EndpointsFull);
    }
    drop(held);
    assert_eq!(pool.in_flight(), 0);
    assert!(pool.pick().is_ok());
}

#[test]
fn a_weight_does_not_lift_a_limit() {
    let pool = Pool::new("pool", LeastConnections::new());
    pool.set([Endpoint::new("a", ()).weight(2).limit(1), Endpoint::new("b", ())]);
    let held: Vec<_> = (0..4).map(|_| pool.pick().unwrap()).collect();
    assert_eq!(ids(&held).iter().filter(|id| *id == "a").count(), 1);
}

#[test]
fn a_limit_of_zero_and_a_shrunk_one_hold() {
    let pool = Pool::new("pool", RoundRobin::new());
    pool.set([Endpoint::new("a", ()).limit(3)]);
    let held: Vec<_> = (0..3).map(|_| pool.pick().unwrap()).collect();
    pool.set([Endpoint::new("a", ()).limit(2)]);
    assert!(pool.pick().is_err());
    drop(held);
    assert!(pool.pick().is_ok());
    pool.set([Endpoint::new("a", ()).limit(0)]);
    assert_eq!(pool.pick().unwrap_err().reason(), Reason::EndpointsFull);
}

#[test]
fn racing_picks_never_pass_the_limit_and_use_all_of_it() {
    const THREADS: usize = 4;
    let pool = Pool::new("pool", LeastConnections::new());
    pool.set(["a", "b", "c"].map(|id| Endpoint::new(id, ()).limit(5)));
    let barrier = Barrier::new(THREADS);
    let held: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    let mut held = Vec::new();
                    // A pick may lose every race of one round; it is refused then though a slot was free.
                    for _ in 0..2000 {
                        held.extend(pool.pick().ok());
                        assert!(pool.endpoints().iter().all(|e| e.in_flight <= 5 + THREADS as u32));
                    }
                    barrier.wait();
                    held.len()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(held, 15);
    assert_eq!(pool.in_flight(), 0);
}
