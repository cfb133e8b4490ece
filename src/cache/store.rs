use super::entry::Entry;
use crate::time::Instant;
use std::time::Duration;

/// Where a cache keeps its entries, and who evicts them.
///
/// *A store may forget, may refuse, must never remember wrong.* Freshness never comes from it: the cache asks each
/// entry itself. It is called under a short lock of the cache, so it is quick, runs no code of the user beyond the
/// key's `Hash` and `Eq`, and never calls the cache. For each key it is linearizable, and `clear` is visible at once.
///
/// [`Memory`](super::Memory) has the ready ones.
///
/// # Examples
///
/// A store that remembers nothing:
///
/// ```
/// use seawall::cache::{CacheAside, Entry, Lifetime, Store};
/// use std::time::Duration;
///
/// struct Nowhere;
///
/// impl<K, V> Store<K, V> for Nowhere {
///     fn get(&self, _: &K) -> Option<Entry<V>> { None }
///     fn put(&self, _: K, _: Entry<V>, _: u32, _: Duration) {}
///     fn remove(&self, _: &K) {}
///     fn clear(&self) {}
///     fn len(&self) -> usize { 0 }
/// }
///
/// let cache = CacheAside::<u8, u8, (), _>::new("none", Nowhere, Lifetime::forever());
/// cache.put(&1, 2);
/// assert!(cache.hit(&1).is_none());
/// ```
pub trait Store<K, V>: Send + Sync {
    /// The entry of `key`; tells the eviction that it was read.
    fn get(&self, key: &K) -> Option<Entry<V>>;

    /// The entry of `key`, as if nobody had asked, where the store can do that.
    fn peek(&self, key: &K) -> Option<Entry<V>> {
        self.get(key)
    }

    /// Keeps `entry`, if it likes. It weighs `weight`, at least 1; `keep` from now nobody will want it any more.
    fn put(&self, key: K, entry: Entry<V>, weight: u32, keep: Duration);

    /// Forgets `key`.
    fn remove(&self, key: &K);

    /// Forgets everything.
    fn clear(&self);

    /// Does what it has put off. Called now and then by a running [`Background`](super::Background).
    fn tend(&self, now: Instant) {
        let _ = now;
    }

    /// How many entries it has, roughly.
    fn len(&self) -> usize;

    /// Whether it has none, roughly.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
