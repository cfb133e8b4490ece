use super::algorithm::{Algorithm, Carry};
use super::share::Cell;
use super::{Decision, Quota, TokenBucket, Verdict, Word};
use crate::error::Rejected;
use crate::name::Name;
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use crate::sync::{Mutex, Padded, thread_number};
use crate::time::Instant;
use std::time::Duration;

/// A bucket of which each of a few slots holds a part, to be spent there by its own threads.
///
/// ```text
///   slots   [k] [k] [k] [k]   spent without the clock, each on a line of its own
///             ▲   leases of k
///   bucket  [ B − slots · k ]  fills at the rate
/// ```
///
/// What the slots hold is part of the capacity, so the bound of the bucket holds at every instant. Before
/// anything is refused all slots are looked at: at one instant exactly the capacity is admitted.
///
/// # Memory ordering
///
/// Permits move between words one word at a time. Who moves several (to gather a cost that no slot and not the
/// bucket holds alone, or to change the quota) holds the lock and counts `moves` up before and after: a refusal
/// that found too little while somebody moved looks again.
#[derive(Debug)]
pub(super) struct Leases {
    bucket: Word,
    slots: Box<[Padded<AtomicU32>]>,
    /// What a slot holds at most; 0: everything comes from the bucket.
    lease: AtomicU32,
    capacity: AtomicU32,
    moves: AtomicU64,
    moving: Mutex<()>,
}

/// No slot holds so many.
const PARKED: u32 = u32::MAX;

/// How much one of so many slots may hold: half of the burst in all, and no more than comes in a millisecond.
fn lease(quota: Quota, slots: usize) -> u32 {
    let share = quota.capacity() as usize / (2 * slots);
    if quota.is_unlimited() {
        return share as u32;
    }
    let a_millisecond = u128::from(quota.permits()) * 1_000_000 / quota.period().as_nanos().max(1);
    share.min(usize::try_from(a_millisecond).unwrap_or(usize::MAX)) as u32
}

/// The bucket beside the slots.
const fn beside(quota: Quota, slots: usize, lease: u32) -> TokenBucket {
    // At least half of the burst stays.
    TokenBucket::new(quota.burst(quota.capacity() - lease * slots as u32))
}

impl Leases {
    pub(super) fn new(quota: Quota, slots: usize) -> Self {
        let slots = slots.max(1);
        let lease = lease(quota, slots);
        Self {
            bucket: Word::new(beside(quota, slots, lease)),
            slots: (0..slots).map(|_| Padded(AtomicU32::new(lease))).collect(),
            lease: AtomicU32::new(lease),
            capacity: AtomicU32::new(quota.capacity()),
            moves: AtomicU64::new(0),
            moving: Mutex::new(()),
        }
    }

    /// Takes from the thread's own slot, where that is enough: no clock, no word that others write.
    #[inline]
    pub(super) fn take_own(&self, cost: u32) -> bool {
        take(self.own(), cost)
    }

    /// Takes from wherever there is enough.
    #[cold]
    #[inline(never)]
    pub(super) fn take(&self, by: Name, cost: u32, now: Instant) -> Result<(), Rejected> {
        loop {
            let lease = self.lease.load(SeqCst);
            if cost <= lease && self.bucket.take(lease, now) {
                self.put(lease - cost);
                return Ok(());
            }
            if self.bucket.take(cost, now) || self.slots.iter().any(|slot| take(slot, cost)) {
                return Ok(());
            }
            let (moves, refusal) = (self.moves.load(SeqCst), self.refusal(by, cost, now));
            if let Some(refusal) = refusal
                && moves.is_multiple_of(2)
                && self.moves.load(SeqCst) == moves
            {
                return Err(refusal);
            }
            if self.gather(cost, now) {
                return Ok(());
            }
        }
    }

    /// The refusal of all of it together, unless there is enough. Writes nothing.
    fn refusal(&self, by: Name, cost: u32, now: Instant) -> Option<Rejected> {
        let capacity = self.capacity.load(SeqCst);
        if cost > capacity {
            return Some(Rejected::too_large(by, cost, capacity));
        }
        match cost.saturating_sub(self.held()) {
            0 => None,
            missing => self.bucket.refusal(by, missing, now),
        }
    }

