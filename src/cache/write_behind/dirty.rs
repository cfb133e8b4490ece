use super::account::Account;
use super::change::{Change, Ended, Outcome, Put, Sent};
use super::config::Config;
use crate::time::Instant;
use std::collections::hash_map::{Entry, HashMap};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;

/// What waits to be written: at most one change of a key in line, at most one more of it being stored.
///
/// Every change has a number; the number of the first change that a key waits for, `since`, is its place in line.
/// A key in line is in exactly one of `ready` and `resting`; one that is being stored is in neither, and what comes
/// for it meanwhile waits in the key itself.
#[derive(Debug)]
pub(super) struct Dirty<K, V> {
    pub(super) config: Config,
    keys: HashMap<K, Key<V>>,
    ready: BTreeMap<u64, (K, Instant)>,
    resting: BTreeMap<(Instant, u64), K>,
    // Of `ready`: what is due whatever its age. Of all: what is being stored.
    urgent: BTreeSet<u64>,
    storing: BTreeSet<u64>,
    batches: usize,
    next_seq: u64,
    // All up to this number is due whatever its age.
    flush_to: u64,
    account: Account,
}

#[derive(Debug)]
struct Key<V> {
    queued: Option<Change<V>>,
    storing: Option<Change<V>>,
    failures: u32,
    rests_until: Option<Instant>,
    // What was being stored when the key was fenced is not what a cache may keep.
    fenced: bool,
    urgent: bool,
}

impl<K: Hash + Eq + Clone, V: Clone> Dirty<K, V> {
    pub(super) fn new(config: Config) -> Self {
        Self {
            config,
            keys: HashMap::new(),
            ready: BTreeMap::new(),
            resting: BTreeMap::new(),
            urgent: BTreeSet::new(),
            storing: BTreeSet::new(),
            batches: 0,
            next_seq: config.first_seq,
            flush_to: 0,
            account: Account::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether a change of this key would be taken in.
    pub(super) fn fits(&self, key: &K) -> bool {
        self.keys.len() < self.config.capacity || self.keys.contains_key(key)
    }

    pub(super) const fn account(&self) -> Account {
        let Account { accepted, coalesced, stored, outdated, dead, discarded, .. } = self.account;
        Account { pending: accepted - coalesced - stored - outdated - dead - discarded, ..self.account }
    }

    /// The newest change of a key, if it is dirty.
    pub(super) fn get(&self, key: &K) -> Option<&Change<V>> {
        let key = self.keys.get(key)?;
        key.queued.as_ref().or(key.storing.as_ref())
    }

    /// Takes a change in, whatever the capacity: the caller has asked whether it fits.
    pub(super) fn put(&mut self, key: K, value: Option<V>, now: Instant) -> Put<V> {
        let seq = self.next_seq;
        self.next_seq += 1;
        self.account.accepted += 1;
        let change = Change { value, seq, since: seq, first_dirty: now };
        match self.keys.entry(key) {
            Entry::Occupied(mut known) => match &mut known.get_mut().queued {
                Some(queued) => {
                    self.account.coalesced += 1;
                    queued.seq = seq;
                    Put::Coalesced(std::mem::replace(&mut queued.value, change.value))
                }
                none => {
                    *none = Some(change);
                    Put::Queued
                }
            },
            Entry::Vacant(new) => {
                self.ready.insert(seq, (new.key().clone(), now));
                new.insert(Key {
                    queued: Some(change),
                    storing: None,
                    failures: 0,
                    rests_until: None,
                    fenced: false,
                    urgent: false,
                });
                Put::Queued
            }
        }
    }

    /// The next batch, if one is due and may leave.
    pub(super) fn take(&mut self, now: Instant) -> Option<Vec<Sent<K, V>>> {
        if self.batches >= self.config.writers {
            return None;
        }
        while let Some(rested) = self.resting.first_entry().filter(|rested| rested.key().0 <= now) {
            let ((_, since), key) = rested.remove_entry();
            if let Some(known) = self.keys.get_mut(&key) {
                known.rests_until = None;
            }
            self.urgent.insert(since);
            self.ready.insert(since, (key, now));
        }
        if self.due()? > now {
            return None;
        }
        let mut batch = Vec::with_capacity(self.config.batch.min(self.ready.len()));
        while batch.len() < self.config.batch {
            let Some((since, (key, _))) = self.ready.pop_first() else { break };
            self.urgent.remove(&since);
            if let Some(known) = self.keys.get_mut(&key)
                && let Some(change) = known.queued.take()
            {
                self.storing.insert(since);
                let (value, seq, attempt) =
                    (change.value.clone(), change.seq, known.failures.saturating_add(1));
                known.storing = Some(change);
                known.fenced = false;
                known.urgent = false;
                batch.push(Sent { key, value, seq, attempt });
            }
        }
        self.batches += 1;
        Some(batch)
    }

    /// When the next batch of what is ready may leave, if nothing else comes.
    fn due(&self) -> Option<Instant> {
        let (since, (_, first_dirty)) = self.ready.first_key_value()?;
        let at_once =
            self.ready.len() >= self.config.batch || !self.urgent.is_empty() || *since <= self.flush_to;
        Some(if at_once { Instant::ZERO } else { *first_dirty + self.config.max_delay })
    }

    /// When to ask [`take`](Self::take) again, if nothing else happens; none while all writers are busy.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        if self.batches >= self.config.writers {
            return None;
        }
        let rested = self.resting.first_key_value().map(|((until, _), _)| *until);
        self.due().into_iter().chain(rested).min()
    }

