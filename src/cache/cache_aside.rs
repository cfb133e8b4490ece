use super::background::Background;
use super::boarding::Got;
use super::boarding::Seen;
use super::entry::Cached;
use super::handle::Handle;
use super::load_error::LoadError;
use super::loaded::Loaded;
use super::moka::Moka;
use super::settings::Settings;
use super::store::Store;
use super::tier::{Fence, Notice, Reach};
use crate::error::Error;
use crate::telemetry::Telemetry;
use crate::time::Instant;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

/// Reads through the cache, and writes around it: the caller loads on a miss, writes to the source itself, and then
/// [`invalidate`](Self::invalidate)s.
///
/// **Promise**: no read that begins after a fence returned is given a value whose load began before that fence was
/// called. Not by joining a load, not as a stale value, not as "nothing".
///
/// After a write, `invalidate` instead of [`put`](Self::put): the puts of two writers may cross on their way from the
/// source to the cache, and the older would stay.
///
/// Clones share everything.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use seawall::cache::{CacheAside, Lifetime, Memory};
/// use std::time::Duration;
///
/// let users: CacheAside<u64, String, std::io::Error> =
///     CacheAside::new("users", Memory::lru(10_000), Lifetime::of(Duration::from_secs(60)));
///
/// let load = || async { Ok(String::from("Ada")) };
/// let (a, b) = tokio::join!(users.get_or_load(&7, load), users.get_or_load(&7, load));
/// assert!(a.unwrap().is_same(&b.unwrap())); // one load for both
///
/// users.invalidate(&7); // after writing to the source
/// assert!(users.hit(&7).is_none());
/// # }
/// ```
#[doc(alias = "singleflight")]
#[doc(alias = "look-aside")]
pub struct CacheAside<K, V, E, S = Moka<K, V>>(Handle<K, V, E, S>);

