//! Leases of a part of the burst: the same bound, and nothing refused while anything is left.

use super::together;
use seawall::rate_limit::{LeasedRateLimiter, Quota};
use seawall::{Instant, Reason};
use std::time::Duration;

#[test]
fn at_one_instant_exactly_the_burst_is_admitted() {
    for round in 0..20 {
        let limiter =
            LeasedRateLimiter::with_slots("api", Quota::per_second(1_000_000).burst(1000), 1 + round % 9);
        let now = Instant::from_nanos(7);
        let admitted = together(64, |_| (0..100).filter(|_| limiter.check_at(now).is_ok()).count() as u32);
        assert_eq!(admitted, 1000, "{} slots", 1 + round % 9);
    }
}

#[test]
fn a_cost_that_no_slot_holds_is_gathered_whole() {
    let limiter = LeasedRateLimiter::with_slots("api", Quota::per_second(1_000_000).burst(1000), 8);
    assert!(limiter.try_acquire_many(1000).is_ok());
    let limiter = LeasedRateLimiter::with_slots("api", Quota::per_day(1000), 8);
    let admitted = together(8, |thread| {
        let cost = 1 + thread * 7;
        (0..100).filter(|_| limiter.try_acquire_many(cost).is_ok()).count() as u32 * cost
    });
    // What was too little for whoever still asked is there for one that asks for less.
    let rest = (0..1000).filter(|_| limiter.check().is_ok()).count() as u32;
    assert_eq!(admitted + rest, 1000);
}

#[test]
fn over_time_no_more_than_burst_and_rate_come_out() {
    let limiter = LeasedRateLimiter::with_slots("api", Quota::per_second(100_000).burst(800), 4);
    // Each thread's clock runs by itself from 0 to 50 ms.
    let admitted = together(4, |_| {
        let now = |micros: u64| Instant::from_nanos(micros * 1000);
        (0..=50_000).filter(|&micros| limiter.check_at(now(micros)).is_ok()).count() as u32
    });
    assert!(admitted <= 800 + 5000, "{admitted}");
    assert!(admitted >= 5000, "{admitted}");
}

#[test]
fn waiting_as_told_is_admitted() {
    let limiter = LeasedRateLimiter::with_slots("api", Quota::per_second(10_000).burst(100), 4);
    let start = Instant::from_nanos(7);
    assert_eq!((0..200).filter(|_| limiter.check_at(start).is_ok()).count(), 100);
    let wait = limiter.check_at(start).unwrap_err().retry_after().unwrap();
    assert_eq!(wait, Duration::from_micros(100));
    assert!(limiter.check_at(start + (wait - Duration::from_nanos(1))).is_err());
    assert!(limiter.check_at(start + wait).is_ok());
}

#[test]
fn released_permits_are_neither_lost_nor_doubled() {
    let limiter = LeasedRateLimiter::with_slots("api", Quota::per_hour(1000), 4);
    together(8, |thread| {
        for _ in 0..500 {
            if let Ok(permit) = limiter.try_acquire_many(1 + thread * 30) {
                permit.release();
            }
        }
        0
    });
    assert_eq!(limiter.available(), 1000);
}

#[test]
fn a_change_of_quota_carries_what_the_slots_hold() {
    let limiter = LeasedRateLimiter::with_slots("api", Quota::per_hour(10_000_000), 4);
    limiter.try_acquire_many(6_000_000).unwrap().settle(seawall::Class::Success);
    limiter.set_quota(Quota::per_hour(20_000_000));
    let left = limiter.available();
    assert!((4_000_000..4_100_000).contains(&left), "{left}");
    limiter.set_quota(Quota::per_hour(10));
    assert_eq!(limiter.available(), 10);
    assert_eq!(limiter.try_acquire_many(11).unwrap_err().reason(), Reason::TooLarge);
}
