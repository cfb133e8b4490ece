use super::engine::Engine;
use super::entry::Cached;
use super::moka::Moka;
use super::read_through::ReadThrough;
use super::running::Running;
use super::settings::Settings;
use super::source::Sink;
use super::store::Store;
use super::tier::Fence;
use super::turns::Turns;
use crate::class::Class;
use crate::error::{Error, Reason, Rejected};
use crate::telemetry::Telemetry;
use crate::time::Instant;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

/// For how long nothing is kept of a key whose write may or may not have happened.
const DOUBT: Duration = Duration::from_secs(1);

/// Reads and writes through the cache: a [`put`](Self::put) goes to the source first, then to the cache, one write of
/// a key at a time.
///
/// **Promise**: that of [`CacheAside`](super::CacheAside), and after a `put` returned `Ok` every read gives that value
/// or a newer one. After an `Err` the error says which: a refusal, or an error of class `Permanent` or `Neutral`, has
/// changed nothing; anything else may or may not have happened, so the entry is dropped and for a second nothing is
/// kept of that key, be it loaded or put.
///
/// It reads as a [`ReadThrough`], to which it derefs.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use seawall::Error;
/// use seawall::cache::{Lifetime, Loaded, Memory, Sink, Source, WriteThrough};
/// use std::collections::HashMap;
/// use std::convert::Infallible;
/// use std::sync::Mutex;
///
/// #[derive(Default)]
/// struct Table(Mutex<HashMap<u64, String>>);
///
/// impl Source<u64, String> for Table {
///     type Error = Infallible;
///
///     async fn load(&self, id: u64) -> Result<Loaded<String>, Error<Infallible>> {
///         Ok(self.0.lock().unwrap().get(&id).cloned().into())
///     }
/// }
///
/// impl Sink<u64, String> for Table {
///     async fn write(&self, id: &u64, name: &String) -> Result<(), Error<Infallible>> {
///         self.0.lock().unwrap().insert(*id, name.clone());
///         Ok(())
///     }
///
///     async fn erase(&self, id: &u64) -> Result<(), Error<Infallible>> {
///         self.0.lock().unwrap().remove(id);
///         Ok(())
///     }
/// }
///
/// let users = WriteThrough::new("users", Memory::lru(100), Lifetime::forever(), Table::default());
/// users.put(&7, String::from("Ada")).await.unwrap();
/// assert_eq!(*users.hit(&7).unwrap(), "Ada");
/// users.remove(&7).await.unwrap();
/// assert!(users.get(&7).await.unwrap().is_none());
/// # }
/// ```
pub struct WriteThrough<K, V, O, S = Moka<K, V>>
where
    O: Sink<K, V>,
{
    reads: ReadThrough<K, V, O, S>,
    turns: Arc<Turns<K>>,
    keeps: bool,
}

