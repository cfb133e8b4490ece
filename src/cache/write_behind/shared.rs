use super::super::entry::Entry;
use super::account::Account;
use super::change::{Ended, Outcome, Put, Sent};
use super::config::Config;
use super::dirty::Dirty;
use super::front::Front;
use super::write::Pending;
use crate::error::{Reason, Rejected};
use crate::gate::Line;
use crate::sync::Mutex;
use crate::sync::atomic::{
    AtomicUsize,
    Ordering::{Acquire, Release},
};
use crate::telemetry::{Kind, Spool, Telemetry, What};
use crate::time::Instant;
use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::Arc;
use std::task::Waker;

/// What handles and driver share: the buffer under its lock, and who waits for it.
pub(super) struct Shared<K, V, L> {
    pub(super) front: L,
    pub(super) line: Line,
    pub(super) telemetry: Telemetry,
    // How many keys are dirty, so that a reader takes no lock when none is.
    dirty: AtomicUsize,
    state: Mutex<State<K, V>>,
}

struct State<K, V> {
    // Guarded by `Shared::state`.
    buffer: Dirty<K, Arc<V>>,
    phase: Phase,
    driver: Option<Waker>,
    watchers: BTreeMap<u64, Waker>,
    next_watcher: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// No puts any more; what is dirty is written.
    Closing,
    /// Nothing is written any more.
    Ended,
}

/// What the driver is to do next.
pub(super) enum Next<K, V> {
    Store(Vec<Sent<K, Arc<V>>>),
    /// Nothing before this time, unless woken.
    Wait(Option<Instant>),
    End,
}

/// A change that does not fit, or comes too late.
pub(super) struct Refused<K, V> {
    pub(super) key: K,
    pub(super) value: Option<Arc<V>>,
    pub(super) reason: Reason,
}

/// How storing one key went, and what is kept of it if it was stored and is the newest.
pub(super) struct Judged<K, V> {
    pub(super) key: K,
    pub(super) outcome: Outcome,
    pub(super) entry: Option<Entry<V>>,
}

/// What one store call came to, to be told of under no lock.
pub(super) struct Settled<V> {
    pub(super) ended: Vec<Option<Ended<Arc<V>>>>,
    pub(super) dirty: usize,
}

impl<K: Hash + Eq + Clone, V, L: Front<K, V>> Shared<K, V, L> {
    pub(super) fn new(front: L, telemetry: Telemetry, config: Config) -> Self {
        Self {
            front,
            line: Line::new(),
            telemetry,
            dirty: AtomicUsize::new(0),
            state: Mutex::new(State {
                buffer: Dirty::new(config),
                phase: Phase::Open,
                driver: None,
                watchers: BTreeMap::new(),
                next_watcher: 0,
            }),
        }
    }

    /// Takes a change in; `first` is whoever is first in the line of those who wait for room.
    pub(super) fn offer(
        &self,
        key: K,
        value: Option<Arc<V>>,
        first: bool,
        now: Instant,
    ) -> Result<(), Refused<K, V>> {
        let mut state = self.state.lock();
        if state.phase != Phase::Open {
            return Err(Refused { key, value, reason: Reason::Closed });
        }
        let dirty = state.buffer.get(&key).is_some();
        if !dirty && !(state.buffer.fits(&key) && (first || self.line.is_empty())) {
            return Err(Refused { key, value, reason: Reason::QueueFull });
        }
        let before = state.buffer.wake_at();
        // While it is dirty nobody reads what the cache has of it, nor what a load would bring.
        let after = (!dirty).then(|| self.front.fence(&key));
        let put = state.buffer.put(key, value, now);
        self.dirty.store(state.buffer.len(), Release);
        let (len, coalesced) = (state.buffer.len(), matches!(put, Put::Coalesced(_)));
        let sooner = match (before, state.buffer.wake_at()) {
            (Some(before), Some(after)) => after < before,
            (before, after) => before.is_none() && after.is_some(),
        };
        let driver = if sooner { state.driver.take() } else { None };
        drop(state);
        drop((put, after));
        driver.into_iter().for_each(Waker::wake);
        self.telemetry.note(Kind::WriteBehind, || What::Spool(Spool::Taken { coalesced, dirty: len as u64 }));
        Ok(())
    }

