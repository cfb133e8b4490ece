//! Two processes, each with a cache, and one store between them.

use super::proxy::Proxy;
use super::{RedisServer, patient, until};
use seawall::cache::{CacheAside, Fence, Lifetime, Loaded, Memory, Reach, Settings};
use seawall::redis::{RedisTier, Store};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;
use tokio::task::JoinHandle;

type Cache = CacheAside<u32, String, Infallible>;

/// What runs in one process.
struct Node {
    cache: Cache,
    tier: RedisTier<u32, String>,
    loads: Arc<AtomicU32>,
    tasks: [JoinHandle<()>; 2],
}

const HOUR: Duration = Duration::from_secs(3600);

fn of(store: Store) -> RedisTier<u32, String> {
    RedisTier::new(store, "users")
}

impl Node {
    fn new(tier: RedisTier<u32, String>) -> Self {
        let lifetime = Lifetime::of(HOUR).jitter(seawall::cache::Jitter::off());
        let cache = Cache::new("users", Memory::lru(1000), Settings::new(lifetime).tier(tier.clone()));
        let others = cache.clone();
        let tasks =
            [tokio::spawn(cache.background()), tokio::spawn(tier.attend(move |notice| others.heed(notice)))];
        Self { cache, tier, loads: Arc::default(), tasks }
    }

    async fn hearing(tier: RedisTier<u32, String>) -> Self {
        let node = Self::new(tier);
        until("it hears", async || node.tier.hears()).await;
        node
    }

    async fn on(server: &RedisServer) -> Self {
        Self::hearing(of(patient(server.url()))).await
    }

    /// What the cache says, if a load takes so long and finds this.
    async fn get_slowly(&self, key: u32, found: &str, takes: Duration) -> String {
        let (loads, found) = (Arc::clone(&self.loads), found.to_owned());
        let load = async move || {
            loads.fetch_add(1, SeqCst);
            tokio::time::sleep(takes).await;
            Ok(found)
        };
        self.cache.get_or_load(&key, load).await.unwrap().to_string()
    }

    async fn get(&self, key: u32, found: &str) -> String {
        self.get_slowly(key, found, Duration::ZERO).await
    }

    fn loads(&self) -> u32 {
        self.loads.load(SeqCst)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// How often a command was called.
fn calls(server: &RedisServer, command: &str) -> u64 {
    let stats = server.command(&["INFO", "commandstats"]);
    let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

#[tokio::test]
async fn what_one_process_loaded_the_other_finds_with_the_age_it_has() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let (one, other) = (Node::on(&server).await, Node::on(&server).await);
    assert_eq!(one.get(7, "v1").await, "v1");
    assert_eq!((one.loads(), calls(&server, "publish")), (1, 0), "a fill told somebody");
    assert_eq!(server.command(&["PEXPIRE", "users:{7}", "2400000"]), ":1\r\n");
    assert_eq!(other.get(7, "v2").await, "v1");
    assert_eq!(other.loads(), 0);
    let age = other.cache.hit(&7).unwrap().age();
    assert!(age >= Duration::from_secs(1200) && age < Duration::from_secs(1260), "{age:?}");
    assert!(one.cache.hit(&7).is_some());
}

#[tokio::test]
async fn what_is_stale_here_may_be_fresh_there() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let one = Node::on(&server).await;
    one.get(7, "v1").await;
    let other = Node::hearing(of(patient(server.url())).l1_life(Duration::from_millis(1))).await;
    for _ in 0..3 {
        assert_eq!(other.get(7, "v2").await, "v1");
        tokio::time::sleep(Duration::from_millis(3)).await;
        assert!(other.cache.hit(&7).is_none(), "it outlived its time here");
    }
    assert_eq!(other.loads(), 0);
    // Gone there too: it is loaded.
    server.command(&["DEL", "users:{7}"]);
    assert_eq!(other.get(7, "v2").await, "v2");
    assert_eq!(other.loads(), 1);
}

#[tokio::test]
async fn a_fence_reaches_the_other_process_and_costs_it_no_command() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let (one, other) = (Node::on(&server).await, Node::on(&server).await);
    one.get(7, "v1").await;
    other.get(7, "v1").await;
    let (reads, deletes) = (calls(&server, "evalsha") + calls(&server, "eval"), calls(&server, "del"));
    assert_eq!(one.cache.fence_everywhere(Fence::Key(7)).await, Reach::Everywhere);
    assert!(one.cache.hit(&7).is_none());
    until("the other hears", async || other.cache.hit(&7).is_none()).await;
    assert!(other.tier.hears(), "it was a notice, not a lost line");
    // A key that nobody has, told again.
    one.cache.fence_everywhere(Fence::Key(8)).await;
    other.get(9, "v9").await;
    // What was read since is key 9 and its fill, by the other.
    assert_eq!(calls(&server, "evalsha") + calls(&server, "eval"), reads + 2);
    // The driver may have done a fence once more; the other process did none.
    assert!(calls(&server, "del") > deletes);
    assert_eq!(other.get(7, "v2").await, "v2");
    assert_eq!(one.get(7, "v3").await, "v2");
}

