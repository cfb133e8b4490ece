//! Equal keys go to one endpoint; what does not fit goes to successors and comes home.

use seawall::balance::{Ask, Balance, Endpoint, Hashed, Key, Pool, Tried};
use seawall::hash::{HashRing, LoadBound, Placement};
use seawall::{Class, Error, Lift};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;
use tower::{Service, ServiceExt, service_fn};

const FOUR: [&str; 4] = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80"];

fn home(pool: &Pool<()>, key: &str) -> String {
    let ticket = pool.pick_for(Ask::new().key(key)).unwrap();
    let id = ticket.id().to_string();
    ticket.settle(Class::Success);
    id
}

fn homes(pool: &Pool<()>) -> BTreeMap<String, String> {
    (0..200).map(|i| format!("user-{i}")).map(|key| (key.clone(), home(pool, &key))).collect()
}

#[test]
fn the_pool_places_as_the_placement_does() {
    let pool = super::pool(Hashed::ring(), &FOUR);
    let ring = HashRing::new(FOUR);
    for (key, home) in homes(&pool) {
        assert_eq!(ring.lookup_key(&key), Some(&*home));
    }
}

#[tokio::test(start_paused = true)]
async fn the_keys_of_one_that_is_out_spread_and_come_home() {
    for picker in [Hashed::ring(), Hashed::maglev(), Hashed::rendezvous()] {
        let pool = super::pool(picker, &FOUR);
        let before = homes(&pool);
        let victim = pool.pick_for(Ask::new().key("user-0")).unwrap();
        let out = victim.id().to_string();
        victim.unready();
        let during = homes(&pool);
        for (key, home) in &before {
            assert!(*home == out || during[key] == *home, "{key} moved though its home is well");
            assert_ne!(during[key], out);
        }
        tokio::time::advance(Duration::from_millis(121)).await;
        assert_eq!(homes(&pool), before);
    }
}

#[test]
fn attempt_k_takes_successor_k() {
    let pool = super::pool(Hashed::ring(), &FOUR);
    let ring = HashRing::new(FOUR);
    let tried = Tried::new();
    let attempts: Vec<_> = (0..4)
        .map(|_| pool.pick_for(Ask::new().key("user-7").tried(&tried)).unwrap().id().to_string())
        .collect();
    assert_eq!(attempts, ring.successors(ring.hash(b"user-7")).collect::<Vec<_>>());
}

#[test]
fn no_load_stands_above_its_bound() {
    for picker in [Hashed::ring(), Hashed::maglev(), Hashed::rendezvous()] {
        for percent in [100, 125, 200] {
            let bound = LoadBound::percent(percent);
            let pool = super::pool(picker.bounded(bound), &FOUR);
            let mut held = Vec::new();
            for calls in 1..=200 {
                // One key alone, and one of a few.
                let key = if calls % 2 == 0 { "popular".to_owned() } else { format!("user-{}", calls % 7) };
                held.push(pool.pick_for(Ask::new().key(&*key)).unwrap());
                let cap = bound.cap(calls, 1, 4);
                assert!(pool.endpoints().iter().all(|endpoint| endpoint.in_flight <= cap));
            }
            drop(held);
            assert_eq!(pool.in_flight(), 0);
        }
    }
}

#[test]
fn exactly_the_average_is_shared_exactly() {
    let pool = Pool::new("pool", Hashed::maglev().bounded(LoadBound::percent(100)));
    pool.set((0..100).map(|i| Endpoint::new(format!("10.0.0.{i}:80"), ())));
    let held: Vec<_> =
        (0..10_000u32).map(|i| pool.pick_for(Ask::new().key(&*format!("{}", i % 50))).unwrap()).collect();
    assert!(pool.endpoints().iter().all(|endpoint| endpoint.in_flight == 100));
    drop(held);
}

#[test]
fn a_refused_pick_leaves_no_call_counted() {
    let pool = Pool::new("pool", Hashed::ring().bounded(LoadBound::percent(100)));
    pool.set([Endpoint::new("a", ()).limit(1), Endpoint::new("b", ()).limit(1)]);
    let held = [(); 2].map(|()| pool.pick_for(Ask::new().key("k")).unwrap());
    for _ in 0..100 {
        assert!(pool.pick_for(Ask::new().key("k")).is_err());
    }
    drop(held);
    // Were the refused ones counted, the bound would let both go to the home of the key.
    let held = [(); 2].map(|()| pool.pick_for(Ask::new().key("k")).unwrap());
    assert_ne!(held[0].id(), held[1].id());
}

#[test]
fn without_a_key_the_load_decides() {
    let pool = super::pool(Hashed::ring(), &FOUR);
    let held: Vec<_> = (0..400).map(|_| pool.pick().unwrap()).collect();
    assert!(pool.endpoints().iter().all(|endpoint| endpoint.in_flight.abs_diff(100) < 10));
    drop(held);
}

#[tokio::test]
async fn the_service_reads_the_key_off_the_request() {
    async fn ask<S>(service: &mut S, user: &'static str) -> String
    where
        S: Service<&'static str, Response = String, Error = Error<Infallible>>,
    {
        service.ready().await.unwrap().call(user).await.unwrap()
    }
    let pool = Pool::new("pool", Hashed::maglev());
    pool.set(FOUR.map(|id| {
        Endpoint::new(
            id,
            Lift::new(service_fn(move |_: &'static str| async move { Ok::<_, Infallible>(id.to_owned()) })),
        )
    }));
    let mut service: Balance<_, _, _, _> = pool.balance().key(|user: &&'static str| Some(Key::from(*user)));
    let first = ask(&mut service, "user-1").await;
    for _ in 0..20 {
        assert_eq!(ask(&mut service, "user-1").await, first);
    }
}
