use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

/// How many prefixes are remembered; with one more everything is purged, which is wrong only on the safe side.
const MOST: usize = 64;

/// Prefixes of addresses that were purged, and when: what was asked for before is not to be sent.
#[derive(Debug, Default)]
pub(super) struct Prefixes {
    number: AtomicU64,
    any: AtomicBool,
    purged: Mutex<Vec<(String, u64)>>,
}

impl Prefixes {
    /// The number of a load that begins now.
    pub(super) fn number(&self) -> u64 {
        self.number.load(SeqCst)
    }

    /// Whether there is still room; if not, all of them are forgotten and everything must go.
    pub(super) fn purge(&self, prefix: String) -> bool {
        let mut purged = self.purged.lock();
        let number = self.number.fetch_add(1, SeqCst) + 1;
        purged.retain(|(other, _)| !other.starts_with(&*prefix));
        let fits = purged.len() < MOST;
        if fits {
            purged.push((prefix, number));
        } else {
            purged.clear();
        }
        self.any.store(fits, SeqCst);
        fits
    }

    pub(super) fn has_purged(&self, address: &str, number: u64) -> bool {
        self.any.load(SeqCst)
            && self.purged.lock().iter().any(|(prefix, at)| number < *at && address.starts_with(&**prefix))
    }
}
