use super::table::{Entry, Table};
use crate::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use crate::sync::{Mutex, Padded};
use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash, RandomState};

/// Keys and what belongs to them, at most so many, in tables that have a lock each.
///
/// The user's code (hashing, cloning a key, dropping what goes) runs under no lock, but for `==`.
#[derive(Debug)]
pub(crate) struct Shards<K, V> {
    tables: Box<[Padded<Mutex<Table<K, V>>>]>,
    /// How many keys there are in all tables together, places claimed and not taken yet included.
    len: AtomicUsize,
    capacity: usize,
    hasher: RandomState,
}

/// So many keys share a lock: contention grows with callers, not with keys.
const KEYS_PER_SHARD: usize = 256;
const MOST_SHARDS: usize = 64;

/// Where a key stands, or would.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot {
    hash: u64,
}

impl<K, V> Shards<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        // A power of two, and never so many that a full table has no shard with many keys.
        let shards = (1 << (capacity / KEYS_PER_SHARD).max(1).ilog2()).min(MOST_SHARDS);
        Self {
            tables: (0..shards).map(|_| Padded(Mutex::new(Table::new()))).collect(),
            len: AtomicUsize::new(0),
            capacity,
            hasher: RandomState::new(),
        }
    }

    pub(crate) const fn capacity(&self) -> usize {
        self.capacity
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Relaxed)
    }

    pub(crate) const fn shards(&self) -> usize {
        self.tables.len()
    }

    /// The upper half of the hash: the lower one finds the slot.
    #[inline]
    const fn shard(&self, spot: Spot) -> usize {
        (spot.hash >> 32) as usize & (self.tables.len() - 1)
    }

    /// A place for one more key: a free one, or that of an entry that `leave` takes out of some table.
    pub(crate) fn claim(
        &self,
        spot: Spot,
        mut leave: impl FnMut(&mut Table<K, V>) -> Option<Entry<K, V>>,
    ) -> Option<Claim<'_>> {
        let len = &self.len;
        if len.fetch_update(Relaxed, Relaxed, |len| (len < self.capacity).then_some(len + 1)).is_ok() {
            return Some(Claim(Some(len)));
        }
        // The key's own shard first.
        let (first, shards) = (self.shard(spot), self.tables.len());
        let gone = (0..shards).find_map(|n| leave(&mut self.tables[(first + n) % shards].lock()));
        gone.map(|gone| {
            // Dropped under no lock; its place is the newcomer's.
            drop(gone);
            Claim(Some(len))
        })
    }
}

impl<K: Eq + Hash, V: Clone> Shards<K, V> {
    /// The value of `key`, or where it would stand.
    #[inline]
    pub(crate) fn find<Q>(&self, key: &Q) -> Result<V, Spot>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let spot = Spot { hash: self.hasher.hash_one(key) };
        let table = self.tables[self.shard(spot)].lock();
        table.find(spot.hash, |known| known.borrow() == key).cloned().ok_or(spot)
    }

    /// Moves in; if somebody else was quicker, that one's value, and the place is free again.
    pub(crate) fn insert(&self, claim: Claim<'_>, spot: Spot, key: K, value: V) -> V {
        let mut table = self.tables[self.shard(spot)].lock();
        if let Some(known) = table.find(spot.hash, |known| *known == key) {
            let known = known.clone();
            drop(table);
            return known;
        }
        table.insert(spot.hash, key, value.clone());
        claim.keep();
        value
    }
}

impl<K, V: Clone> Shards<K, V> {
    /// Does something with each value, under no lock.
    pub(crate) fn each(&self, mut act: impl FnMut(&V)) {
        for table in &self.tables {
            let values: Vec<_> = table.lock().values().cloned().collect();
            values.iter().for_each(&mut act);
        }
    }
}

/// A place that has been counted; given back unless a key moves in.
#[must_use]
pub(crate) struct Claim<'a>(Option<&'a AtomicUsize>);

impl Claim<'_> {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if let Some(len) = self.0 {
            len.fetch_sub(1, Relaxed);
        }
    }
}
