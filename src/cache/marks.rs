use crate::sync::Mutex;
use crate::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use crate::time::Instant;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Something noted of some keys for a while: which are not coalesced, which are in doubt, of which there is nothing.
/// Bounded: the oldest goes.
pub(super) struct Marks<K, T> {
    capacity: usize,
    len: AtomicUsize,
    noted: Mutex<Noted<K, T>>,
}

struct Noted<K, T> {
    of: HashMap<K, Mark<T>>,
    // In the order of their numbers; a key whose number has changed since is passed over.
    order: VecDeque<(u64, K)>,
    next: u64,
}

struct Mark<T> {
    number: u64,
    until: Instant,
    what: T,
}

impl<K: Hash + Eq + Clone, T: Clone> Marks<K, T> {
    pub(super) fn new(capacity: usize) -> Self {
        let noted = Noted { of: HashMap::new(), order: VecDeque::new(), next: 0 };
        Self { capacity, len: AtomicUsize::new(0), noted: Mutex::new(noted) }
    }

    /// Nothing was noted: one load.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.len.load(Relaxed) == 0
    }

    pub(super) fn get(&self, key: &K, now: Instant) -> Option<T> {
        if self.is_empty() {
            return None;
        }
        let noted = self.noted.lock();
        noted.of.get(key).filter(|mark| now < mark.until).map(|mark| mark.what.clone())
    }

    pub(super) fn put(&self, key: &K, what: T, until: Instant) {
        if self.capacity == 0 {
            return;
        }
        let mut noted = self.noted.lock();
        let number = noted.next;
        noted.next += 1;
        noted.of.insert(key.clone(), Mark { number, until, what });
        noted.order.push_back((number, key.clone()));
        while noted.of.len() > self.capacity || noted.order.len() > 2 * noted.of.len() + 16 {
            noted.drop_oldest();
        }
        self.len.store(noted.of.len(), Relaxed);
    }

    pub(super) fn remove(&self, key: &K) {
        if !self.is_empty() {
            let mut noted = self.noted.lock();
            noted.of.remove(key);
            self.len.store(noted.of.len(), Relaxed);
        }
    }

    pub(super) fn clear(&self) {
        let mut noted = self.noted.lock();
        noted.of.clear();
        noted.order.clear();
        self.len.store(0, Relaxed);
    }

    /// Lets go of what is over.
    pub(super) fn tend(&self, now: Instant) {
        if !self.is_empty() {
            let mut noted = self.noted.lock();
            noted.of.retain(|_, mark| now < mark.until);
            let of = std::mem::take(&mut noted.of);
            noted.order.retain(|(number, key)| of.get(key).is_some_and(|mark| mark.number == *number));
            noted.of = of;
            self.len.store(noted.of.len(), Relaxed);
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.len.load(Relaxed)
    }
}

impl<K: Hash + Eq, T> Noted<K, T> {
    fn drop_oldest(&mut self) {
        if let Some((number, key)) = self.order.pop_front() {
            // A mark renewed since is not the oldest any more; whichever it is, one step brings the bound nearer.
            if self.of.get(&key).is_some_and(|mark| mark.number == number) {
                self.of.remove(&key);
            }
        } else {
            self.of.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_nanos(ms * 1_000_000)
    }

    #[test]
    fn a_mark_ends_and_the_oldest_goes() {
        let marks = Marks::new(2);
        marks.put(&1, 'a', at(10));
        marks.put(&2, 'b', at(20));
        assert_eq!(marks.get(&1, at(9)), Some('a'));
        assert_eq!(marks.get(&1, at(10)), None);
        marks.put(&3, 'c', at(30));
        assert_eq!(marks.get(&1, at(0)), None);
        marks.tend(at(25));
        assert_eq!((marks.len(), marks.get(&3, at(25))), (1, Some('c')));
        marks.clear();
        assert!(marks.is_empty());
    }

    #[test]
    fn one_key_noted_again_and_again_stays_one() {
        let marks = Marks::new(2);
        (0..1000).for_each(|n| marks.put(&1, n, at(10)));
        assert_eq!(marks.get(&1, at(0)), Some(999));
        assert!(marks.noted.lock().order.len() < 20);
    }
}
