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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::cache::key::Address;
    use http::Uri;
    use http::header::{ACCEPT, ACCEPT_LANGUAGE};
    use proptest::prelude::*;

    const MOST: usize = 3;

    fn address(n: u8) -> Key {
        let uri: Uri = format!("http://a.example/{n}").parse().unwrap();
        Address::of(&uri, &HeaderMap::new()).unwrap().key(0)
    }

    fn request(said: u8) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, u16::from(said).into());
        headers.insert(ACCEPT_LANGUAGE, u16::from(said / 2).into());
        headers
    }

    #[derive(Clone, Debug)]
    enum Act {
        Ask(u8, u8),
        Learn(u8, u8, bool),
        Forget(u8),
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            4 => (0..3_u8, 0..8_u8).prop_map(|(at, said)| Act::Ask(at, said)),
            2 => (0..3_u8, 0..8_u8, any::<bool>()).prop_map(|(at, said, both)| Act::Learn(at, said, both)),
            1 => (0..3_u8).prop_map(Act::Forget),
        ]
    }

    proptest! {
        /// Whatever may be stored can be found again to be purged: what is no longer reachable was told.
        #[test]
        fn a_key_is_reachable_until_it_is_told_to_be_gone(acts in prop::collection::vec(act(), 0..60)) {
            let variants = Variants::default();
            let mut stored: Vec<(u8, Key)> = Vec::new();
            for act in acts {
                let (at, gone, now) = match act {
                    Act::Ask(at, said) => match variants.key(0, address(at), &request(said), MOST) {
                        Some((key, gone)) => (at, gone, Some(key)),
                        None => (at, Vec::new(), None),
                    },
                    Act::Learn(at, said, both) => {
                        let names = if both { vec![ACCEPT, ACCEPT_LANGUAGE] } else { vec![ACCEPT_LANGUAGE] };
                        let asked = variants.key(0, address(at), &request(said), MOST);
                        let (key, mut gone) = asked.unwrap_or_else(|| (address(at), Vec::new()));
                        gone.extend(variants.learn(address(at), key, &names, &request(said)));
                        (at, gone, Some(key))
                    }
                    Act::Forget(at) => (at, variants.forget(address(at)), None),
                };
                stored.retain(|(_, key)| !gone.contains(key));
                if let Some(key) = now {
                    stored.retain(|(_, other)| *other != key);
                    stored.push((at, key));
                }
                for (at, key) in &stored {
                    // The first answer of an address is known without being listed.
                    let known = *key == address(*at) || variants.keys(address(*at)).contains(key);
                    prop_assert!(known, "a key of address {at} is neither listed nor gone");
                }
                for at in 0..3 {
                    prop_assert!(variants.keys(address(at)).len() <= MOST);
                }
            }
        }

        /// Two requests alike in what an address varies by are one, and others are not.
        #[test]
        fn who_asks_alike_has_the_same_key(a in 0..8_u8, b in 0..8_u8) {
            let variants = Variants::default();
            variants.learn(address(0), address(0), &[ACCEPT_LANGUAGE], &request(0));
            let key = |said| variants.key(0, address(0), &request(said), MOST).unwrap().0;
            prop_assert_eq!(key(a) == key(b), a / 2 == b / 2);
        }
    }
}