    /// How storing one key of a batch went.
    pub(super) fn settle(&mut self, key: &K, outcome: Outcome, now: Instant) -> Option<Ended<V>> {
        let known = self.keys.get_mut(key)?;
        let stored = known.storing.take()?;
        self.storing.remove(&stored.since);
        let newer = known.queued.take();
        if matches!(outcome, Outcome::Stored | Outcome::Outdated) {
            let keeps = outcome == Outcome::Stored && newer.is_none() && !known.fenced;
            known.failures = 0;
            let count = if outcome == Outcome::Stored {
                &mut self.account.stored
            } else {
                &mut self.account.outdated
            };
            *count += 1;
            match newer {
                Some(newer) => self.enqueue(key, newer),
                None => drop(self.keys.remove(key)),
            }
            return Some(match outcome {
                Outcome::Outdated => Ended::Unknown(stored.value),
                _ if keeps => Ended::Kept(stored.value),
                _ => Ended::Passed(stored.value),
            });
        }
        known.failures = known.failures.saturating_add(1);
        let failures = known.failures;
        let hopeless = outcome == Outcome::Never && newer.is_none();
        // What failed is what the newer change has replaced; it keeps the older one's place.
        let (change, replaced) = match newer {
            Some(newer) => {
                self.account.coalesced += 1;
                (Change { since: stored.since, ..newer }, stored.value)
            }
            None => (stored, None),
        };
        let used_up = failures >= self.config.attempts && self.config.attempts < u32::MAX;
        if hopeless || used_up {
            self.keys.remove(key);
            self.account.dead += 1;
            return Some(Ended::Dead(change, failures, replaced));
        }
        match outcome {
            Outcome::Again(after) => {
                let until = now + self.config.rest(failures).max(after);
                self.resting.insert((until, change.since), key.clone());
                known.rests_until = Some(until);
                known.queued = Some(change);
            }
            // It was that value which the source will never take, not this one.
            _ => {
                known.urgent = true;
                self.enqueue(key, change);
            }
        }
        Some(Ended::Again(replaced))
    }

    /// A batch has ended, and all its keys are settled.
    pub(super) const fn end_batch(&mut self) {
        self.batches = self.batches.saturating_sub(1);
    }

