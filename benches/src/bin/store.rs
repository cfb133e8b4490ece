//! What a limit costs that many processes share, beside a plain `INCR` and a script of the usual kind on the same server; and
//! what a cache's own tier costs that has one in the store behind it.
//!
//! It starts a Redis or Valkey of its own on the loopback. One caller shows the time of a trip, 64 callers on one connection
//! the throughput; rows take turns, and each shows its best round.

#[path = "../../../examples/tools/redis_server.rs"]
#[expect(dead_code, reason = "a bench only wants it to run")]
mod redis_server;

use redis::aio::MultiplexedConnection;
use redis_server::RedisServer;
use seawall::cache::{CacheAside, Lifetime, Memory, Settings};
use seawall::rate_limit::Quota;
use seawall::rate_limit::remote::Rule;
use seawall::redis::{Limits, RedisTier, SharedRateLimiter, Store};
use std::convert::Infallible;
use std::hint::black_box;
use std::time::{Duration, Instant};

const ROUNDS: u32 = 12;
const CALLERS: u32 = 64;

/// A key, counted and given an expiry: what is found in most services.
const COUNTING: &str = "local n = redis.call('INCR', KEYS[1]) \
    if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end \
    return n <= tonumber(ARGV[1]) and 1 or 0";

/// GCRA as throttle and redis-cell have it, in floating point and by the client's clock.
const THROTTLE: &str = "local tat = tonumber(redis.call('GET', KEYS[1]) or '0') \
    local now, interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]) \
    tat = math.max(tat, now) + interval \
    if tat - now > burst * interval then return 0 end \
    redis.call('SET', KEYS[1], tat, 'PX', math.ceil((tat - now) / 1000)) \
    return 1";

#[derive(Clone)]
enum Row {
    Incr(MultiplexedConnection),
    Script(MultiplexedConnection, &'static str, redis::Script),
    Limit(&'static str, SharedRateLimiter, bool),
    Hit(&'static str, Cache),
}

type Cache = CacheAside<u64, String, Infallible>;

impl Row {
    fn name(&self) -> &'static str {
        match self {
            Self::Incr(_) => "INCR",
            Self::Script(_, name, _) | Self::Limit(name, ..) | Self::Hit(name, _) => name,
        }
    }

    async fn call(&mut self, number: u64) {
        match self {
            Self::Incr(connection) => {
                let count: u64 =
                    redis::cmd("INCR").arg("counted").query_async(connection).await.expect("a count");
                black_box(count);
            }
            Self::Script(connection, _, script) => {
                let mut call = script.key("scripted");
                let yes: u32 = call
                    .arg(number + 1_000_000)
                    .arg(1_000_000)
                    .arg(1_000_000_000_u64)
                    .invoke_async(connection)
                    .await
                    .expect("a yes");
                black_box(yes);
            }
            Self::Limit(_, limiter, admits) => {
                let answer = limiter.try_acquire("limited").await;
                assert_eq!(answer.is_ok(), *admits);
                black_box(&answer);
            }
            Self::Hit(_, cache) => assert!(black_box(cache.hit(&7)).is_some()),
        }
    }
}

/// Nanoseconds of a call, with so many callers at a time.
async fn round(row: &Row, callers: u32, calls: u32) -> f64 {
    let start = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let mut row = row.clone();
            tokio::spawn(async move {
                for number in 0..calls / callers {
                    row.call(number.into()).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("a caller");
    }
    start.elapsed().as_nanos() as f64 / f64::from(calls / callers * callers)
}

/// A cache that holds one value, with a tier behind it or not.
async fn cache(store: Option<Store>) -> Cache {
    let settings = Settings::new(Lifetime::of(Duration::from_secs(3600)));
    let settings = match store {
        Some(store) => settings.tier(RedisTier::new(store, "users")),
        None => settings,
    };
    let cache = Cache::new("users", Memory::lru(1000), settings);
    cache.get_or_load(&7, async || Ok("value".to_owned())).await.expect("a value");
    cache
}

#[tokio::main]
async fn main() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let client = redis::Client::open(server.url()).expect("an address");
    let connection = client.get_multiplexed_async_connection().await.expect("a connection");
    let store = Store::new("store", client).timeout(Duration::from_secs(10));
    let plenty = Quota::per_second(10_000_000);
    let limiter = |name, limits: Limits| SharedRateLimiter::new(name, store.clone(), limits);
    let denied = limiter("denied", Quota::per_day(1).into());
    let _ = denied.check("limited").await;
    let _ = denied.check("limited").await;
    let window = Duration::from_secs(1);
    let rows = [
        Row::Incr(connection.clone()),
        Row::Script(connection.clone(), "INCR and expiry in a script", redis::Script::new(COUNTING)),
        Row::Script(connection, "throttle-style script", redis::Script::new(THROTTLE)),
        Row::Limit("token bucket", limiter("bucket", plenty.into()), true),
        Row::Limit(
            "fixed window",
            limiter("fixed", Rule::FixedWindow { limit: 10_000_000, window }.into()),
            true,
        ),
        Row::Limit(
            "sliding counter",
            limiter("counter", Rule::SlidingWindowCounter { limit: 10_000_000, window }.into()),
            true,
        ),
        Row::Limit(
            "sliding log of 100",
            limiter("log", Rule::SlidingWindowLog { limit: 100, window: Duration::from_millis(1) }.into()),
            true,
        ),
        Row::Limit("two buckets", limiter("two", Limits::of(plenty).and(plenty)), true),
        Row::Limit(
            "token bucket, leases of 64",
            limiter("leased", Limits::of(plenty).leases_of(64, 4)),
            true,
        ),
        Row::Limit("known refusal", denied, false),
        Row::Hit("L1 hit", cache(None).await),
        Row::Hit("L1 hit, with the tier", cache(Some(store)).await),
    ];
    println!(
        "| | one caller, ns | of `INCR` | {CALLERS} callers, ns a call | throughput, of a trip a check |"
    );
    println!("|---|---:|---:|---:|---:|");
    let mut best = vec![[f64::INFINITY; 2]; rows.len()];
    for _ in 0..ROUNDS {
        for (row, best) in rows.iter().zip(&mut best) {
            best[0] = best[0].min(round(row, 1, 1000).await);
            best[1] = best[1].min(round(row, CALLERS, 64 * 100).await);
        }
    }
    let (incr, trip) = (best[0][0], best[3][1]);
    for (row, [alone, together]) in rows.iter().zip(&best) {
        println!(
            "| {} | {alone:.0} | {:.2} | {together:.0} | {:.1} |",
            row.name(),
            alone / incr,
            trip / together
        );
    }
}
