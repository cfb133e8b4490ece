//! What happens when the store is slow, frozen, full, killed, started again, cut off, or replaced.

use super::proxy::Proxy;
use super::{PATIENT, RedisServer, patient, until};
use seawall::Reason;
use seawall::circuit_breaker::{Config, OpenFor, Probes, State, Trip};
use seawall::rate_limit::Quota;
use seawall::redis::{Limits, SharedRateLimiter, Store, WhenAway};
use std::time::Duration;

/// Gives up soon, opens after three failures, and looks again every fifth of a second.
fn quick() -> Config {
    let look_again = OpenFor::fixed(Duration::from_millis(200));
    Config::new().trip(Trip::run_of(3)).open_for(look_again).probes(Probes::of(1).need(1))
}

fn impatient(url: String) -> Store {
    patient(url).timeout(Duration::from_millis(150)).circuit(quick())
}

fn limits(away: WhenAway) -> Limits {
    Limits::of(Quota::per_day(20)).when_away(away).remembered(0)
}

/// Calls until the store answers again; how many of the answers before that were admitted.
async fn until_the_store_answers(limiter: &SharedRateLimiter) {
    until("the store answers again", async || limiter.peek("other", 0).await.is_ok()).await;
}

#[tokio::test]
async fn a_killed_store_is_closed_open_or_a_local_share() {
    let Some(mut server) = RedisServer::start(&[]) else { return };
    let of = |away| SharedRateLimiter::new("api", impatient(server.url()), limits(away));
    let (closed, open, local) = (of(WhenAway::Closed), of(WhenAway::Open), of(WhenAway::Local { nodes: 4 }));
    for limiter in [&closed, &open, &local] {
        until_the_store_answers(limiter).await;
    }
    server.kill();
    for _ in 0..20 {
        let refused = closed.try_acquire("k").await.unwrap_err();
        assert_eq!((refused.reason(), refused.retry_after()), (Reason::StoreUnavailable, None));
        assert!(open.try_acquire("k").await.unwrap().is_degraded());
    }
    assert_eq!(closed.store().breaker().state(), State::Open);
    let mut admitted = 0;
    for _ in 0..20 {
        match local.try_acquire("k").await {
            Ok(grant) => {
                assert!(grant.is_degraded());
                admitted += 1;
            }
            Err(refused) => assert_eq!(refused.reason(), Reason::RateLimited),
        }
    }
    assert_eq!(admitted, 5, "a quarter of twenty");

    server.restart();
    for limiter in [&closed, &open, &local] {
        until_the_store_answers(limiter).await;
        assert!(!limiter.try_acquire("someone else").await.unwrap().is_degraded());
    }
}

#[tokio::test]
async fn coming_back_is_no_second_burst() {
    let Some(mut server) = RedisServer::start(&[]) else { return };
    let local = SharedRateLimiter::new("api", impatient(server.url()), limits(WhenAway::Local { nodes: 1 }));
    until_the_store_answers(&local).await;
    server.kill();
    for _ in 0..20 {
        assert!(local.try_acquire("k").await.unwrap().is_degraded());
    }
    assert!(local.try_acquire("k").await.is_err());
    server.restart(); // and has forgotten everything
    until_the_store_answers(&local).await;
    let mut admitted = 0;
    for _ in 0..40 {
        admitted += u32::from(local.try_acquire("k").await.is_ok());
    }
    assert!(admitted <= 1, "{admitted} more than the twenty of the day");
    assert!(local.try_acquire("someone else").await.is_ok());
}

#[tokio::test]
async fn a_frozen_store_costs_the_timeout_a_few_times_and_then_nothing() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let proxy = Proxy::to(server.port()).await;
    let limiter = SharedRateLimiter::new("api", impatient(proxy.url()), limits(WhenAway::Open));
    until_the_store_answers(&limiter).await;
    server.freeze();
    for _ in 0..3 {
        let answered = tokio::time::timeout(PATIENT, limiter.try_acquire("k")).await;
        assert!(answered.expect("kept to its deadline").unwrap().is_degraded());
    }
    assert_eq!(limiter.store().breaker().state(), State::Open);
    limiter.store().breaker().open_for(Duration::from_secs(3600));
    let sent = (proxy.requested(), proxy.connections());
    for _ in 0..1000 {
        assert!(limiter.try_acquire("k").await.unwrap().is_degraded());
    }
    assert_eq!((proxy.requested(), proxy.connections()), sent, "an open circuit touched a socket");

    server.thaw();
    limiter.store().breaker().probe_now();
    until_the_store_answers(&limiter).await;
    assert!(!limiter.try_acquire("k").await.unwrap().is_degraded());
}

#[tokio::test]
async fn a_slow_store_is_given_up_on() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let proxy = Proxy::to(server.port()).await;
    let limiter = SharedRateLimiter::new("api", impatient(proxy.url()), limits(WhenAway::Closed));
    until_the_store_answers(&limiter).await;
    proxy.delay(Duration::from_secs(3));
    for _ in 0..5 {
        let refused = limiter.try_acquire("k").await.unwrap_err();
        assert_eq!(refused.reason(), Reason::StoreUnavailable);
    }
    proxy.delay(Duration::ZERO);
    until_the_store_answers(&limiter).await;
}