    fn enqueue(&mut self, key: &K, change: Change<V>) {
        let Some(known) = self.keys.get_mut(key) else { return };
        if known.urgent {
            self.urgent.insert(change.since);
        }
        self.ready.insert(change.since, (key.clone(), change.first_dirty));
        known.queued = Some(change);
    }

    /// All that is dirty is due. Done once [`is_flushed`](Self::is_flushed) says so of this number.
    pub(super) fn flush(&mut self) -> u64 {
        self.flush_to = self.flush_to.max(self.next_seq - 1);
        self.next_seq - 1
    }

    pub(super) fn is_flushed(&self, to: u64) -> bool {
        let later = |since: &u64| *since > to;
        self.ready.first_key_value().is_none_or(|(since, _)| later(since))
            && self.storing.first().is_none_or(later)
            && self.resting.keys().all(|(_, since)| later(since))
    }

    /// This key is due.
    pub(super) fn flush_key(&mut self, key: &K) -> u64 {
        if let Some(known) = self.keys.get_mut(key) {
            known.urgent |= known.queued.is_some();
            if let (Some(queued), None, None) = (&known.queued, &known.storing, known.rests_until) {
                self.urgent.insert(queued.since);
            }
        }
        self.next_seq - 1
    }

    pub(super) fn is_key_flushed(&self, key: &K, to: u64) -> bool {
        self.keys
            .get(key)
            .is_none_or(|known| known.queued.iter().chain(&known.storing).all(|change| change.since > to))
    }

    /// Takes out what is in line for this key; what is being stored is not stopped.
    pub(super) fn discard(&mut self, key: &K) -> Option<Change<V>> {
        let known = self.keys.get_mut(key)?;
        let queued = known.queued.take()?;
        known.urgent = false;
        self.account.discarded += 1;
        if known.storing.is_none() {
            self.urgent.remove(&queued.since);
            self.ready.remove(&queued.since);
            if let Some(until) = known.rests_until {
                self.resting.remove(&(until, queued.since));
            }
            self.keys.remove(key);
        }
        Some(queued)
    }

    /// What is being stored of this key is not to be kept by a cache when it has been stored.
    pub(super) fn fence(&mut self, key: &K) {
        if let Some(known) = self.keys.get_mut(key) {
            known.fenced = true;
        }
    }

    /// Nothing is being stored any more, and nothing will be: all of it is in line again, but for what had been
    /// replaced meanwhile, which is given back.
    pub(super) fn abandon(&mut self) -> Vec<Option<V>> {
        let mut replaced = Vec::new();
        let storing: Vec<_> = self
            .keys
            .iter()
            .filter(|(_, known)| known.storing.is_some())
            .map(|(key, _)| key.clone())
            .collect();
        for key in storing {
            let Some(known) = self.keys.get_mut(&key) else { continue };
            let Some(stored) = known.storing.take() else { continue };
            let change = match known.queued.take() {
                Some(newer) => {
                    self.account.coalesced += 1;
                    replaced.push(stored.value);
                    Change { since: stored.since, ..newer }
                }
                None => stored,
            };
            self.enqueue(&key, change);
        }
        self.storing.clear();
        self.batches = 0;
        replaced
    }

    /// The newest change of every key that is dirty, oldest first, with the attempts made.
    pub(super) fn left(&self) -> Vec<Sent<K, V>> {
        let newest = |known: &Key<V>| known.queued.clone().or_else(|| known.storing.clone());
        let sent = |(key, known): (&K, &Key<V>)| {
            let change = newest(known)?;
            let sent =
                Sent { key: key.clone(), value: change.value, seq: change.seq, attempt: known.failures };
            Some((change.since, sent))
        };
        let mut left: Vec<_> = self.keys.iter().filter_map(sent).collect();
        left.sort_by_key(|(since, _)| *since);
        left.into_iter().map(|(_, sent)| sent).collect()
    }
}
