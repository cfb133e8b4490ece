use super::backlog::Backlog;
use super::entry::{Cached, Entry, Freshness, Held};
use super::freshness::{Draws, Life, Stage};
use super::load_error::LoadError;
use super::loaded::Terms;
use super::loads::Loads;
use super::marks::Marks;
use super::settings::Settings;
use super::store::Store;
use super::table::Table;
use super::tags::{Tag, Tags};
use crate::chance::Chance;
use crate::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, SeqCst},
};
use crate::telemetry::{Kind, Lookup, Telemetry, What, Why};
use crate::time::Instant;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

/// For how long after a [pass](super::Loaded::pass) a key's loads are not joined.
pub(super) const PASS: Duration = Duration::from_secs(2);

/// How many keys are passed, or in doubt, at most.
const MARKS: usize = 10_000;

/// What all strategies, services and backgrounds of one cache share.
pub(crate) struct Engine<K, V, E, S> {
    pub(super) telemetry: Telemetry,
    pub(super) store: S,
    pub(super) settings: Settings<K, V, E>,
    pub(super) table: Table<K, V, E>,
    pub(super) loads: Loads<K, V, E>,
    pub(super) backlog: Arc<Backlog<K, V, E>>,
    pub(super) tags: Tags,
    pub(super) passes: Marks<K, ()>,
    pub(super) doubts: Marks<K, ()>,
    // Fenced so lately that a replica may not know it yet.
    pub(super) lags: Marks<K, ()>,
    pub(super) negatives: Marks<K, Nothing<E>>,
    // How many fences of many keys there have been.
    pub(super) sequence: AtomicU64,
    // The number of the last fence of everything.
    pub(super) cleared: AtomicU64,
}

/// The news that there is nothing.
pub(super) enum Nothing<E> {
    Missing,
    Failed(LoadError<E>),
}

