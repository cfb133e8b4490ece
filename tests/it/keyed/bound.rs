//! The bound of the table, and who may leave it.

use super::keyed;
use seawall::gate::Keyed;
use seawall::rate_limit::Quota;
use seawall::telemetry::{Counters, Telemetry};
use seawall::{ConcurrencyLimit, RateLimiter, Reason};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn each_key_has_a_limit_of_its_own() {
    let keyed = keyed(10, 1);
    let _one = keyed.try_acquire(&1).unwrap();
    assert_eq!(keyed.try_acquire(&1).unwrap_err().reason(), Reason::LimitReached);
    assert!(keyed.try_acquire(&2).is_ok());
}

#[test]
fn a_new_key_is_refused_while_all_are_in_use_and_takes_the_place_of_one_that_is_not() {
    for capacity in [1, 2, 300, 2000] {
        let keyed = keyed(capacity, 1);
        let mut held: Vec<_> = (0..capacity as u64).map(|key| keyed.try_acquire(&key).unwrap()).collect();
        assert_eq!(keyed.try_acquire(&u64::MAX).unwrap_err().reason(), Reason::KeysFull);
        // A known key is not affected.
        assert_eq!(keyed.try_acquire(&0).unwrap_err().reason(), Reason::LimitReached);
        drop(held.swap_remove(capacity / 2));
        let newcomer = keyed.try_acquire(&u64::MAX).unwrap();
        assert_eq!(keyed.len(), capacity);
        assert_eq!(keyed.try_acquire(&(u64::MAX - 1)).unwrap_err().reason(), Reason::KeysFull);
        drop((held, newcomer));
    }
}

/// The last key that is looked at, in a table larger than a first look.
#[tokio::test(start_paused = true)]
async fn a_key_that_may_go_is_found_in_a_table_of_any_size() {
    const KEYS: u64 = 20_000;
    let keyed = keyed(KEYS as usize, 1);
    let mut held: Vec<_> = (0..KEYS).map(|key| keyed.try_acquire(&key).unwrap()).collect();
    for round in 0..20 {
        drop(held.swap_remove((round * 997) as usize));
        held.push(keyed.try_acquire(&(KEYS + round)).unwrap());
    }
    // All are in use. Once that was seen, nobody looks at all of them again for a while.
    assert_eq!(keyed.try_acquire(&u64::MAX).unwrap_err().reason(), Reason::KeysFull);
    drop(held.pop());
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(keyed.try_acquire(&u64::MAX).is_ok());
    assert_eq!(keyed.len(), KEYS as usize);
}

/// As the docs tell.
#[test]
fn a_key_takes_few_bytes_beside_its_gate() {
    let gate = {
        let mut gate = None;
        let spent = allocation_counter::measure(|| gate = Some(ConcurrencyLimit::new("tenants", 1)));
        spent.bytes_current
    };
    let keyed = keyed(4_096, 1);
    let spent =
        allocation_counter::measure(|| (0..4_096).for_each(|key| drop(keyed.try_acquire(&key).unwrap())));
    let per_key = spent.bytes_current / 4_096 - gate;
    // The key, and what the docs say; a row that grows by doubling may stand half empty.
    assert!((24..=8 + 48 * 2).contains(&per_key), "{per_key}");
}

#[test]
fn no_capacity_refuses_every_key() {
    assert_eq!(keyed(0, 1).try_acquire(&1).unwrap_err().reason(), Reason::KeysFull);
}

#[test]
fn a_flood_of_keys_keeps_to_the_bound() {
    let keyed = keyed(500, 1);
    let _held = keyed.try_acquire(&u64::MAX).unwrap();
    for key in 0..100_000 {
        keyed.try_acquire(&key).unwrap().release();
    }
    assert_eq!(keyed.len(), 500);
    assert_eq!(keyed.try_acquire(&u64::MAX).unwrap_err().reason(), Reason::LimitReached);
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_goes_only_once_it_is_full_again() {
    let keyed = Keyed::new("clients", 1, |_: &u64| RateLimiter::new("clients", Quota::per_second(1)));
    keyed.try_acquire(&1).unwrap().settle(seawall::Class::Success);
    tokio::time::advance(Duration::from_nanos(999_999_999)).await;
    assert_eq!(keyed.try_acquire(&2).unwrap_err().reason(), Reason::KeysFull);
    tokio::time::advance(Duration::from_nanos(1)).await;
    assert!(keyed.try_acquire(&2).is_ok());
    assert_eq!(keyed.try_acquire(&1).unwrap_err().reason(), Reason::KeysFull);
}

#[test]
fn a_gate_that_is_held_stays() {
    let keyed = Keyed::new("tenants", 1, |_: &String| ConcurrencyLimit::new("tenants", 1));
    let acme = keyed.gate("acme").unwrap();
    assert_eq!(keyed.gate("other").unwrap_err().reason(), Reason::KeysFull);
    drop(acme);
    assert!(keyed.gate("other").is_ok());
}

#[test]
fn a_refusal_for_want_of_room_is_told_once() {
    let counters = Arc::new(Counters::default());
    let telemetry = Telemetry::new("tenants").observer(Arc::clone(&counters));
    let keyed = Keyed::new(telemetry, 0, |_: &u64| ConcurrencyLimit::new("limit", 1));
    assert!(keyed.try_acquire(&1).is_err());
    assert!(keyed.gate(&1).is_err());
    assert_eq!(counters.snapshot().refused, 2);
}

#[test]
fn a_panic_while_a_gate_is_made_takes_no_place() {
    let keyed = Keyed::new("tenants", 1, |key: &u64| {
        assert!(*key != 13, "unlucky");
        ConcurrencyLimit::new("tenants", 1)
    });
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| keyed.try_acquire(&13).is_ok()));
    assert!(panicked.is_err());
    assert_eq!(keyed.len(), 0);
    assert!(keyed.try_acquire(&1).is_ok());
}
