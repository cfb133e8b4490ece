use super::entry::Entry;
use super::memory::Memory;
use super::store::Store;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::fmt;
use std::hash::Hash;
use std::time::Duration;

/// A store over [`quick_cache`](https://docs.rs/quick_cache); made by [`Memory::fast`].
///
/// It has no clock: what is over stays until it is evicted, or read.
pub struct Fast<K, V>(Cache<K, Entry<V>, ByWeight>);

#[derive(Clone)]
struct ByWeight;

impl<K, V> Weighter<K, Entry<V>> for ByWeight {
    fn weight(&self, _: &K, entry: &Entry<V>) -> u64 {
        entry.weight().into()
    }
}

impl Memory {
    /// The cheapest hit: evicts what is read seldom, by a kin of Clock-PRO and S3-FIFO. Over
    /// [`quick_cache`](https://docs.rs/quick_cache), feature `quick-cache`.
    ///
    /// ```
    /// let store = seawall::cache::Memory::fast::<u8, u8>(100);
    /// # let _ = store;
    /// ```
    #[must_use]
    pub fn fast<K, V>(capacity: u64) -> Fast<K, V>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        V: Send + Sync + 'static,
    {
        let items = usize::try_from(capacity.min(1_000_000)).unwrap_or(1_000_000);
        Fast(Cache::with_weighter(items, capacity, ByWeight))
    }
}

impl<K, V> Store<K, V> for Fast<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    #[inline]
    fn get(&self, key: &K) -> Option<Entry<V>> {
        self.0.get(key)
    }

    fn peek(&self, key: &K) -> Option<Entry<V>> {
        self.0.peek(key)
    }

    fn put(&self, key: K, entry: Entry<V>, weight: u32, _: Duration) {
        if u64::from(weight) > self.0.shard_capacity() {
            self.0.remove(&key);
        } else {
            self.0.insert(key, entry);
        }
    }

    fn remove(&self, key: &K) {
        self.0.remove(key);
    }

    fn clear(&self) {
        self.0.clear();
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

impl<K, V> fmt::Debug for Fast<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fast").finish_non_exhaustive()
    }
}
