use super::flight::Flight;
use crate::sync::{Mutex, Padded};
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

/// Enough that two threads seldom meet at a shard.
const SHARDS: usize = 64;

/// The flights that may be joined, by their keys. The lock of a shard is the critical section of its keys' fences and
/// completions.
pub(super) struct Table<K, V, E> {
    shards: Box<[Padded<Mutex<Shard<K, V, E>>>]>,
    hasher: RandomState,
}

pub(super) type Shard<K, V, E> = HashMap<K, Arc<Flight<K, V, E>>>;

impl<K: Hash + Eq, V, E> Table<K, V, E> {
    pub(super) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Padded(Mutex::new(Shard::new()))).collect();
        Self { shards, hasher: RandomState::new() }
    }

    pub(super) fn shard(&self, key: &K) -> &Mutex<Shard<K, V, E>> {
        &self.shards[self.hasher.hash_one(key) as usize % SHARDS].0
    }

    pub(super) fn shards(&self) -> impl Iterator<Item = &Mutex<Shard<K, V, E>>> {
        self.shards.iter().map(|shard| &shard.0)
    }

    /// How many flights there are.
    pub(super) fn len(&self) -> usize {
        self.shards().map(|shard| shard.lock().len()).sum()
    }
}

/// Takes `flight` out, if it is still the one that the shard has of its key.
pub(super) fn take<K: Hash + Eq, V, E>(shard: &mut Shard<K, V, E>, flight: &Arc<Flight<K, V, E>>) -> bool {
    let mapped = shard.get(&flight.key).is_some_and(|known| Arc::ptr_eq(known, flight));
    if mapped {
        shard.remove(&flight.key);
    }
    mapped
}
