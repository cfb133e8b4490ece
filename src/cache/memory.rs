use super::fifo::Fifo;
use super::moka::Moka;
use std::hash::Hash;

/// The stores in memory.
///
/// | | evicts | bytes per key beyond key and value | take it when |
/// |---|---|---|---|
/// | [`lru`](Self::lru) | what was read longest ago | 340–430 | reads follow each other closely |
/// | [`lfu`](Self::lfu) | what is read seldom (W-TinyLFU) | 340–430 | few keys are read most, and scans pass by |
/// | [`fifo`](Self::fifo) | what was stored longest ago | 160 | each value is read a few times and then never |
/// | `fast` | what is read seldom (S3-FIFO's kin) | 150–165 | a hit may cost next to nothing; feature `quick-cache` |
///
/// The capacity is a number of entries, or their total weight where the cache [weighs](super::Settings::weigh) them.
///
/// # Examples
///
/// ```
/// use seawall::cache::{CacheAside, Lifetime, Memory};
/// use std::time::Duration;
///
/// let cache: CacheAside<String, Vec<u8>, std::io::Error> =
///     CacheAside::new("thumbnails", Memory::lfu(10_000), Lifetime::of(Duration::from_secs(600)));
/// assert!(cache.is_empty());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Memory(());

impl Memory {
    /// Evicts what was read longest ago. Over [`moka`](https://docs.rs/moka), which applies reads with a delay.
    ///
    /// ```
    /// let store = seawall::cache::Memory::lru::<u8, u8>(100);
    /// # let _ = store;
    /// ```
    #[must_use]
    pub fn lru<K, V>(capacity: u64) -> Moka<K, V>
    where
        K: Hash + Eq + Send + Sync + 'static,
        V: Send + Sync + 'static,
    {
        Moka::lru(capacity)
    }

    /// Evicts what is read seldom, and admits a new key only if it is asked for more often than what would have to
    /// go (Einziger, Friedman, Manes: "TinyLFU", ACM TOS 2017): its value is answered then, and not kept. Over
    /// [`moka`](https://docs.rs/moka).
    ///
    /// ```
    /// let store = seawall::cache::Memory::lfu::<u8, u8>(100);
    /// # let _ = store;
    /// ```
    #[must_use]
    #[doc(alias = "TinyLFU")]
    pub fn lfu<K, V>(capacity: u64) -> Moka<K, V>
    where
        K: Hash + Eq + Send + Sync + 'static,
        V: Send + Sync + 'static,
    {
        Moka::lfu(capacity)
    }

    /// Evicts what was stored longest ago.
    ///
    /// ```
    /// let store = seawall::cache::Memory::fifo::<u8, u8>(100);
    /// # let _ = store;
    /// ```
    #[must_use]
    pub fn fifo<K, V>(capacity: u64) -> Fifo<K, V>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        V: Send + Sync + 'static,
    {
        Fifo::new(capacity)
    }
}
