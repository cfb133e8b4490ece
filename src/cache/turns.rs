use crate::sync::Mutex;
use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::hash::Hash;
use std::task::{Poll, Waker};

/// One at a time for each key, first come, first served; the number of those who wait is bounded.
pub(super) struct Turns<K> {
    places: usize,
    lines: Mutex<Lines<K>>,
}

struct Lines<K> {
    of: HashMap<K, VecDeque<Waiting>>,
    waiting: usize,
    next: u64,
}

struct Waiting {
    id: u64,
    waker: Option<Waker>,
}

/// A key's turn, or a place in its line; dropping it hands on.
pub(super) struct Turn<'a, K: Hash + Eq> {
    turns: &'a Turns<K>,
    key: &'a K,
    id: u64,
}

impl<K: Hash + Eq + Clone> Turns<K> {
    pub(super) fn new(places: usize) -> Self {
        Self { places, lines: Mutex::new(Lines { of: HashMap::new(), waiting: 0, next: 0 }) }
    }

    /// Waits for the key's turn; `None` if too many wait already.
    pub(super) async fn take<'a>(&'a self, key: &'a K) -> Option<Turn<'a, K>> {
        let turn = self.enter(key)?;
        poll_fn(|cx| {
            let fresh = cx.waker().clone();
            let mut lines = self.lines.lock();
            let line = lines.of.entry(key.clone()).or_default();
            if line.front().is_some_and(|first| first.id == turn.id) {
                return Poll::Ready(());
            }
            let own = line.iter_mut().find(|waiting| waiting.id == turn.id);
            let before = own.and_then(|own| own.waker.replace(fresh));
            drop(lines);
            drop(before);
            Poll::Pending
        })
        .await;
        Some(turn)
    }

    fn enter<'a>(&'a self, key: &'a K) -> Option<Turn<'a, K>> {
        let mut lines = self.lines.lock();
        let first = !lines.of.contains_key(key);
        if !first && lines.waiting >= self.places {
            return None;
        }
        let id = lines.next;
        lines.next += 1;
        lines.waiting += usize::from(!first);
        lines.of.entry(key.clone()).or_default().push_back(Waiting { id, waker: None });
        Some(Turn { turns: self, key, id })
    }
}

impl<K: Hash + Eq> Drop for Turn<'_, K> {
    fn drop(&mut self) {
        let mut lines = self.turns.lines.lock();
        let Some(line) = lines.of.get_mut(self.key) else { return };
        let place = line.iter().position(|waiting| waiting.id == self.id);
        let left = place.and_then(|place| line.remove(place));
        let next = if place == Some(0) { line.front_mut().and_then(|next| next.waker.take()) } else { None };
        // Whoever was first waited for nobody, and whoever is first now does not any more.
        let empty = line.is_empty();
        if empty {
            lines.of.remove(self.key);
        } else {
            lines.waiting -= 1;
        }
        drop(lines);
        drop(left);
        if let Some(next) = next {
            next.wake();
        }
    }
}