impl<K, V, E, S> CacheAside<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    /// An empty cache over `store`. A plain [`Lifetime`](super::Lifetime) is all the settings it needs.
    ///
    /// ```
    /// use seawall::cache::{CacheAside, Lifetime, Memory};
    /// let cache = CacheAside::<u64, String, (), _>::new("users", Memory::fifo(100), Lifetime::forever());
    /// assert!(cache.is_empty());
    /// ```
    #[must_use]
    pub fn new(telemetry: impl Into<Telemetry>, store: S, settings: impl Into<Settings<K, V, E>>) -> Self {
        Self(Handle::new(telemetry.into(), store, settings.into()))
    }

    /// Whatever can be answered at once: a fresh value, or a stale one where the cache allows it. Builds no future,
    /// begins no load.
    ///
    /// ```
    /// # use seawall::cache::{CacheAside, Lifetime, Memory};
    /// # let cache: CacheAside<u8, u8, ()> = CacheAside::new("a", Memory::lru(1), Lifetime::forever());
    /// assert!(cache.hit(&1).is_none());
    /// cache.put(&1, 2);
    /// assert_eq!(*cache.hit(&1).unwrap(), 2);
    /// ```
    #[inline]
    pub fn hit(&self, key: &K) -> Option<Cached<V>> {
        self.hit_at(key, Instant::now())
    }

    /// [`hit`](Self::hit) for a caller who knows the time.
    ///
    /// ```
    /// # use seawall::{Instant, cache::{CacheAside, Lifetime, Memory}};
    /// # let cache: CacheAside<u8, u8, ()> = CacheAside::new("a", Memory::lru(1), Lifetime::forever());
    /// assert!(cache.hit_at(&1, Instant::now()).is_none());
    /// ```
    #[inline]
    pub fn hit_at(&self, key: &K, now: Instant) -> Option<Cached<V>> {
        self.0.hit(key, now)
    }

    /// A fresh value, and the eviction does not hear of it where the store can do that.
    ///
    /// ```
    /// # use seawall::cache::{CacheAside, Lifetime, Memory};
    /// # let cache: CacheAside<u8, u8, ()> = CacheAside::new("a", Memory::lru(1), Lifetime::forever());
    /// assert!(cache.peek(&1).is_none());
    /// ```
    #[must_use]
    pub fn peek(&self, key: &K) -> Option<Cached<V>> {
        self.peek_at(key, Instant::now())
    }

    /// [`peek`](Self::peek) for a caller who knows the time.
    ///
    /// ```
    /// # use seawall::{Instant, cache::{CacheAside, Lifetime, Memory}};
    /// # let cache: CacheAside<u8, u8, ()> = CacheAside::new("a", Memory::lru(1), Lifetime::forever());
    /// assert!(cache.peek_at(&1, Instant::now()).is_none());
    /// ```
    #[must_use]
    pub fn peek_at(&self, key: &K, now: Instant) -> Option<Cached<V>> {
        self.0.peek_fresh(key, now)
    }

    /// Whatever is there, however old.
    ///
    /// ```
    /// # use seawall::cache::{CacheAside, Lifetime, Memory};
    /// # let cache: CacheAside<u8, u8, ()> = CacheAside::new("a", Memory::lru(1), Lifetime::forever());
    /// assert!(cache.peek_stale(&1).is_none());
    /// ```
    #[must_use]
    pub fn peek_stale(&self, key: &K) -> Option<Cached<V>> {
        self.0.peek_any(key, Instant::now())
    }

    /// The value that is there, else what `load` brings: one load for all who ask meanwhile.
    ///
    /// `load` runs in the first poll of the first caller's; it goes on with whoever still waits. It is `'static`, for
    /// it may outlive this call.
    ///
    /// # Errors
    ///
    /// [`Error::Inner`] if the load failed, panicked or found nothing and no stale value may stand in;
    /// [`Error::TimedOut`] if the load or this caller ran out of time; [`Error::Rejected`] if too many loads are under
    /// way, or the load waits for itself.
    ///
    /// # Cancel safety
    ///
    /// Being dropped is not a failed load. The load goes on with those who still wait, or with a running
    /// [`Background`]; without either it is dropped.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use seawall::cache::{CacheAside, Lifetime, Memory};
    /// # let cache: CacheAside<u8, u8, ()> = CacheAside::new("a", Memory::lru(1), Lifetime::forever());
    /// assert_eq!(*cache.get_or_load(&1, || async { Ok(2) }).await.unwrap(), 2);
    /// # }
    /// ```
    #[doc(alias = "get_with")]
    #[doc(alias = "get_or_insert_with")]
    pub async fn get_or_load<F, Fut, L>(&self, key: &K, load: F) -> Result<Cached<V>, Error<LoadError<E>>>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<V>>,
    {
        match self.plain(key) {
            Ok(cached) => Ok(cached),
            Err(seen) => {
                let load = async move || load().await.map(Into::into).map_err(Error::Inner);
                found(self.get(key, false, seen, load).await)
            }
        }
    }

    /// [`get_or_load`](Self::get_or_load) for a load whose error is lifted already, because it goes through other
    /// primitives: a refusal stays a refusal, a timeout a timeout.
    ///
    /// # Errors
    ///
    /// As of [`get_or_load`](Self::get_or_load).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use seawall::{ConcurrencyLimit, cache::{CacheAside, Lifetime, Memory}};
    /// # let cache: CacheAside<u8, u8, ()> = CacheAside::new("a", Memory::lru(1), Lifetime::forever());
    /// let limit = ConcurrencyLimit::new("db", 0);
    /// let refused = cache.get_or_load_lifted(&1, async move || limit.run(|| async { Ok(2) }).await).await;
    /// assert!(refused.unwrap_err().rejected().is_some());
    /// # }
    /// ```
    pub async fn get_or_load_lifted<F, Fut, L>(
        &self,
        key: &K,
        load: F,
    ) -> Result<Cached<V>, Error<LoadError<E>>>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<L, Error<E>>> + Send + 'static,
        L: Into<Loaded<V>>,
    {
        match self.plain(key) {
            Ok(cached) => Ok(cached),
            Err(seen) => found(self.get(key, false, seen, async move || load().await.map(Into::into)).await),
        }
    }

    /// [`get_or_load`](Self::get_or_load) where there may be nothing to find.
    ///
    /// # Errors
    ///
    /// As of [`get_or_load`](Self::get_or_load).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use seawall::cache::{CacheAside, Lifetime, Memory};
    /// # let cache: CacheAside<u8, u8, ()> = CacheAside::new("a", Memory::lru(1), Lifetime::forever());
    /// assert!(cache.get_or_find(&1, || async { Ok(None::<u8>) }).await.unwrap().is_none());
    /// # }
    /// ```
    pub async fn get_or_find<F, Fut, L>(&self, key: &K, load: F) -> Got<V, E>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<V>>,
    {
        match self.plain(key) {
            Ok(cached) => Ok(Some(cached)),
            Err(seen) => {
                let load = async move || load().await.map(Into::into).map_err(Error::Inner);
                self.get(key, true, seen, load).await
            }
        }
    }

    /// [`get_or_find`](Self::get_or_find) for a load whose error is lifted already.
    ///
    /// # Errors
    ///
    /// As of [`get_or_load`](Self::get_or_load).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use seawall::cache::{CacheAside, Lifetime, Memory};
    /// # let cache: CacheAside<u8, u8, ()> = CacheAside::new("a", Memory::lru(1), Lifetime::forever());
    /// assert!(cache.get_or_find_lifted(&1, || async { Ok(None::<u8>) }).await.unwrap().is_none());
    /// # }
    /// ```
    pub async fn get_or_find_lifted<F, Fut, L>(&self, key: &K, load: F) -> Got<V, E>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<L, Error<E>>> + Send + 'static,
        L: Into<Loaded<V>>,
    {
        match self.plain(key) {
            Ok(cached) => Ok(Some(cached)),
            Err(seen) => self.get(key, true, seen, async move || load().await.map(Into::into)).await,
        }
    }

    /// Keeps a value, whatever loads are under way: a load that began before is not stored over it.
    ///
    /// [`Loaded`] says more of the value: its own lifetime, its tags. Gives it as a reader would get it.
    ///
    /// ```
    /// # use seawall::cache::{CacheAside, Lifetime, Loaded, Memory};
    /// # let cache: CacheAside<u8, u8, ()> = CacheAside::new("a", Memory::lru(1), Lifetime::forever());
    /// assert_eq!(*cache.put(&1, 2), 2);
    /// cache.put(&1, 3);
    /// assert_eq!(*cache.hit(&1).unwrap(), 3);
    /// cache.put_loaded(&1, Loaded::value(4).tags(["even"]));
    /// cache.invalidate_tag("even");
    /// assert!(cache.hit(&1).is_none());
    /// ```
    #[expect(clippy::missing_panics_doc, reason = "a value is given for a value")]
    pub fn put(&self, key: &K, value: V) -> Cached<V> {
        self.put_loaded(key, Loaded::value(value)).expect("a value is given for a value")
    }

    /// [`put`](Self::put) with more to say of the value. `None` for what is none: then it is an
    /// [`invalidate`](Self::invalidate).
    ///
    /// ```
    /// # use seawall::cache::{CacheAside, Lifetime, Loaded, Memory};
    /// # let cache: CacheAside<u8, u8, ()> = CacheAside::new("a", Memory::lru(1), Lifetime::forever());
    /// let short = Loaded::value(2).ttl(std::time::Duration::from_secs(1));
    /// assert_eq!(*cache.put_loaded(&1, short).unwrap(), 2);
    /// ```
    pub fn put_loaded(&self, key: &K, loaded: Loaded<V>) -> Option<Cached<V>> {
        self.0.put(key, loaded, Instant::now())
    }

    /// [`put_loaded`](Self::put_loaded) for a caller who knows the time.
    ///
    /// ```
    /// # use seawall::{Instant, cache::{CacheAside, Lifetime, Loaded, Memory}};
    /// # let cache: CacheAside<u8, u8, ()> = CacheAside::new("a", Memory::lru(1), Lifetime::forever());
    /// assert_eq!(*cache.put_at(&1, Loaded::value(2), Instant::now()).unwrap(), 2);
    /// ```
    pub fn put_at(&self, key: &K, loaded: Loaded<V>, now: Instant) -> Option<Cached<V>> {
        self.0.put(key, loaded, now)
    }

    /// What is kept of the key is wrong: it is never given again, nor what a load brings that began before.
    ///
    /// ```
    /// # use seawall::cache::{CacheAside, Lifetime, Memory};
    /// # let cache: CacheAside<u8, u8, ()> = CacheAside::new("a", Memory::lru(1), Lifetime::forever());
    /// cache.put(&1, 2);
    /// cache.invalidate(&1);
    /// assert!(cache.peek_stale(&1).is_none());
    /// ```
    #[doc(alias = "remove")]
    pub fn invalidate(&self, key: &K) {
        self.fence(&Fence::Key(key.clone()));
    }

    /// What is kept of the key is old: from now on it is stale, and given only where the cache allows that.
    ///
    /// ```
    /// # use seawall::cache::{CacheAside, Lifetime, Memory};
    /// # let cache: CacheAside<u8, u8, ()> = CacheAside::new("a", Memory::lru(1), Lifetime::forever());
    /// cache.put(&1, 2);
    /// cache.expire(&1);
    /// assert!(cache.hit(&1).is_none());
    /// assert_eq!(*cache.peek_stale(&1).unwrap(), 2);
    /// ```
    #[doc(alias = "soft purge")]
    pub fn expire(&self, key: &K) {
        self.fence(&Fence::Old(key.clone()));
    }

    /// Everything that is kept is wrong.
    ///
    /// ```
    /// # use seawall::cache::{CacheAside, Lifetime, Memory};
    /// # let cache: CacheAside<u8, u8, ()> = CacheAside::new("a", Memory::lru(1), Lifetime::forever());
    /// cache.put(&1, 2);
    /// cache.clear();
    /// assert!(cache.hit(&1).is_none());
    /// ```
    pub fn clear(&self) {
        self.fence(&Fence::All);
    }

    /// Everything that carries the tag is wrong. Costs the same for one entry and for a million.
    ///
    /// ```
    /// # use seawall::cache::{CacheAside, Lifetime, Loaded, Memory};
    /// # let cache: CacheAside<u8, u8, ()> = CacheAside::new("a", Memory::lru(9), Lifetime::forever());
    /// cache.put_loaded(&1, Loaded::value(2).tags(["even"]));
    /// cache.put(&2, 3);
    /// cache.invalidate_tag("even");
    /// assert!(cache.hit(&1).is_none() && cache.hit(&2).is_some());
    /// ```
    pub fn invalidate_tag(&self, tag: impl Into<String>) {
        self.fence(&Fence::Tag(tag.into()));
    }

    /// Everything that carries the tag is old.
    ///
    /// ```
    /// # use seawall::cache::{CacheAside, Lifetime, Loaded, Memory};
    /// # let cache: CacheAside<u8, u8, ()> = CacheAside::new("a", Memory::lru(9), Lifetime::forever());
    /// cache.put_loaded(&1, Loaded::value(2).tags(["even"]));
    /// cache.expire_tag("even");
    /// assert!(cache.hit(&1).is_none());
    /// assert_eq!(*cache.peek_stale(&1).unwrap(), 2);
    /// ```
    pub fn expire_tag(&self, tag: impl Into<String>) {
        self.fence(&Fence::OldTag(tag.into()));
    }

    /// Any fence, by a caller who knows the time.
    ///
    /// ```
    /// # use seawall::{Instant, cache::{CacheAside, Fence, Lifetime, Memory}};
    /// # let cache: CacheAside<u8, u8, ()> = CacheAside::new("a", Memory::lru(1), Lifetime::forever());
    /// cache.put(&1, 2);
    /// cache.fence_at(&Fence::Key(1), Instant::now());
    /// assert!(cache.hit(&1).is_none());
    /// ```
    pub fn fence_at(&self, fence: &Fence<K>, now: Instant) {
        self.0.fence(fence, now);
    }

    /// Fences at once in this process, and in its [second tier](super::Tier) as soon as that answers; says how far it
    /// has come. Without one it is the plain verb.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use seawall::cache::{CacheAside, Fence, Lifetime, Memory, Reach};
    /// # let cache: CacheAside<u8, u8, ()> = CacheAside::new("a", Memory::lru(1), Lifetime::forever());
    /// cache.put(&1, 2);
    /// assert_eq!(cache.fence_everywhere(Fence::Key(1)).await, Reach::Everywhere);
    /// assert!(cache.hit(&1).is_none());
    /// # }
    /// ```
    pub async fn fence_everywhere(&self, fence: Fence<K>) -> Reach {
        self.0.fence_everywhere(fence).await
    }

    /// Another process has fenced this: it is fenced here, and told to nobody.
    ///
    /// ```
    /// # use seawall::cache::{CacheAside, Lifetime, Memory, Notice};
    /// # let cache: CacheAside<u8, u8, ()> = CacheAside::new("a", Memory::lru(1), Lifetime::forever());
    /// cache.put(&1, 2);
    /// cache.heed(&Notice::Key(1));
    /// assert!(cache.hit(&1).is_none());
    /// ```
    pub fn heed(&self, notice: &Notice<K>) {
        self.0.heed(notice, Instant::now());
    }

    /// What the cache does while nobody waits; to be spawned. Without one, abandoned loads are dropped, nothing is
    /// refreshed early, and the first reader in the revalidate window loads in the foreground.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use seawall::cache::{CacheAside, Lifetime, Memory};
    /// # let cache: CacheAside<u8, u8, ()> = CacheAside::new("a", Memory::lru(1), Lifetime::forever());
    /// tokio::spawn(cache.background());
    /// # }
    /// ```
    pub fn background(&self) -> Background<K, V, E, S> {
        Background::new(Arc::clone(&self.0))
    }

    /// A tower layer over this cache: `key` says under which key an answer is kept; `None` goes straight through.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::LiftLayer;
    /// use seawall::cache::{CacheAside, Lifetime, Memory};
    /// use std::time::Duration;
    /// use tower::{ServiceBuilder, ServiceExt, service_fn};
    ///
    /// let squares: CacheAside<u64, u64, &'static str> =
    ///     CacheAside::new("squares", Memory::lru(100), Lifetime::of(Duration::from_secs(60)));
    /// let service = ServiceBuilder::new()
    ///     .layer(squares.layer(|n: &u64| Some(*n)))
    ///     .layer(LiftLayer)
    ///     .service(service_fn(|n: u64| async move { Ok::<_, &'static str>(n * n) }));
    /// assert_eq!(service.oneshot(7).await, Ok(49));
    /// assert_eq!(*squares.hit(&7).unwrap(), 49);
    /// # }
    /// ```
    #[must_use]
    pub fn layer<Req, F>(&self, key: F) -> super::CacheLayer<K, V, E, S, F>
    where
        F: Fn(&Req) -> Option<K>,
    {
        super::CacheLayer::new(self.clone(), key)
    }

    /// How many entries there are, roughly.
    ///
    /// ```
    /// # use seawall::cache::{CacheAside, Lifetime, Memory};
    /// # let cache: CacheAside<u8, u8, (), _> = CacheAside::new("a", Memory::fifo(1), Lifetime::forever());
    /// cache.put(&1, 2);
    /// assert_eq!(cache.len(), 1);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.store.len()
    }

    /// Whether there are none, roughly.
    ///
    /// ```
    /// # use seawall::cache::{CacheAside, Lifetime, Memory};
    /// # let cache: CacheAside<u8, u8, ()> = CacheAside::new("a", Memory::lru(1), Lifetime::forever());
    /// assert!(cache.is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.store.is_empty()
    }

    /// How many keys are being loaded.
    ///
    /// ```
    /// # use seawall::cache::{CacheAside, Lifetime, Memory};
    /// # let cache: CacheAside<u8, u8, ()> = CacheAside::new("a", Memory::lru(1), Lifetime::forever());
    /// assert_eq!(cache.loading(), 0);
    /// ```
    #[must_use]
    pub fn loading(&self) -> usize {
        self.0.table.len()
    }

    /// The store.
    ///
    /// ```
    /// # use seawall::{Instant, cache::{CacheAside, Lifetime, Memory, Store}};
    /// # let cache: CacheAside<u8, u8, ()> = CacheAside::new("a", Memory::lru(1), Lifetime::forever());
    /// cache.store().tend(Instant::now());
    /// ```
    #[must_use]
    pub fn store(&self) -> &S {
        &self.0.store
    }

    pub(crate) const fn handle(&self) -> &Handle<K, V, E, S> {
        &self.0
    }

    fn fence(&self, fence: &Fence<K>) {
        self.0.fence(fence, Instant::now());
    }

    /// What needs no more than a look, so that a hit costs no future within the future.
    #[inline]
    fn plain(&self, key: &K) -> Result<Cached<V>, Seen<V>> {
        let now = Instant::now();
        self.0.plain(key, now).map_err(|entry| (entry, now))
    }

    async fn get<F, Fut>(&self, key: &K, find: bool, seen: Seen<V>, load: F) -> Got<V, E>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<Loaded<V>, Error<E>>> + Send + 'static,
    {
        self.0.get(key, find, seen, || self.0.boxed(key, async move || load().await.map_err(shared))).await
    }
}

/// An error that everybody who waits is given.
pub(super) fn shared<E>(error: Error<E>) -> Error<LoadError<E>> {
    match error {
        Error::Rejected(rejected) => Error::Rejected(rejected),
        Error::TimedOut(timed_out) => Error::TimedOut(timed_out),
        Error::Inner(error) => Error::Inner(LoadError::Failed(Arc::new(error))),
    }
}

/// A read that has to find something has found it, or failed.
pub(super) fn found<V, E>(got: Got<V, E>) -> Result<Cached<V>, Error<LoadError<E>>> {
    got.and_then(|found| found.ok_or(Error::Inner(LoadError::Unanswered)))
}

impl<K, V, E, S> Clone for CacheAside<K, V, E, S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, V, E, S> fmt::Debug for CacheAside<K, V, E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheAside").field("name", &self.0.telemetry.name()).finish_non_exhaustive()
    }
}
