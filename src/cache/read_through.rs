use super::batch::Shared;
use super::boarding::Got;
use super::cache_aside::{CacheAside, shared};
use super::deck::Load;
use super::entry::Cached;
use super::moka::Moka;
use super::settings::Settings;
use super::source::Source;
use super::store::Store;
use crate::telemetry::Telemetry;
use crate::time::Instant;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

/// Reads through the cache from one [`Source`]; the caller writes to the source, and then
/// [`invalidate`](CacheAside::invalidate)s.
///
/// **Promise**: that of [`CacheAside`], which it is ([`aside`](Self::aside)), and since the cache knows how to load, a
/// [`hit`](Self::hit) begins refreshes by itself and [`get_many`](Self::get_many) loads in batches.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use seawall::cache::{Lifetime, Memory, ReadThrough};
/// use std::time::Duration;
///
/// let users = ReadThrough::new(
///     "users",
///     Memory::lru(10_000),
///     Lifetime::of(Duration::from_secs(60)),
///     |id: u64| async move { Ok::<_, std::io::Error>(format!("user {id}")) },
/// );
/// assert_eq!(*users.get(&7).await.unwrap().unwrap(), "user 7");
/// users.aside().invalidate(&7);
/// # }
/// ```
pub struct ReadThrough<K, V, O, S = Moka<K, V>>
where
    O: Source<K, V>,
{
    aside: CacheAside<K, V, O::Error, S>,
    source: Arc<O>,
}

