use super::super::engine::{Engine, Origin};
use super::super::entry::{Entry, Held};
use super::super::flight::Flight;
use super::super::loaded::Terms;
use super::super::source::Source;
use super::super::store::Store;
use super::super::{CacheAside, ReadThrough};
use crate::sync::atomic::Ordering::SeqCst;
use crate::time::Instant;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// The cache before a buffer: [`CacheAside`] or [`ReadThrough`], or none, which is `()`.
///
/// It is told of every change under the buffer's lock, so that no reader finds a key in neither of them, or an older
/// value in one than in the other. Only this crate implements it.
///
/// # Examples
///
/// See [`WriteBehind::before`](super::WriteBehind::before).
#[expect(private_interfaces, reason = "sealed by what it speaks of")]
pub trait Front<K, V> {
    /// What a later fence of everything has to be newer than.
    fn stamp(&self) -> u64;

    /// The entry that will stand for a written value, made under no lock; none if it is not to be kept.
    fn ready(&self, key: &K, value: &Arc<V>, stamp: u64) -> Option<Entry<V>>;

    /// What is held of `key` is old, and so is what any load of it brings that has begun by now.
    fn fence(&self, key: &K) -> After;

    /// The source has this, and nothing newer waits for it; none: the key is gone there.
    fn keep(&self, key: &K, entry: Option<&Entry<V>>) -> After;

    /// What it does while nobody waits; the driver goes on with it.
    fn upkeep(&self) -> Option<Upkeep>;
}

/// What a cache does while nobody waits.
pub(super) type Upkeep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What is left to be let go of after a fence, once the buffer's lock is free: a load's destructor is the user's code.
#[must_use = "dropped under no lock"]
pub(super) struct After(#[expect(dead_code, reason = "it is there to be dropped")] Option<Box<dyn Send>>);

#[expect(private_interfaces, reason = "sealed by what it speaks of")]
impl<K, V> Front<K, V> for () {
    fn stamp(&self) -> u64 {
        0
    }

    fn ready(&self, _: &K, _: &Arc<V>, _: u64) -> Option<Entry<V>> {
        None
    }

    fn fence(&self, _: &K) -> After {
        After(None)
    }

    fn keep(&self, _: &K, _: Option<&Entry<V>>) -> After {
        After(None)
    }

    fn upkeep(&self) -> Option<Upkeep> {
        None
    }
}

#[expect(private_interfaces, reason = "sealed by what it speaks of")]
impl<K, V, E, S> Front<K, V> for CacheAside<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V> + 'static,
{
    fn stamp(&self) -> u64 {
        self.handle().sequence.load(SeqCst)
    }

    fn ready(&self, key: &K, value: &Arc<V>, stamp: u64) -> Option<Entry<V>> {
        let origin = Origin { now: Instant::now(), took: Duration::ZERO, stamp };
        let held = Held::Shared(Arc::clone(value));
        let made = self.handle().make(key, held, &Terms::default(), origin, Box::default());
        made.kept.then_some(made.entry)
    }

    fn fence(&self, key: &K) -> After {
        after(self.handle(), self.handle().hide(key, Instant::now()))
    }

    fn keep(&self, key: &K, entry: Option<&Entry<V>>) -> After {
        after(self.handle(), self.handle().keep_written(key, entry, Instant::now()))
    }

    fn upkeep(&self) -> Option<Upkeep> {
        Some(Box::pin(self.background()))
    }
}

#[expect(private_interfaces, reason = "sealed by what it speaks of")]
impl<K, V, O, S> Front<K, V> for ReadThrough<K, V, O, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    O: Source<K, V>,
    S: Store<K, V> + 'static,
{
    fn stamp(&self) -> u64 {
        self.aside().stamp()
    }

    fn ready(&self, key: &K, value: &Arc<V>, stamp: u64) -> Option<Entry<V>> {
        self.aside().ready(key, value, stamp)
    }

    fn fence(&self, key: &K) -> After {
        self.aside().fence(key)
    }

    fn keep(&self, key: &K, entry: Option<&Entry<V>>) -> After {
        self.aside().keep(key, entry)
    }

    fn upkeep(&self) -> Option<Upkeep> {
        self.aside().upkeep()
    }
}

/// A flight that was taken out, and is dropped if nobody waits for it.
struct TakenOut<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    engine: Arc<Engine<K, V, E, S>>,
    flight: Arc<Flight<K, V, E>>,
}

impl<K, V, E, S> Drop for TakenOut<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    fn drop(&mut self) {
        self.engine.discard(&self.flight);
    }
}

fn after<K, V, E, S>(engine: &Arc<Engine<K, V, E, S>>, flight: Option<Arc<Flight<K, V, E>>>) -> After
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V> + 'static,
{
    let boxed = |flight| Box::new(TakenOut { engine: Arc::clone(engine), flight }) as Box<dyn Send>;
    After(flight.map(boxed))
}
