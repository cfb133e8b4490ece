use super::table::{Entry, Table};
use crate::error::{Reason, Rejected};
use crate::gate::{Admit, Evict, Now, Permit};
use crate::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use crate::sync::{Mutex, Padded};
use crate::telemetry::{Kind, Telemetry, What};
use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

/// A gate for each key: for each tenant, each client, each host. At most so many keys at a time.
///
/// A key's gate is made when the key is first seen, and may go once nobody could tell it from one just made; an
/// unknown key that finds no room is refused with [`Reason::KeysFull`]. Clones share the keys.
///
/// # Examples
///
/// ```
/// use seawall::{ConcurrencyLimit, gate::Keyed};
///
/// let per_tenant = Keyed::new("tenants", 10_000, |_: &u64| ConcurrencyLimit::new("tenants", 2));
///
/// let _a = per_tenant.try_acquire(&1)?;
/// let _b = per_tenant.try_acquire(&1)?;
/// assert!(per_tenant.try_acquire(&1).is_err());
/// assert!(per_tenant.try_acquire(&2).is_ok());
/// # Ok::<(), seawall::Rejected>(())
/// ```
pub struct Keyed<K, G>(Arc<Shared<K, G>>);

type Shard<K, G> = Mutex<Table<K, Arc<G>>>;

struct Shared<K, G> {
    shards: Box<[Padded<Shard<K, G>>]>,
    // How many keys there are in all shards together.
    len: AtomicUsize,
    capacity: usize,
    make: Box<dyn Fn(&K) -> G + Send + Sync>,
    hasher: RandomState,
    telemetry: Telemetry,
}

/// Keys per shard below which one lock does: contention grows with callers, not with keys.
const KEYS_PER_SHARD: usize = 256;
const MOST_SHARDS: usize = 64;

/// How many entries are looked at for one that may go, in all shards together. A table of so many keys is looked
/// through entirely; in a larger one each look goes on where the last one ended, so that a flood of new keys
/// costs each of them a bounded time.
const LOOKS: usize = 2048;

impl<K, G> Keyed<K, G> {
    /// At most `capacity` keys at a time, each with the gate that `make` makes for it.
    ///
    /// Give the gates the same name: a refusal then says it, and the key stays out of metrics and logs.
    ///
    /// ```
    /// use seawall::gate::Keyed;
    /// use seawall::{RateLimiter, rate_limit::Quota};
    ///
    /// let per_client = Keyed::new("clients", 100_000, |client: &String| {
    ///     let paying = client.starts_with("pro-");
    ///     RateLimiter::new("clients", Quota::per_second(if paying { 1000 } else { 10 }))
    /// });
    /// assert_eq!(per_client.capacity(), 100_000);
    /// ```
    #[must_use]
    pub fn new(
        telemetry: impl Into<Telemetry>,
        capacity: usize,
        make: impl Fn(&K) -> G + Send + Sync + 'static,
    ) -> Self {
        let shards = (capacity / KEYS_PER_SHARD).next_power_of_two().clamp(1, MOST_SHARDS);
        Self(Arc::new(Shared {
            shards: (0..shards).map(|_| Padded(Mutex::new(Table::new()))).collect(),
            len: AtomicUsize::new(0),
            capacity,
            make: Box::new(make),
            hasher: RandomState::new(),
            telemetry: telemetry.into(),
        }))
    }

    /// How many keys there may be at a time.
    ///
    /// ```
    /// use seawall::{ConcurrencyLimit, gate::Keyed};
    /// let keyed = Keyed::new("tenants", 100, |_: &u64| ConcurrencyLimit::new("tenants", 2));
    /// assert_eq!(keyed.capacity(), 100);
    /// ```
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.capacity
    }

    /// How many keys there are now; some of them may go as soon as their place is wanted.
    ///
    /// ```
    /// use seawall::{ConcurrencyLimit, gate::Keyed};
    /// let keyed = Keyed::new("tenants", 100, |_: &u64| ConcurrencyLimit::new("tenants", 2));
    /// keyed.try_acquire(&1)?.release();
    /// assert_eq!(keyed.len(), 1);
    /// # Ok::<(), seawall::Rejected>(())
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len.load(Relaxed)
    }

    /// Whether there is no key.
    ///
    /// ```
    /// use seawall::{ConcurrencyLimit, gate::Keyed};
    /// let keyed = Keyed::new("tenants", 100, |_: &u64| ConcurrencyLimit::new("tenants", 2));
    /// assert!(keyed.is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn telemetry(&self) -> &Telemetry {
        &self.0.telemetry
    }
}

