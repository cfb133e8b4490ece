//! What an endpoint's own gate refuses goes to another endpoint.

use crate::tools::Probe;
use seawall::balance::{Endpoint, Pool, RoundRobin, Tried};
use seawall::gate::GateLayer;
use seawall::{ConcurrencyLimit, Lift, Reason};
use tower::{Layer, ServiceExt};

fn guarded(
    pool: &Pool<<GateLayer<ConcurrencyLimit> as Layer<Lift<Probe>>>::Service>,
    id: &str,
    limit: u32,
    probe: &Probe,
) {
    let gate = ConcurrencyLimit::new(id.to_owned(), limit).layer();
    pool.insert(Endpoint::new(id, gate.layer(Lift::new(probe.clone()))));
}

#[tokio::test]
async fn without_a_spare_the_refusal_is_the_answer_and_nothing_was_counted() {
    let probe = Probe::new();
    let pool = Pool::new("pool", RoundRobin::new().starting_at(0));
    guarded(&pool, "shut", 0, &probe);
    guarded(&pool, "wide", 9, &probe);
    let refused = pool.balance().oneshot(1).await.unwrap_err();
    assert_eq!(refused.rejected().unwrap().by().as_str(), "shut");
    assert_eq!((probe.calls(), pool.in_flight()), (0, 0));
}

#[tokio::test]
async fn with_a_spare_another_endpoint_gets_the_call() {
    let probe = Probe::new();
    let pool = Pool::new("pool", RoundRobin::new().starting_at(0));
    guarded(&pool, "shut", 0, &probe);
    guarded(&pool, "shut too", 0, &probe);
    guarded(&pool, "wide", 9, &probe);
    let service = pool.balance().spare(|request: &u32| Some(*request));
    for n in 0..6 {
        assert_eq!(service.clone().oneshot(n).await, Ok(n));
    }
    assert_eq!((probe.calls(), pool.in_flight()), (6, 0));
}

#[tokio::test]
async fn when_all_refuse_the_last_refusal_is_the_answer() {
    let probe = Probe::new();
    let pool = Pool::new("pool", RoundRobin::new().starting_at(0));
    for id in ["a", "b", "c"] {
        guarded(&pool, id, 0, &probe);
    }
    let service = pool.balance().spare(|request: &u32| Some(*request));
    let refused = service.oneshot(1).await.unwrap_err();
    assert_eq!(refused.rejected().unwrap().by().as_str(), "c");
    assert_eq!(refused.rejected().unwrap().reason(), Reason::LimitReached);
}

#[derive(Debug, PartialEq)]
struct Request {
    tried: Tried0,
}

/// A `Tried` that compares equal, for `assert_eq`.
#[derive(Clone, Debug)]
struct Tried0(Tried);

impl PartialEq for Tried0 {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

#[tokio::test]
async fn the_attempts_of_one_request_go_to_different_endpoints() {
    let (a, b, c) = (Probe::new(), Probe::new(), Probe::new());
    let pool = Pool::new("pool", RoundRobin::new());
    for (id, probe) in [("a", &a), ("b", &b), ("c", &c)] {
        pool.insert(Endpoint::new(id, Lift::new(probe.clone())));
    }
    let service = pool.balance().tried(|request: &Request| Some(&request.tried.0));
    let tried = Tried0(Tried::new());
    for _ in 0..3 {
        assert!(service.clone().oneshot(Request { tried: tried.clone() }).await.is_ok());
    }
    assert_eq!([a.calls(), b.calls(), c.calls()], [1, 1, 1]);
}
