//! Two gateway processes share one quota, and go on without their store.
//!
//! `cargo run --features redis --example rate_limit_redis` starts a Redis or Valkey of its own, where one is installed.

#[path = "tools/redis_server.rs"]
#[expect(dead_code, reason = "an example needs less of it than the tests")]
mod redis_server;

use redis_server::RedisServer;
use seawall::Reason;
use seawall::rate_limit::Quota;
use seawall::redis::{Limits, SharedRateLimiter, Store, WhenAway};
use std::process::{Command, Stdio};
use std::time::Duration;

/// What the gateways of this service may send to a partner in a day, all together.
const QUOTA: Quota = Quota::per_day(100);

fn limiter(url: &str) -> Result<SharedRateLimiter, redis::RedisError> {
    // A limit of milliseconds is for production; an example may run on a busy machine.
    let store = Store::new("redis", redis::Client::open(url)?).timeout(Duration::from_secs(5));
    let limits = Limits::of(QUOTA).when_away(WhenAway::Local { nodes: 2 });
    Ok(SharedRateLimiter::new("partner", store, limits))
}

/// One gateway: as many calls as it may make, of eighty.
async fn gateway(url: &str) -> Result<u32, redis::RedisError> {
    let limiter = limiter(url)?;
    let mut sent = 0;
    for _ in 0..80 {
        match limiter.try_acquire("partner").await {
            Ok(_spent) => sent += 1,
            Err(refused) => assert_eq!(refused.reason(), Reason::RateLimited, "{refused}"),
        }
    }
    Ok(sent)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if let Some(url) = std::env::args().nth(1) {
        println!("{}", gateway(&url).await?);
        return Ok(());
    }
    let Some(mut server) = RedisServer::start(&[]) else { return Ok(()) };

    let start = || Command::new(std::env::current_exe()?).arg(server.url()).stdout(Stdio::piped()).spawn();
    let mut sent = Vec::new();
    for gateway in [start()?, start()?] {
        let told = String::from_utf8(gateway.wait_with_output()?.stdout)?;
        sent.push(told.trim().parse::<u32>()?);
    }
    println!("two gateways wanted to send 160 and sent {} + {} = {}", sent[0], sent[1], sent[0] + sent[1]);
    assert_eq!(sent[0] + sent[1], 100);

    // Each has half of the quota while the store is away, and neither waits for it.
    let limiter = limiter(&server.url())?;
    limiter.check("somebody").await?;
    server.kill();
    let mut alone = 0;
    while let Ok(grant) = limiter.try_acquire("partner").await {
        assert!(grant.is_degraded());
        alone += 1;
    }
    println!("without the store one of them sent {alone}");
    assert_eq!(alone, 50);

    // What it gave is charged once the store is back, though that has forgotten everything.
    server.restart();
    limiter.store().breaker().probe_now();
    while limiter.peek("somebody", 0).await.is_err() {
        limiter.store().breaker().probe_now();
    }
    let grant = limiter.try_acquire("partner").await?;
    let left = grant.decision().map(|decision| decision.remaining());
    println!("and with the store back there are {left:?} left of the day's 100");
    assert_eq!(left, Some(49));
    Ok(())
}
