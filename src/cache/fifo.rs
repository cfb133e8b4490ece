use super::entry::Entry;
use super::store::Store;
use crate::sync::{Mutex, Padded};
use crate::time::Instant;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::time::Duration;

/// A store that evicts what was stored longest ago; made by [`Memory::fifo`](super::Memory::fifo).
///
/// # Memory
///
/// Never more than its capacity. Beyond 1 024 it is kept in up to 16 parts, each in the order of its own.
pub struct Fifo<K, V> {
    parts: Box<[Padded<Mutex<Part<K, V>>>]>,
    hasher: RandomState,
}

struct Part<K, V> {
    capacity: u64,
    weight: u64,
    next: u64,
    kept: HashMap<K, (u64, Entry<V>), RandomState>,
    // In the order of their numbers; a key whose number has changed since is passed over.
    order: VecDeque<(u64, K)>,
}

impl<K, V> Fifo<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    pub(super) fn new(capacity: u64) -> Self {
        let parts = (capacity / 512).clamp(1, 16);
        let part = |index| {
            let capacity = capacity / parts + u64::from(index < capacity % parts);
            Padded(Mutex::new(Part {
                capacity,
                weight: 0,
                next: 0,
                kept: HashMap::default(),
                order: VecDeque::new(),
            }))
        };
        Self { parts: (0..parts).map(part).collect(), hasher: RandomState::new() }
    }

    fn part(&self, key: &K) -> &Mutex<Part<K, V>> {
        &self.parts[self.hasher.hash_one(key) as usize % self.parts.len()].0
    }
}

impl<K: Hash + Eq + Clone, V> Part<K, V> {
    fn remove(&mut self, key: &K) -> Option<Entry<V>> {
        let (_, entry) = self.kept.remove(key)?;
        self.weight -= u64::from(entry.weight());
        Some(entry)
    }

    /// What had to go.
    fn put(&mut self, key: K, entry: Entry<V>) -> Vec<Entry<V>> {
        let mut gone: Vec<_> = self.remove(&key).into_iter().collect();
        if u64::from(entry.weight()) > self.capacity {
            gone.push(entry);
            return gone;
        }
        while self.weight + u64::from(entry.weight()) > self.capacity {
            let Some((number, oldest)) = self.order.pop_front() else { break };
            if self.kept.get(&oldest).is_some_and(|(at, _)| *at == number) {
                gone.extend(self.remove(&oldest));
            }
        }
        self.weight += u64::from(entry.weight());
        self.order.push_back((self.next, key.clone()));
        self.kept.insert(key, (self.next, entry));
        self.next += 1;
        self.compact();
        gone
    }

    /// Keys put again and again would fill the order with numbers that are no more.
    fn compact(&mut self) {
        if self.order.len() > 2 * self.kept.len() + 16 {
            let kept = &self.kept;
            self.order.retain(|(number, key)| kept.get(key).is_some_and(|(at, _)| at == number));
        }
    }
}

impl<K, V> Store<K, V> for Fifo<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    fn get(&self, key: &K) -> Option<Entry<V>> {
        self.part(key).lock().kept.get(key).map(|(_, entry)| entry.clone())
    }

    fn put(&self, key: K, entry: Entry<V>, _: u32, _: Duration) {
        let gone = self.part(&key).lock().put(key, entry);
        drop(gone); // values' destructors run under no lock of ours
    }

    fn remove(&self, key: &K) {
        let gone = self.part(key).lock().remove(key);
        drop(gone);
    }

    fn clear(&self) {
        for part in &self.parts {
            let mut part = part.0.lock();
            part.weight = 0;
            let gone = (std::mem::take(&mut part.kept), std::mem::take(&mut part.order));
            drop(part);
            drop(gone);
        }
    }

    fn tend(&self, now: Instant) {
        for part in &self.parts {
            let mut part = part.0.lock();
            let over: Vec<_> = part
                .kept
                .iter()
                .filter(|(_, (_, entry))| entry.is_over(now))
                .map(|(key, _)| key.clone())
                .collect();
            let gone: Vec<_> = over.iter().filter_map(|key| part.remove(key)).collect();
            part.compact();
            drop(part);
            drop(gone);
        }
    }

    fn len(&self) -> usize {
        self.parts.iter().map(|part| part.0.lock().kept.len()).sum()
    }
}

impl<K, V> fmt::Debug for Fifo<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fifo").field("parts", &self.parts.len()).finish_non_exhaustive()
    }
}
