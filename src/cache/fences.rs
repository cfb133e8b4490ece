use super::deck::Rest;
use super::engine::{Engine, Origin};
use super::entry::{Cached, Entry, Freshness, Held};
use super::flight::Flight;
use super::loaded::{Found, Loaded};
use super::store::Store;
use super::tier::{Fence, Reach};
use crate::sync::atomic::Ordering::SeqCst;
use crate::telemetry::{Lookup, Outcome};
use crate::time::Instant;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

/// After a fence nothing older is served. Each takes the key's flight out of the table and changes the store in one
/// critical section; it runs no loader and waits for none.
impl<K, V, E, S> Engine<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    /// Keeps `loaded`, whatever loads are under way. What is neither a value nor nothing changes nothing.
    pub(crate) fn put(&self, key: &K, loaded: Loaded<V>, now: Instant) -> Option<Cached<V>> {
        let (value, kept) = match loaded.what {
            Found::Value(value) => (value, true),
            Found::Pass(value) => (value, false),
            Found::Missing | Found::Unchanged => {
                self.fence(&Fence::Key(key.clone()), now);
                return None;
            }
        };
        self.distrust(|| Fence::Key(key.clone()));
        let origin = Origin { now, took: Duration::ZERO, stamp: self.sequence.load(SeqCst) };
        let tags = self.tags.of(&loaded.terms.tags);
        let kept = kept && tags.is_some() && self.doubts.get(key, now).is_none();
        let made = self.make(key, Held::Own(value), &loaded.terms, origin, tags.unwrap_or_default());
        let flight = self.cut(key, now, || {
            if kept && made.kept {
                self.store(key, &made.entry, now);
            } else {
                self.store.remove(key);
            }
        });
        self.fenced(flight);
        Some(made.entry.cached(now, Freshness::Fresh))
    }

    /// Fences here what a verb names, and lets the second tier know.
    pub(crate) fn fence(&self, fence: &Fence<K>, now: Instant) {
        self.distrust(|| fence.clone());
        self.heed(fence, now);
    }

    /// The same, and waits until the second tier has done it too.
    pub(crate) async fn fence_everywhere(&self, fence: Fence<K>) -> Reach {
        self.fence(&fence, Instant::now());
        match &self.settings.tier {
            Some(tier) => tier.settle(fence).await,
            None => Reach::Everywhere,
        }
    }

    fn distrust(&self, fence: impl FnOnce() -> Fence<K>) {
        if let Some(tier) = &self.settings.tier {
            tier.distrust(&fence());
        }
    }

    /// Fences in this process alone.
    pub(crate) fn heed(&self, fence: &Fence<K>, now: Instant) {
        match fence {
            Fence::Key(key) => self.invalidate(key, now),
            Fence::Old(key) => self.expire(key, now),
            Fence::Tag(tag) => {
                self.tags.invalidate(tag, self.next_number());
                self.note(Lookup::Fenced);
            }
            Fence::OldTag(tag) => {
                self.tags.expire(tag, self.next_number(), now);
                self.note(Lookup::Fenced);
            }
            Fence::All => self.clear(),
        }
    }

    /// Takes the key's flight out of the table and changes the store, in one critical section. The flight is to be
    /// [discarded](Self::discard) under no lock.
    fn cut(&self, key: &K, now: Instant, change: impl FnOnce()) -> Option<Arc<Flight<K, V, E>>> {
        let mut shard = self.table.shard(key).lock();
        let flight = shard.remove(key);
        self.negatives.remove(key);
        if !self.settings.fence_lag.is_zero() {
            self.lags.put(key, (), now + self.settings.fence_lag);
        }
        change();
        flight
    }

    fn invalidate(&self, key: &K, now: Instant) {
        let flight = self.cut(key, now, || self.store.remove(key));
        self.fenced(flight);
    }

    fn expire(&self, key: &K, now: Instant) {
        let flight = self.cut(key, now, || {
            if let Some(entry) = self.store.peek(key) {
                entry.expire(now);
            }
        });
        self.fenced(flight);
    }

    /// The fence of a buffer that has, or has had, something newer.
    pub(super) fn hide(&self, key: &K, now: Instant) -> Option<Arc<Flight<K, V, E>>> {
        self.distrust(|| Fence::Key(key.clone()));
        self.cut(key, now, || self.store.remove(key))
    }

    /// The source has what is in `entry`; none: nothing.
    pub(super) fn keep_written(
        &self,
        key: &K,
        entry: Option<&Entry<V>>,
        now: Instant,
    ) -> Option<Arc<Flight<K, V, E>>> {
        self.distrust(|| Fence::Key(key.clone()));
        self.cut(key, now, || match entry {
            Some(entry) => self.store(key, entry, now),
            None => {
                self.store.remove(key);
                self.keep_nothing(key, now);
            }
        })
    }

    fn clear(&self) {
        let number = self.next_number();
        self.cleared.fetch_max(number, SeqCst);
        for shard in self.table.shards() {
            let mut shard = shard.lock();
            let before: Vec<_> =
                shard.extract_if(|_, flight| flight.stamp < number).map(|(_, flight)| flight).collect();
            drop(shard);
            before.into_iter().for_each(|flight| self.discard(&flight));
        }
        self.store.clear();
        self.negatives.clear();
        self.note(Lookup::Fenced);
    }

    fn fenced(&self, flight: Option<Arc<Flight<K, V, E>>>) {
        if let Some(flight) = flight {
            self.discard(&flight);
        }
        self.note(Lookup::Fenced);
    }

    /// A flight was taken out of the table: it still answers those who wait for it, and is dropped if nobody does.
    pub(super) fn discard(&self, flight: &Arc<Flight<K, V, E>>) {
        let mut deck = flight.deck.lock();
        deck.fenced = true;
        deck.unclaim();
        let rest = if deck.callers == 0 && deck.answer.is_none() { deck.give_up() } else { Rest::Nothing };
        drop(deck);
        self.drop_rest(flight, rest);
    }

    /// Ends what is left of a load; its slot is free when it has really ended.
    pub(super) fn drop_rest(&self, flight: &Arc<Flight<K, V, E>>, rest: Rest<V, E>) {
        let Rest::Load { load, slot } = rest else { return };
        drop(load);
        if slot {
            self.loads.leave();
        } else {
            // Not in the line any more, it is being given a slot: `start` says no, and the slot goes to the next.
            self.loads.leave_line(flight);
        }
        self.note(Lookup::Loaded { outcome: Outcome::Abandoned, took: Instant::now() - flight.begun });
    }
}