#[tokio::test]
async fn a_plain_verb_is_done_by_the_driver() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let (one, other) = (Node::on(&server).await, Node::on(&server).await);
    one.get(7, "v1").await;
    other.get(7, "v1").await;
    one.cache.invalidate(&7);
    until("the other hears", async || other.cache.hit(&7).is_none()).await;
    assert_eq!(server.command(&["EXISTS", "users:{7}"]), ":0\r\n");
    assert_eq!(other.get(7, "v2").await, "v2");
}

#[tokio::test]
async fn a_tag_and_everything_are_fenced_everywhere() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let (one, other) = (Node::on(&server).await, Node::on(&server).await);
    for node in [&one, &other] {
        let load = async || Ok(Loaded::value("tagged".to_owned()).tags(["even"]));
        node.cache.get_or_load(&2, load).await.unwrap();
        node.get(3, "plain").await;
    }
    one.cache.fence_everywhere(Fence::Tag("even".into())).await;
    until("the other hears", async || other.cache.hit(&2).is_none()).await;
    assert!(other.cache.hit(&3).is_some());
    // A process that comes later heard nothing, and is not given the old value either.
    let late = Node::on(&server).await;
    assert_eq!(late.get(2, "new").await, "new");
    assert_eq!(late.get(3, "new").await, "plain");
    // What was loaded after the fence is found.
    assert_eq!(other.get(2, "newer").await, "new");

    one.cache.fence_everywhere(Fence::All).await;
    until("the other hears", async || other.cache.hit(&3).is_none()).await;
    let latest = Node::on(&server).await;
    assert_eq!(latest.get(2, "last").await, "last");
    assert_eq!(latest.get(3, "last").await, "last");
}

#[tokio::test]
async fn a_fence_during_a_load_refuses_its_fill() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let (one, other) = (Node::on(&server).await, Node::on(&server).await);
    let loading = one.get_slowly(7, "old", Duration::from_millis(300));
    let fence = async {
        until("the load began", async || one.loads() == 1).await;
        other.cache.fence_everywhere(Fence::Key(7)).await;
    };
    let (answer, ()) = tokio::join!(loading, fence);
    assert_eq!(answer, "old", "who asked before the fence is answered");
    assert_eq!(server.command(&["EXISTS", "users:{7}"]), ":0\r\n");
    assert_eq!(one.get(7, "new").await, "new");
}

#[tokio::test]
async fn a_stampede_of_processes_loads_once_if_they_wait() {
    let Some(server) = RedisServer::start(&[]) else { return };
    for (wait, loads) in [(Duration::ZERO, 2), (Duration::from_secs(20), 1)] {
        let tier = || of(patient(server.url())).lease_wait(wait);
        let (one, other) = (Node::hearing(tier()).await, Node::hearing(tier()).await);
        let key = 7 + loads;
        let both = [&one, &other].map(|node| node.get_slowly(key, "v", Duration::from_millis(400)));
        let [one_of_them, the_other] = both;
        tokio::join!(one_of_them, the_other);
        assert_eq!(one.loads() + other.loads(), loads);
        assert_eq!(server.command(&["EXISTS", &format!("users:{{{key}}}")]), ":1\r\n");
        assert_eq!(server.command(&["EXISTS", &format!("users:{{{key}}}:lease")]), ":0\r\n");
    }
}

