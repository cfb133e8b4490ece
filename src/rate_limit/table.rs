use super::ask::Ask;
use super::config::{Config, PARKED};
use super::pace::Pace;
use super::{Decision, Quota, WhenFull};
use crate::error::{Reason, Rejected};
use crate::sync::atomic::{AtomicU64, Ordering::SeqCst};
use crate::sync::{Mutex, Padded, spin_loop};
use crate::time::Instant;
use std::time::Duration;

/// Buckets by fingerprint in a flat array of fixed size.
///
/// ```text
///   home ──► [ k k k k ][ k k k k ][ k k · · ]    lines of four slots; a key stands before the first · on its path
/// ```
///
/// A key may stand in any of the [`REACH`] lines from its home on; a line of slots is a line of the cache, so most keys
/// are found by reading one. Finding takes no lock; taking a slot takes the lock of the key's stripe, so that a key never
/// stands in two. A slot is taken that was never used, or from a bucket that is full at that instant, which nobody
/// can tell from one that was never there. No slot is ever emptied again, so a search ends at the first empty one.
///
/// # Memory ordering
///
/// As in [`Word`](super::Word), the word guards what stands beside it. Who takes a slot parks its word, writes the
/// key, and unparks the word; who uses a slot reads the word, then the key and the pace, and ends with a
/// compare-and-swap of the word. A word could come back to the value it had for the key before, if it was taken
/// in the very tick in which it filled and the new key gave back all it took: so a user looks at the key again
/// after the swap, and if it has changed charges its own bucket once more. (The other is then charged one call too
/// many; nobody is admitted one too many.)
#[derive(Debug)]
pub(super) struct Table {
    lines: Box<[Line]>,
    max_keys: usize,
    stripes: [Mutex<()>; STRIPES],
    // For the keys that found no room.
    overflow: Padded<AtomicU64>,
    config: Config,
}

/// Four slots, a line of the cache.
#[derive(Debug)]
#[repr(align(64))]
struct Line([Slot; SLOTS]);

#[derive(Debug)]
struct Slot {
    /// The fingerprint, or [`EMPTY`], or [`BARRED`].
    key: AtomicU64,
    full_at: AtomicU64,
}

const SLOTS: usize = 4;
/// The lines in which a key may stand: its own and the next, and 32 slots more.
const REACH: usize = 10;
/// Insertions of different keys seldom meet at one lock.
const STRIPES: usize = 64;

/// The key of a slot that was never used.
const EMPTY: u64 = 0;
/// The key and the word of a slot of the last line that would be one more than `max_keys`. No bucket has this word.
const BARRED: u64 = PARKED - 1;

/// Where permits were taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home {
    Slot,
    Overflow,
    /// Admitted without a trace: there was no room.
    Nowhere,
}

impl Table {
    pub(super) fn new(quota: Quota, max_keys: usize) -> Self {
        let max_keys = max_keys.max(1);
        let slot = |index| {
            let barred = if index < max_keys { EMPTY } else { BARRED };
            Slot { key: AtomicU64::new(barred), full_at: AtomicU64::new(barred) }
        };
        let line = |line| Line(std::array::from_fn(|index| slot(line * SLOTS + index)));
        Self {
            lines: (0..max_keys.div_ceil(SLOTS)).map(line).collect(),
            max_keys,
            stripes: std::array::from_fn(|_| Mutex::new(())),
            overflow: Padded(AtomicU64::new(0)),
            config: Config::new(Pace::finest(quota), quota),
        }
    }

    /// A fingerprint that stands for none of the keys that are no keys.
    #[inline]
    pub(super) const fn fit(fingerprint: u64) -> u64 {
        match fingerprint {
            EMPTY => EMPTY + 1,
            BARRED => BARRED + 1,
            fingerprint => fingerprint,
        }
    }

    pub(super) const fn max_keys(&self) -> usize {
        self.max_keys
    }

    pub(super) fn quota(&self) -> Quota {
        self.config.get().1
    }

    /// The state of a slot and the pace of its key.
    #[inline]
    fn read(&self, slot: &Slot, own: Option<Quota>) -> (u64, Pace) {
        let (state, pace) = self.config.read(|| slot.full_at.load(SeqCst));
        (state, pace.told_for(own))
    }

    /// The pace of a key while its stripe is locked, which keeps changes away.
    fn pace(&self, own: Option<Quota>) -> Pace {
        self.config.get().0.told_for(own)
    }

