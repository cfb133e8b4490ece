use super::freshness::{Life, Stage};
use super::tags::Tag;
use crate::sync::atomic::{
    AtomicBool, AtomicU32, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};
use crate::telemetry::Why;
use crate::time::Instant;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

/// A value and its life, as a [`Store`](super::Store) keeps it: one reference count to clone.
///
/// Only the cache makes entries and reads them; a store keeps them, gives them back and lets go of them.
pub struct Entry<V>(Arc<Record<V>>);

struct Record<V> {
    held: Held<V>,
    life: Life,
    stamp: u64,
    weight: u32,
    tags: Box<[Tag]>,
    // The end of its freshness, or an earlier expiry.
    stale_at: AtomicU64,
    // Until when it is fresh and there is nothing else to ask: one comparison for nearly all hits.
    plain_until: AtomicU64,
    quiet_until: AtomicU64,
    failures: AtomicU32,
    // A refresh is under way: a hint, so that only one reader goes and looks.
    claimed: AtomicBool,
}

/// Where the value is.
pub(super) enum Held<V> {
    Own(V),
    /// It was written through a buffer, which had it first.
    Shared(Arc<V>),
    /// A renewed life of the same value.
    Of(Entry<V>),
}

impl<V> Held<V> {
    #[inline]
    pub(super) fn value(&self) -> &V {
        match self {
            Self::Own(value) => value,
            Self::Shared(value) => value,
            Self::Of(origin) => origin.value(),
        }
    }
}

impl<V> Entry<V> {
    pub(super) fn new(held: Held<V>, life: Life, stamp: u64, weight: u32, tags: Box<[Tag]>) -> Self {
        let plain_until = if tags.is_empty() { life.fresh_until.min(life.refresh_at).as_nanos() } else { 0 };
        Self(Arc::new(Record {
            held,
            life,
            stamp,
            weight,
            tags,
            stale_at: AtomicU64::new(life.fresh_until.as_nanos()),
            plain_until: AtomicU64::new(plain_until),
            quiet_until: AtomicU64::new(0),
            failures: AtomicU32::new(0),
            claimed: AtomicBool::new(false),
        }))
    }

    /// The same value with a new life.
    pub(super) fn renewed(&self, life: Life, stamp: u64) -> Self {
        let origin = match &self.0.held {
            Held::Own(_) | Held::Shared(_) => self.clone(),
            Held::Of(origin) => origin.clone(),
        };
        Self::new(Held::Of(origin), life, stamp, self.0.weight, self.0.tags.clone())
    }

    #[inline]
    pub(super) fn value(&self) -> &V {
        self.0.held.value()
    }

    #[inline]
    pub(super) fn weight(&self) -> u32 {
        self.0.weight
    }

    pub(super) fn life(&self) -> &Life {
        &self.0.life
    }

    /// Whether no fence of everything, and none of its tags, came after its load began.
    #[inline]
    pub(super) fn is_valid(&self, cleared: u64) -> bool {
        self.0.stamp >= cleared && self.0.tags.iter().all(|tag| self.0.stamp >= tag.dead())
    }

    /// Valid and fresh, and not to be refreshed. Where this says no, [`stage`](Self::stage) says what it is.
    #[inline]
    pub(super) fn is_plain(&self, cleared: u64, now: Instant) -> bool {
        self.0.stamp >= cleared && now.as_nanos() < self.0.plain_until.load(Acquire)
    }

    #[inline]
    pub(super) fn stage(&self, now: Instant) -> Stage {
        self.0.life.stage(self.stale_at(), now)
    }

    #[inline]
    fn stale_at(&self) -> Instant {
        let own = Instant::from_nanos(self.0.stale_at.load(Acquire));
        if self.0.tags.is_empty() { own } else { self.stale_by_tag(own) }
    }

    fn stale_by_tag(&self, own: Instant) -> Instant {
        self.0.tags.iter().filter_map(|tag| tag.stale_at(self.0.stamp)).fold(own, Instant::min)
    }

    /// Stale from `now` on, if it was not before.
    pub(super) fn expire(&self, now: Instant) {
        self.0.stale_at.fetch_min(now.as_nanos(), AcqRel);
        self.0.plain_until.fetch_min(now.as_nanos(), AcqRel);
    }

    /// Whether a failed load keeps the next one away.
    pub(super) fn is_quiet(&self, now: Instant) -> bool {
        now.as_nanos() < self.0.quiet_until.load(Relaxed)
    }

    /// A load failed: no other for a while, at least `least`.
    pub(super) fn quiet(&self, now: Instant, pause: super::Pause, least: Duration) {
        let failures = self.0.failures.fetch_add(1, Relaxed).saturating_add(1);
        self.0.quiet_until.store((now + pause.after(failures).max(least)).as_nanos(), Relaxed);
    }

    /// Whether the caller is the one to refresh it.
    pub(super) fn claim(&self) -> bool {
        !self.0.claimed.load(Relaxed) && !self.0.claimed.swap(true, AcqRel)
    }

