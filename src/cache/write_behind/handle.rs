use super::account::Account;
use super::answers::Answers;
use super::config::Config;
use super::driver::Driver;
use super::front::Front;
use super::shared::{Refused, Shared};
use super::write::{DeadLetter, NotTaken, Pending, Write};
use crate::error::{Reason, Rejected};
use crate::gate::Now;
use crate::gate::places::{Entry, Order};
use crate::telemetry::{Kind, Telemetry, What};
use crate::time::Instant;
use std::fmt;
use std::future::{Future, poll_fn};
use std::hash::Hash;
use std::sync::Arc;
use std::task::Poll;

/// Takes changes at once and writes them later, in batches: **reads see a put at once; the source gets it at least
/// once, per key in order, never two writes of a key at a time; a crash loses at most what is dirty.**
///
/// Clones are the same buffer. When the last is dropped, the driver writes what is left and ends.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use seawall::cache::write_behind::{Config, Write, WriteBehind};
///
/// async fn store(batch: Vec<Write<u32, &'static str>>) -> Result<(), std::io::Error> {
///     // one statement for all of them
/// #   assert_eq!(batch.len(), 1);
///     Ok(())
/// }
///
/// let (orders, driver) = WriteBehind::new("orders", Config::new(), store, |dead| eprintln!("{dead:?}"));
/// tokio::spawn(driver);
///
/// orders.put(7, "paid").await.unwrap();
/// orders.put(7, "shipped").await.unwrap(); // one write for both
/// assert_eq!(orders.pending(&7).unwrap().value(), Some(&"shipped"));
///
/// orders.flush().await.unwrap();
/// assert!(orders.pending(&7).is_none());
/// assert_eq!(orders.account().stored, 1);
/// # }
/// ```
#[doc(alias = "write-back")]
pub struct WriteBehind<K: Hash + Eq + Clone, V, L: Front<K, V> = ()>(Arc<Owner<K, V, L>>);

/// The handles together; the driver is not among them.
struct Owner<K: Hash + Eq + Clone, V, L: Front<K, V>>(Arc<Shared<K, V, L>>);

impl<K: Hash + Eq + Clone, V, L: Front<K, V>> Drop for Owner<K, V, L> {
    fn drop(&mut self) {
        self.0.begin_closing();
    }
}

impl<K: Hash + Eq + Clone, V> WriteBehind<K, V> {
    /// A buffer, and the future that writes what is in it: spawn that.
    ///
    /// `store` writes a batch and [answers](Answers) for all of it or for each key; `dead` is given what was given up
    /// on, once. It must be quick, and a panic in it loses that letter alone.
    ///
    /// ```
    /// use seawall::cache::write_behind::{Config, Write, WriteBehind};
    /// let store = |_: Vec<Write<u32, &str>>| async { Ok::<_, ()>(()) };
    /// let (orders, driver) = WriteBehind::new("orders", Config::new(), store, |dead| eprintln!("{dead:?}"));
    /// # drop((orders, driver));
    /// ```
    pub fn new<F, Fut, D>(
        telemetry: impl Into<Telemetry>,
        config: Config,
        store: F,
        dead: D,
    ) -> (Self, Driver<K, V, (), F, Fut, D>)
    where
        F: FnMut(Vec<Write<K, V>>) -> Fut,
        Fut: Future<Output: Answers<K>>,
        D: FnMut(DeadLetter<K, V, <Fut::Output as Answers<K>>::Error>),
    {
        Self::before((), telemetry, config, store, dead)
    }
}