    /// Takes permits of a key that stands somewhere; after a no, [`admit`](Self::admit) decides.
    #[inline]
    pub(super) fn try_admit(&self, key: u64, cost: u32, now: Instant) -> bool {
        let Some(slot) = self.find(key) else { return false };
        loop {
            let (seen, pace) = self.config.read(|| slot.full_at.load(SeqCst));
            if cost == 0 || slot.key.load(SeqCst) != key {
                return false;
            }
            // Parked is later than any now, and is refused.
            let Some(next) = pace.admit(seen, cost, now) else { return false };
            if slot.swap(seen, next) {
                return slot.key.load(SeqCst) == key;
            }
        }
    }

    /// Takes the permits; answers from where, and the state there afterwards.
    pub(super) fn admit(&self, ask: Ask) -> Result<(Home, u64), Rejected> {
        if ask.cost == 0 {
            return Ok((Home::Nowhere, 0));
        }
        if let Some(slot) = self.find(ask.key)
            && let Some(answer) = self.admit_in(slot, ask)
        {
            return answer;
        }
        self.insert(ask)
    }

    /// Gives back to a bucket what was taken from it; one that is gone was full.
    pub(super) fn give_back(&self, key: u64, home: Home, cost: u32, own: Option<Quota>) {
        match home {
            Home::Slot => {
                self.update(key, own, |pace, full_at| pace.give_back(full_at, cost));
            }
            Home::Overflow => {
                let _stripe = self.stripe(key).lock();
                let pace = self.pace(own);
                let _ = self
                    .overflow
                    .0
                    .fetch_update(SeqCst, SeqCst, |full_at| Some(pace.give_back(full_at, cost)));
            }
            Home::Nowhere => {}
        }
    }

    /// Changes the bucket of a key, if it has one; answers whether it had.
    pub(super) fn update(&self, key: u64, own: Option<Quota>, step: impl Fn(Pace, u64) -> u64) -> bool {
        let mut locked = None;
        while let Some(slot) = self.find(key) {
            let (seen, pace) = self.read(slot, own);
            let next = step(pace, seen);
            if slot.holds(key, seen) && slot.swap(seen, next) {
                return true;
            }
            if seen == PARKED && locked.is_none() {
                // Whoever changes the quota holds every stripe; whoever takes the slot is done with it soon.
                locked = Some(self.stripe(key).lock());
            }
        }
        false
    }

    pub(super) fn peek(&self, key: u64, cost: u32, own: Option<Quota>, now: Instant) -> Decision {
        if let Some(slot) = self.find(key) {
            let (seen, pace) = self.read(slot, own);
            if slot.holds(key, seen) && slot.full_at.load(SeqCst) == seen {
                return pace.answer(seen, cost, 0, now);
            }
        }
        let _stripe = self.stripe(key).lock();
        let own_state = self.find(key).map(|slot| slot.full_at.load(SeqCst)).filter(|&state| state != PARKED);
        self.pace(own).answer(own_state.unwrap_or_else(|| self.overflow.0.load(SeqCst)), cost, 0, now)
    }

    /// The time until nothing is owed in a bucket of this state.
    pub(super) fn debt(&self, full_at: u64, own: Option<Quota>, now: Instant) -> Duration {
        self.config.read(|| full_at).1.told_for(own).debt(full_at, now)
    }

    /// Keys whose bucket is not full: a walk over the whole table.
    pub(super) fn live(&self, now: Instant) -> usize {
        let now = self.config.read(|| 0).1.ticks(now);
        self.slots().filter(|slot| (now + 1..BARRED).contains(&slot.full_at.load(SeqCst))).count()
    }

    /// Changes the quota; `carry` makes each new word of an old one. Callers wait while the table is walked twice.
    pub(super) fn replace(&self, quota: Quota, carry: impl Fn(Pace, Pace, u64) -> u64) -> Quota {
        let stripes = self.stripes.each_ref().map(Mutex::lock);
        let ((old, before), new) = (self.config.get(), Pace::finest(quota));
        let words = || self.slots().map(|slot| &slot.full_at).chain([&self.overflow.0]);
        let states: Vec<u64> = words().map(|word| word.swap(PARKED, SeqCst)).collect();
        self.config.set(new, quota);
        for (word, state) in words().zip(states) {
            let next = if matches!(state, 0 | BARRED) { state } else { carry(old, new, state) };
            let same = next == state && old != new && !matches!(state, 0 | BARRED);
            word.store(if same { next + 1 } else { next }, SeqCst);
        }
        drop(stripes);
        before
    }

