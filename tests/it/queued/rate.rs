//! Over a rate limit: a wait is known beforehand.

use super::{Waiter, at, ms};
use seawall::gate::Queued;
use seawall::rate_limit::Quota;
use seawall::{Instant, RateLimiter, Reason};

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_the_limit_is_refused_on_arrival_and_takes_nothing() {
    let limiter = RateLimiter::new("api", Quota::per_second(1));
    limiter.check().unwrap();
    let queued = Queued::new("q", limiter.clone(), 5, ms(900));
    for _ in 0..2 {
        let refused = queued.acquire().await.unwrap_err();
        assert_eq!((refused.reason(), refused.retry_after()), (Reason::QueueTimeout, Some(ms(1000))));
    }
    assert_eq!(queued.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_says_when_its_head_goes() {
    let limiter = RateLimiter::new("api", Quota::per_second(1));
    limiter.check().unwrap();
    let queued = Queued::new("q", limiter, 2, ms(10_000));
    let [_a, _b] = [(); 2].map(|()| Waiter::waits(queued.acquire()));
    let refused = queued.acquire().await.unwrap_err();
    assert_eq!((refused.reason(), refused.retry_after()), (Reason::QueueFull, Some(ms(1000))));
}

#[tokio::test(start_paused = true)]
async fn every_place_knows_its_slot() {
    let limiter = RateLimiter::new("api", Quota::per_second(1));
    limiter.check().unwrap();
    let queued = Queued::new("q", limiter.clone(), 9, ms(2500));
    let [_first, _second] = [(); 2].map(|()| Waiter::waits(queued.acquire()));
    // The third slot comes after three seconds.
    let refused = queued.acquire().await.unwrap_err();
    assert_eq!((refused.reason(), refused.retry_after()), (Reason::QueueTimeout, Some(ms(3000))));
    assert_eq!(limiter.check().unwrap_err().retry_after(), Some(ms(3000)));
}

#[tokio::test(start_paused = true)]
async fn five_hundred_waiters_are_served_in_their_order_with_two_wakes_each() {
    let limiter = RateLimiter::new("api", Quota::per_second(10).burst(1));
    let queued = Queued::new("q", limiter.clone(), 700, ms(100_000));
    limiter.check().unwrap();
    let start = Instant::now();
    let mut waiters: Vec<_> = (0..500).map(|_| Waiter::waits(queued.acquire())).collect();
    for i in 0..waiters.len() {
        at(start, 100 * (i as u64 + 1)).await;
        tokio::task::yield_now().await;
        assert!(waiters[i].wakes() > 0, "{i} was not woken");
        drop(waiters[i].goes());
        if i < 200 {
            waiters[499].still_waits();
            assert_eq!(limiter.check().unwrap_err().reason(), Reason::RateLimited);
        }
        if let Some(next) = waiters.get_mut(i + 1) {
            next.still_waits();
        }
    }
    let wakes: Vec<_> = waiters.iter().map(Waiter::wakes).collect();
    assert!(wakes.iter().all(|wakes| *wakes <= 2), "{wakes:?}");
    assert_eq!(queued.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_limiter_counts_no_refusal_of_those_who_wait() {
    let counters = std::sync::Arc::new(seawall::telemetry::Counters::default());
    let telemetry = seawall::telemetry::Telemetry::new("api").observer(counters.clone());
    let queued = Queued::new("q", RateLimiter::new(telemetry, Quota::per_second(1)), 5, ms(10_000));
    drop(queued.acquire().await.unwrap());
    drop(queued.acquire().await.unwrap());
    let seen = counters.snapshot();
    assert_eq!((seen.admitted, seen.refused), (2, 0));
}

/// The same times as .NET's: 40 s for two permits, 60 s with another one ahead.
#[tokio::test(start_paused = true)]
async fn a_newcomers_time_is_reckoned_behind_those_who_wait() {
    let limiter = RateLimiter::new("api", Quota::per(1, ms(20_000)).burst(2));
    drop(limiter.try_acquire_many(2).unwrap());
    assert_eq!(limiter.try_acquire_many(2).unwrap_err().retry_after(), Some(ms(40_000)));
    let queued = Queued::new("q", limiter.clone(), 5, ms(100_000));
    let waiter = Waiter::waits(queued.acquire());
    assert_eq!(limiter.try_acquire_many(2).unwrap_err().retry_after(), Some(ms(60_000)));
    assert_eq!(limiter.check().unwrap_err().retry_after(), Some(ms(40_000)));
    drop(waiter);
    assert_eq!(limiter.try_acquire_many(2).unwrap_err().retry_after(), Some(ms(40_000)), "it moved up");
}