impl<K: Hash + Eq + Clone, V, L: Front<K, V>> WriteBehind<K, V, L> {
    /// A buffer behind a cache, a [`ReadThrough`](crate::cache::ReadThrough) or a
    /// [`CacheAside`](crate::cache::CacheAside): reads find what is dirty first, then what the cache has, then the
    /// source, and no load brings back what was there before a put. What has been written moves into the cache with a
    /// whole life.
    ///
    /// The driver is the cache's [`Background`](crate::cache::Background) too. Read through this handle: the
    /// [`front`](Self::front) alone knows what the source has, not what is on its way there.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// use seawall::cache::write_behind::{Config, Write, WriteBehind};
    /// use seawall::cache::{Lifetime, Memory, ReadThrough};
    ///
    /// let row = |id: u32| async move { Ok::<_, std::io::Error>(format!("order {id}")) };
    /// let store = |_: Vec<Write<u32, String>>| async { Ok::<_, std::io::Error>(()) };
    /// let cache = ReadThrough::new("orders", Memory::lru(10_000), Lifetime::forever(), row);
    /// let (orders, driver) = WriteBehind::before(cache, "orders", Config::new(), store, |dead| eprintln!("{dead:?}"));
    /// tokio::spawn(driver);
    ///
    /// assert_eq!(*orders.get(&7).await.unwrap().unwrap(), "order 7");
    /// orders.put(7, String::from("paid")).await.unwrap();
    /// assert_eq!(*orders.hit(&7).unwrap(), "paid"); // from the buffer
    /// orders.flush().await.unwrap();
    /// assert_eq!(*orders.hit(&7).unwrap(), "paid"); // from the cache
    /// # }
    /// ```
    pub fn before<F, Fut, D>(
        front: L,
        telemetry: impl Into<Telemetry>,
        config: Config,
        store: F,
        dead: D,
    ) -> (Self, Driver<K, V, L, F, Fut, D>)
    where
        F: FnMut(Vec<Write<K, V>>) -> Fut,
        Fut: Future<Output: Answers<K>>,
        D: FnMut(DeadLetter<K, V, <Fut::Output as Answers<K>>::Error>),
    {
        let shared = Arc::new(Shared::new(front, telemetry.into(), config));
        (Self(Arc::new(Owner(Arc::clone(&shared)))), Driver::new(shared, store, dead))
    }

    pub(super) fn shared(&self) -> &Shared<K, V, L> {
        &self.0.0
    }

    /// Puts a value, which every read sees from now on; waits while the buffer is full.
    ///
    /// # Errors
    ///
    /// [`QueueFull`](Reason::QueueFull) if as many wait already as may, [`Closed`](Reason::Closed) after
    /// [`close`](Self::close) or without a driver; the value comes back either way.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, nothing was put.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// # use seawall::cache::write_behind::{Config, Write, WriteBehind};
    /// # let store = |_: Vec<Write<u32, &str>>| async { Ok::<_, ()>(()) };
    /// # let (orders, driver) = WriteBehind::new("orders", Config::new(), store, |_| ());
    /// tokio::spawn(driver);
    /// orders.put(7, "paid").await.unwrap();
    /// # }
    /// ```
    pub async fn put(&self, key: K, value: impl Into<Arc<V>>) -> Result<(), NotTaken<V>> {
        self.enter(key, Some(value.into())).await
    }

    /// Removes a key, which no read sees from now on; otherwise as [`put`](Self::put).
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// # use seawall::cache::write_behind::{Config, Write, WriteBehind};
    /// # let store = |_: Vec<Write<u32, &str>>| async { Ok::<_, ()>(()) };
    /// # let (orders, driver) = WriteBehind::new("orders", Config::new(), store, |_| ());
    /// # tokio::spawn(driver);
    /// orders.remove(7).await.unwrap();
    /// assert_eq!(orders.pending(&7).unwrap().value(), None);
    /// # }
    /// ```
    pub async fn remove(&self, key: K) -> Result<(), NotTaken<V>> {
        self.enter(key, None).await
    }

    async fn enter(&self, key: K, value: Option<Arc<V>>) -> Result<(), NotTaken<V>> {
        let now = Instant::now();
        let refused = match self.shared().offer(key, value, false, now) {
            Ok(()) => return Ok(()),
            Err(refused) if refused.reason == Reason::Closed => return Err(self.not_taken(refused)),
            Err(refused) => refused,
        };
        let places = self.shared().config().waiting;
        let entry = Entry { places, cost: 1, class: 0, tenant: None, order: Order::Fifo, now };
        let Ok(stay) = self.shared().line.enter(entry) else { return Err(self.not_taken(refused)) };
        let waiting = Waiting::begin(&self.shared().telemetry, now);
        let mut change = Some((refused.key, refused.value));
        let outcome = poll_fn(|cx| {
            let first = stay.is_turn(cx.waker(), &mut Now::lazy());
            let Some((key, value)) = change.take() else { return Poll::Pending };
            match self.shared().offer(key, value, first, Instant::now()) {
                Ok(()) => Poll::Ready(Ok(())),
                Err(refused) if refused.reason == Reason::Closed => Poll::Ready(Err(refused)),
                Err(refused) => {
                    change = Some((refused.key, refused.value));
                    Poll::Pending
                }
            }
        });
        let outcome = outcome.await;
        drop((stay, waiting));
        outcome.map_err(|refused| self.not_taken(refused))
    }