    /// What all of it would answer. Writes nothing.
    pub(super) fn peek(&self, cost: u32, now: Instant) -> Decision {
        let capacity = self.capacity.load(SeqCst);
        let held = self.held().min(capacity);
        let missing = cost.saturating_sub(held);
        let (bucket, rest) = self.bucket.update(|bucket, state| {
            // More than the bucket holds beside the slots is there at the earliest when it is full.
            let missing = missing.min(bucket.quota().capacity());
            (bucket.peek(state, missing, 0, now), bucket.peek(state, 0, 0, now))
        });
        let remaining = rest.remaining().saturating_add(held).min(capacity);
        let verdict = if cost > capacity {
            Verdict::TooLarge { capacity }
        } else if remaining >= cost {
            Verdict::Admitted
        } else {
            let retry_after = bucket.retry_after().unwrap_or(Duration::from_nanos(1));
            Verdict::Limited { retry_after }
        };
        Decision::new(verdict, remaining, rest.reset_after())
    }

    pub(super) fn give_back(&self, permits: u32) {
        self.put(permits);
    }

    /// Changes the quota; what is left, here and there, is carried over together.
    pub(super) fn replace(&self, quota: Quota, carry: Carry, now: Instant) {
        let _moving = self.moving.lock();
        self.moves.fetch_add(1, SeqCst);
        let slots = self.slots.len();
        let (old_capacity, new_lease) = (self.capacity.load(SeqCst), lease(quota, slots));
        let held: u32 = self.slots.iter().map(|slot| slot.swap(PARKED, SeqCst)).sum();
        let (whole, mut parts) = (TokenBucket::new(quota), 0);
        self.bucket.replace_by(beside(quota, slots, new_lease), |before, state| {
            let old = TokenBucket::new(before.quota().burst(old_capacity));
            let mut all = old.carry(before, &state, Carry::Keep, now);
            old.give_back(&mut all, held, now);
            let mut state = whole.carry(&old, &all, carry, now);
            parts = whole.peek(&state, 0, 0, now).remaining().min(new_lease * slots as u32);
            whole.charge(&mut state, parts, now);
            beside(quota, slots, new_lease).carry(&whole, &state, Carry::Keep, now)
        });
        self.lease.store(new_lease, SeqCst);
        self.capacity.store(quota.capacity(), SeqCst);
        for slot in &self.slots {
            let part = parts.min(new_lease);
            parts -= part;
            slot.store(part, SeqCst);
        }
        self.moves.fetch_add(1, SeqCst);
    }

    pub(super) fn quota(&self) -> Quota {
        let quota = self.bucket.update(|bucket, _| bucket.quota());
        quota.burst(self.capacity.load(SeqCst))
    }

    /// Gathers a cost that nobody holds alone; all of it, or nothing.
    fn gather(&self, cost: u32, now: Instant) -> bool {
        let _moving = self.moving.lock();
        self.moves.fetch_add(1, SeqCst);
        let mut gathered = 0;
        for slot in &self.slots {
            gathered += take_up_to(slot, cost - gathered);
        }
        let all = gathered == cost || self.bucket.take(cost - gathered, now);
        if !all {
            self.put(gathered);
        }
        self.moves.fetch_add(1, SeqCst);
        all
    }

    /// Into the thread's own slot as far as it may hold them, the rest into the bucket.
    fn put(&self, permits: u32) {
        let (slot, mut rest) = (self.own(), permits);
        let mut held = slot.load(SeqCst);
        while held != PARKED && rest > 0 {
            let room = self.lease.load(SeqCst).saturating_sub(held).min(permits);
            match slot.compare_exchange_weak(held, held + room, SeqCst, SeqCst) {
                Ok(_) => {
                    rest -= room;
                    break;
                }
                Err(actual) => held = actual,
            }
        }
        if rest > 0 {
            self.bucket.update(|bucket, state| bucket.give_back(state, rest, Instant::ZERO));
        }
    }

    fn held(&self) -> u32 {
        self.slots.iter().map(|slot| held(slot)).sum()
    }

    #[inline]
    fn own(&self) -> &AtomicU32 {
        &self.slots[thread_number() % self.slots.len()].0
    }
}

fn held(slot: &AtomicU32) -> u32 {
    match slot.load(SeqCst) {
        PARKED => 0,
        held => held,
    }
}

#[inline]
fn take(slot: &AtomicU32, cost: u32) -> bool {
    let mut held = slot.load(SeqCst);
    while held != PARKED && held >= cost {
        match slot.compare_exchange_weak(held, held - cost, SeqCst, SeqCst) {
            Ok(_) => return true,
            Err(actual) => held = actual,
        }
    }
    false
}

fn take_up_to(slot: &AtomicU32, most: u32) -> u32 {
    let taken = held(slot).min(most);
    if taken > 0 && take(slot, taken) { taken } else { 0 }
}