impl<K, V, O, S> WriteThrough<K, V, O, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    O: Sink<K, V>,
    S: Store<K, V>,
{
    /// An empty cache over `store`, filled from `source` and written to it. A write has the load's deadline, and at
    /// most [`waiting`](Settings::waiting) writes wait for their turn.
    ///
    /// ```
    /// # use seawall::{Error, cache::{Lifetime, Loaded, Memory, Sink, Source, WriteThrough}};
    /// # struct Void;
    /// # impl Source<u8, u8> for Void {
    /// #     type Error = ();
    /// #     async fn load(&self, _: u8) -> Result<Loaded<u8>, Error<()>> { Ok(Loaded::missing()) }
    /// # }
    /// # impl Sink<u8, u8> for Void {
    /// #     async fn write(&self, _: &u8, _: &u8) -> Result<(), Error<()>> { Ok(()) }
    /// #     async fn erase(&self, _: &u8) -> Result<(), Error<()>> { Ok(()) }
    /// # }
    /// let void = WriteThrough::new("void", Memory::lru(1), Lifetime::forever(), Void);
    /// # let _ = void;
    /// ```
    #[must_use]
    pub fn new(
        telemetry: impl Into<Telemetry>,
        store: S,
        settings: impl Into<Settings<K, V, O::Error>>,
        source: O,
    ) -> Self {
        let settings = settings.into();
        let turns = Arc::new(Turns::new(settings.waiting));
        Self { reads: ReadThrough::new(telemetry, store, settings, source), turns, keeps: true }
    }

    /// A write drops what is kept instead of keeping what was written: the next reader loads it. For a source that
    /// makes something else of it, or values that are written more often than read.
    ///
    /// ```
    /// # use seawall::{Error, cache::{Lifetime, Loaded, Memory, Sink, Source, WriteThrough}};
    /// # struct Void;
    /// # impl Source<u8, u8> for Void {
    /// #     type Error = ();
    /// #     async fn load(&self, _: u8) -> Result<Loaded<u8>, Error<()>> { Ok(Loaded::missing()) }
    /// # }
    /// # impl Sink<u8, u8> for Void {
    /// #     async fn write(&self, _: &u8, _: &u8) -> Result<(), Error<()>> { Ok(()) }
    /// #     async fn erase(&self, _: &u8) -> Result<(), Error<()>> { Ok(()) }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let void = WriteThrough::new("void", Memory::lru(1), Lifetime::forever(), Void).invalidating();
    /// assert_eq!(*void.put(&1, 2).await.unwrap(), 2);
    /// assert!(void.hit(&1).is_none());
    /// # }
    /// ```
    #[must_use]
    pub const fn invalidating(mut self) -> Self {
        self.keeps = false;
        self
    }

    /// Writes to the source, then keeps the value.
    ///
    /// # Errors
    ///
    /// The source's own error, its refusal or timeout; [`Error::Rejected`] if too many writes wait.
    ///
    /// # Cancel safety
    ///
    /// Dropped while the source is written, the write may or may not have happened: as after a timeout.
    pub async fn put(&self, key: &K, value: V) -> Result<Cached<V>, Error<O::Error>> {
        let _turn = self.turns.take(key).await.ok_or_else(|| self.full())?;
        self.written(key, self.reads.source().write(key, &value)).await?;
        if self.keeps {
            return Ok(self.reads.aside().put(key, value));
        }
        self.reads.aside().invalidate(key);
        Ok(Cached::dirty(Arc::new(value), Instant::now()))
    }

    /// Removes from the source, then from the cache.
    ///
    /// # Errors
    ///
    /// As of [`put`](Self::put).
    ///
    /// # Cancel safety
    ///
    /// As of [`put`](Self::put).
    pub async fn remove(&self, key: &K) -> Result<(), Error<O::Error>> {
        let _turn = self.turns.take(key).await.ok_or_else(|| self.full())?;
        self.written(key, self.reads.source().erase(key)).await?;
        self.reads.aside().invalidate(key);
        Ok(())
    }

    /// Nothing is known of the key until the source has answered, and if it does not answer clearly, not then either.
    async fn written(
        &self,
        key: &K,
        write: impl Future<Output = Result<(), Error<O::Error>>>,
    ) -> Result<(), Error<O::Error>> {
        let engine = self.reads.aside().handle();
        let mut doubt = Doubt { engine, key, armed: true };
        let result = Running::new(write, engine.settings.load_deadline, engine.telemetry.name()).await;
        doubt.armed = match &result {
            Ok(()) | Err(Error::Rejected(_)) => false,
            Err(Error::TimedOut(_)) => true,
            Err(Error::Inner(error)) => {
                let judge = engine.settings.judge.as_ref();
                let class = judge.map_or(Class::Transient, |judge| judge(error));
                !matches!(class, Class::Permanent | Class::Neutral)
            }
        };
        result
    }

    fn full(&self) -> Error<O::Error> {
        Error::Rejected(Rejected::new(self.reads.aside().handle().telemetry.name(), Reason::QueueFull))
    }
}

/// A write of which nobody knows whether it happened: also if it panics, or is dropped midway.
struct Doubt<'a, K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    engine: &'a Engine<K, V, E, S>,
    key: &'a K,
    armed: bool,
}

impl<K, V, E, S> Drop for Doubt<'_, K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    fn drop(&mut self) {
        if self.armed {
            let now = Instant::now();
            self.engine.doubts.put(self.key, (), now + DOUBT);
            self.engine.fence(&Fence::Key(self.key.clone()), now);
        }
    }
}

impl<K, V, O: Sink<K, V>, S> Deref for WriteThrough<K, V, O, S> {
    type Target = ReadThrough<K, V, O, S>;

    fn deref(&self) -> &Self::Target {
        &self.reads
    }
}

impl<K, V, O: Sink<K, V>, S> Clone for WriteThrough<K, V, O, S> {
    fn clone(&self) -> Self {
        Self { reads: self.reads.clone(), turns: Arc::clone(&self.turns), keeps: self.keeps }
    }
}

impl<K, V, O: Sink<K, V>, S> fmt::Debug for WriteThrough<K, V, O, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WriteThrough").field(&self.reads).finish()
    }
}