impl<K, V, O, S> ReadThrough<K, V, O, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    O: Source<K, V>,
    S: Store<K, V>,
{
    /// An empty cache over `store`, filled from `source`.
    ///
    /// ```
    /// use seawall::cache::{Lifetime, Memory, ReadThrough};
    /// let double = |n: u64| async move { Ok::<_, ()>(2 * n) };
    /// let doubles = ReadThrough::new("doubles", Memory::lru(100), Lifetime::forever(), double);
    /// assert!(doubles.hit(&1).is_none());
    /// ```
    #[must_use]
    pub fn new(
        telemetry: impl Into<Telemetry>,
        store: S,
        settings: impl Into<Settings<K, V, O::Error>>,
        source: O,
    ) -> Self {
        Self { aside: CacheAside::new(telemetry, store, settings), source: Arc::new(source) }
    }

    /// Whatever can be answered at once. Where a [`Background`](super::Background) runs, what is early or stale is
    /// refreshed behind it.
    ///
    /// ```
    /// # use seawall::cache::{Lifetime, Memory, ReadThrough};
    /// # let double = |n: u64| async move { Ok::<_, ()>(2 * n) };
    /// # let doubles = ReadThrough::new("doubles", Memory::lru(100), Lifetime::forever(), double);
    /// assert!(doubles.hit(&1).is_none());
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
    /// # let double = |n: u64| async move { Ok::<_, ()>(2 * n) };
    /// # let doubles = ReadThrough::new("doubles", Memory::lru(100), Lifetime::forever(), double);
    /// assert!(doubles.hit_at(&1, Instant::now()).is_none());
    /// ```
    #[must_use]
    #[inline]
    pub fn hit_at(&self, key: &K, now: Instant) -> Option<Cached<V>> {
        self.aside.handle().hit_refreshing(key, now, || self.load(key))
    }

    /// The value that is there, else what the source has: one load for all who ask meanwhile. `None` if it has
    /// nothing.
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
    /// # use seawall::cache::{Lifetime, Memory, ReadThrough};
    /// let even = |n: u64| async move { Ok::<_, ()>(n.is_multiple_of(2).then_some(n / 2)) };
    /// let halves = ReadThrough::new("halves", Memory::lru(100), Lifetime::forever(), even);
    /// assert_eq!(halves.get(&4).await.unwrap().as_deref(), Some(&2));
    /// assert!(halves.get(&5).await.unwrap().is_none());
    /// # }
    /// ```
    pub async fn get(&self, key: &K) -> Got<V, O::Error> {
        let now = Instant::now();
        match self.aside.handle().plain(key, now) {
            Ok(cached) => Ok(Some(cached)),
            Err(entry) => self.aside.handle().get(key, true, (entry, now), || self.load(key)).await,
        }
    }

    /// Loads what is kept of `key` anew, behind its readers, who have the old value until then. Whether a load has
    /// begun: not without a running [`Background`](super::Background), not for a key that is not kept or is being
    /// loaded, not while a failed load keeps the next one away.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// # use seawall::cache::{Lifetime, Memory, ReadThrough};
    /// # let double = |n: u64| async move { Ok::<_, ()>(2 * n) };
    /// let doubles = ReadThrough::new("doubles", Memory::lru(100), Lifetime::forever(), double);
    /// tokio::spawn(doubles.aside().background());
    /// doubles.aside().put(&1, 3);
    /// tokio::task::yield_now().await;
    /// assert!(doubles.refresh(&1));
    /// assert_eq!(*doubles.hit(&1).unwrap(), 3);
    /// # }
    /// ```
    pub fn refresh(&self, key: &K) -> bool {
        let (handle, now) = (self.aside.handle(), Instant::now());
        let kept = handle.peek(key, now);
        kept.is_some_and(|(entry, _)| handle.refresh(key, &entry, now, &mut Some(|| self.load(key))))
    }

    /// Several keys at once: what is there is answered, what is being loaded is joined, and the rest goes to
    /// [`Source::load_many`] in batches of at most `batch`. Answers stand in the order of `keys`.
    ///
    /// # Errors
    ///
    /// Each key has a result of its own; keys of one failed batch share its error.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use seawall::cache::{Lifetime, Memory, ReadThrough};
    /// # let double = |n: u64| async move { Ok::<_, ()>(2 * n) };
    /// # let doubles = ReadThrough::new("doubles", Memory::lru(100), Lifetime::forever(), double);
    /// let found = doubles.get_many(&[1, 2, 3], 100).await;
    /// assert_eq!(found.into_iter().map(|each| *each.unwrap().unwrap()).collect::<Vec<_>>(), [2, 4, 6]);
    /// # }
    /// ```
    #[doc(alias = "dataloader")]
    pub async fn get_many(&self, keys: &[K], batch: usize) -> Vec<Got<V, O::Error>> {
        let handle = self.aside.handle();
        let now = Instant::now();
        let wanted: Vec<&K> = keys.iter().filter(|key| handle.wants(key, now)).collect();
        let mut reads = Vec::with_capacity(keys.len());
        let batches: Vec<_> = wanted
            .chunks(batch.max(1))
            .map(|chunk| {
                let keys: Vec<K> = chunk.iter().map(|&key| key.clone()).collect();
                let source = Arc::clone(&self.source);
                let asked = keys.clone();
                (keys, Shared::new(async move { source.load_many(asked).await }))
            })
            .collect();
        for key in keys {
            let shared =
                batches.iter().find(|(keys, _)| keys.contains(key)).map(|(_, shared)| shared.clone());
            let read = handle.get(key, true, (handle.store.get(key), now), move || match shared {
                Some(shared) => {
                    let own = key.clone();
                    handle.boxed(key, move || shared.of(own))
                }
                None => self.load(key),
            });
            reads.push(Box::pin(read));
        }
        super::batch::all(reads).await
    }

    /// The same cache, for everything that needs no source: puts, fences, peeks, the background.
    ///
    /// ```
    /// # use seawall::cache::{Lifetime, Memory, ReadThrough};
    /// # let double = |n: u64| async move { Ok::<_, ()>(2 * n) };
    /// # let doubles = ReadThrough::new("doubles", Memory::lru(100), Lifetime::forever(), double);
    /// doubles.aside().put(&1, 3);
    /// assert_eq!(*doubles.hit(&1).unwrap(), 3);
    /// ```
    #[must_use]
    pub const fn aside(&self) -> &CacheAside<K, V, O::Error, S> {
        &self.aside
    }

    /// The source.
    ///
    /// ```
    /// # use seawall::cache::{Lifetime, Memory, ReadThrough};
    /// # let double = |n: u64| async move { Ok::<_, ()>(2 * n) };
    /// # let doubles = ReadThrough::new("doubles", Memory::lru(100), Lifetime::forever(), double);
    /// let source = doubles.source();
    /// # let _ = source;
    /// ```
    #[must_use]
    pub fn source(&self) -> &O {
        &self.source
    }

    fn load(&self, key: &K) -> Load<V, O::Error> {
        let (source, own) = (Arc::clone(&self.source), key.clone());
        self.aside.handle().boxed(key, async move || source.load(own).await.map_err(shared))
    }
}

impl<K, V, O: Source<K, V>, S> Clone for ReadThrough<K, V, O, S> {
    fn clone(&self) -> Self {
        Self { aside: self.aside.clone(), source: Arc::clone(&self.source) }
    }
}

impl<K, V, O: Source<K, V>, S> fmt::Debug for ReadThrough<K, V, O, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadThrough").field(&self.aside).finish()
    }
}
