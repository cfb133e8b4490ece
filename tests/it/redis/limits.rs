//! One store, several limiters: what they admit together, and what it costs them.

use super::proxy::Proxy;
use super::{RedisServer, patient};
use seawall::Reason;
use seawall::rate_limit::Quota;
use seawall::rate_limit::remote::{self, Ask, Rule, Store as _, Verb};
use seawall::redis::{Limits, SharedRateLimiter};
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
    for rule in [
        Quota::per_hour(10).into(),
        Rule::FixedWindow { limit: 10, window: Duration::from_secs(86_400) },
        Rule::SlidingWindowCounter { limit: 10, window: Duration::from_secs(86_400) },
        Rule::SlidingWindowLog { limit: 10, window: Duration::from_secs(86_400) },
    ] {
        let store = patient(server.url()).prefix(&format!("{rule:?}"));
        let limiter = SharedRateLimiter::new("api", store, Limits::of(rule));
        let grant = limiter.try_acquire_many("k", 4).await.unwrap();
        assert_eq!(grant.decision().unwrap().remaining(), 6, "{rule:?}");
        grant.release().await;
        assert_eq!(limiter.peek("k", 0).await.unwrap().remaining(), 10, "{rule:?}");
        drop(limiter.try_acquire_many("k", 3).await.unwrap());
        limiter.refund("k", 1).await.unwrap();
        assert_eq!(limiter.peek("k", 0).await.unwrap().remaining(), 8, "{rule:?}");
        limiter.refund("k", 100).await.unwrap();
        assert_eq!(limiter.peek("k", 0).await.unwrap().remaining(), 10, "{rule:?}");
    }
}

#[tokio::test]
async fn several_limits_take_all_or_nothing() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let limits = Limits::of(Quota::per_hour(10))
        .and(Rule::FixedWindow { limit: 4, window: Duration::from_secs(86_400) })
        .and(Rule::SlidingWindowLog { limit: 6, window: Duration::from_secs(86_400) });
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
    let limits = Limits::of(Quota::per_hour(1)).and(Quota::per_day(5));
    let limiter = SharedRateLimiter::new("api", patient(server.url()).prefix("{shop}"), limits);
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

#[tokio::test]
async fn a_cost_known_afterwards_is_a_debt_that_is_paid_first() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let day = Duration::from_secs(86_400);
    for rule in [
        Rule::TokenBucket(Quota::per_day(10)),
        Rule::FixedWindow { limit: 10, window: day },
        Rule::SlidingWindowCounter { limit: 10, window: day },
        Rule::SlidingWindowLog { limit: 10, window: day },
    ] {
        let proxy = Proxy::to(server.port()).await;
        let store = patient(proxy.url()).prefix(&format!("{rule:?}"));
        let limiter = SharedRateLimiter::new("api", store, rule);
        assert_eq!(limiter.charge("k", 4).await.unwrap(), Duration::ZERO, "{rule:?}");
        assert_eq!(limiter.peek("k", 0).await.unwrap().remaining(), 6, "{rule:?}");
        let wait = limiter.charge("k", 9).await.unwrap();
        assert!(wait > Duration::ZERO, "{rule:?}");
        let sent = proxy.requested();
        let refused = limiter.try_acquire("k").await.unwrap_err();
        assert!(refused.retry_after() <= Some(wait), "{rule:?}");
        assert_eq!(proxy.requested(), sent, "{rule:?}: a debt that is known was asked for");
        limiter.refund("k", 4).await.unwrap();
        assert!(limiter.try_acquire("k").await.is_ok(), "{rule:?}");
        assert!(limiter.try_acquire("k").await.is_err(), "{rule:?}");
    }
}

