//! The buffer against a naive twin: a list of changes, sorted and searched anew for every question.

#![expect(clippy::option_option, reason = "whether there is a change, and whether it is a value")]

use super::account::Account;
use super::change::{Ended, Outcome, Put, Sent};
use super::config::Config;
use super::dirty::Dirty;
use crate::time::Instant;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

#[derive(Clone, Debug)]
struct Listed {
    key: u8,
    value: Option<u32>,
    seq: u64,
    since: u64,
    first_dirty: u64,
    storing: bool,
}

#[derive(Debug)]
struct Twin {
    config: Config,
    list: Vec<Listed>,
    failures: BTreeMap<u8, u32>,
    rests: BTreeMap<u8, u64>,
    urgent: BTreeSet<u8>,
    batches: usize,
    seq: u64,
    flush_to: u64,
    account: Account,
}

impl Twin {
    fn new(config: Config) -> Self {
        let (list, failures, rests, urgent) = Default::default();
        Self {
            config,
            list,
            failures,
            rests,
            urgent,
            batches: 0,
            seq: 0,
            flush_to: 0,
            account: Account::default(),
        }
    }

    fn of(&self, key: u8) -> impl Iterator<Item = &Listed> {
        self.list.iter().filter(move |listed| listed.key == key)
    }

    fn get(&self, key: u8) -> Option<Option<u32>> {
        self.of(key).max_by_key(|listed| listed.seq).map(|listed| listed.value)
    }

    fn len(&self) -> usize {
        self.list.iter().map(|listed| listed.key).collect::<BTreeSet<_>>().len()
    }

    fn put(&mut self, key: u8, value: Option<u32>, now: u64) -> Put<u32> {
        self.seq += 1;
        self.account.accepted += 1;
        let seq = self.seq;
        if let Some(queued) = self.list.iter_mut().find(|listed| listed.key == key && !listed.storing) {
            self.account.coalesced += 1;
            queued.seq = seq;
            return Put::Coalesced(std::mem::replace(&mut queued.value, value));
        }
        self.list.push(Listed { key, value, seq, since: seq, first_dirty: now, storing: false });
        Put::Queued
    }

    fn ready(&self) -> Vec<Listed> {
        let free = |listed: &&Listed| {
            !self.of(listed.key).any(|other| other.storing) && !self.rests.contains_key(&listed.key)
        };
        let mut ready: Vec<_> = self.list.iter().filter(free).cloned().collect();
        ready.sort_by_key(|listed| listed.since);
        ready
    }

    fn due(&self) -> Option<u64> {
        let ready = self.ready();
        let first = ready.first()?;
        let at_once = ready.len() >= self.config.batch
            || ready.iter().any(|listed| self.urgent.contains(&listed.key))
            || first.since <= self.flush_to;
        Some(if at_once { 0 } else { first.first_dirty + self.config.max_delay.as_nanos() as u64 })
    }

    fn wake_at(&self) -> Option<u64> {
        let free = self.batches < self.config.writers;
        free.then(|| self.due().into_iter().chain(self.rests.values().copied()).min()).flatten()
    }

    fn take(&mut self, now: u64) -> Option<Vec<Sent<u8, u32>>> {
        if self.batches >= self.config.writers {
            return None;
        }
        let rested: Vec<_> =
            self.rests.iter().filter(|(_, until)| **until <= now).map(|(key, _)| *key).collect();
        for key in rested {
            self.rests.remove(&key);
            self.urgent.insert(key);
        }
        if self.due()? > now {
            return None;
        }
        let mut batch = Vec::new();
        for listed in self.ready().into_iter().take(self.config.batch) {
            let own = self.list.iter_mut().find(|own| own.since == listed.since)?;
            own.storing = true;
            self.urgent.remove(&listed.key);
            let attempt = self.failures.get(&listed.key).copied().unwrap_or(0) + 1;
            batch.push(Sent { key: listed.key, value: listed.value, seq: listed.seq, attempt });
        }
        self.batches += 1;
        Some(batch)
    }

