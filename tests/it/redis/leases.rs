//! Permits ahead: most checks cost no trip, and nothing is over-admitted.

use super::proxy::Proxy;
use super::{RedisServer, patient};
use seawall::rate_limit::Quota;
use seawall::redis::{Limits, SharedRateLimiter};
use std::future::Future;
use std::task::{Context, Waker};

fn leased(url: String, nodes: u32) -> SharedRateLimiter {
    // The burst is a day's: while a test runs no more comes.
    SharedRateLimiter::new(
        "api",
        patient(url),
        Limits::of(Quota::per_day(1000)).leases_of(50, nodes).remembered(0),
    )
}

async fn spend(limiter: &SharedRateLimiter, calls: u32) -> u32 {
    let mut admitted = 0;
    for _ in 0..calls {
        admitted += u32::from(limiter.try_acquire("k").await.is_ok());
    }
    admitted
}

#[tokio::test]
async fn a_lease_answers_without_a_trip() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let proxy = Proxy::to(server.port()).await;
    let limiter = leased(proxy.url(), 2);
    assert!(limiter.try_acquire("k").await.unwrap().decision().is_some());
    let sent = proxy.requested();
    for _ in 0..50 {
        assert!(limiter.try_acquire("k").await.unwrap().decision().is_none());
    }
    assert_eq!(proxy.requested(), sent);
    assert!(limiter.try_acquire("k").await.unwrap().decision().is_some());
    assert!(proxy.requested() > sent);
}

#[tokio::test]
async fn nodes_never_pass_the_burst_and_waste_a_lease_each_at_most() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let nodes = [(); 4].map(|()| leased(server.url(), 4));
    // 800 are the store's, 200 are the leases' part of the burst: out of reach once the first 800 are gone.
    let mut admitted = 0;
    for round in 0..300 {
        admitted += spend(&nodes[round % 4], 7).await;
    }
    assert!((800..=1001).contains(&admitted), "{admitted}");
}

#[tokio::test]
async fn callers_that_come_together_share_one_trip() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let limiter = leased(server.url(), 2);
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let limiter = limiter.clone();
            tokio::spawn(async move { limiter.try_acquire("k").await.unwrap().decision().is_some() })
        })
        .collect();
    let mut trips = 0;
    for task in tasks {
        trips += u32::from(task.await.unwrap());
    }
    assert_eq!(trips, 1);
}

#[tokio::test]
async fn what_is_left_goes_back_on_shutdown() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let limiter = leased(server.url(), 2);
    limiter.check("k").await.unwrap();
    assert_eq!(limiter.peek("k", 0).await.unwrap().remaining(), 900 - 51);
    limiter.give_back_leases().await;
    assert_eq!(limiter.peek("k", 0).await.unwrap().remaining(), 900 - 1);
}

#[tokio::test]
async fn a_released_lease_is_held_again() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let limiter = leased(server.url(), 2);
    limiter.check("k").await.unwrap();
    limiter.try_acquire_many("k", 9).await.unwrap().release().await;
    limiter.give_back_leases().await;
    assert_eq!(limiter.peek("k", 0).await.unwrap().remaining(), 900 - 1);
}

#[tokio::test]
async fn a_trip_brings_what_those_want_who_wait_and_a_lease() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let proxy = Proxy::to(server.port()).await;
    let limiter = leased(proxy.url(), 2);
    limiter.check("k").await.unwrap();
    limiter.give_back_leases().await;
    // The first of them makes the trip when the others stand in line already.
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let limiter = limiter.clone();
        calls.spawn(async move { limiter.try_acquire("k").await.unwrap().decision().is_some() });
    }
    let trips = calls.join_all().await.into_iter().filter(|&trip| trip).count();
    assert_eq!(trips, 1);
    limiter.give_back_leases().await;
    assert_eq!(limiter.peek("k", 0).await.unwrap().remaining(), 900 - 41, "a permit was lost");
}

#[tokio::test]
async fn the_driver_fetches_before_anybody_waits() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let limiter = leased(server.url(), 2);
    let driver = tokio::spawn(limiter.background());
    limiter.check("k").await.unwrap();
    tokio::task::yield_now().await;
    for spent in (1..200).step_by(30) {
        for _ in 0..30 {
            assert!(limiter.try_acquire("k").await.unwrap().decision().is_none(), "a call made a trip");
        }
        // 900 are the store's, and what it has given out is what was spent and a whole lease.
        super::until("the next lease is here", async || {
            limiter.peek("k", 0).await.unwrap().remaining() == 900 - 50 - (spent + 30)
        })
        .await;
    }
    driver.abort();
}

#[tokio::test]
async fn a_caller_that_leaves_the_line_takes_nothing_with_it() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let limiter = leased(server.url(), 2);
    for polls in 1..40 {
        let mut call = Box::pin(limiter.try_acquire_many("k", 2));
        for _ in 0..polls {
            if call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    // Whatever was cut off, the next ones are served.
    for _ in 0..100 {
        assert!(limiter.try_acquire("k").await.is_ok());
    }
}