#[tokio::test]
async fn a_call_that_was_refused_further_in_was_never_made() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let limiter = limiter(&server, Quota::per_day(10));
    let breaker = seawall::CircuitBreaker::new("peer", seawall::circuit_breaker::Config::new());
    let call = || limiter.run_through("k", || breaker.run(async || Err::<(), _>(std::fmt::Error)));
    assert!(matches!(call().await, Err(seawall::Error::Inner(_))));
    assert_eq!(limiter.peek("k", 0).await.unwrap().remaining(), 9);
    breaker.force_open();
    assert!(matches!(call().await, Err(seawall::Error::Rejected(_))));
    assert_eq!(limiter.peek("k", 0).await.unwrap().remaining(), 9);
}

#[tokio::test]
async fn a_limit_with_a_name_is_the_same_whoever_asks() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let store = patient(server.url());
    let daily = Quota::per_day(10);
    let of =
        |name, own| SharedRateLimiter::new(name, store.clone(), Limits::of(own).and_named("per day", daily));
    let (uploads, searches) = (of("uploads", Quota::per_day(5)), of("searches", Quota::per_day(50)));
    for _ in 0..5 {
        assert!(uploads.try_acquire("alice").await.is_ok());
        assert!(searches.try_acquire("alice").await.is_ok());
    }
    assert_eq!(searches.try_acquire("alice").await.unwrap_err().by().as_str(), "per day");
    assert!(searches.try_acquire("bob").await.is_ok());

    // Whoever speaks to the store itself sees the same.
    let limits = [remote::Limit::new("per day", Rule::TokenBucket(daily))];
    let ask = |verb, cost| store.decide(Ask { verb, ..Ask::take(b"alice", &limits, cost) });
    let seen = ask(Verb::Take, 1).await.unwrap();
    assert_eq!((seen.remaining(), seen.reason()), (0, Some(Reason::RateLimited)));
    assert_eq!(seen.refused_by().map(|name| name.as_str()), Some("per day"));
    assert_eq!(ask(Verb::Take, 11).await.unwrap().reason(), Some(Reason::TooLarge));
    assert_eq!(ask(Verb::Take, 0).await.unwrap().remaining(), 0);
    assert_eq!(ask(Verb::GiveBack, 3).await.unwrap().remaining(), 3);
    assert_eq!(ask(Verb::Peek, 4).await.unwrap().reason(), Some(Reason::RateLimited));
    assert_eq!(ask(Verb::Take, 2).await.unwrap().remaining(), 1);
    assert!(ask(Verb::Charge, 3).await.unwrap().retry_after().is_some());
    assert_eq!(ask(Verb::Reset, 0).await.unwrap().remaining(), 10);
    assert_eq!(ask(Verb::Peek, 0).await.unwrap().remaining(), 10);
    // Nothing to ask is no trip, and no refusal.
    assert!(store.decide(Ask::take(b"alice", &[], 7)).await.unwrap().is_admitted());
}

#[tokio::test]
async fn a_key_takes_the_memory_that_the_guide_says() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let window = Duration::from_secs(86_400);
    for (rule, most) in [
        (Rule::TokenBucket(Quota::per_day(100_000)), 200),
        (Rule::FixedWindow { limit: 100_000, window }, 200),
        (Rule::SlidingWindowCounter { limit: 100_000, window }, 200),
        (Rule::SlidingWindowLog { limit: 100, window }, 200 + 18 * 100),
    ] {
        let limiter = limiter(&server, rule);
        for _ in 0..100 {
            limiter.check("somebody of some length@example.com").await.unwrap();
        }
        let keys = server.command(&["KEYS", "*"]);
        let key = keys.lines().find(|line| line.starts_with("seawall")).expect("a key").to_owned();
        let bytes = server.command(&["MEMORY", "USAGE", &key]);
        let bytes: u32 = bytes.trim_start_matches(':').trim().parse().unwrap();
        assert!((60..=most).contains(&bytes), "{rule:?}: {bytes}");
        // Nothing of a limit is there that is full again.
        limiter.refund("somebody of some length@example.com", 100).await.unwrap();
        assert_eq!(server.command(&["DBSIZE"]), ":0\r\n", "{rule:?}");
    }
}