    /// What is left of a key's changes after a store call, and whether it is dead.
    fn settle(&mut self, key: u8, outcome: Outcome, now: u64) -> (&'static str, Option<u32>) {
        let at = self.list.iter().position(|listed| listed.key == key && listed.storing).unwrap();
        let stored = self.list.remove(at);
        let newer = self.list.iter_mut().find(|listed| listed.key == key);
        match outcome {
            Outcome::Stored | Outcome::Outdated => {
                let last = newer.is_none();
                self.failures.remove(&key);
                if outcome == Outcome::Outdated {
                    self.account.outdated += 1;
                    return ("unknown", stored.value);
                }
                self.account.stored += 1;
                (if last { "kept" } else { "passed" }, stored.value)
            }
            Outcome::Again(_) | Outcome::Never => {
                let failures = self.failures.get(&key).copied().unwrap_or(0) + 1;
                let hopeless = outcome == Outcome::Never && newer.is_none();
                match newer {
                    Some(newer) => {
                        newer.since = stored.since;
                        self.account.coalesced += 1;
                    }
                    None => self.list.push(Listed { storing: false, ..stored }),
                }
                self.failures.insert(key, failures);
                if hopeless || failures >= self.config.attempts {
                    let value = self.get(key).flatten();
                    self.list.retain(|listed| listed.key != key);
                    self.failures.remove(&key);
                    self.urgent.remove(&key);
                    self.account.dead += 1;
                    return ("dead", value);
                }
                match outcome {
                    Outcome::Again(after) => {
                        let doubled = self.config.base * 2u32.pow(failures - 1);
                        let rest = doubled.min(self.config.cap).max(after);
                        self.rests.insert(key, now + rest.as_nanos() as u64);
                    }
                    _ => drop(self.urgent.insert(key)),
                }
                ("again", None)
            }
        }
    }

    fn is_flushed(&self, to: u64) -> bool {
        self.list.iter().all(|listed| listed.since > to)
    }

    fn discard(&mut self, key: u8) -> Option<Option<u32>> {
        let at = self.list.iter().position(|listed| listed.key == key && !listed.storing)?;
        let value = self.list.remove(at).value;
        self.account.discarded += 1;
        self.urgent.remove(&key);
        if self.of(key).next().is_none() {
            self.failures.remove(&key);
            self.rests.remove(&key);
        }
        Some(value)
    }
}

#[derive(Clone, Debug)]
enum Act {
    Put(u8, Option<u32>),
    Advance(u64),
    Take,
    /// The oldest batch under way ends, and each key goes so.
    End(Vec<u8>),
    Flush,
    FlushKey(u8),
    Discard(u8),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0u8..8, proptest::option::weighted(0.8, any::<u32>())).prop_map(|(key, value)| Act::Put(key, value)),
        3 => (0u64..150).prop_map(Act::Advance),
        4 => Just(Act::Take),
        4 => vec(0u8..8, 4).prop_map(Act::End),
        1 => Just(Act::Flush),
        1 => (0u8..8).prop_map(Act::FlushKey),
        1 => (0u8..8).prop_map(Act::Discard),
    ]
}

const fn outcome(lot: u8) -> Outcome {
    match lot {
        0..=2 => Outcome::Stored,
        3 => Outcome::Outdated,
        4 => Outcome::Never,
        5 => Outcome::Again(Duration::from_nanos(90)),
        _ => Outcome::Again(Duration::ZERO),
    }
}

fn config(batch: usize, writers: usize, attempts: u32) -> Config {
    let nanos = Duration::from_nanos;
    let config = Config::new().capacity(5).batch(batch).writers(writers).attempts(attempts);
    config.max_delay(nanos(100)).backoff(nanos(20), nanos(70))
}