impl<K, V, E, S> Engine<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    pub(super) fn new(telemetry: Telemetry, store: S, settings: Settings<K, V, E>) -> Self {
        let negatives = settings.negative.as_ref().map_or(0, |negative| negative.capacity);
        Self {
            telemetry,
            store,
            table: Table::new(),
            loads: Loads::new(settings.max_loads, settings.waiting),
            backlog: Arc::new(Backlog::new()),
            tags: Tags::default(),
            passes: Marks::new(MARKS),
            doubts: Marks::new(MARKS),
            lags: Marks::new(MARKS),
            negatives: Marks::new(usize::try_from(negatives).unwrap_or(usize::MAX)),
            sequence: AtomicU64::new(0),
            cleared: AtomicU64::new(0),
            settings,
        }
    }

    /// A value that is fresh, and there is nothing else to ask; else what there is.
    #[inline]
    pub(super) fn plain(&self, key: &K, now: Instant) -> Result<Cached<V>, Option<Entry<V>>> {
        let Some(entry) = self.store.get(key) else { return Err(None) };
        if entry.is_plain(self.cleared.load(Acquire), now) {
            Ok(self.fresh(entry, now))
        } else {
            Err(Some(entry))
        }
    }

    /// What the store has of `key`, as if nobody had asked.
    pub(super) fn peek(&self, key: &K, now: Instant) -> Option<(Entry<V>, Stage)> {
        self.valid(self.store.peek(key)?, now)
    }

    /// Where on its timeline an entry is, if no fence came since.
    pub(super) fn valid(&self, entry: Entry<V>, now: Instant) -> Option<(Entry<V>, Stage)> {
        let valid = entry.is_valid(self.cleared.load(Acquire));
        valid.then(|| {
            let stage = entry.stage(now);
            (entry, stage)
        })
    }

    /// Whatever can be answered without a load.
    #[inline]
    pub(crate) fn hit(&self, key: &K, now: Instant) -> Option<Cached<V>> {
        match self.plain(key, now) {
            Ok(cached) => Some(cached),
            Err(entry) => self.hit_entry(entry?, now),
        }
    }

    #[inline(never)]
    fn hit_entry(&self, entry: Entry<V>, now: Instant) -> Option<Cached<V>> {
        let (entry, stage) = self.valid(entry, now)?;
        self.hit_at_stage(entry, stage, now)
    }

    /// A value that is fresh, and not yet to be refreshed.
    #[inline]
    pub(crate) fn hit_fresh(&self, key: &K, now: Instant) -> Option<Cached<V>> {
        match self.plain(key, now) {
            Ok(cached) => Some(cached),
            Err(entry) => {
                let (entry, stage) = self.valid(entry?, now)?;
                (stage == Stage::Fresh).then(|| self.fresh(entry, now))
            }
        }
    }

    pub(super) fn hit_at_stage(&self, entry: Entry<V>, stage: Stage, now: Instant) -> Option<Cached<V>> {
        match stage {
            Stage::Fresh | Stage::Early => Some(self.fresh(entry, now)),
            Stage::Revalidate | Stage::IfError if entry.is_quiet(now) => {
                Some(self.stale(entry, Why::Throttled, now))
            }
            Stage::Revalidate => Some(self.stale(entry, Why::Revalidating, now)),
            Stage::IfError | Stage::Gone => None,
        }
    }

    /// A fresh value, and nobody is told.
    pub(crate) fn peek_fresh(&self, key: &K, now: Instant) -> Option<Cached<V>> {
        let (entry, stage) = self.peek(key, now)?;
        matches!(stage, Stage::Fresh | Stage::Early).then(|| entry.cached(now, Freshness::Fresh))
    }

    /// Whatever is there.
    pub(crate) fn peek_any(&self, key: &K, now: Instant) -> Option<Cached<V>> {
        let (entry, stage) = self.peek(key, now)?;
        let fresh = matches!(stage, Stage::Fresh | Stage::Early);
        let freshness = if fresh { Freshness::Fresh } else { Freshness::Stale(Why::Revalidating) };
        Some(entry.cached(now, freshness))
    }

    #[inline]
    pub(super) fn fresh(&self, entry: Entry<V>, now: Instant) -> Cached<V> {
        self.note(Lookup::Hit);
        entry.cached(now, Freshness::Fresh)
    }

    pub(super) fn stale(&self, entry: Entry<V>, why: Why, now: Instant) -> Cached<V> {
        self.note(Lookup::Stale(why));
        entry.cached(now, Freshness::Stale(why))
    }

    #[inline]
    pub(super) fn note(&self, lookup: Lookup) {
        self.telemetry.note(Kind::Cache, || What::Cache(lookup));
    }

    /// An entry that is not in the store yet.
    pub(super) fn make(
        &self,
        key: &K,
        held: Held<V>,
        terms: &Terms,
        origin: Origin,
        tags: Box<[Tag]>,
    ) -> Made<V> {
        let life = self.life(terms, &origin);
        let weight = self.settings.weigh.as_ref().map_or(1, |weigh| weigh(key, held.value()).max(1));
        let kept = !terms.unkept && life.end() > origin.now;
        Made { entry: Entry::new(held, life, origin.stamp, weight, tags), kept }
    }

    /// Puts `entry` into the store, for as long as anybody may be given it.
    pub(super) fn store(&self, key: &K, entry: &Entry<V>, now: Instant) {
        // A second more, so that the store's clock is never the first to say that it is over.
        let keep = (entry.life().end() - now).saturating_add(Duration::from_secs(1));
        self.store.put(key.clone(), entry.clone(), entry.weight(), keep);
    }

    pub(super) fn life(&self, terms: &Terms, origin: &Origin) -> Life {
        let lifetime = terms.lifetime(&self.settings.lifetime);
        let mut chance = Chance::new();
        let draws = Draws { jitter: chance.sample(), early: chance.sample() };
        let stored = Instant::from_nanos(origin.now.as_nanos().saturating_sub(crate::time::nanos(terms.age)));
        let mut life = Life::new(&lifetime, stored, origin.took, draws);
        if let Some(here) = terms.at_most {
            life.fresh_until = life.fresh_until.min(origin.now + here);
        }
        life
    }

    /// The number of the next fence of many keys.
    pub(super) fn next_number(&self) -> u64 {
        self.sequence.fetch_add(1, SeqCst) + 1
    }
}

/// Where an entry comes from.
pub(super) struct Origin {
    pub(super) now: Instant,
    pub(super) took: Duration,
    pub(super) stamp: u64,
}

/// An entry, and whether anybody could be given it once it is stored.
pub(super) struct Made<V> {
    pub(super) entry: Entry<V>,
    pub(super) kept: bool,
}

impl<E> Clone for Nothing<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Missing => Self::Missing,
            Self::Failed(error) => Self::Failed(error.clone()),
        }
    }
}
