//! Permits that this process holds ahead of their use.

use crate::sync::Mutex;
use crate::time::Instant;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Powers of two; locks are held for one look.
const SHARDS: usize = 32;

#[derive(Debug)]
pub(super) struct Leases {
    pub(super) permits: u32,
    life: Duration,
    max_keys: usize,
    shards: Box<[Mutex<HashMap<u128, Pool>>]>,
}

#[derive(Debug, Default)]
struct Pool {
    left: u32,
    until: Instant,
    // Whoever holds it fetches the next lease; the others stand in line for what it brings.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Leases {
    pub(super) fn new(permits: u32, life: Duration, max_keys: usize) -> Self {
        Self { permits, life, max_keys, shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }

    /// Takes from what is held, if there is enough.
    pub(super) fn take(&self, key: u128, cost: u32, now: Instant) -> bool {
        let mut shard = self.shard(key).lock();
        let Some(pool) = shard.get_mut(&key) else { return false };
        if pool.until <= now || pool.left < cost {
            return false;
        }
        pool.left -= cost;
        true
    }

    /// The turn to fetch for this key; `None` where there is no room for another key.
    pub(super) fn turn(&self, key: u128, now: Instant) -> Option<Arc<tokio::sync::Mutex<()>>> {
        let mut shard = self.shard(key).lock();
        if !shard.contains_key(&key) && shard.len() >= (self.max_keys / SHARDS).max(1) {
            shard.retain(|_, pool| pool.until > now || Arc::strong_count(&pool.turn) > 1);
            if shard.len() >= (self.max_keys / SHARDS).max(1) {
                return None;
            }
        }
        Some(Arc::clone(&shard.entry(key).or_default().turn))
    }

    /// So many permits have come from the store; they were taken at `sent` or later.
    pub(super) fn put(&self, key: u128, permits: u32, sent: Instant) {
        let mut shard = self.shard(key).lock();
        if let Some(pool) = shard.get_mut(&key) {
            // What was left of the last one is lapsed or too little; it counts as held all the same.
            let kept = if pool.until > sent { pool.left } else { 0 };
            (pool.left, pool.until) = ((kept + permits).min(self.permits), sent + self.life);
        }
    }

    /// Permits that were taken from here and never used. Beyond a whole lease they are lost: no more may be held.
    pub(super) fn give_back(&self, key: u128, permits: u32) {
        if let Some(pool) = self.shard(key).lock().get_mut(&key) {
            pool.left = pool.left.saturating_add(permits).min(self.permits);
        }
    }

    pub(super) fn forget(&self, key: u128) {
        if let Some(pool) = self.shard(key).lock().get_mut(&key) {
            pool.left = 0;
        }
    }

    /// All that is held now, which from here on is not.
    pub(super) fn drain(&self, now: Instant) -> Vec<(u128, u32)> {
        let mut held = Vec::new();
        for shard in &self.shards {
            for (key, pool) in shard.lock().iter_mut() {
                let left = std::mem::take(&mut pool.left);
                if left > 0 && pool.until > now {
                    held.push((*key, left));
                }
            }
        }
        held
    }

    fn shard(&self, key: u128) -> &Mutex<HashMap<u128, Pool>> {
        &self.shards[(key >> 64) as usize % SHARDS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    #[test]
    fn a_lease_is_spent_until_its_life_ends() {
        let leases = Leases::new(5, Duration::from_nanos(100), 64);
        assert!(!leases.take(7, 1, at(0)));
        let turn = leases.turn(7, at(0));
        assert!(turn.is_some());
        leases.put(7, 5, at(0));
        assert!(leases.take(7, 3, at(99)));
        assert!(!leases.take(7, 3, at(99)), "two are left");
        assert!(!leases.take(7, 1, at(100)), "lapsed");
        leases.put(7, 4, at(200));
        assert_eq!(leases.drain(at(200)), [(7, 4)]);
        assert_eq!(leases.drain(at(200)), []);
    }

    #[test]
    fn no_more_is_held_than_a_lease() {
        let leases = Leases::new(5, Duration::from_nanos(100), 64);
        drop(leases.turn(7, at(0)));
        leases.put(7, 4, at(0));
        leases.put(7, 4, at(1));
        leases.give_back(7, 9);
        assert_eq!(leases.drain(at(2)), [(7, 5)]);
    }

    #[test]
    fn keys_are_bounded_and_what_has_lapsed_makes_room() {
        let leases = Leases::new(5, Duration::from_nanos(100), 1);
        drop(leases.turn(1, at(0)));
        leases.put(1, 5, at(0));
        assert!(leases.turn(2, at(50)).is_none());
        assert!(leases.turn(2, at(100)).is_some());
    }
}