#[tokio::test]
async fn many_come_back_over_one_connection() {
    let Some(mut server) = RedisServer::start(&[]) else { return };
    let proxy = Proxy::to(server.port()).await;
    let limiter = SharedRateLimiter::new("api", impatient(proxy.url()), limits(WhenAway::Open));
    until_the_store_answers(&limiter).await;
    server.kill();
    for _ in 0..10 {
        limiter.check("k").await.unwrap();
    }
    server.restart();
    let before = proxy.connections();
    let tasks: Vec<_> = (0..200)
        .map(|task| {
            let limiter = limiter.clone();
            tokio::spawn(async move {
                let key = task.to_string();
                while limiter.try_acquire(&key).await.is_ok_and(|grant| grant.is_degraded()) {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    // One would do; a busy machine may miss a deadline or two.
    assert!(proxy.connections() - before <= 5, "{} connections", proxy.connections() - before);
}

#[tokio::test]
async fn a_reply_that_is_cut_is_not_asked_for_again() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let proxy = Proxy::to(server.port()).await;
    let limiter = SharedRateLimiter::new("api", impatient(proxy.url()), limits(WhenAway::Closed));
    until_the_store_answers(&limiter).await;
    assert!(limiter.try_acquire("k").await.is_ok());
    proxy.cut_after(3);
    let refused = limiter.try_acquire("k").await.unwrap_err();
    assert_eq!(refused.reason(), Reason::StoreUnavailable);
    until_the_store_answers(&limiter).await;
    // It had run, once: the caller was refused and charged, never admitted twice.
    assert_eq!(limiter.peek("k", 0).await.unwrap().remaining(), 18);
}

#[tokio::test]
async fn a_store_without_memory_is_away_and_not_a_quota() {
    let Some(server) = RedisServer::start(&["--maxmemory-policy", "noeviction"]) else { return };
    let limiter = SharedRateLimiter::new("api", impatient(server.url()), limits(WhenAway::Closed));
    until_the_store_answers(&limiter).await;
    server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    for _ in 0..3 {
        assert_eq!(limiter.try_acquire("k").await.unwrap_err().reason(), Reason::StoreUnavailable);
    }
    assert_eq!(limiter.store().breaker().state(), State::Open);
    assert!(limiter.store().last_error().unwrap().to_string().contains("OOM"));
    server.command(&["CONFIG", "SET", "maxmemory", "0"]);
    until("writes again", async || limiter.try_acquire("k").await.is_ok()).await;
}

#[tokio::test]
async fn a_key_of_another_kind_is_no_outage() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let limiter = SharedRateLimiter::new("api", impatient(server.url()), limits(WhenAway::Closed));
    limiter.check("k").await.unwrap();
    let keys = server.command(&["KEYS", "*"]);
    let key = keys.lines().find(|line| line.starts_with("seawall")).unwrap().to_owned();
    server.command(&["DEL", &key]);
    server.command(&["LPUSH", &key, "x"]);
    for _ in 0..10 {
        assert_eq!(limiter.try_acquire("k").await.unwrap_err().reason(), Reason::StoreUnavailable);
    }
    assert_eq!(limiter.store().breaker().state(), State::Closed);
    assert!(limiter.try_acquire("other").await.is_ok());
}

#[tokio::test]
async fn the_store_may_be_away_from_the_start() {
    let Some(mut server) = RedisServer::start(&[]) else { return };
    server.kill();
    let limiter = SharedRateLimiter::new("api", impatient(server.url()), limits(WhenAway::Open));
    assert!(limiter.try_acquire("k").await.unwrap().is_degraded());
    server.restart();
    until_the_store_answers(&limiter).await;
}

/// A master, its replica and a sentinel; the master is killed, and the replica takes over.
#[tokio::test]
async fn a_failover_to_a_replica_heals_by_itself() {
    use redis::sentinel::{SentinelClient, SentinelServerType};

    let Some(mut master) = RedisServer::start(&[]) else { return };
    let port = master.port().to_string();
    let Some(replica) = RedisServer::start(&["--replicaof", "127.0.0.1", &port]) else { return };
    let conf = std::env::temp_dir().join(format!("seawall-sentinel-{}-{port}.conf", std::process::id()));
    let text = format!(
        "sentinel monitor main 127.0.0.1 {port} 1\n\
         sentinel down-after-milliseconds main 300\n\
         sentinel failover-timeout main 3000\n"
    );
    std::fs::write(&conf, text).unwrap();
    let Some(sentinel) = RedisServer::start_sentinel(conf.to_str().unwrap()) else { return };
    until("the sentinel knows the replica", async || {
        sentinel.command(&["SENTINEL", "replicas", "main"]).contains(&replica.port().to_string())
    })
    .await;

    let client =
        SentinelClient::build(vec![sentinel.url()], "main".into(), None, SentinelServerType::Master).unwrap();
    let store = Store::new("store", client).timeout(Duration::from_millis(500)).circuit(quick());
    let limiter = SharedRateLimiter::new("api", store, limits(WhenAway::Closed));
    until("the first answer", async || limiter.try_acquire_many("k", 5).await.is_ok()).await;
    assert_eq!(master.command(&["WAIT", "1", "10000"]), ":1\r\n");

    master.kill();
    until("the replica answers", async || limiter.peek("k", 0).await.is_ok()).await;
    assert_eq!(limiter.peek("k", 0).await.unwrap().remaining(), 15, "what was replicated is kept");
    assert!(replica.command(&["ROLE"]).contains("master"));
    let _ = std::fs::remove_file(conf);
}
