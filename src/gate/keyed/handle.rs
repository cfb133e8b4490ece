use super::shards::{Shards, Spot};
use crate::error::{Reason, Rejected};
use crate::gate::{Admit, Evict, Now, Permit};
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};
use crate::telemetry::{Kind, Telemetry};
use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;
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

struct Shared<K, G> {
    keys: Shards<K, Arc<G>>,
    make: Box<dyn Fn(&K) -> G + Send + Sync>,
    telemetry: Telemetry,
    /// Until when nobody looks through all keys again, after it was in vain.
    in_vain_until: AtomicU64,
}

/// How many entries are looked at for one that may go, in all shards together; each look goes on where the last one
/// ended. If that was in vain, all are.
const LOOKS: usize = 2048;

/// After all were looked through in vain, nobody does so for this long a key, some ten times what it took: a flood of
/// new keys costs each of them a bounded time.
const PAUSE_PER_KEY: u64 = 50;

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
        Self(Arc::new(Shared {
            keys: Shards::new(capacity),
            make: Box::new(make),
            telemetry: telemetry.into(),
            in_vain_until: AtomicU64::new(0),
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
        self.0.keys.capacity()
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
        self.0.keys.len()
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
        self.find(key, &mut Now::lazy()).inspect_err(|full| self.0.telemetry.tell_refused(Kind::Keyed, full))
    }

    /// The key's gate; a refusal is told nobody.
    #[inline]
    pub(super) fn find<Q>(&self, key: &Q, now: &mut Now) -> Result<Arc<G>, Rejected>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        self.0.keys.find(key).or_else(|spot| self.insert(spot, key.to_owned(), now))
    }

    #[cold]
    #[inline(never)]
    fn insert(&self, spot: Spot, key: K, now: &mut Now) -> Result<Arc<G>, Rejected> {
        let (keys, mut at) = (&self.0.keys, *now);
        // Handed out only under the table's lock: held by the table alone means that nobody is about to ask it.
        let mut sweep = |looks| {
            keys.claim(spot, |table| {
                table.sweep(looks, |gate| Arc::strong_count(gate) == 1 && gate.is_fresh(now))
            })
        };
        // A place first, then the gate, which is the user's code, then the lock.
        let claim = match sweep(LOOKS / keys.shards()) {
            None if keys.capacity() > LOOKS => self.unless_in_vain(&mut at, || sweep(usize::MAX)),
            claim => claim,
        };
        let claim = claim.ok_or_else(|| Rejected::new(self.0.telemetry.name(), Reason::KeysFull))?;
        let gate = Arc::new((self.0.make)(&key));
        Ok(keys.insert(claim, spot, key, gate))
    }

    fn unless_in_vain<T>(&self, now: &mut Now, look: impl FnOnce() -> Option<T>) -> Option<T> {
        let now = now.get().as_nanos();
        let until = &self.0.in_vain_until;
        if now < until.load(Relaxed) {
            return None;
        }
        let found = look();
        if found.is_none() {
            let pause = PAUSE_PER_KEY.saturating_mul(self.0.keys.capacity() as u64);
            until.store(now.saturating_add(pause), Relaxed);
        }
        found
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