impl<K: Hash + Eq, G: Evict> Keyed<K, G> {
    /// Leave to make one call for `key` now, or why not.
    ///
    /// ```
    /// use seawall::{Class, ConcurrencyLimit, gate::Keyed};
    /// let keyed = Keyed::new("tenants", 100, |_: &u64| ConcurrencyLimit::new("tenants", 2));
    /// let permit = keyed.try_acquire(&7)?;
    /// permit.settle(Class::Success); // after the call
    /// # Ok::<(), seawall::Rejected>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The refusal of the key's gate, or [`Reason::KeysFull`].
    #[inline]
    pub fn try_acquire(&self, key: &K) -> Result<Permit<&Self>, Rejected>
    where
        K: Clone,
        G: Admit<K>,
    {
        Permit::acquire(self, key, Now::lazy())
    }

    /// The gate of `key`, made if it is new, for everything else it can do. While it is held, it stays.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), seawall::Error<std::io::Error>> {
    /// use seawall::{ConcurrencyLimit, gate::Keyed};
    /// let keyed = Keyed::new("tenants", 100, |_: &String| ConcurrencyLimit::new("tenants", 2));
    /// let answer = keyed.gate("acme")?.run(|| async { Ok::<_, std::io::Error>(42) }).await?;
    /// assert_eq!(answer, 42);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Reason::KeysFull`] if the key is new and there is no room for it.
    pub fn gate<Q>(&self, key: &Q) -> Result<Arc<G>, Rejected>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        self.find(key, &mut Now::lazy())
            .inspect_err(|full| self.0.telemetry.tell(Kind::Keyed, What::Refused(*full)))
    }

    /// The key's gate; a refusal is told nobody.
    #[inline]
    pub(super) fn find<Q>(&self, key: &Q, now: &mut Now) -> Result<Arc<G>, Rejected>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        // Hashed before the lock: that is the user's code.
        let hash = self.0.hasher.hash_one(key);
        let shard = self.shard(hash);
        if let Some(gate) = self.0.shards[shard].lock().find(hash, |known| known.borrow() == key) {
            return Ok(Arc::clone(gate));
        }
        self.insert(hash, shard, key.to_owned(), now)
    }

    #[cold]
    #[inline(never)]
    fn insert(&self, hash: u64, shard: usize, key: K, now: &mut Now) -> Result<Arc<G>, Rejected> {
        // A place first, then the gate, which is the user's code, then the lock.
        let claim =
            self.claim(shard, now).ok_or_else(|| Rejected::new(self.0.telemetry.name(), Reason::KeysFull))?;
        let gate = Arc::new((self.0.make)(&key));
        let mut table = self.0.shards[shard].lock();
        if let Some(known) = table.find(hash, |known| *known == key) {
            // Somebody else was quicker; what was made here goes after the lock.
            let known = Arc::clone(known);
            drop(table);
            return Ok(known);
        }
        table.insert(hash, key, Arc::clone(&gate));
        claim.keep();
        Ok(gate)
    }

    /// A place for one more key: a free one, or one whose gate may go.
    fn claim(&self, shard: usize, now: &mut Now) -> Option<Claim<'_>> {
        let len = &self.0.len;
        if len.fetch_update(Relaxed, Relaxed, |len| (len < self.0.capacity).then_some(len + 1)).is_ok() {
            return Some(Claim(Some(len)));
        }
        let shards = self.0.shards.len();
        // The key's own shard first.
        (0..shards).find_map(|n| self.sweep((shard + n) % shards, now)).map(|gone| {
            // Dropped under no lock; its place is the newcomer's.
            drop(gone);
            Claim(Some(len))
        })
    }

    fn sweep(&self, shard: usize, now: &mut Now) -> Option<Entry<K, Arc<G>>> {
        let steps = LOOKS / self.0.shards.len();
        // Handed out only under this lock: held by the table alone means that nobody is about to ask it.
        self.0.shards[shard].lock().sweep(steps, |gate| Arc::strong_count(gate) == 1 && gate.is_fresh(now))
    }

    /// The upper half of the hash: the lower one finds the slot.
    #[inline]
    fn shard(&self, hash: u64) -> usize {
        (hash >> 32) as usize & (self.0.shards.len() - 1)
    }
}

/// A place that has been counted; given back unless a key moves in.
struct Claim<'a>(Option<&'a AtomicUsize>);

impl Claim<'_> {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if let Some(len) = self.0 {
            len.fetch_sub(1, Relaxed);
        }
    }
}

impl<K, G> Clone for Keyed<K, G> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, G> fmt::Debug for Keyed<K, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyed")
            .field("name", &self.0.telemetry.name())
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .finish()
    }
}
