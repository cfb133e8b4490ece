use super::config::PARKED;
use crate::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// A few buckets beside each other, in one line of the cache.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Line(pub(super) [Slot; SLOTS]);

pub(super) const SLOTS: usize = 4;

/// A bucket and whose it is.
#[derive(Debug)]
pub(super) struct Slot {
    /// The fingerprint, or [`EMPTY`], or [`BARRED`].
    pub(super) key: AtomicU64,
    pub(super) full_at: AtomicU64,
}

/// The key of a slot that was never used.
pub(super) const EMPTY: u64 = 0;
/// The key and the word of a slot that would be one more than the table may have. No bucket has this word.
pub(super) const BARRED: u64 = PARKED - 1;

/// What a line offers to a newcomer.
pub(super) struct Offer<'a> {
    /// How many of its slots may be taken: never used, or full.
    pub(super) free: usize,
    /// The one of them that has been idle longest, and its word.
    pub(super) slot: Option<(&'a Slot, u64)>,
    /// When the first of its slots may be taken.
    pub(super) earliest: u64,
    /// Whether somebody is just taking one.
    pub(super) parked: bool,
}

impl Line {
    /// The first `slots` of this line may be used.
    pub(super) fn new(slots: usize) -> Self {
        Self(std::array::from_fn(|index| {
            let barred = if index < slots { EMPTY } else { BARRED };
            Slot { key: AtomicU64::new(barred), full_at: AtomicU64::new(barred) }
        }))
    }

    /// The slot of a key, if it stands here.
    #[inline]
    pub(super) fn find(&self, key: u64) -> Option<&Slot> {
        let Self(slots) = self;
        // Which of four is anybody's guess, so without a branch.
        let is = |index: usize| usize::from(slots[index].key.load(SeqCst) == key) * index;
        let slot = &slots[(is(1) | is(2) | is(3)) % SLOTS];
        (slot.key.load(SeqCst) == key).then_some(slot)
    }

    pub(super) fn offer(&self, now: u64) -> Offer<'_> {
        let mut offer = Offer { free: 0, slot: None, earliest: PARKED, parked: false };
        for slot in &self.0 {
            let state = slot.full_at.load(SeqCst);
            offer.parked |= state == PARKED;
            offer.earliest = offer.earliest.min(state);
            if state <= now {
                offer.free += 1;
                if offer.slot.is_none_or(|(_, idle)| state < idle) {
                    offer.slot = Some((slot, state));
                }
            }
        }
        offer
    }
}

impl Slot {
    /// Whether the state that was seen is the key's: no, while the slot is being taken.
    #[inline]
    pub(super) fn holds(&self, key: u64, seen: u64) -> bool {
        seen != PARKED && self.key.load(SeqCst) == key
    }

    #[inline]
    pub(super) fn swap(&self, seen: u64, next: u64) -> bool {
        self.full_at.compare_exchange(seen, next, SeqCst, SeqCst).is_ok()
    }

    /// Takes the slot for itself if its word is still the one seen; until [`give`](Self::give) nobody else uses it.
    pub(super) fn park(&self, seen: u64) -> bool {
        seen != PARKED && self.swap(seen, PARKED)
    }

    /// Leaves a parked slot to a key.
    pub(super) fn give(&self, key: u64, full_at: u64) {
        self.key.store(key, SeqCst);
        self.full_at.store(full_at, SeqCst);
    }
}
