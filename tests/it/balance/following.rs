//! A pool follows a source.

use parking_lot::Mutex;
use seawall::balance::{Endpoint, Pool, RoundRobin};
use seawall::discover::{Discovery, Found};
use seawall::telemetry::{Counters, Telemetry};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// What the source answers, from now on; `Err` is a failure.
type Answer = Arc<Mutex<Result<Vec<Endpoint<()>>, ()>>>;

fn ids<S>(pool: &Pool<S>) -> Vec<String> {
    pool.endpoints().iter().map(|endpoint| endpoint.id.to_string()).collect()
}

fn found(ids: &[&str]) -> Vec<Endpoint<()>> {
    ids.iter().map(|&id| Endpoint::new(id, ())).collect()
}

struct World {
    pool: Pool<u32>,
    answer: Answer,
    asked: Arc<Mutex<u32>>,
    counters: Arc<Counters>,
}

impl World {
    fn new() -> Self {
        let counters = Arc::new(Counters::default());
        let telemetry = Telemetry::new("pool").observer(counters.clone());
        let pool = Pool::new(telemetry, RoundRobin::new());
        Self { pool, answer: Arc::new(Mutex::new(Ok(Vec::new()))), asked: Arc::default(), counters }
    }

    /// Follows the source; each service is the number of the one that it was made as.
    fn follow(&self, rules: Discovery) -> impl Future + Unpin + use<> {
        let (answer, asked) = (Arc::clone(&self.answer), Arc::clone(&self.asked));
        let ask = move || {
            *asked.lock() += 1;
            let answer = answer.lock().clone().map(Found::from_iter);
            async move { answer }
        };
        let mut made = 0;
        let make = move |found: Endpoint<()>| {
            made += 1;
            found.with(made)
        };
        Box::pin(self.pool.follow(rules, ask, make))
    }
}

async fn run(following: impl Future, seconds: u64) {
    assert!(timeout(Duration::from_secs(seconds), following).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn the_first_set_applies_at_once_and_later_ones_when_they_are_asked_for() {
    let world = World::new();
    *world.answer.lock() = Ok(found(&["a", "b"]));
    let mut following = world.follow(Discovery::new());
    run(&mut following, 1).await;
    assert_eq!(ids(&world.pool), ["a", "b"]);
    *world.answer.lock() = Ok(found(&["b", "c"]));
    run(&mut following, 28).await;
    assert_eq!(ids(&world.pool), ["a", "b"]);
    // After 30 s, or up to a tenth later.
    run(&mut following, 5).await;
    assert_eq!(ids(&world.pool), ["b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn known_ones_keep_their_service_and_an_equal_answer_changes_nothing() {
    let world = World::new();
    *world.answer.lock() = Ok(found(&["a", "b"]));
    let mut following = world.follow(Discovery::new());
    run(&mut following, 100).await;
    assert_eq!((*world.asked.lock(), world.counters.snapshot().endpoint_changes), (4, 1));
    let mut answer = found(&["a", "b", "c"]);
    answer[0] = Endpoint::new("a", ()).weight(5);
    *world.answer.lock() = Ok(answer);
    run(&mut following, 34).await;
    let mut services: Vec<_> = (0..3).map(|_| world.pool.pick().unwrap()).collect();
    services.sort_by(|a, b| a.id().cmp(b.id()));
    assert_eq!(services.iter().map(|ticket| *ticket.service()).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(world.pool.endpoints()[0].weight, 5);
}

#[tokio::test(start_paused = true)]
async fn an_address_of_another_host_is_reached_anew_and_keeps_what_was_counted() {
    let world = World::new();
    *world.answer.lock() = Ok(vec![Endpoint::new("10.0.0.1:443", ()).host("a.test.")]);
    let mut following = world.follow(Discovery::new());
    run(&mut following, 1).await;
    let held = world.pool.pick().unwrap();
    assert_eq!(*held.service(), 1);
    run(&mut following, 34).await;
    assert_eq!(*world.pool.pick().unwrap().service(), 1, "the same host");
    *world.answer.lock() = Ok(vec![Endpoint::new("10.0.0.1:443", ()).host("b.test")]);
    run(&mut following, 34).await;
    assert_eq!(*world.pool.pick().unwrap().service(), 2);
    assert_eq!(world.pool.in_flight(), 1);
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn a_failure_and_an_empty_answer_keep_the_last_good_set() {
    for bad in [Err(()), Ok(Vec::new())] {
        let world = World::new();
        *world.answer.lock() = Ok(found(&["a"]));
        let mut following = world.follow(Discovery::new());
        run(&mut following, 1).await;
        *world.answer.lock() = bad;
        run(&mut following, 36_000).await;
        assert_eq!(ids(&world.pool), ["a"]);
        // 30 s apart by then, give or take a fifth.
        let asked = *world.asked.lock();
        assert!((1000..1500).contains(&asked), "{asked}");
        assert_eq!(u64::from(asked - 1), world.counters.snapshot().discovery_failures);
        *world.answer.lock() = Ok(found(&["b"]));
        run(&mut following, 36).await;
        assert_eq!(ids(&world.pool), ["b"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_old_set_is_dropped_where_that_is_asked_for() {
    let world = World::new();
    *world.answer.lock() = Ok(found(&["a"]));
    let mut following = world.follow(Discovery::new().stale_for(Duration::from_secs(120)));
    run(&mut following, 1).await;
    *world.answer.lock() = Err(());
    run(&mut following, 110).await;
    assert_eq!(ids(&world.pool), ["a"]);
    run(&mut following, 60).await;
    assert_eq!(ids(&world.pool), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_empty_answer_is_believed_where_that_is_allowed() {
    let world = World::new();
    *world.answer.lock() = Ok(found(&["a"]));
    let mut following = world.follow(Discovery::new().allow_empty().every(Duration::from_secs(1)));
    run(&mut following, 1).await;
    *world.answer.lock() = Ok(Vec::new());
    run(&mut following, 3).await;
    assert!(world.pool.is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_the_first_set_is_woken_by_it() {
    let world = World::new();
    *world.answer.lock() = Err(());
    let mut following = world.follow(Discovery::new());
    let ready = async {
        world.pool.ready().await;
        ids(&world.pool)
    };
    let set_it = async {
        run(&mut following, 10).await;
        *world.answer.lock() = Ok(found(&["a"]));
        run(&mut following, 60).await;
    };
    let (ids, ()) = tokio::join!(timeout(Duration::from_secs(60), ready), set_it);
    assert_eq!(ids.unwrap(), ["a"]);
}
