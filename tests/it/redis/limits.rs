//! One store, several limiters: what they admit together, and what it costs them.

use super::proxy::Proxy;
use super::{RedisServer, patient};
use seawall::Reason;
use seawall::rate_limit::Quota;
use seawall::redis::{Limit, Limits, SharedRateLimiter};
use std::time::Duration;

fn limiter(server: &RedisServer, limits: impl Into<Limits>) -> SharedRateLimiter {
    SharedRateLimiter::new("api", patient(server.url()), limits)
}

/// The remaining life of the only key there is, in milliseconds.
fn life(server: &RedisServer) -> i64 {
    let keys = server.command(&["KEYS", "*"]);
    let key = keys.lines().find(|line| line.starts_with("seawall")).expect("a key").to_owned();
    server.command(&["PTTL", &key]).trim_start_matches(':').trim().parse().unwrap()
}

#[tokio::test]
async fn two_clients_share_a_burst() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let quota = Quota::per(1, Duration::from_secs(1000)).burst(5);
    let limits = Limits::of(quota).remembered(0);
    let (one, other) = (limiter(&server, limits.clone()), limiter(&server, limits));
    assert_eq!(one.try_acquire("k").await.unwrap().decision().unwrap().remaining(), 4);
    let first = life(&server);
    assert!(first > 0 && first <= 1_000_000, "{first}");
    for _ in 0..2 {
        assert!(one.try_acquire("k").await.is_ok());
        assert!(other.try_acquire("k").await.is_ok());
    }
    let full = life(&server);
    assert!(full > first && full <= 5_000_000, "{full}");
    let value = server.command(&["KEYS", "*"]);
    for limiter in [&one, &other] {
        let refused = limiter.try_acquire("k").await.unwrap_err();
        assert_eq!(refused.reason(), Reason::RateLimited);
        assert!(refused.retry_after() <= Some(Duration::from_secs(1000)));
    }
    assert_eq!(server.command(&["KEYS", "*"]), value);
    assert!(life(&server) <= full, "a refusal gave the key more life");
}

#[tokio::test]
async fn what_never_fits_costs_no_trip_and_is_a_refusal_of_its_own() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let proxy = Proxy::to(server.port()).await;
    let limiter = SharedRateLimiter::new("api", patient(proxy.url()), Quota::per_hour(5));
    let refused = limiter.try_acquire_many("k", 6).await.unwrap_err();
    assert_eq!((refused.reason(), refused.retry_after()), (Reason::TooLarge, None));
    assert_eq!(refused.to_string(), "api: costs 6, more than the capacity of 5");
    assert!(limiter.try_acquire_many("k", 0).await.is_ok());
    assert_eq!(proxy.requested(), 0);
}

#[tokio::test]
async fn a_script_that_the_server_forgot_is_sent_again_and_charges_once() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let limiter = limiter(&server, Quota::per_hour(10));
    assert_eq!(limiter.try_acquire("k").await.unwrap().decision().unwrap().remaining(), 9);
    server.command(&["SCRIPT", "FLUSH"]);
    assert_eq!(limiter.try_acquire("k").await.unwrap().decision().unwrap().remaining(), 8);
}

#[tokio::test]
async fn a_refusal_is_repeated_without_a_trip_for_what_costs_no_less() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let proxy = Proxy::to(server.port()).await;
    let limiter = SharedRateLimiter::new("api", patient(proxy.url()), Quota::per_hour(10));
    drop(limiter.try_acquire_many("k", 8).await.unwrap());
    let refused = limiter.try_acquire_many("k", 5).await.unwrap_err();
    let sent = proxy.requested();
    for cost in [5, 6, 10] {
        let again = limiter.try_acquire_many("k", cost).await.unwrap_err();
        assert_eq!(again.reason(), Reason::RateLimited);
        assert!(again.retry_after() <= refused.retry_after());
    }
    assert_eq!(proxy.requested(), sent, "a known refusal was asked for");
    assert!(limiter.try_acquire_many("k", 2).await.is_ok(), "less was there");
    assert!(proxy.requested() > sent);
    limiter.refund("k", 10).await.unwrap();
    assert!(limiter.try_acquire_many("k", 10).await.is_ok(), "remembered beyond a refund");
}