#[tokio::test]
async fn what_nobody_understands_is_nothing_and_goes() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let node = Node::on(&server).await;
    server.command(&["SET", "users:{7}", "sw\x02?from another version"]);
    assert_eq!(node.get(7, "v").await, "v");
    assert_eq!((node.loads(), node.tier.undecodable()), (1, 1));
    let other = Node::on(&server).await;
    assert_eq!(other.get(7, "v2").await, "v");
}

#[tokio::test]
async fn a_store_that_is_away_is_not_waited_for() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let proxy = Proxy::to(server.port()).await;
    let store = patient(proxy.url());
    let node = Node::hearing(of(store.clone())).await;
    store.breaker().force_open();
    let sent = proxy.requested();
    assert_eq!(node.get(7, "v").await, "v");
    assert!(node.cache.hit(&7).is_some(), "it is kept here all the same");
    assert_eq!(node.loads(), 1);
    // The line on which notices come is another; it may have asked whether it still stands.
    assert!(proxy.requested() - sent <= 64);
    assert_eq!(node.cache.fence_everywhere(Fence::Key(7)).await, Reach::Here);
    store.breaker().reset();
    until("the fence is done", async || server.command(&["INFO", "commandstats"]).contains("cmdstat_del"))
        .await;
}

#[tokio::test]
async fn a_fence_that_could_not_be_told_is_told_later_and_trusts_nothing_until_then() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let other = Node::on(&server).await;
    let one = Node::hearing(of(patient(server.url()).timeout(Duration::from_millis(300)))).await;
    one.get(7, "v1").await;
    other.get(7, "v1").await;
    server.freeze();
    assert_eq!(one.cache.fence_everywhere(Fence::Key(7)).await, Reach::Here);
    assert_eq!(one.get(7, "v2").await, "v2", "the store was trusted");
    server.thaw();
    until("the other hears", async || other.cache.hit(&7).is_none()).await;
    until("it is deleted", async || server.command(&["EXISTS", "users:{7}"]) == ":0\r\n").await;
    assert_eq!(other.get(7, "v3").await, "v3");
}

#[tokio::test]
async fn a_line_that_was_lost_fences_everything_here() {
    let Some(mut server) = RedisServer::start(&[]) else { return };
    let node = Node::on(&server).await;
    node.get(7, "v1").await;
    server.kill();
    until("it is deaf", async || !node.tier.hears()).await;
    assert!(node.cache.hit(&7).is_none(), "what was missed is unknown");
    assert_eq!(node.get(7, "v2").await, "v2");
    server.restart();
    until("it hears again", async || node.tier.hears()).await;
    assert!(node.cache.hit(&7).is_none(), "loaded while it was deaf");
}

#[tokio::test]
async fn a_store_that_is_full_keeps_nothing_and_hinders_nobody() {
    let Some(server) = RedisServer::start(&["--maxmemory-policy", "noeviction"]) else { return };
    let node = Node::on(&server).await;
    server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    for key in 0..20 {
        assert_eq!(node.get(key, "v").await, "v");
        assert!(node.cache.hit(&key).is_some(), "it is kept here all the same");
    }
    assert_eq!((node.loads(), server.command(&["DBSIZE"])), (20, ":0\r\n".to_owned()));
    server.command(&["CONFIG", "SET", "maxmemory", "0"]);
    let other = Node::on(&server).await;
    other.get(100, "v").await;
    until("it is kept there again", async || {
        other.cache.fence_everywhere(Fence::Key(101)).await;
        other.get(101, "v").await;
        server.command(&["EXISTS", "users:{101}"]) == ":1\r\n"
    })
    .await;
}

#[tokio::test]
async fn a_store_that_forgot_its_scripts_is_told_them_again() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let (one, other) = (Node::on(&server).await, Node::on(&server).await);
    server.command(&["SCRIPT", "FLUSH"]);
    assert_eq!(one.get(7, "v1").await, "v1");
    server.command(&["SCRIPT", "FLUSH"]);
    assert_eq!(other.get(7, "v2").await, "v1");
    assert_eq!(other.loads(), 0);
}