proptest! {
    #[test]
    fn twin_every_change_is_where_the_list_says(
        acts in vec(act(), 1..120), batch in 1usize..4, writers in 1usize..3, attempts in 1u32..5,
    ) {
        let config = config(batch, writers, attempts);
        let (mut dirty, mut twin) = (Dirty::new(config), Twin::new(config));
        let (mut now, mut under_way, mut barriers) = (1000u64, Vec::new(), Vec::new());
        let mut last_seq = BTreeMap::<u8, u64>::new();
        for act in acts {
            match act {
                Act::Put(key, value) => {
                    let fits = twin.len() < 5 || twin.get(key).is_some();
                    prop_assert_eq!(dirty.fits(&key), fits);
                    if fits {
                        prop_assert_eq!(
                            dirty.put(key, value, Instant::from_nanos(now)),
                            twin.put(key, value, now)
                        );
                    }
                }
                Act::Advance(by) => now += by,
                Act::Take => {
                    let taken = dirty.take(Instant::from_nanos(now));
                    prop_assert_eq!(&taken, &twin.take(now));
                    let Some(taken) = taken else { continue };
                    prop_assert!(!taken.is_empty());
                    for sent in &taken {
                        // Never two writes of a key at a time, never an older one after a newer one.
                        prop_assert!(!under_way.iter().flatten().any(|other: &Sent<u8, u32>| other.key == sent.key));
                        prop_assert!(last_seq.insert(sent.key, sent.seq).is_none_or(|last| last <= sent.seq));
                    }
                    under_way.push(taken);
                }
                Act::End(lots) => {
                    if under_way.is_empty() {
                        continue;
                    }
                    for (sent, lot) in under_way.remove(0).into_iter().zip(lots) {
                        let outcome = outcome(lot);
                        let ended = dirty.settle(&sent.key, outcome, Instant::from_nanos(now)).unwrap();
                        let told = twin.settle(sent.key, outcome, now);
                        prop_assert_eq!(match ended {
                            Ended::Kept(value) => ("kept", value),
                            Ended::Passed(value) => ("passed", value),
                            Ended::Unknown(value) => ("unknown", value),
                            Ended::Again(_) => ("again", None),
                            Ended::Dead(change, attempts, _) => {
                                prop_assert!(attempts <= config.attempts);
                                ("dead", change.value)
                            }
                        }, told);
                    }
                    dirty.end_batch();
                    twin.batches -= 1;
                }
                Act::Flush => {
                    barriers.push(dirty.flush());
                    twin.flush_to = twin.seq;
                    prop_assert_eq!(barriers.last(), Some(&twin.seq));
                }
                Act::FlushKey(key) => {
                    dirty.flush_key(&key);
                    if twin.of(key).any(|listed| !listed.storing) {
                        twin.urgent.insert(key);
                    }
                }
                Act::Discard(key) => {
                    prop_assert_eq!(dirty.discard(&key).map(|change| change.value), twin.discard(key));
                }
            }
            prop_assert_eq!(dirty.account(), Account { pending: twin.list.len() as u64, ..twin.account });
            prop_assert_eq!(dirty.len(), twin.len());
            prop_assert_eq!(dirty.wake_at(), twin.wake_at().map(Instant::from_nanos));
            for key in 0..8 {
                prop_assert_eq!(dirty.get(&key).map(|change| change.value), twin.get(key));
                for to in &barriers {
                    let flushed = twin.of(key).all(|listed| listed.since > *to);
                    prop_assert_eq!(dirty.is_key_flushed(&key, *to), flushed);
                }
            }
            for to in &barriers {
                prop_assert_eq!(dirty.is_flushed(*to), twin.is_flushed(*to));
            }
        }
        // Whoever drove it is gone: what is left is the newest of each key, and the account still holds.
        dirty.abandon();
        let left: BTreeMap<_, _> = dirty.left().into_iter().map(|sent| (sent.key, sent.value)).collect();
        let newest: BTreeMap<_, _> = (0..8).filter_map(|key| Some((key, twin.get(key)?))).collect();
        prop_assert_eq!(dirty.account().pending, left.len() as u64);
        prop_assert_eq!(dirty.account().accepted, twin.account.accepted);
        prop_assert_eq!(left, newest);
    }
}