    pub(super) fn unclaim(&self) {
        self.0.claimed.store(false, Release);
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    #[inline]
    pub(super) const fn cached(self, now: Instant, freshness: Freshness) -> Cached<V> {
        Cached { now, freshness, given: Given::Kept(self) }
    }

    /// Whether its last window is over: nobody will ever be given it.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.stage(now) == Stage::Gone
    }
}

impl<V> Clone for Entry<V> {
    #[inline]
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<V> fmt::Debug for Entry<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("life", &self.0.life)
            .field("stamp", &self.0.stamp)
            .finish_non_exhaustive()
    }
}

/// A value from a cache: derefs to it, clones by one reference count, and tells how old it is.
///
/// # Examples
///
/// ```
/// use seawall::cache::{CacheAside, Freshness, Lifetime, Memory};
/// use std::time::Duration;
///
/// let cache: CacheAside<u64, String, std::io::Error> =
///     CacheAside::new("users", Memory::lru(100), Lifetime::of(Duration::from_secs(60)));
/// cache.put(&7, String::from("Ada"));
///
/// let user = cache.hit(&7).unwrap();
/// assert_eq!(user.len(), 3);
/// assert_eq!(user.freshness(), Freshness::Fresh);
/// ```
pub struct Cached<V> {
    given: Given<V>,
    now: Instant,
    freshness: Freshness,
}

enum Given<V> {
    Kept(Entry<V>),
    // Not yet written, and so newer than anything else.
    Dirty(Arc<V>),
}

/// Whether a value is as fresh as it should be.
///
/// Exhaustive: there is nothing between the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Freshness {
    /// Within its lifetime.
    Fresh,
    /// Past it, and given for this reason.
    Stale(Why),
}

impl<V> Cached<V> {
    pub(super) const fn dirty(value: Arc<V>, now: Instant) -> Self {
        Self { given: Given::Dirty(value), now, freshness: Freshness::Fresh }
    }

    /// How old it was when it was given: the time since its load ended. Zero for what is yet to be
    /// [written](super::WriteBehind): nothing is newer.
    ///
    /// ```
    /// # use seawall::cache::{CacheAside, Lifetime, Memory};
    /// # let cache: CacheAside<u8, u8, ()> = CacheAside::new("a", Memory::lru(1), Lifetime::forever());
    /// assert!(cache.put(&1, 2).age().is_zero());
    /// ```
    #[must_use]
    pub fn age(&self) -> Duration {
        match &self.given {
            Given::Kept(entry) => self.now - entry.life().stored,
            Given::Dirty(_) => Duration::ZERO,
        }
    }

    /// Until when it is fresh, unless it is fenced before.
    ///
    /// ```
    /// # use seawall::{Instant, cache::{CacheAside, Lifetime, Memory}};
    /// # let cache: CacheAside<u8, u8, ()> = CacheAside::new("a", Memory::lru(1), Lifetime::forever());
    /// assert_eq!(cache.put(&1, 2).fresh_until(), Instant::MAX);
    /// ```
    #[must_use]
    pub fn fresh_until(&self) -> Instant {
        match &self.given {
            Given::Kept(entry) => entry.stale_at(),
            Given::Dirty(_) => Instant::MAX,
        }
    }

    /// Whether it was fresh when it was given, and if not, why it was given all the same.
    ///
    /// ```
    /// # use seawall::cache::{CacheAside, Freshness, Lifetime, Memory};
    /// # let cache: CacheAside<u8, u8, ()> = CacheAside::new("a", Memory::lru(1), Lifetime::forever());
    /// assert_eq!(cache.put(&1, 2).freshness(), Freshness::Fresh);
    /// ```
    #[must_use]
    pub const fn freshness(&self) -> Freshness {
        self.freshness
    }

    /// Whether both are the same value in memory, whatever it is equal to.
    ///
    /// ```
    /// # use seawall::cache::{CacheAside, Lifetime, Memory};
    /// # let cache: CacheAside<u8, u8, ()> = CacheAside::new("a", Memory::lru(1), Lifetime::forever());
    /// let put = cache.put(&1, 2);
    /// assert!(put.is_same(&cache.hit(&1).unwrap()));
    /// ```
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        std::ptr::eq(&raw const **self, &raw const **other)
    }
}

impl<V> Deref for Cached<V> {
    type Target = V;

    #[inline]
    fn deref(&self) -> &V {
        match &self.given {
            Given::Kept(entry) => entry.value(),
            Given::Dirty(value) => value,
        }
    }
}

impl<V> AsRef<V> for Cached<V> {
    fn as_ref(&self) -> &V {
        self
    }
}

impl<V> Clone for Cached<V> {
    fn clone(&self) -> Self {
        let given = match &self.given {
            Given::Kept(entry) => Given::Kept(entry.clone()),
            Given::Dirty(value) => Given::Dirty(Arc::clone(value)),
        };
        Self { given, now: self.now, freshness: self.freshness }
    }
}

impl<V: fmt::Debug> fmt::Debug for Cached<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Cached");
        shown.field("value", &**self).field("age", &self.age()).field("freshness", &self.freshness).finish()
    }
}

impl<V: fmt::Display> fmt::Display for Cached<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
