use super::super::boarding::Got;
use super::super::entry::Cached;
use super::super::loaded::Loaded;
use super::super::source::Source;
use super::super::store::Store;
use super::super::{CacheAside, ReadThrough};
use super::front::Front;
use super::handle::WriteBehind;
use super::write::Pending;
use crate::time::Instant;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

impl<K: Hash + Eq + Clone, V, L: Front<K, V>> WriteBehind<K, V, L> {
    /// What the buffer holds for a key: newer than what the source has. None: ask the source. One load when
    /// nothing is dirty.
    ///
    /// ```
    /// # use seawall::cache::write_behind::{Config, Write, WriteBehind};
    /// # let store = |_: Vec<Write<u32, &str>>| async { Ok::<_, ()>(()) };
    /// # let (orders, _driver) = WriteBehind::new("orders", Config::new(), store, |_| ());
    /// orders.try_put(7, "paid").unwrap();
    /// assert_eq!(orders.pending(&7).unwrap().value(), Some(&"paid"));
    /// ```
    #[must_use]
    #[inline]
    pub fn pending(&self, key: &K) -> Option<Pending<V>> {
        self.shared().pending(key)
    }
}

/// Without a cache in front.
impl<K: Hash + Eq + Clone, V> WriteBehind<K, V> {
    /// Reads through the buffer: its value if the key is dirty, nothing if it is to be removed, else what `load`
    /// finds.
    ///
    /// # Errors
    ///
    /// Those of `load`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use seawall::cache::write_behind::{Config, Write, WriteBehind};
    /// # let store = |_: Vec<Write<u32, &str>>| async { Ok::<_, ()>(()) };
    /// # let (orders, _driver) = WriteBehind::new("orders", Config::new(), store, |_| ());
    /// orders.try_put(7, "paid").unwrap();
    /// let loads = || async { Ok::<_, ()>(Some("new".into())) };
    /// assert_eq!(orders.get_or_load(&7, loads).await.unwrap().as_deref(), Some(&"paid"));
    /// assert_eq!(orders.get_or_load(&8, loads).await.unwrap().as_deref(), Some(&"new"));
    /// # }
    /// ```
    pub async fn get_or_load<F, Fut, E>(&self, key: &K, load: F) -> Result<Option<Arc<V>>, E>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<Option<Arc<V>>, E>>,
    {
        match self.pending(key) {
            Some(pending) => Ok(pending.into_value()),
            None => load().await,
        }
    }
}

/// Reads behind a [`CacheAside`]: first what is dirty, then what the cache has, then what the caller loads.
impl<K, V, E, S> WriteBehind<K, V, CacheAside<K, V, E, S>>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V> + 'static,
{
    /// Whatever can be answered at once; `None` too for what is to be removed.
    ///
    /// ```
    /// # use seawall::cache::{CacheAside, Lifetime, Memory, write_behind::{Config, Write, WriteBehind}};
    /// # let store = |_: Vec<Write<u32, u32>>| async { Ok::<_, ()>(()) };
    /// let cache: CacheAside<u32, u32, ()> = CacheAside::new("views", Memory::lru(100), Lifetime::forever());
    /// let (views, _driver) = WriteBehind::before(cache, "views", Config::new(), store, |_| ());
    /// views.try_put(7, 1).unwrap();
    /// assert_eq!(*views.hit(&7).unwrap(), 1);
    /// ```
    #[must_use]
    #[inline]
    pub fn hit(&self, key: &K) -> Option<Cached<V>> {
        self.hit_at(key, Instant::now())
    }

    /// [`hit`](Self::hit) for a caller who knows the time.
    ///
    /// ```
    /// # use seawall::{Instant, cache::{CacheAside, Lifetime, Memory}};
    /// # use seawall::cache::write_behind::{Config, Write, WriteBehind};
    /// # let store = |_: Vec<Write<u32, u32>>| async { Ok::<_, ()>(()) };
    /// # let cache: CacheAside<u32, u32, ()> = CacheAside::new("views", Memory::lru(100), Lifetime::forever());
    /// # let (views, _driver) = WriteBehind::before(cache, "views", Config::new(), store, |_| ());
    /// assert!(views.hit_at(&7, Instant::now()).is_none());
    /// ```
    #[must_use]
    #[inline]
    pub fn hit_at(&self, key: &K, now: Instant) -> Option<Cached<V>> {
        match self.pending(key) {
            Some(pending) => given(pending, now),
            None => self.front().hit_at(key, now),
        }
    }

