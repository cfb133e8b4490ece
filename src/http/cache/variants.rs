use super::key::{Key, selecting};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use http::HeaderMap;
use http::header::HeaderName;
use std::collections::{HashMap, VecDeque};

/// How many addresses may have variants; of more the oldest is forgotten, with what is stored of it.
const ADDRESSES: usize = 10_000;

/// Which answers of one address are stored under which keys (RFC 9111, 4.1).
#[derive(Debug, Default)]
pub(super) struct Variants {
    addresses: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    of: HashMap<Key, Address>,
    order: VecDeque<Key>,
}

#[derive(Debug)]
struct Address {
    names: Vec<HeaderName>,
    // What requests said in those fields, and the key of the answer to it; oldest first.
    known: VecDeque<(Vec<u8>, Key)>,
}

impl Variants {
    /// The key of the answer to a request with these headers, if the address is known to have variants, and the keys
    /// that had to make room for it.
    pub(super) fn key(
        &self,
        seed: u64,
        address: Key,
        headers: &HeaderMap,
        most: usize,
    ) -> Option<(Key, Vec<Key>)> {
        if self.addresses.load(SeqCst) == 0 {
            return None;
        }
        let mut state = self.state.lock();
        let known = state.of.get_mut(&address)?;
        let said = selecting(&known.names, headers);
        if let Some((_, key)) = known.known.iter().find(|(other, _)| *other == said) {
            return Some((*key, Vec::new()));
        }
        let key = address.variant(seed, &said);
        known.known.push_back((said, key));
        let beyond = known.known.len().saturating_sub(most);
        let gone = known.known.drain(..beyond).map(|(_, key)| key).collect();
        Some((key, gone))
    }

    /// The answer under `key` varies by `names`; the keys of what is thereby no longer reachable.
    pub(super) fn learn(
        &self,
        address: Key,
        key: Key,
        names: &[HeaderName],
        headers: &HeaderMap,
    ) -> Vec<Key> {
        let said = selecting(names, headers);
        let mut state = self.state.lock();
        if let Some(known) = state.of.get_mut(&address) {
            if known.names == names {
                if !known.known.iter().any(|(other, _)| *other == said) {
                    known.known.push_back((said, key));
                }
                return Vec::new();
            }
            known.names = names.to_vec();
            let others = std::mem::replace(&mut known.known, VecDeque::from([(said, key)]));
            return others.into_iter().map(|(_, other)| other).filter(|other| *other != key).collect();
        }
        let known = VecDeque::from([(said, key)]);
        state.of.insert(address, Address { names: names.to_vec(), known });
        state.order.push_back(address);
        let mut gone = Vec::new();
        if state.of.len() > ADDRESSES
            && let Some(oldest) = state.order.pop_front()
        {
            gone = state.of.remove(&oldest).map(keys).unwrap_or_default();
        }
        self.addresses.store(state.of.len(), SeqCst);
        gone
    }

    /// All keys of an address but its own.
    pub(super) fn keys(&self, address: Key) -> Vec<Key> {
        let state = self.state.lock();
        let known = state.of.get(&address).into_iter().flat_map(|address| &address.known);
        known.map(|(_, key)| *key).collect()
    }

    /// All keys of an address but its own, which are forgotten.
    pub(super) fn forget(&self, address: Key) -> Vec<Key> {
        if self.addresses.load(SeqCst) == 0 {
            return Vec::new();
        }
        let mut state = self.state.lock();
        let gone = state.of.remove(&address).map(keys).unwrap_or_default();
        if !gone.is_empty() {
            state.order.retain(|other| *other != address);
        }
        self.addresses.store(state.of.len(), SeqCst);
        gone
    }
}

fn keys(address: Address) -> Vec<Key> {
    address.known.into_iter().map(|(_, key)| key).collect()
}
