//! What a keyed limiter holds, and what it does not.

use seawall::Instant;
use seawall::rate_limit::{KeyedRateLimiter, Quota, WhenFull};
use std::time::Duration;

/// What it takes beside the slots: stripes, configuration, name.
const BESIDE: u64 = 4096;

#[test]
fn ten_million_keys_have_sixteen_bytes_each() {
    const KEYS: u64 = 10_000_000;
    let mut limiter = None;
    let made = allocation_counter::measure(|| {
        limiter = Some(KeyedRateLimiter::new("per user", Quota::per_hour(1), KEYS as usize));
    });
    assert!(made.bytes_current as u64 <= 16 * KEYS + BESIDE, "{} bytes", made.bytes_current);
    assert_eq!(made.bytes_current, made.bytes_max as i64, "and at no time more");
    assert_eq!(limiter.map(|limiter| limiter.max_keys()), Some(KEYS as usize));
}

/// Whatever the key is: it is not kept.
#[test]
fn no_key_allocates_be_it_new_or_known_or_one_too_many() {
    let limiter = KeyedRateLimiter::new("per user", Quota::per_hour(1), 10_000).when_full(WhenFull::Refuse);
    let now = Instant::ZERO + Duration::from_secs(1);
    let texts: Vec<String> = (0..20_000).map(|user| format!("a name that is rather long: {user}")).collect();
    let mut admitted = 0;
    let spent = allocation_counter::measure(|| {
        for _ in 0..2 {
            admitted += texts.iter().filter(|&user| limiter.check_at(user, now).is_ok()).count();
        }
    });
    assert_eq!(spent.count_total, 0);
    assert!(
        (9_900..=10_000).contains(&admitted),
        "one call each for as many as there is room for: {admitted}"
    );
    assert!(limiter.live_keys() <= 10_000);
}
