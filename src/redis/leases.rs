//! Permits that this process holds ahead of their use.
//!
//! ```text
//!   left   ≥ half ──► spent here         < half ──► spent here, and the driver fetches what is missing
//!          0      ──► one makes a trip for all who wait, and a lease on top; the others stand in line for it
//! ```
//!
//! What is held beyond the wishes of those who wait is never more than a lease.

use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering::Relaxed};
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
    // Whether anybody fetches what runs low.
    attended: AtomicBool,
    low: Mutex<Vec<u128>>,
    pub(super) work: tokio::sync::Notify,
}

#[derive(Debug, Default)]
struct Pool {
    left: u32,
    until: Instant,
    // What those want who wait for a trip.
    wanted: u32,
    // Whether the driver has been told.
    is_low: bool,
    // Whoever holds it makes the trip.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// One who waits for permits of a key; dropped, it wants none any more.
#[derive(Debug)]
pub(super) struct Waiting<'a> {
    leases: &'a Leases,
    key: u128,
    cost: u32,
    pub(super) turn: Arc<tokio::sync::Mutex<()>>,
}

impl Leases {
    pub(super) fn new(permits: u32, life: Duration, max_keys: usize) -> Self {
        Self {
            permits,
            life,
            max_keys,
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            attended: AtomicBool::new(false),
            low: Mutex::default(),
            work: tokio::sync::Notify::new(),
        }
    }

    /// Takes from what is held, if there is enough besides what others wait for.
    pub(super) fn take(&self, key: u128, cost: u32, now: Instant) -> bool {
        let mut shard = self.shard(key).lock();
        let Some(pool) = shard.get_mut(&key) else { return false };
        if pool.until <= now || pool.left < pool.wanted.saturating_add(cost) {
            return false;
        }
        pool.left -= cost;
        if pool.left < self.permits / 2 && !pool.is_low && self.attended.load(Relaxed) {
            pool.is_low = true;
            drop(shard);
            self.low.lock().push(key);
            self.work.notify_one();
        }
        true
    }