    /// What is dirty, else what is kept, else what `load` brings: one load for all who ask meanwhile. `None` where
    /// nothing is found, or the key is to be removed.
    ///
    /// # Errors
    ///
    /// As of [`CacheAside::get_or_load`].
    ///
    /// # Cancel safety
    ///
    /// As of [`CacheAside::get_or_load`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use seawall::cache::{CacheAside, Lifetime, Memory, write_behind::{Config, Write, WriteBehind}};
    /// # let store = |_: Vec<Write<u32, u32>>| async { Ok::<_, ()>(()) };
    /// # let cache: CacheAside<u32, u32, ()> = CacheAside::new("views", Memory::lru(100), Lifetime::forever());
    /// # let (views, _driver) = WriteBehind::before(cache, "views", Config::new(), store, |_| ());
    /// let load = || async { Ok(Some(1)) };
    /// assert_eq!(views.get_or_find(&7, load).await.unwrap().as_deref(), Some(&1));
    /// views.try_remove(7).unwrap();
    /// assert!(views.get_or_find(&7, load).await.unwrap().is_none());
    /// # }
    /// ```
    pub async fn get_or_find<F, Fut, T>(&self, key: &K, load: F) -> Got<V, E>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: Into<Loaded<V>>,
    {
        match self.pending(key) {
            Some(pending) => Ok(given(pending, Instant::now())),
            None => self.front().get_or_find(key, load).await,
        }
    }
}

/// Reads behind a [`ReadThrough`]: first what is dirty, then what the cache has, then what its source has.
impl<K, V, O, S> WriteBehind<K, V, ReadThrough<K, V, O, S>>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    O: Source<K, V>,
    S: Store<K, V> + 'static,
{
    /// Whatever can be answered at once; `None` too for what is to be removed.
    ///
    /// ```
    /// # use seawall::cache::{Lifetime, Memory, ReadThrough, write_behind::{Config, Write, WriteBehind}};
    /// # let store = |_: Vec<Write<u32, u32>>| async { Ok::<_, ()>(()) };
    /// # let row = |id: u32| async move { Ok::<_, ()>(id) };
    /// let rows = ReadThrough::new("rows", Memory::lru(100), Lifetime::forever(), row);
    /// let (rows, _driver) = WriteBehind::before(rows, "rows", Config::new(), store, |_| ());
    /// rows.try_put(7, 1).unwrap();
    /// assert_eq!(*rows.hit(&7).unwrap(), 1);
    /// ```
    #[must_use]
    #[inline]
    pub fn hit(&self, key: &K) -> Option<Cached<V>> {
        self.hit_at(key, Instant::now())
    }

    /// [`hit`](Self::hit) for a caller who knows the time.
    ///
    /// ```
    /// # use seawall::{Instant, cache::{Lifetime, Memory, ReadThrough}};
    /// # use seawall::cache::write_behind::{Config, Write, WriteBehind};
    /// # let store = |_: Vec<Write<u32, u32>>| async { Ok::<_, ()>(()) };
    /// # let row = |id: u32| async move { Ok::<_, ()>(id) };
    /// # let rows = ReadThrough::new("rows", Memory::lru(100), Lifetime::forever(), row);
    /// # let (rows, _driver) = WriteBehind::before(rows, "rows", Config::new(), store, |_| ());
    /// assert!(rows.hit_at(&7, Instant::now()).is_none());
    /// ```
    #[must_use]
    #[inline]
    pub fn hit_at(&self, key: &K, now: Instant) -> Option<Cached<V>> {
        match self.pending(key) {
            Some(pending) => given(pending, now),
            None => self.front().hit_at(key, now),
        }
    }

    /// What is dirty, else what is kept, else what the source has: one load for all who ask meanwhile. `None` where
    /// it has nothing, or the key is to be removed.
    ///
    /// # Errors
    ///
    /// As of [`CacheAside::get_or_load`].
    ///
    /// # Cancel safety
    ///
    /// As of [`CacheAside::get_or_load`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use seawall::cache::{Lifetime, Memory, ReadThrough, write_behind::{Config, Write, WriteBehind}};
    /// # let store = |_: Vec<Write<u32, u32>>| async { Ok::<_, ()>(()) };
    /// # let row = |id: u32| async move { Ok::<_, ()>(id) };
    /// # let rows = ReadThrough::new("rows", Memory::lru(100), Lifetime::forever(), row);
    /// # let (rows, _driver) = WriteBehind::before(rows, "rows", Config::new(), store, |_| ());
    /// assert_eq!(rows.get(&7).await.unwrap().as_deref(), Some(&7));
    /// rows.try_put(7, 1).unwrap();
    /// assert_eq!(rows.get(&7).await.unwrap().as_deref(), Some(&1));
    /// # }
    /// ```
    pub async fn get(&self, key: &K) -> Got<V, O::Error> {
        match self.pending(key) {
            Some(pending) => Ok(given(pending, Instant::now())),
            None => self.front().get(key).await,
        }
    }
}

/// What a reader is given of a dirty key: its value, or that there is none any more.
fn given<V>(pending: Pending<V>, now: Instant) -> Option<Cached<V>> {
    pending.into_value().map(|value| Cached::dirty(value, now))
}