    /// Puts a value if there is room, which there always is for a key that is dirty already.
    ///
    /// # Errors
    ///
    /// [`QueueFull`](Reason::QueueFull) if the buffer is full or others wait for it, [`Closed`](Reason::Closed) after
    /// [`close`](Self::close) or without a driver; the value comes back either way.
    ///
    /// ```
    /// # use seawall::cache::write_behind::{Config, Write, WriteBehind};
    /// # let store = |_: Vec<Write<u32, &str>>| async { Ok::<_, ()>(()) };
    /// let (orders, _driver) = WriteBehind::new("orders", Config::new().capacity(1), store, |_| ());
    /// orders.try_put(7, "paid").unwrap();
    /// orders.try_put(7, "shipped").unwrap();
    /// assert_eq!(orders.try_put(8, "paid").unwrap_err().value.as_deref(), Some(&"paid"));
    /// ```
    pub fn try_put(&self, key: K, value: impl Into<Arc<V>>) -> Result<(), NotTaken<V>> {
        self.try_put_at(key, value, Instant::now())
    }

    /// [`try_put`](Self::try_put) at a time that the caller already holds.
    ///
    /// # Errors
    ///
    /// As [`try_put`](Self::try_put).
    ///
    /// ```
    /// # use seawall::{Instant, cache::write_behind::{Config, Write, WriteBehind}};
    /// # let store = |_: Vec<Write<u32, &str>>| async { Ok::<_, ()>(()) };
    /// # let (orders, _driver) = WriteBehind::new("orders", Config::new(), store, |_| ());
    /// orders.try_put_at(7, "paid", Instant::now()).unwrap();
    /// ```
    pub fn try_put_at(&self, key: K, value: impl Into<Arc<V>>, now: Instant) -> Result<(), NotTaken<V>> {
        self.shared().offer(key, Some(value.into()), false, now).map_err(|refused| self.not_taken(refused))
    }

    /// Removes a key if there is room; otherwise as [`try_put`](Self::try_put).
    ///
    /// # Errors
    ///
    /// As [`try_put`](Self::try_put).
    ///
    /// ```
    /// # use seawall::cache::write_behind::{Config, Write, WriteBehind};
    /// # let store = |_: Vec<Write<u32, &str>>| async { Ok::<_, ()>(()) };
    /// # let (orders, _driver) = WriteBehind::new("orders", Config::new(), store, |_| ());
    /// orders.try_remove(7).unwrap();
    /// ```
    pub fn try_remove(&self, key: K) -> Result<(), NotTaken<V>> {
        self.shared().offer(key, None, false, Instant::now()).map_err(|refused| self.not_taken(refused))
    }

    #[cold]
    fn not_taken(&self, refused: Refused<K, V>) -> NotTaken<V> {
        let telemetry = &self.shared().telemetry;
        let rejected = Rejected::new(telemetry.name(), refused.reason);
        telemetry.tell(Kind::WriteBehind, What::Refused(rejected));
        NotTaken { rejected, value: refused.value }
    }

    /// Takes out what waits to be written for a key; what is being written is not stopped.
    ///
    /// ```
    /// # use seawall::cache::write_behind::{Config, Write, WriteBehind};
    /// # let store = |_: Vec<Write<u32, &str>>| async { Ok::<_, ()>(()) };
    /// # let (orders, _driver) = WriteBehind::new("orders", Config::new(), store, |_| ());
    /// orders.try_put(7, "paid").unwrap();
    /// assert_eq!(orders.discard(&7).unwrap().value(), Some(&"paid"));
    /// assert!(orders.is_empty());
    /// ```
    pub fn discard(&self, key: &K) -> Option<Pending<V>> {
        self.shared().discard(key)
    }