    #[inline]
    pub(super) fn pending(&self, key: &K) -> Option<Pending<V>> {
        if self.dirty.load(Acquire) == 0 {
            return None;
        }
        self.state.lock().buffer.get(key).map(|change| change.value.clone().into())
    }

    pub(super) fn len(&self) -> usize {
        self.dirty.load(Acquire)
    }

    pub(super) fn account(&self) -> Account {
        self.state.lock().buffer.account()
    }

    pub(super) fn config(&self) -> Config {
        self.state.lock().buffer.config
    }

    pub(super) fn set_config(&self, config: Config) {
        let mut state = self.state.lock();
        state.buffer.config = config;
        let driver = state.driver.take();
        drop(state);
        driver.into_iter().for_each(Waker::wake);
    }

    pub(super) fn is_open(&self) -> bool {
        self.state.lock().phase == Phase::Open
    }

    /// All that is dirty is due; with `key`, only that.
    pub(super) fn flush(&self, key: Option<&K>) -> u64 {
        let mut state = self.state.lock();
        let to = match key {
            Some(key) => state.buffer.flush_key(key),
            None => state.buffer.flush(),
        };
        let driver = state.driver.take();
        drop(state);
        driver.into_iter().for_each(Waker::wake);
        to
    }

    /// Whether all that was put up to `to` is stored or dead; if not, `watch` is woken when that may have changed.
    pub(super) fn is_flushed(
        &self,
        key: Option<&K>,
        to: u64,
        watch: &mut Watch<'_, K, V, L>,
        waker: &Waker,
    ) -> Option<Result<(), Rejected>> {
        let fresh = waker.clone();
        let mut state = self.state.lock();
        let done =
            key.map_or_else(|| state.buffer.is_flushed(to), |key| state.buffer.is_key_flushed(key, to));
        if done {
            return Some(Ok(()));
        }
        if state.phase == Phase::Ended {
            return Some(Err(Rejected::new(self.telemetry.name(), Reason::Closed)));
        }
        let old = state.watch(watch, fresh);
        drop(state);
        drop(old);
        None
    }

    /// Whether nothing is left to write, or nobody is there to do it.
    pub(super) fn is_drained(&self, watch: &mut Watch<'_, K, V, L>, waker: &Waker) -> bool {
        let fresh = waker.clone();
        let mut state = self.state.lock();
        if state.phase == Phase::Ended || state.buffer.len() == 0 {
            return true;
        }
        let old = state.watch(watch, fresh);
        drop(state);
        drop(old);
        false
    }

    pub(super) fn discard(&self, key: &K) -> Option<Pending<V>> {
        let mut state = self.state.lock();
        let change = state.buffer.discard(key)?;
        // What the cache may have kept before is older than what was just taken out of sight.
        let after = self.front.fence(key);
        self.dirty.store(state.buffer.len(), Release);
        let watchers = std::mem::take(&mut state.watchers);
        drop(state);
        drop(after);
        self.line.wake();
        watchers.into_values().for_each(Waker::wake);
        Some(change.value.into())
    }

    pub(super) fn fence(&self, key: &K) {
        let mut state = self.state.lock();
        state.buffer.fence(key);
        let after = self.front.fence(key);
        drop(state);
        drop(after);
    }

    /// Takes no more puts, and writes what is dirty.
    pub(super) fn begin_closing(&self) -> Account {
        let mut state = self.state.lock();
        if state.phase == Phase::Open {
            state.phase = Phase::Closing;
        }
        state.buffer.flush();
        let account = state.buffer.account();
        let driver = state.driver.take();
        drop(state);
        driver.into_iter().for_each(Waker::wake);
        self.line.wake();
        account
    }

