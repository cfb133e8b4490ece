use super::codec::{Codec, Json};
use super::shelf::{Shared, millis};
use super::store::Store;
use crate::cache::{Answering, Fence, Filled, Lease, Lifetime, Loaded, Reach, Read, Tier};
use crate::sync::atomic::Ordering::SeqCst;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

/// A second cache tier in Redis or Valkey, shared by all processes: give it to a cache's
/// [`Settings::tier`](crate::cache::Settings::tier), and spawn its [driver](Self::attend).
///
/// ```text
///   cache: L1 ──► flight ──► RedisTier::read ─┬─ value ─────────────────► L1, for at most a minute
///                                             ├─ lease ──► loader ──► fill if the lease still stands
///                                             └─ away, held, distrusted ──► loader
///   invalidate ──► distrust ──► L1 ──► delete in Redis ──► tell the others ──► trust
/// ```
///
/// Values are encoded by a [`Codec`]; the default is JSON through serde. Clones share all.
///
/// # Examples
///
/// ```no_run
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> redis::RedisResult<()> {
/// use seawall::cache::{CacheAside, Lifetime, Memory, Settings};
/// use seawall::redis::{RedisTier, Store};
/// use std::convert::Infallible;
/// use std::time::Duration;
///
/// let store = Store::new("cache", redis::Client::open("redis://127.0.0.1/")?);
/// let tier = RedisTier::<u64, String>::new(store, "users");
/// let settings = Settings::new(Lifetime::of(Duration::from_secs(600))).tier(tier.clone());
/// let cache = CacheAside::<u64, String, Infallible>::new("users", Memory::lru(10_000), settings);
/// tokio::spawn(cache.background());
/// let others = cache.clone();
/// tokio::spawn(tier.attend(move |notice| others.heed(notice)));
/// # Ok(())
/// # }
/// ```
///
/// # Defaults
///
/// | setting | default | why |
/// |---|---|---|
/// | [`lease`](Self::lease) | 10 s | longer than nearly every load; a process that dies holds a key no longer |
/// | [`lease_wait`](Self::lease_wait) | none | nobody waits for another process' load: it is only not kept twice |
/// | [`l1_life`](Self::l1_life) | 60 s, and 1 s while no notices arrive | the longest that a lost notice can hurt |
///
/// # Failures
///
/// A store that is away, slow or full counts as nothing: the loader's value is answered and kept in the process. A fence that
/// the store has not done yet is kept and done by the driver; until then what it names is neither read there nor filled.
/// Only deletes are ever repeated.
///
/// # Memory
///
/// In the process up to 10 000 fences that wait. In the store the encoded value, 18 bytes, its tags and the key; a lease of some
/// 100 bytes while a load runs; for each tag that was invalidated 100 bytes for a week.
pub struct RedisTier<K, V, C = Json>(pub(super) Arc<Shared<K, C>>, PhantomData<fn() -> V>);

impl<K, V> RedisTier<K, V> {
    /// The tier of this name in `store`: caches of one name share their values.
    ///
    /// ```
    /// use seawall::redis::{RedisTier, Store};
    /// let store = Store::new("cache", redis::Client::open("redis://127.0.0.1/").unwrap());
    /// let tier = RedisTier::<u64, String>::new(store, "users");
    /// # let _ = tier;
    /// ```
    #[must_use]
    pub fn new(store: Store, name: impl Into<String>) -> Self
    where
        K: Hash + Eq + Clone,
    {
        Self::with(store, name, Json)
    }
}

impl<K, V, C> RedisTier<K, V, C> {
    /// The same with another codec.
    ///
    /// ```
    /// use seawall::redis::{Json, RedisTier, Store};
    /// let store = Store::new("cache", redis::Client::open("redis://127.0.0.1/").unwrap());
    /// let tier = RedisTier::<u64, String, _>::with(store, "users", Json);
    /// # let _ = tier;
    /// ```
    #[must_use]
    pub fn with(store: Store, name: impl Into<String>, codec: C) -> Self
    where
        K: Hash + Eq + Clone,
    {
        Self(Arc::new(Shared::new(store, name.into(), codec)), PhantomData)
    }

    /// How long the leave to fill a key lasts.
    ///
    /// ```
    /// # use seawall::redis::{RedisTier, Store};
    /// # let store = Store::new("cache", redis::Client::open("redis://127.0.0.1/").unwrap());
    /// use std::time::Duration;
    /// let tier = RedisTier::<u64, String>::new(store, "users").lease(Duration::from_secs(30));
    /// # let _ = tier;
    /// ```
    #[must_use]
    pub fn lease(self, life: Duration) -> Self {
        self.0.lease.store(millis(life).max(1), SeqCst);
        self
    }

    /// How long to wait for the value that another process is loading, before loading it too.
    ///
    /// ```
    /// # use seawall::redis::{RedisTier, Store};
    /// # let store = Store::new("cache", redis::Client::open("redis://127.0.0.1/").unwrap());
    /// use std::time::Duration;
    /// let tier = RedisTier::<u64, String>::new(store, "users").lease_wait(Duration::from_millis(500));
    /// # let _ = tier;
    /// ```
    #[must_use]
    pub fn lease_wait(self, wait: Duration) -> Self {
        self.0.lease_wait.store(millis(wait), SeqCst);
        self
    }

    /// The longest that a value from the store lives in a process before it is read anew.
    ///
    /// ```
    /// # use seawall::redis::{RedisTier, Store};
    /// # let store = Store::new("cache", redis::Client::open("redis://127.0.0.1/").unwrap());
    /// use std::time::Duration;
    /// let tier = RedisTier::<u64, String>::new(store, "users").l1_life(Duration::from_secs(5));
    /// # let _ = tier;
    /// ```
    #[must_use]
    pub fn l1_life(self, life: Duration) -> Self {
        self.0.l1_life.store(millis(life), SeqCst);
        self
    }

    /// Whether the driver runs and hears what other processes fence.
    ///
    /// ```
    /// # use seawall::redis::{RedisTier, Store};
    /// # let store = Store::new("cache", redis::Client::open("redis://127.0.0.1/").unwrap());
    /// let tier = RedisTier::<u64, String>::new(store, "users");
    /// assert!(!tier.hears());
    /// ```
    #[must_use]
    pub fn hears(&self) -> bool {
        self.0.hears.load(SeqCst)
    }

    /// Values that were found and not understood.
    ///
    /// ```
    /// # use seawall::redis::{RedisTier, Store};
    /// # let store = Store::new("cache", redis::Client::open("redis://127.0.0.1/").unwrap());
    /// assert_eq!(RedisTier::<u64, String>::new(store, "users").undecodable(), 0);
    /// ```
    #[must_use]
    pub fn undecodable(&self) -> u64 {
        self.0.undecodable.load(SeqCst)
    }
}

impl<K, V, C> Tier<K, V> for RedisTier<K, V, C>
where
    K: Hash + Eq + Clone + Send + Sync,
    V: Send + Sync,
    C: Codec<K> + Codec<V>,
{
    fn read<'a>(&'a self, key: &'a K, _: &'a Lifetime) -> Answering<'a, Read<V>> {
        Box::pin(self.0.read(key))
    }

    fn fill<'a>(
        &'a self,
        key: &'a K,
        loaded: &'a Loaded<V>,
        lifetime: &'a Lifetime,
        lease: Lease,
    ) -> Answering<'a, Filled> {
        Box::pin(self.0.fill(key, loaded, lifetime, lease))
    }

    fn distrust(&self, fence: &Fence<K>) {
        self.0.pending.note(fence);
        self.0.work.notify_one();
    }

    fn settle<'a>(&'a self, fence: Fence<K>) -> Answering<'a, Reach> {
        Box::pin(async move {
            let noted = self.0.pending.note(&fence);
            self.0.settle(&noted).await
        })
    }
}

impl<K, V, C> Clone for RedisTier<K, V, C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0), PhantomData)
    }
}

impl<K, V, C> fmt::Debug for RedisTier<K, V, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisTier")
            .field("name", &self.0.name)
            .field("store", &self.0.store)
            .field("hears", &self.hears())
            .finish_non_exhaustive()
    }
}
