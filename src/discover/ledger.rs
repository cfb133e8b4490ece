use super::found::Found;
use crate::balance::{Endpoint, Id};
use crate::time::Instant;
use std::collections::BTreeMap;

/// Who announced itself under one name, and until when each announcement is believed.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    present: BTreeMap<Id, Entry>,
}

#[derive(Debug)]
struct Entry {
    endpoint: Endpoint<()>,
    until: Instant,
    /// Whose it is: a lease that was followed by another announcement of the same id takes nothing away.
    holder: u64,
}

impl Ledger {
    /// It is there, as `endpoint` says, until `until`; whether that is news.
    pub(super) fn announce(&mut self, endpoint: Endpoint<()>, holder: u64, until: Instant) -> bool {
        let entry = Entry { endpoint, until, holder };
        let before = self.present.get(entry.endpoint.id());
        let news = before.is_none_or(|before| !before.endpoint.is_as(&entry.endpoint));
        self.present.insert(entry.endpoint.id().clone(), entry);
        news
    }

    /// It is still there, until `until`; `false` if that is not known, or `holder` does not hold it.
    pub(super) fn beat(&mut self, id: &str, holder: u64, until: Instant) -> bool {
        let entry = self.present.get_mut(id).filter(|entry| entry.holder == holder);
        entry.map(|entry| entry.until = until).is_some()
    }

    /// It leaves, whoever holds it or only if `holder` does; whether that is news.
    pub(super) fn leave(&mut self, id: &str, holder: Option<u64>) -> bool {
        let theirs = |entry: &Entry| holder.is_none_or(|holder| entry.holder == holder);
        self.present.get(id).is_some_and(theirs) && self.present.remove(id).is_some()
    }

    /// Without those who were not heard of for too long; whether that is news.
    pub(super) fn expire(&mut self, now: Instant) -> bool {
        let before = self.present.len();
        self.present.retain(|_, entry| entry.until > now);
        self.present.len() != before
    }

    /// When somebody is not believed any more, if nobody is heard of until then.
    pub(super) fn soonest(&self) -> Option<Instant> {
        self.present.values().map(|entry| entry.until).min()
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.present.contains_key(id)
    }

    pub(super) fn len(&self) -> usize {
        self.present.len()
    }

    pub(super) fn found(&self) -> Found {
        self.present.values().map(|entry| entry.endpoint.clone()).collect::<Found>().live()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Announce { id: usize, holder: u64, weight: u32 },
        Beat { id: usize, holder: u64 },
        Leave { id: usize, holder: Option<u64> },
        Expire,
    }

    const IDS: [&str; 3] = ["a", "b", "c"];
    const EXPIRY: u64 = 10;

    fn step() -> impl Strategy<Value = (u64, Step)> {
        let id = 0..IDS.len();
        let what = prop_oneof![
            3 => (id.clone(), 0..3u64, 1..3u32).prop_map(|(id, holder, weight)| Step::Announce { id, holder, weight }),
            3 => (id.clone(), 0..3u64).prop_map(|(id, holder)| Step::Beat { id, holder }),
            1 => (id, proptest::option::of(0..3u64)).prop_map(|(id, holder)| Step::Leave { id, holder }),
            1 => Just(Step::Expire),
        ];
        (0..7u64, what)
    }

    /// The naive one reads all that ever happened to an id: its weight, holder and last sign of life, if it is there.
    fn naive(past: &[(u64, Step)], wanted: usize, now: u64) -> Option<(u32, u64, u64)> {
        let mut there: Option<(u32, u64, u64)> = None;
        for &(at, step) in past {
            there = there.filter(|&(_, _, seen)| at < seen + EXPIRY);
            match step {
                Step::Announce { id, holder, weight } if id == wanted => there = Some((weight, holder, at)),
                Step::Beat { id, holder } if id == wanted => {
                    there = there
                        .map(|(weight, held, seen)| (weight, held, if held == holder { at } else { seen }));
                }
                Step::Leave { id, holder } if id == wanted => {
                    there = there.filter(|&(_, held, _)| holder.is_some_and(|holder| holder != held));
                }
                _ => {}
            }
        }
        there.filter(|&(_, _, seen)| now < seen + EXPIRY)
    }

    proptest! {
        #[test]
        fn who_is_there_is_what_all_of_the_past_says(steps in proptest::collection::vec(step(), 1..80)) {
            let mut ledger = Ledger::default();
            let (mut past, mut now) = (Vec::<(u64, Step)>::new(), 0);
            for (after, step) in steps {
                now += after;
                let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
                let until = at(now + EXPIRY);
                let all = |past: &[_], now| -> Vec<_> {
                    (0..IDS.len()).filter_map(|id| Some((IDS[id], naive(past, id, now)?))).collect()
                };
                let weights = |there: &[(&'static str, (u32, u64, u64))]| -> Vec<_> {
                    there.iter().map(|&(id, (weight, ..))| (id, weight)).collect()
                };
                let last = past.last().map_or(0, |&(at, _)| at);
                let gone = all(&past, last).len() != all(&past, now).len();
                prop_assert_eq!(ledger.expire(at(now)), gone, "{:?}", past);
                let before = all(&past, now);
                past.push((now, step));
                let after = all(&past, now);
                let news = weights(&before) != weights(&after);
                match step {
                    Step::Announce { id, holder, weight } => {
                        let endpoint = Endpoint::new(IDS[id], ()).weight(weight);
                        prop_assert_eq!(ledger.announce(endpoint, holder, until), news, "{:?}", past);
                    }
                    Step::Beat { id, holder } => {
                        let held = before.iter().any(|&(known, (_, held, _))| known == IDS[id] && held == holder);
                        prop_assert_eq!(ledger.beat(IDS[id], holder, until), held, "{:?}", past);
                    }
                    Step::Leave { id, holder } => {
                        prop_assert_eq!(ledger.leave(IDS[id], holder), news, "{:?}", past);
                    }
                    Step::Expire => prop_assert!(!ledger.expire(at(now)), "told once"),
                }
                let found = ledger.found();
                let ids: Vec<_> = found.endpoints().iter().map(|endpoint| endpoint.id().as_str()).collect();
                let naive_ids: Vec<_> = after.iter().map(|&(id, _)| id).collect();
                prop_assert_eq!(ids, naive_ids, "{:?}", past);
                let soonest = after.iter().map(|&(_, (_, _, seen))| at(seen + EXPIRY)).min();
                prop_assert_eq!((ledger.soonest(), ledger.len()), (soonest, after.len()));
                prop_assert!(after.iter().all(|&(id, _)| ledger.contains(id)));
            }
        }
    }
}
