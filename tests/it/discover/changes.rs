//! Changes told by a stream: tower's `Discover` and others.

use seawall::balance::{Endpoint, Pool, RoundRobin};
use seawall::discover::Change;
use seawall::telemetry::{Counters, Telemetry};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tower::discover::{Change as Told, Discover};

type Told32 = Result<Told<&'static str, u32>, &'static str>;

/// A stream of a user's own: whatever `poll_next`s into changes is a `Discover`.
struct FromChannel(mpsc::UnboundedReceiver<Told32>);

impl FromChannel {
    fn poll_discover(&mut self, cx: &mut Context<'_>) -> Poll<Option<Told32>> {
        self.0.poll_recv(cx)
    }
}

struct World {
    tell: mpsc::UnboundedSender<Told32>,
    pool: Pool<u32>,
    counters: Arc<Counters>,
    following: Pin<Box<dyn Future<Output = ()>>>,
}

impl World {
    fn new() -> Self {
        let (tell, told) = mpsc::unbounded_channel();
        let counters = Arc::new(Counters::default());
        let pool = Pool::new(Telemetry::new("pool").observer(counters.clone()), RoundRobin::new());
        let mut discover = FromChannel(told);
        let following = Box::pin(pool.follow_changes(move |cx| discover.poll_discover(cx).map_ok(ours)));
        Self { tell, pool, counters, following }
    }

    async fn run(&mut self, time: Duration) -> Vec<String> {
        assert!(timeout(time, &mut self.following).await.is_err(), "it ended");
        self.pool.endpoints().iter().map(|endpoint| endpoint.id.to_string()).collect()
    }
}

fn ours<S>(change: Told<&'static str, S>) -> Change<S> {
    match change {
        Told::Insert(id, service) => Change::Insert(Endpoint::new(id, service)),
        Told::Remove(id) => Change::Remove(id.into()),
    }
}

const INSTANT: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn what_is_told_together_is_one_change_and_brings_its_services() {
    let mut world = World::new();
    for (service, id) in ["a", "b", "c"].into_iter().enumerate() {
        world.tell.send(Ok(Told::Insert(id, service as u32))).unwrap();
    }
    world.tell.send(Ok(Told::Remove("b"))).unwrap();
    assert_eq!(world.run(INSTANT).await, ["a", "c"]);
    assert_eq!(world.counters.snapshot().endpoint_changes, 1);
    let mut services: Vec<_> = (0..2).map(|_| *world.pool.pick().unwrap().service()).collect();
    services.sort_unstable();
    assert_eq!(services, [0, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_taken_over_once_in_a_second_in_its_order() {
    let mut world = World::new();
    for i in 0..500 {
        world.tell.send(Ok(Told::Insert("a", i))).unwrap();
        world.tell.send(Ok(Told::Remove("b"))).unwrap();
        world.tell.send(Ok(if i % 2 == 0 { Told::Insert("b", i) } else { Told::Remove("a") })).unwrap();
        world.run(10 * INSTANT).await;
    }
    assert_eq!(world.run(SECOND).await, [""; 0]);
    let changes = world.counters.snapshot().endpoint_changes;
    assert!((4..=7).contains(&changes), "{changes} in 5 s");
}

#[tokio::test(start_paused = true)]
async fn an_error_is_told_and_loses_nobody() {
    let mut world = World::new();
    world.tell.send(Ok(Told::Insert("a", 1))).unwrap();
    world.tell.send(Err("the control plane is away")).unwrap();
    world.tell.send(Ok(Told::Insert("b", 2))).unwrap();
    assert_eq!(world.run(INSTANT).await, ["a"]);
    assert_eq!(world.counters.snapshot().discovery_failures, 1);
    assert_eq!(world.run(2 * SECOND).await, ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn an_error_for_ever_is_asked_ever_more_seldom() {
    let pool = Pool::<()>::new("pool", RoundRobin::new());
    let mut asked = 0;
    let following = pool.follow_changes(|_| {
        asked += 1;
        Poll::Ready(Some(Err("never")))
    });
    assert!(timeout(600 * SECOND, following).await.is_err());
    assert!((20..=32).contains(&asked), "{asked} in 600 s");
}

#[tokio::test(start_paused = true)]
async fn the_end_takes_over_what_was_told_and_leaves_it() {
    let World { tell, pool, following, .. } = World::new();
    tell.send(Ok(Told::Insert("a", 1))).unwrap();
    drop(tell);
    following.await;
    assert_eq!(pool.len(), 1);
}

#[tokio::test]
async fn towers_own_discover_is_one() {
    let mut discover = tower::discover::ServiceList::new(
        ["first", "second"]
            .map(|name| tower::service_fn(move |()| async move { Ok::<_, std::io::Error>(name) })),
    );
    let pool = Pool::new("pool", RoundRobin::new());
    let next = move |cx: &mut Context<'_>| {
        Pin::new(&mut discover).poll_discover(cx).map_ok(|change| match change {
            Told::Insert(key, service) => Change::Insert(Endpoint::new(key.to_string(), service)),
            Told::Remove(key) => Change::Remove(key.to_string().into()),
        })
    };
    pool.follow_changes(next).await;
    assert_eq!(pool.len(), 2);
}