    #[inline]
    fn find(&self, key: u64) -> Option<&Slot> {
        let mut at = self.home(key);
        for _ in 0..REACH {
            let Line(slots) = self.lines.get(at)?;
            // Which of four is anybody's guess, so without a branch.
            let is = |index: usize| usize::from(slots[index].key.load(SeqCst) == key) * index;
            let slot = &slots[(is(1) | is(2) | is(3)) % SLOTS];
            if slot.key.load(SeqCst) == key {
                return Some(slot);
            }
            // Slots are used in their order.
            if slots[SLOTS - 1].key.load(SeqCst) == EMPTY {
                return None;
            }
            at = if at + 1 == self.lines.len() { 0 } else { at + 1 };
        }
        None
    }

    /// The lines in which the key may stand, from its home on and round the end.
    fn path(&self, key: u64) -> impl Iterator<Item = &Line> {
        let (before, from) = self.lines.split_at_checked(self.home(key)).unwrap_or_default();
        from.iter().chain(before).take(REACH)
    }

    #[inline]
    fn home(&self, key: u64) -> usize {
        ((u128::from(key) * self.lines.len() as u128) >> 64) as usize
    }

    fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.lines.iter().flat_map(|line| &line.0)
    }

    const fn stripe(&self, key: u64) -> &Mutex<()> {
        &self.stripes[key as usize % STRIPES]
    }

    /// One decision in a slot that had the key; `None` if it has it no longer.
    #[inline]
    fn admit_in(&self, slot: &Slot, ask: Ask) -> Option<Result<(Home, u64), Rejected>> {
        loop {
            let (seen, pace) = self.read(slot, ask.own);
            if !slot.holds(ask.key, seen) {
                return None;
            }
            match ask.step(pace, seen) {
                Some(next) if slot.swap(seen, next) => {
                    return (slot.key.load(SeqCst) == ask.key).then_some(Ok((Home::Slot, next)));
                }
                None if slot.full_at.load(SeqCst) == seen => return Some(Err(ask.refused(pace, seen))),
                _ => {}
            }
        }
    }

    /// A decision for a key that has no slot, as far as could be seen without the lock.
    #[cold]
    #[inline(never)]
    fn insert(&self, ask: Ask) -> Result<(Home, u64), Rejected> {
        let _stripe = self.stripe(ask.key).lock();
        let pace = self.pace(ask.own);
        let now = pace.ticks(ask.now);
        'search: loop {
            let (mut free, mut earliest, mut parked) = (None, PARKED, false);
            'path: for line in self.path(ask.key) {
                let near = free.is_some();
                for slot in &line.0 {
                    let (state, key) = (slot.full_at.load(SeqCst), slot.key.load(SeqCst));
                    if key == ask.key && state != PARKED {
                        match self.admit_in(slot, ask) {
                            Some(answer) => return answer,
                            None => continue 'search,
                        }
                    }
                    if key == EMPTY {
                        parked |= state == PARKED;
                        free = Some((slot, state)).filter(|_| state != PARKED);
                        break 'path;
                    }
                    // The nearest line that has one, and there the one that has been idle longest.
                    if state <= now && !near && free.is_none_or(|(_, idle)| state < idle) {
                        free = Some((slot, state));
                    }
                    parked |= state == PARKED;
                    earliest = earliest.min(state);
                }
            }
            // While those without a slot are in debt together, so is who leaves them.
            let overflow = self.overflow.0.load(SeqCst);
            if let Some((slot, state)) = free {
                let Some(next) = ask.step(pace, overflow) else {
                    return Err(ask.refused(pace, overflow));
                };
                if slot.swap(state, PARKED) {
                    slot.key.store(ask.key, SeqCst);
                    slot.full_at.store(next, SeqCst);
                    return Ok((Home::Slot, next));
                }
                continue;
            }
            if parked {
                // Somebody is between two stores; what he leaves may be a slot for us.
                spin_loop();
                continue;
            }
            return match ask.full {
                WhenFull::Refuse => {
                    Err(Rejected::in_nanos(ask.by, Reason::KeysFull, pace.until(earliest, ask.now)))
                }
                WhenFull::Admit => Ok((Home::Nowhere, 0)),
                WhenFull::SharedBucket => match ask.step(pace, overflow) {
                    None => Err(ask.refused(pace, overflow)),
                    Some(next) => match self.overflow.0.compare_exchange(overflow, next, SeqCst, SeqCst) {
                        Ok(_) => Ok((Home::Overflow, next)),
                        Err(_) => continue,
                    },
                },
            };
        }
    }
}

impl Slot {
    /// Whether the state that was seen is the key's: no, while the slot is being taken.
    #[inline]
    fn holds(&self, key: u64, seen: u64) -> bool {
        seen != PARKED && self.key.load(SeqCst) == key
    }

    #[inline]
    fn swap(&self, seen: u64, next: u64) -> bool {
        self.full_at.compare_exchange(seen, next, SeqCst, SeqCst).is_ok()
    }
}