    /// Somebody else changed the source: the cache in front forgets the key. What is dirty stays, and is written.
    ///
    /// ```
    /// # use seawall::cache::write_behind::{Config, Write, WriteBehind};
    /// # let store = |_: Vec<Write<u32, &str>>| async { Ok::<_, ()>(()) };
    /// # let (orders, _driver) = WriteBehind::new("orders", Config::new(), store, |_| ());
    /// orders.try_put(7, "paid").unwrap();
    /// orders.invalidate(&7);
    /// assert!(orders.pending(&7).is_some());
    /// ```
    pub fn invalidate(&self, key: &K) {
        self.shared().fence(key);
    }

    /// Whether puts are taken: neither closed nor without a driver.
    ///
    /// ```
    /// # use seawall::cache::write_behind::{Config, Write, WriteBehind};
    /// # let store = |_: Vec<Write<u32, &str>>| async { Ok::<_, ()>(()) };
    /// let (orders, driver) = WriteBehind::new("orders", Config::new(), store, |_| ());
    /// assert!(orders.is_open());
    /// drop(driver);
    /// assert!(!orders.is_open());
    /// ```
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.shared().is_open()
    }

    /// How many keys are dirty.
    ///
    /// ```
    /// # use seawall::cache::write_behind::{Config, Write, WriteBehind};
    /// # let store = |_: Vec<Write<u32, &str>>| async { Ok::<_, ()>(()) };
    /// # let (orders, _driver) = WriteBehind::new("orders", Config::new(), store, |_| ());
    /// orders.try_put(7, "paid").unwrap();
    /// assert_eq!(orders.len(), 1);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared().len()
    }

    /// Whether nothing is dirty.
    ///
    /// ```
    /// # use seawall::cache::write_behind::{Config, Write, WriteBehind};
    /// # let store = |_: Vec<Write<u32, &str>>| async { Ok::<_, ()>(()) };
    /// # let (orders, _driver) = WriteBehind::new("orders", Config::new(), store, |_| ());
    /// assert!(orders.is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where every change went that was ever accepted.
    ///
    /// ```
    /// # use seawall::cache::write_behind::{Config, Write, WriteBehind};
    /// # let store = |_: Vec<Write<u32, &str>>| async { Ok::<_, ()>(()) };
    /// # let (orders, _driver) = WriteBehind::new("orders", Config::new(), store, |_| ());
    /// orders.try_put(7, "paid").unwrap();
    /// assert_eq!(orders.account().pending, 1);
    /// ```
    #[must_use]
    pub fn account(&self) -> Account {
        self.shared().account()
    }

    /// Changes the settings, for batches and puts to come; the numbers go on as they are.
    ///
    /// ```
    /// # use seawall::cache::write_behind::{Config, Write, WriteBehind};
    /// # let store = |_: Vec<Write<u32, &str>>| async { Ok::<_, ()>(()) };
    /// # let (orders, _driver) = WriteBehind::new("orders", Config::new(), store, |_| ());
    /// orders.set(Config::new().writers(4));
    /// ```
    pub fn set(&self, config: Config) {
        self.shared().set_config(config);
    }

    /// The cache in front: for its tags, its peeks, its [`clear`](crate::cache::CacheAside::clear).
    ///
    /// ```
    /// # use seawall::cache::write_behind::{Config, Write, WriteBehind};
    /// # let store = |_: Vec<Write<u32, &str>>| async { Ok::<_, ()>(()) };
    /// # let (orders, _driver) = WriteBehind::new("orders", Config::new(), store, |_| ());
    /// assert_eq!(orders.front(), &());
    /// ```
    #[must_use]
    pub fn front(&self) -> &L {
        &self.shared().front
    }
}

/// Somebody waits for room; dropped however that ends, so that what was counted up is counted down.
struct Waiting<'a> {
    telemetry: &'a Telemetry,
    since: Instant,
}

impl<'a> Waiting<'a> {
    fn begin(telemetry: &'a Telemetry, since: Instant) -> Self {
        telemetry.note(Kind::WriteBehind, || What::Queued);
        Self { telemetry, since }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let waited = || What::Dequeued { waited: Instant::now() - self.since };
        self.telemetry.note(Kind::WriteBehind, waited);
    }
}

impl<K: Hash + Eq + Clone, V, L: Front<K, V>> Clone for WriteBehind<K, V, L> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Hash + Eq + Clone, V, L: Front<K, V>> fmt::Debug for WriteBehind<K, V, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteBehind")
            .field("name", &self.shared().telemetry.name())
            .field("dirty", &self.len())
            .finish_non_exhaustive()
    }
}
