//! A bucket for each key, in a table that cannot grow.

use seawall::gate::{Admit, Now};
use seawall::rate_limit::{KeyedRateLimiter, Quota, WhenFull};
use seawall::{ConcurrencyLimit, Gate, Instant, Reason};
use std::time::Duration;

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

fn one_each_ten_seconds(max_keys: usize, policy: WhenFull) -> KeyedRateLimiter {
    KeyedRateLimiter::new("keys", Quota::per(1, Duration::from_secs(10)), max_keys).when_full(policy)
}

#[test]
fn a_key_in_debt_is_never_evicted() {
    let limiter = one_each_ten_seconds(3, WhenFull::Refuse);
    for key in ["a", "b", "c"] {
        assert!(limiter.check_at(key, at(0)).is_ok());
    }
    let no_room = limiter.check_at("d", at(1)).unwrap_err();
    assert_eq!(no_room.reason(), Reason::KeysFull);
    assert_eq!(no_room.retry_after(), Some(Duration::from_secs(9)));
    let limited = limiter.check_at("a", at(2)).unwrap_err();
    assert_eq!(limited.reason(), Reason::RateLimited);
    assert_eq!(limited.retry_after(), Some(Duration::from_secs(8)));
    // At that very instant, not an interval later.
    assert!(limiter.check_at("d", Instant::from_nanos(at(10).as_nanos() - 1)).is_err());
    assert!(limiter.check_at("d", at(10)).is_ok());
}

#[test]
fn keys_without_room_share_one_bucket() {
    let limiter = one_each_ten_seconds(1, WhenFull::SharedBucket);
    assert!(limiter.check_at("a", at(0)).is_ok());
    assert!(limiter.check_at("b", at(1)).is_ok());
    assert_eq!(limiter.check_at("c", at(1)).unwrap_err().retry_after(), Some(Duration::from_secs(10)));
    // A slot is free from 10 s on; whoever comes from the shared bucket brings its state along.
    assert_eq!(limiter.check_at("c", at(10)).unwrap_err().retry_after(), Some(Duration::from_secs(1)));
    assert!(limiter.check_at("c", at(11)).is_ok());
    assert_eq!(limiter.check_at("c", at(12)).unwrap_err().retry_after(), Some(Duration::from_secs(9)));
}

#[test]
fn keys_without_room_may_be_let_through() {
    let limiter = one_each_ten_seconds(1, WhenFull::Admit);
    assert!(limiter.check_at("a", at(0)).is_ok());
    assert!((0..100).all(|_| limiter.check_at("b", at(0)).is_ok()));
    assert!(limiter.check_at("a", at(0)).is_err());
}

#[test]
fn a_flood_of_new_keys_leaves_the_known_ones_alone() {
    let limiter = KeyedRateLimiter::new("keys", Quota::per_hour(10), 1000);
    assert!(limiter.try_acquire_many_at("known", 7, at(0)).is_ok());
    for attacker in 0..100_000_u32 {
        let _ = limiter.check_at(&attacker, at(1));
    }
    assert_eq!(limiter.peek_at("known", 0, at(1)).remaining(), 3);
    assert!(limiter.live_keys() <= limiter.max_keys());
}

#[test]
fn a_released_permit_comes_back_to_its_key() {
    let limiter = KeyedRateLimiter::new("keys", Quota::per_hour(10), 100);
    let permit = limiter.try_acquire_many("a", 4).unwrap();
    let kept = limiter.try_acquire_many("b", 4).unwrap();
    permit.release();
    drop(kept);
    assert_eq!((limiter.available("a"), limiter.available("b")), (10, 6));
}

#[test]
fn a_quota_of_ones_own_outlives_eviction() {
    let limiter = KeyedRateLimiter::new("keys", Quota::per_second(1), 1);
    limiter.set_quota_of("a", Some(Quota::per_second(5))).unwrap();
    assert!(limiter.try_acquire_many_at("a", 5, at(0)).is_ok());
    assert!(limiter.check_at("b", at(1)).is_ok());
    assert!(limiter.try_acquire_many_at("a", 5, at(2)).is_ok());
    assert_eq!(limiter.set_quota_of("b", Some(Quota::per_second(5))).unwrap_err().reason(), Reason::KeysFull);
    limiter.set_quota_of("a", None).unwrap();
    assert_eq!(limiter.check_at("a", at(9)).map(drop), Ok(()));
    assert!(limiter.try_acquire_many_at("a", 2, at(20)).is_err());
}

#[test]
fn a_change_of_quota_keeps_what_each_key_has_left() {
    let limiter = KeyedRateLimiter::new("keys", Quota::per_hour(100), 1000);
    for key in 0..60_u32 {
        assert!(limiter.try_acquire_many(&key, key + 1).is_ok());
    }
    limiter.set_quota(Quota::per_hour(200));
    for key in 0..60_u32 {
        assert_eq!(limiter.available(&key), 99 - key);
    }
    assert_eq!(limiter.available("new"), 200);
}

#[test]
fn an_exact_third_stays_exact_under_a_key() {
    let limiter = KeyedRateLimiter::new("keys", Quota::per_second(3).burst(1), 10);
    let nanos = Instant::from_nanos;
    assert!(limiter.check_at("a", nanos(0)).is_ok());
    assert!(limiter.check_at("a", nanos(333_333_333)).is_err());
    assert!(limiter.check_at("a", nanos(333_333_334)).is_ok());
}

#[test]
fn in_a_tuple_a_later_refusal_gives_the_key_its_permit_back() {
    let limiter = KeyedRateLimiter::new("keys", Quota::per_hour(1), 10);
    let gates = (limiter.by(|user: &u64| *user), ConcurrencyLimit::new("db", 0));
    for _ in 0..3 {
        assert_eq!(gates.admit(&7, &mut Now::lazy()).unwrap_err().by().as_str(), "db");
    }
    assert_eq!(limiter.available(&7_u64), 1);
}

#[test]
fn a_request_says_its_cost_and_its_quota() {
    let limiter = KeyedRateLimiter::new("keys", Quota::per_second(2), 10);
    let gate = limiter
        .by(|&(user, _): &(u64, u32)| user)
        .cost(|&(_, cost): &(u64, u32)| cost)
        .quota(|&(user, _): &(u64, u32)| if user == 1 { Quota::per_second(3) } else { Quota::per_second(2) });
    let ask = |request: (u64, u32), now| gate.admit(&request, &mut Now::at(now));
    assert!(ask((1, 3), at(0)).is_ok());
    let refused = ask((1, 1), at(0)).unwrap_err();
    assert_eq!(refused.retry_after(), Some(Duration::from_nanos(333_333_334)));
    assert_eq!(ask((2, 3), at(0)).unwrap_err().reason(), Reason::TooLarge);
    assert!(ask((2, 0), at(0)).is_ok());
    let taken = ask((2, 2), at(0)).unwrap();
    gate.release(taken);
    assert!(ask((2, 2), at(0)).is_ok());
}