#[tokio::test]
async fn peeking_takes_nothing_and_a_reset_leaves_nothing() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let limiter = limiter(&server, Quota::per_hour(10));
    assert_eq!(limiter.peek("k", 1).await.unwrap().remaining(), 10);
    assert_eq!(server.command(&["DBSIZE"]), ":0\r\n");
    drop(limiter.try_acquire_many("k", 8).await.unwrap());
    let seen = limiter.peek("k", 3).await.unwrap();
    assert_eq!((seen.remaining(), seen.reason()), (2, Some(Reason::RateLimited)));
    assert_eq!(limiter.peek("k", 11).await.unwrap().reason(), Some(Reason::TooLarge));
    assert_eq!(limiter.peek("k", 0).await.unwrap().remaining(), 2);
    limiter.reset("k").await.unwrap();
    assert_eq!(server.command(&["DBSIZE"]), ":0\r\n");
    assert_eq!(limiter.peek("k", 0).await.unwrap().remaining(), 10);
}

#[tokio::test]
async fn what_is_released_was_never_taken() {
    let Some(server) = RedisServer::start(&[]) else { return };
    for limit in [
        Limit::from(Quota::per_hour(10)),
        Limit::fixed_window(10, Duration::from_secs(86_400)),
        Limit::sliding_counter(10, Duration::from_secs(86_400)),
        Limit::sliding_log(10, Duration::from_secs(86_400)),
    ] {
        let limiter = limiter(&server, Limits::of(limit).prefix(format!("{limit:?}")));
        let grant = limiter.try_acquire_many("k", 4).await.unwrap();
        assert_eq!(grant.decision().unwrap().remaining(), 6, "{limit:?}");
        grant.release().await;
        assert_eq!(limiter.peek("k", 0).await.unwrap().remaining(), 10, "{limit:?}");
        drop(limiter.try_acquire_many("k", 3).await.unwrap());
        limiter.refund("k", 1).await.unwrap();
        assert_eq!(limiter.peek("k", 0).await.unwrap().remaining(), 8, "{limit:?}");
        limiter.refund("k", 100).await.unwrap();
        assert_eq!(limiter.peek("k", 0).await.unwrap().remaining(), 10, "{limit:?}");
    }
}

#[tokio::test]
async fn several_limits_take_all_or_nothing() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let limits = Limits::of(Quota::per_hour(10))
        .and(Limit::fixed_window(4, Duration::from_secs(86_400)))
        .and(Limit::sliding_log(6, Duration::from_secs(86_400)));
    let limiter = limiter(&server, limits);
    assert_eq!(limiter.try_acquire_many("k", 3).await.unwrap().decision().unwrap().remaining(), 1);
    let refused = limiter.peek("k", 2).await.unwrap();
    assert_eq!(refused.refusing().collect::<Vec<_>>(), [1]);
    assert!(limiter.try_acquire_many("k", 2).await.is_err());
    assert!(limiter.try_acquire("k").await.is_ok(), "the refused call took something");
    assert_eq!(server.command(&["DBSIZE"]), ":3\r\n");
}

#[tokio::test]
async fn no_text_of_a_key_leaves_its_place() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let limits = Limits::of(Quota::per_hour(1)).and(Quota::per_day(5)).prefix("{shop}");
    let limiter = limiter(&server, limits);
    for key in ["{a}", "a}:api", "", "a\r\nb", "a b"] {
        assert!(limiter.try_acquire(key).await.is_ok(), "{key:?} was another key's");
    }
    let keys = server.command(&["KEYS", "*"]);
    let keys: Vec<_> = keys.lines().filter(|line| line.contains("api")).collect();
    assert_eq!(keys.len(), 10);
    for key in keys {
        assert!(key.starts_with("_shop_:{"), "{key}");
        assert_eq!((key.find('}'), key.matches(['{', '}']).count()), (Some(8 + 32), 2), "{key}");
    }
}

#[tokio::test]
async fn other_limits_hold_from_the_next_call_on() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let limiter = limiter(&server, Quota::per_hour(5));
    drop(limiter.try_acquire_many("k", 5).await.unwrap());
    assert!(limiter.try_acquire("k").await.is_err());
    limiter.set_limits(Quota::per_hour(7));
    assert!(limiter.try_acquire_many("k", 2).await.is_ok(), "what was refused is remembered still");
    assert!(limiter.try_acquire("k").await.is_err());
    limiter.set_limits(Quota::unlimited());
    assert!(limiter.try_acquire_many("k", 1000).await.is_ok());
}