    /// A place in the line for this key; `None` where there is no room for another key.
    pub(super) fn wait(&self, key: u128, cost: u32, now: Instant) -> Option<Waiting<'_>> {
        let mut shard = self.shard(key).lock();
        let most = (self.max_keys / SHARDS).max(1);
        if !shard.contains_key(&key) && shard.len() >= most {
            shard.retain(|_, pool| pool.until > now || pool.wanted > 0);
            if shard.len() >= most {
                return None;
            }
        }
        let pool = shard.entry(key).or_default();
        pool.wanted = pool.wanted.saturating_add(cost);
        Some(Waiting { leases: self, key, cost, turn: Arc::clone(&pool.turn) })
    }

    /// So many permits have come from the store; they were taken at `sent` or later.
    pub(super) fn put(&self, key: u128, permits: u32, sent: Instant) {
        if let Some(pool) = self.shard(key).lock().get_mut(&key) {
            let kept = if pool.until > sent { pool.left } else { 0 };
            pool.left = kept.saturating_add(permits).min(self.permits.saturating_add(pool.wanted));
            (pool.until, pool.is_low) = (sent + self.life, false);
        }
    }

    /// Permits that were taken from here and never used. Beyond a whole lease they are lost: no more may be held.
    pub(super) fn give_back(&self, key: u128, permits: u32) {
        if let Some(pool) = self.shard(key).lock().get_mut(&key) {
            pool.left = pool.left.saturating_add(permits).min(self.permits.saturating_add(pool.wanted));
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

    /// Whether somebody fetches what runs low, from now on.
    pub(super) fn attend(&self, attended: bool) {
        self.attended.store(attended, Relaxed);
    }

    /// A key that runs low, and how many permits it lacks.
    pub(super) fn next_low(&self, now: Instant) -> Option<(u128, u32)> {
        loop {
            let key = self.low.lock().pop()?;
            let mut shard = self.shard(key).lock();
            let Some(pool) = shard.get_mut(&key) else { continue };
            pool.is_low = false;
            // One that has lapsed is no longer in use; one that is waited for has a trip of its own.
            if pool.until > now && pool.wanted == 0 && pool.left < self.permits {
                return Some((key, self.permits - pool.left));
            }
        }
    }

    fn shard(&self, key: u128) -> &Mutex<HashMap<u128, Pool>> {
        &self.shards[(key >> 64) as usize % SHARDS]
    }
}

impl Waiting<'_> {
    /// Takes what was waited for, if a trip has brought it.
    pub(super) fn take(&self, now: Instant) -> bool {
        let mut shard = self.leases.shard(self.key).lock();
        let Some(pool) = shard.get_mut(&self.key) else { return false };
        let there = pool.until > now && pool.left >= self.cost;
        if there {
            pool.left -= self.cost;
        }
        there
    }

    /// What a trip should bring: all that is waited for, and a lease.
    pub(super) fn most(&self) -> u32 {
        let shard = self.leases.shard(self.key).lock();
        let wanted = shard.get(&self.key).map_or(self.cost, |pool| pool.wanted);
        wanted.saturating_add(self.leases.permits)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(pool) = self.leases.shard(self.key).lock().get_mut(&self.key) {
            pool.wanted = pool.wanted.saturating_sub(self.cost);
            pool.left = pool.left.min(self.leases.permits.saturating_add(pool.wanted));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    fn leases(max_keys: usize) -> Leases {
        Leases::new(5, Duration::from_nanos(100), max_keys)
    }

    /// What one trip brings that was made for one permit.
    fn bring(leases: &Leases, key: u128, permits: u32, now: Instant) {
        let _waiting = leases.wait(key, 1, now).unwrap();
        leases.put(key, permits, now);
    }

    #[test]
    fn a_lease_is_spent_until_its_life_ends() {
        let leases = leases(64);
        assert!(!leases.take(7, 1, at(0)));
        bring(&leases, 7, 5, at(0));
        assert!(leases.take(7, 3, at(99)));
        assert!(!leases.take(7, 3, at(99)), "two are left");
        assert!(!leases.take(7, 1, at(100)), "lapsed");
        bring(&leases, 7, 4, at(200));
        assert_eq!(leases.drain(at(200)), [(7, 4)]);
        assert_eq!(leases.drain(at(200)), []);
    }

    #[test]
    fn no_more_is_held_than_a_lease_and_what_is_waited_for() {
        let leases = leases(64);
        let [one, other] = [2, 3].map(|cost| leases.wait(7, cost, at(0)).unwrap());
        assert_eq!(one.most(), 10);
        leases.put(7, 50, at(0));
        assert!(!leases.take(7, 6, at(1)), "five of the ten are others'");
        assert!(one.take(at(1)));
        drop(one);
        drop(other); // gone without a permit
        assert_eq!(leases.drain(at(2)), [(7, 5)]);
        bring(&leases, 7, 4, at(3));
        leases.give_back(7, 9);
        assert_eq!(leases.drain(at(4)), [(7, 5)]);
    }

    #[test]
    fn what_runs_low_is_told_once_and_only_where_somebody_listens() {
        let leases = leases(64);
        bring(&leases, 7, 5, at(0));
        assert!(leases.take(7, 4, at(1)) && leases.next_low(at(1)).is_none());
        leases.attend(true);
        bring(&leases, 7, 4, at(2));
        assert!(leases.take(7, 3, at(3)) && leases.next_low(at(3)).is_none(), "two are left, half of five");
        assert!(leases.take(7, 1, at(3)) && leases.take(7, 1, at(3)));
        assert_eq!(leases.next_low(at(3)), Some((7, 5)));
        assert_eq!(leases.next_low(at(3)), None);
    }

    #[test]
    fn keys_are_bounded_and_what_has_lapsed_makes_room() {
        let leases = leases(1);
        bring(&leases, 1, 5, at(0));
        assert!(leases.wait(2, 1, at(50)).is_none());
        assert!(leases.wait(2, 1, at(100)).is_some());
    }
}
