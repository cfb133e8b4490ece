//! Two processes' caches over one Redis: a value is loaded once for both, and a fence of the one reaches the other.
//!
//! `cargo run --features redis --example cache_tiered` starts a Redis or Valkey of its own, where one is installed. Both caches
//! stand in this one program; they know nothing of each other but the store.

#[path = "tools/redis_server.rs"]
#[expect(dead_code, reason = "an example needs less of it than the tests")]
mod redis_server;

use redis_server::RedisServer;
use seawall::cache::{CacheAside, Fence, Lifetime, Memory, Reach, Settings};
use seawall::redis::{RedisTier, Store};
use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

type Users = CacheAside<u64, String, Infallible>;

/// The cache of one process, and the tier behind it.
#[expect(clippy::disallowed_methods, reason = "the ban is for the library, which spawns nothing by itself")]
fn process(url: &str) -> Result<(Users, RedisTier<u64, String>), redis::RedisError> {
    // A limit of milliseconds is for production; an example may run on a busy machine.
    let store = Store::new("redis", redis::Client::open(url)?).timeout(Duration::from_secs(5));
    let tier = RedisTier::new(store, "users");
    let settings = Settings::new(Lifetime::of(Duration::from_secs(600))).tier(tier.clone());
    let cache = Users::new("users", Memory::lru(10_000), settings);
    tokio::spawn(cache.background());
    let others = cache.clone();
    tokio::spawn(tier.attend(move |notice| others.heed(notice)));
    Ok((cache, tier))
}

/// What the database says, and how often it was asked.
#[derive(Clone, Default)]
struct Database(Arc<AtomicU32>);

impl Database {
    async fn name_of(&self, user: u64) -> Result<String, Infallible> {
        let asked = self.0.fetch_add(1, SeqCst);
        Ok(format!("user {user}, version {asked}"))
    }
}

async fn name(users: &Users, database: &Database, user: u64) -> Result<String, Box<dyn Error>> {
    let database = database.clone();
    let found = users.get_or_load(&user, async move || database.name_of(user).await).await?;
    Ok(found.to_string())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Some(mut server) = RedisServer::start(&[]) else { return Ok(()) };
    let database = Database::default();
    let ((one, tier_of_one), (other, tier_of_other)) = (process(&server.url())?, process(&server.url())?);
    while !(tier_of_one.hears() && tier_of_other.hears()) {
        tokio::task::yield_now().await;
    }

    let first = name(&one, &database, 7).await?;
    let second = name(&other, &database, 7).await?;
    println!("both processes say {first:?}, and the database was asked {} time", database.0.load(SeqCst));
    assert_eq!((&first, database.0.load(SeqCst)), (&second, 1));

    // The user has a new name: written to the database first, then fenced.
    assert_eq!(one.fence_everywhere(Fence::Key(7)).await, Reach::Everywhere);
    while other.hit(&7).is_some() {
        tokio::task::yield_now().await;
    }
    let third = name(&other, &database, 7).await?;
    println!("after a fence of the one, the other says {third:?}");
    assert_eq!(third, "user 7, version 1");

    // Without the store each process loads for itself, and trusts nothing that it might have missed.
    server.kill();
    while tier_of_one.hears() {
        tokio::task::yield_now().await;
    }
    assert_eq!(name(&one, &database, 7).await?, "user 7, version 2");
    println!("without the store the one says {:?}", name(&one, &database, 7).await?);
    Ok(())
}
