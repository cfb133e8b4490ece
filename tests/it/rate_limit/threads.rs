//! Counts that hold with real threads at one instant.

use super::together;
use seawall::rate_limit::{Carry, KeyedRateLimiter, Quota, TokenBucket, WhenFull};
use seawall::{Instant, RateLimiter};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

#[test]
fn at_one_instant_exactly_the_burst_is_admitted() {
    let limiter = RateLimiter::new("api", Quota::per_second(1000));
    let now = Instant::from_nanos(7);
    let admitted = together(16, |_| (0..200).filter(|_| limiter.check_at(now).is_ok()).count() as u32);
    assert_eq!(admitted, 1000);
}

#[test]
fn with_any_order_of_clock_readings_the_bound_holds() {
    let limiter = RateLimiter::new("api", Quota::per_second(1000).burst(10));
    // Each thread's clock runs by itself from 0 to 100 ms.
    let admitted = together(8, |thread| {
        let now = |i: u64| Instant::from_nanos(i * 1_000_000 + u64::from(thread));
        (0..=100).map(|i| (0..5).filter(|_| limiter.check_at(now(i)).is_ok()).count() as u32).sum()
    });
    assert!(admitted <= 110, "{admitted}");
    assert!(admitted >= 100, "{admitted}");
}

#[test]
fn the_first_use_of_a_key_is_no_race() {
    for round in 0..50_u32 {
        let limiter = KeyedRateLimiter::new("keys", Quota::per_second(5), 64);
        let admitted = together(32, |_| u32::from(limiter.check_at(&round, Instant::ZERO).is_ok()));
        assert_eq!(admitted, 5);
    }
}

#[test]
fn released_permits_are_neither_lost_nor_doubled() {
    let limiter = RateLimiter::new("api", Quota::per_second(100));
    let now = Instant::from_nanos(1);
    together(8, |_| {
        for _ in 0..1000 {
            if let Ok(permit) = limiter.try_acquire_many_at(3, now) {
                permit.release();
            }
        }
        0
    });
    assert_eq!(limiter.peek_at(0, now).remaining(), 100);
}

#[test]
fn a_quota_changed_under_load_admits_no_more_than_the_larger() {
    for _ in 0..20 {
        let limiter = RateLimiter::new("api", Quota::per_second(1000));
        let now = Instant::from_nanos(1);
        let admitted = together(6, |thread| {
            if thread == 0 {
                for i in 0..200 {
                    let quota = Quota::per_second(if i % 2 == 0 { 700 } else { 1000 });
                    limiter.set_algorithm(TokenBucket::new(quota), Carry::Keep, now);
                }
                return 0;
            }
            (0..400).filter(|_| limiter.check_at(now).is_ok()).count() as u32
        });
        assert!(admitted <= 1000, "{admitted}");
        // Nothing is lost either, but for what the smaller capacity cut off.
        assert!(admitted >= 700, "{admitted}");
    }
}

#[test]
fn keys_that_displace_each_other_are_each_admitted_no_more_than_their_share() {
    // Four keys want two slots; a bucket fills in a microsecond, so slots change hands all the time.
    const KEYS: usize = 4;
    let period = Duration::from_micros(1);
    let limiter = KeyedRateLimiter::new("keys", Quota::per(1, period), 2).when_full(WhenFull::Refuse);
    let admitted: [AtomicU32; KEYS] = std::array::from_fn(|_| AtomicU32::new(0));
    let last = 20_000;
    together(4, |thread| {
        for i in 0..last {
            let key = (i as usize + thread as usize) % KEYS;
            if let Ok(permit) = limiter.try_acquire_many_at(&key, 1, Instant::from_nanos(i * 10)) {
                drop(permit);
                admitted[key].fetch_add(1, Relaxed);
            }
        }
        0
    });
    let most = 1 + (last * 10 / 1000) as u32;
    for admitted in admitted {
        let admitted = admitted.into_inner();
        assert!(admitted <= most, "{admitted} > {most}");
    }
}

#[test]
fn a_change_of_quota_for_all_keys_loses_nobody() {
    let limiter = KeyedRateLimiter::new("keys", Quota::per_hour(100), 1000);
    let now = Instant::now();
    let admitted = together(4, |thread| {
        if thread == 0 {
            for i in 0..20 {
                limiter.set_quota(Quota::per_hour(if i % 2 == 0 { 200 } else { 100 }));
            }
            return 0;
        }
        (0..500_u32).filter(|i| limiter.check_at(&(i % 10), now).is_ok()).count() as u32
    });
    assert!((900..=1100).contains(&admitted), "{admitted}");
}
