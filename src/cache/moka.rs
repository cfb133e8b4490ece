use super::entry::Entry;
use super::store::Store;
use crate::time::Instant;
use moka::Expiry;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use std::fmt;
use std::hash::Hash;
use std::time::{self, Duration};

/// A store over [`moka`](https://docs.rs/moka); made by [`Memory::lru`](super::Memory::lru) and
/// [`Memory::lfu`](super::Memory::lfu).
///
/// Moka evicts; when an entry is fresh it is never asked, for its clock cannot be paused.
///
/// # Memory
///
/// It may pass its capacity by the 384 slots of its write log, and one more per writing thread.
pub struct Moka<K, V>(Cache<K, Slot<V>>);

impl<K, V> Moka<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    pub(super) fn lru(capacity: u64) -> Self {
        Self::with(capacity, EvictionPolicy::lru())
    }

    pub(super) fn lfu(capacity: u64) -> Self {
        Self::with(capacity, EvictionPolicy::tiny_lfu())
    }

    fn with(capacity: u64, policy: EvictionPolicy) -> Self {
        let builder = Cache::builder().max_capacity(capacity).eviction_policy(policy).expire_after(Keep);
        Self(builder.weigher(|_, slot: &Slot<V>| slot.entry.weight()).build())
    }

    /// The weight that it holds at most.
    fn capacity(&self) -> u64 {
        self.0.policy().max_capacity().unwrap_or(u64::MAX)
    }
}

/// An entry, and for how long anybody may be given it.
struct Slot<V> {
    entry: Entry<V>,
    keep: Duration,
}

impl<V> Clone for Slot<V> {
    #[inline]
    fn clone(&self) -> Self {
        Self { entry: self.entry.clone(), keep: self.keep }
    }
}

/// Lets go of what nobody will ever be given again.
struct Keep;

/// Moka's arithmetic does not reach further.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

impl<K, V> Expiry<K, Slot<V>> for Keep {
    fn expire_after_create(&self, _: &K, slot: &Slot<V>, _: time::Instant) -> Option<Duration> {
        Some(slot.keep.min(LONGEST))
    }

    // Not told of an update, moka would keep the first entry's end.
    fn expire_after_update(
        &self,
        _: &K,
        slot: &Slot<V>,
        _: time::Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(slot.keep.min(LONGEST))
    }
}

impl<K, V> Store<K, V> for Moka<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    #[inline]
    fn get(&self, key: &K) -> Option<Entry<V>> {
        self.0.get(key).map(|slot| slot.entry)
    }

    fn put(&self, key: K, entry: Entry<V>, weight: u32, keep: Duration) {
        if u64::from(weight) > self.capacity() {
            self.0.invalidate(&key);
        } else {
            self.0.insert(key, Slot { entry, keep });
        }
    }

    fn remove(&self, key: &K) {
        self.0.invalidate(key);
    }

    fn clear(&self) {
        self.0.invalidate_all();
    }

    fn tend(&self, _: Instant) {
        // It frees on the second.
        self.0.run_pending_tasks();
        self.0.run_pending_tasks();
    }

    fn len(&self) -> usize {
        self.0.entry_count() as usize
    }
}

impl<K, V> fmt::Debug for Moka<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Moka").finish_non_exhaustive()
    }
}
