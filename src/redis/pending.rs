//! Fences that the store has not done yet: what they name is not trusted there.

use crate::cache::Fence;
use crate::sync::Mutex;
use std::collections::HashMap;
use std::hash::Hash;

/// Keys and tags that may wait; beyond that nothing in the store is trusted until all is cleared there.
const MOST: usize = 10_000;

#[derive(Debug)]
pub(super) struct Pending<K>(Mutex<State<K>>);

#[derive(Debug)]
struct State<K> {
    // For each key how it was fenced last, and when: a number that rises.
    keys: HashMap<K, (bool, u64)>,
    tags: HashMap<String, (bool, u64)>,
    all: Option<u64>,
    next: u64,
}

/// A fence as it was noted; a later one of the same name is another.
#[derive(Clone, Debug)]
pub(super) struct Noted<K> {
    pub(super) fence: Fence<K>,
    number: u64,
}

impl<K: Hash + Eq + Clone> Pending<K> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State { keys: HashMap::new(), tags: HashMap::new(), all: None, next: 0 }))
    }

    pub(super) fn note(&self, fence: &Fence<K>) -> Noted<K> {
        let mut state = self.0.lock();
        state.next += 1;
        let number = state.next;
        let crowded = state.keys.len() + state.tags.len() >= MOST;
        let mut fence = fence.clone();
        match &fence {
            Fence::All => state.all = Some(number),
            _ if crowded => {
                state.all = Some(number);
                fence = Fence::All;
            }
            Fence::Key(key) | Fence::Old(key) => {
                // Wrong outlasts old.
                let wrong =
                    matches!(fence, Fence::Key(_)) || state.keys.get(key).is_some_and(|known| known.0);
                state.keys.insert(key.clone(), (wrong, number));
            }
            Fence::Tag(tag) | Fence::OldTag(tag) => {
                let wrong =
                    matches!(fence, Fence::Tag(_)) || state.tags.get(tag).is_some_and(|known| known.0);
                state.tags.insert(tag.clone(), (wrong, number));
            }
        }
        Noted { fence, number }
    }

    /// Whether the store may know something of this key that is no longer true.
    pub(super) fn distrusts(&self, key: &K) -> bool {
        let state = self.0.lock();
        // Which keys carry a tag is not known here.
        state.all.is_some() || !state.tags.is_empty() || state.keys.contains_key(key)
    }

    /// The store has done it; a fence that came later still stands.
    pub(super) fn done(&self, noted: &Noted<K>) {
        let mut state = self.0.lock();
        let number = noted.number;
        match &noted.fence {
            Fence::Key(key) | Fence::Old(key) => {
                if state.keys.get(key).is_some_and(|known| known.1 == number) {
                    state.keys.remove(key);
                }
            }
            Fence::Tag(tag) | Fence::OldTag(tag) => {
                if state.tags.get(tag).is_some_and(|known| known.1 == number) {
                    state.tags.remove(tag);
                }
            }
            Fence::All => {
                // All that was noted before it is done with it.
                state.keys.retain(|_, known| known.1 > number);
                state.tags.retain(|_, known| known.1 > number);
                if state.all == Some(number) {
                    state.all = None;
                }
            }
        }
    }

    /// One that waits: the one for everything first, which may be all there is to do.
    pub(super) fn any(&self) -> Option<Noted<K>> {
        let state = self.0.lock();
        if let Some(number) = state.all {
            return Some(Noted { fence: Fence::All, number });
        }
        if let Some((tag, &(wrong, number))) = state.tags.iter().next() {
            let tag = tag.clone();
            return Some(Noted { fence: if wrong { Fence::Tag(tag) } else { Fence::OldTag(tag) }, number });
        }
        let (key, &(wrong, number)) = state.keys.iter().next()?;
        let key = key.clone();
        Some(Noted { fence: if wrong { Fence::Key(key) } else { Fence::Old(key) }, number })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_distrusted_until_it_is_done() {
        let pending = Pending::new();
        let noted = pending.note(&Fence::Key(7));
        assert!(pending.distrusts(&7) && !pending.distrusts(&8));
        let later = pending.note(&Fence::Old(7));
        pending.done(&noted);
        assert!(pending.distrusts(&7), "a later one stands");
        assert_eq!(pending.any().unwrap().fence, Fence::Key(7), "wrong outlasts old");
        pending.done(&later);
        assert!(!pending.distrusts(&7) && pending.any().is_none());
    }

    #[test]
    fn a_tag_is_on_any_key_and_everything_is_everything() {
        let pending = Pending::new();
        let tag = pending.note(&Fence::Tag("home".into()));
        assert!(pending.distrusts(&1));
        let all = pending.note(&Fence::All);
        let after = pending.note(&Fence::Key(3));
        pending.done(&all);
        pending.done(&tag);
        assert!(!pending.distrusts(&1) && pending.distrusts(&3));
        pending.done(&after);
    }

    #[test]
    fn too_many_are_one_for_everything() {
        let pending = Pending::new();
        for key in 0..=MOST {
            pending.note(&Fence::Key(key));
        }
        let all = pending.any().unwrap();
        assert_eq!(all.fence, Fence::All);
        pending.done(&all);
        assert!(pending.any().is_none());
    }
}