    /// Nothing is written from now on: what is left, and where all else went.
    pub(super) fn end(&self) -> (Vec<Sent<K, Arc<V>>>, Account) {
        let mut state = self.state.lock();
        state.phase = Phase::Ended;
        let replaced = state.buffer.abandon();
        let (left, account) = (state.buffer.left(), state.buffer.account());
        let driver = state.driver.take();
        let watchers = std::mem::take(&mut state.watchers);
        drop(state);
        drop(replaced);
        driver.into_iter().for_each(Waker::wake);
        watchers.into_values().for_each(Waker::wake);
        self.line.wake();
        (left, account)
    }

    /// Ends without having been asked to; how many keys are dirty, if nobody has been told of them.
    pub(super) fn end_unasked(&self) -> Option<u64> {
        let told = self.state.lock().phase == Phase::Ended;
        let (left, ..) = self.end();
        (!told && !left.is_empty()).then_some(left.len() as u64)
    }

    /// What to do next; if nothing, `waker` is woken when that changes.
    pub(super) fn next(&self, now: Instant, waker: &Waker) -> Next<K, V> {
        let fresh = waker.clone();
        let mut state = self.state.lock();
        if state.phase == Phase::Ended || (state.phase == Phase::Closing && state.buffer.len() == 0) {
            return Next::End;
        }
        if let Some(batch) = state.buffer.take(now) {
            return Next::Store(batch);
        }
        let at = state.buffer.wake_at();
        let old = state.driver.replace(fresh);
        drop(state);
        drop(old);
        Next::Wait(at)
    }

    /// How the keys of one store call went; none if it comes after the end.
    pub(super) fn settle(&self, keys: &[Judged<K, V>], now: Instant) -> Option<Settled<V>> {
        let mut state = self.state.lock();
        if state.phase == Phase::Ended {
            return None;
        }
        let mut ended = Vec::with_capacity(keys.len());
        let mut afters = Vec::with_capacity(keys.len());
        for Judged { key, outcome, entry } in keys {
            let end = state.buffer.settle(key, *outcome, now);
            afters.push(match &end {
                Some(Ended::Kept(Some(_))) if entry.is_none() => Some(self.front.fence(key)),
                Some(Ended::Kept(_)) => Some(self.front.keep(key, entry.as_ref())),
                // A load that began when the key was clean may have brought what is no more.
                Some(Ended::Passed(_) | Ended::Unknown(_) | Ended::Dead(..)) => Some(self.front.fence(key)),
                Some(Ended::Again(_)) | None => None,
            });
            ended.push(end);
        }
        state.buffer.end_batch();
        self.dirty.store(state.buffer.len(), Release);
        let dirty = state.buffer.len();
        let watchers = std::mem::take(&mut state.watchers);
        drop(state);
        drop(afters);
        watchers.into_values().for_each(Waker::wake);
        self.line.wake();
        Some(Settled { ended, dirty })
    }
}

impl<K, V> State<K, V> {
    /// The waker that was there before is dropped by the caller, under no lock.
    fn watch<L>(&mut self, watch: &mut Watch<'_, K, V, L>, fresh: Waker) -> Option<Waker> {
        let id = *watch.id.get_or_insert_with(|| {
            self.next_watcher += 1;
            self.next_watcher
        });
        self.watchers.insert(id, fresh)
    }
}

/// Somebody who waits for the buffer to be written; dropping it waits no longer.
pub(super) struct Watch<'a, K, V, L> {
    shared: &'a Shared<K, V, L>,
    id: Option<u64>,
}

impl<'a, K, V, L> Watch<'a, K, V, L> {
    pub(super) const fn new(shared: &'a Shared<K, V, L>) -> Self {
        Self { shared, id: None }
    }
}

impl<K, V, L> Drop for Watch<'_, K, V, L> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            let waker = self.shared.state.lock().watchers.remove(&id);
            drop(waker);
        }
    }
}
