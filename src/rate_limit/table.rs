use super::ask::Ask;
use super::config::{Config, PARKED};
use super::line::{BARRED, EMPTY, Line, SLOTS, Slot};
use super::pace::Pace;
use super::{Decision, Quota, WhenFull};
use crate::error::{Reason, Rejected};
use crate::name::Name;
use crate::sync::atomic::{AtomicU64, Ordering::SeqCst};
use crate::sync::{Mutex, Padded, spin_loop};
use crate::time::Instant;
use std::time::Duration;

/// Buckets by fingerprint in a flat array of fixed size.
///
/// ```text
///   lines of four slots    [ k k k k ][ k k · · ][ k k k · ][ k k k k ][ k k k · ]
///   a key may stand in              ▲ home          ▲ second      ▲ third ...
/// ```
///
/// A key may stand in [`WAYS`] lines that its fingerprint names; a line of slots is a line of the cache, and most keys stand at
/// home, so they are found by reading one. It goes home if there is a place, or else where most are, which fills the lines evenly. If
/// all its lines are full of keys in debt, one of those moves to another line of its own: a cuckoo hash, of one step
/// only, so that a flood of newcomers costs little. The first that finds no room, and has looked at 4 + 48 lines by then, comes
/// when 98 % of a thousand slots are in debt (the median), 96 % of ten thousand, 92 % of ten million; in fewer than one table of a
/// thousand before 90 %.
///
/// Finding takes no lock. Taking a slot takes the lock of the key's stripe, so that a key never stands in two; who is not
/// found without the lock looks again with it. A slot is taken that was never used, or from a bucket that is full at that
/// instant, which nobody can tell from one that was never there.
///
/// # Memory ordering
///
/// As in [`Word`](super::Word), the word guards what stands beside it. Who takes a slot parks its word, writes the
/// key, and unparks the word; who uses a slot reads the word, then the key and the pace, and ends with a
/// compare-and-swap of the word. A word could come back to the value it had for the key before, if it was taken
/// in the very tick in which it filled and the new key gave back all it took: so a user looks at the key again
/// after the swap, and if it has changed charges its own bucket once more. (One of the two is then charged one call too
/// many; nobody is admitted one too many.)
#[derive(Debug)]
pub(super) struct Table {
    lines: Box<[Line]>,
    ways: usize,
    max_keys: usize,
    stripes: [Mutex<()>; STRIPES],
    // For the keys that found no room.
    overflow: Padded<AtomicU64>,
    config: Config,
}

/// The lines in which a key may stand. With three, room would end at 84 % of ten million slots.
const WAYS: usize = 4;
/// A table of so few lines is searched whole, so that not one of its slots is missed.
const FEW: usize = 8;
/// Insertions of different keys seldom meet at one lock.
const STRIPES: usize = 64;

/// Where permits were taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home {
    Slot,
    Overflow,
    /// Admitted without a trace: there was no room.
    Nowhere,
}

/// What was seen on the way to no room.
struct Search {
    /// When the first of the slots that were looked at may be taken.
    earliest: u64,
    /// Whether there was room, and somebody was quicker.
    busy: bool,
}

impl Table {
    pub(super) fn new(quota: Quota, max_keys: usize) -> Self {
        let lines = max_keys.div_ceil(SLOTS);
        Self::with_ways(quota, max_keys, if lines <= FEW { lines } else { WAYS })
    }

    /// A table in which a key may stand in so many lines.
    pub(super) fn with_ways(quota: Quota, max_keys: usize, ways: usize) -> Self {
        let max_keys = max_keys.max(1);
        Self {
            lines: (0..max_keys).step_by(SLOTS).map(|first| Line::new(max_keys - first)).collect(),
            ways: ways.max(1),
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

    /// Takes permits of a key that stands somewhere, or refuses them by this name; `None` if it is not that simple.
    #[inline]
    pub(super) fn try_admit(
        &self,
        by: Name,
        key: u64,
        cost: u32,
        now: Instant,
    ) -> Option<Result<(), Rejected>> {
        let slot = self.find(key)?;
        loop {
            let (seen, pace) = self.config.read(|| slot.full_at.load(SeqCst));
            if cost == 0 || !slot.holds(key, seen) {
                return None;
            }
            match pace.admit(seen, cost, now) {
                Some(next) if slot.swap(seen, next) => {
                    return (slot.key.load(SeqCst) == key).then_some(Ok(()));
                }
                None if slot.full_at.load(SeqCst) == seen => {
                    return Some(Err(pace.refusal(seen, by, cost, now)));
                }
                _ => {}
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

    /// Changes the bucket of a key, if it has one. Under the lock, so that the key stays where it is: a word may be the
    /// same in two slots, and what is given back must not go to another key.
    pub(super) fn update(&self, key: u64, own: Option<Quota>, step: impl Fn(Pace, u64) -> u64) {
        let _stripe = self.stripe(key).lock();
        while let Some(slot) = self.find(key) {
            let (seen, pace) = self.read(slot, own);
            if slot.holds(key, seen) && slot.swap(seen, step(pace, seen)) {
                return;
            }
            // Somebody else has just used it, or takes it because it is full.
            spin_loop();
        }
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
        self.line(key, 0).find(key).or_else(|| self.find_away(key))
    }

    fn find_away(&self, key: u64) -> Option<&Slot> {
        self.lines_of(key).skip(1).find_map(|line| line.find(key))
    }

    /// The lines in which the key may stand, its home first.
    fn lines_of(&self, key: u64) -> impl Iterator<Item = &Line> {
        (0..self.ways).map(move |way| self.line(key, way))
    }

    #[inline]
    fn line(&self, key: u64, way: usize) -> &Line {
        let lines = self.lines.len();
        let at = |bits: u64| ((u128::from(bits) * lines as u128) >> 64) as usize;
        if self.ways == lines {
            return &self.lines[(at(key) + way) % lines];
        }
        // Other bits for each way.
        &self.lines[at(key.rotate_left(way as u32 * u64::BITS / WAYS as u32))]
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
        loop {
            // Let go of in each round: who waits for it may have the key that would make room.
            let _stripe = self.stripe(ask.key).lock();
            let pace = self.pace(ask.own);
            let now = pace.ticks(ask.now);
            if let Some(slot) = self.find(ask.key) {
                if let Some(answer) = self.admit_in(slot, ask) {
                    return answer;
                }
                // Somebody is just taking it for another key.
                spin_loop();
                continue;
            }
            // While those without a slot are in debt together, so is who leaves them.
            let overflow = self.overflow.0.load(SeqCst);
            let Some(next) = ask.step(pace, overflow) else {
                return Err(ask.refused(pace, overflow));
            };
            let (mut most, mut room, mut search) = (0, None, Search { earliest: PARKED, busy: false });
            for (way, line) in self.lines_of(ask.key).enumerate() {
                let offer = line.offer(now);
                search.earliest = search.earliest.min(offer.earliest);
                search.busy |= offer.parked;
                if offer.free > most {
                    (most, room) = (offer.free, offer.slot);
                }
                if way == 0 && most > 0 {
                    break;
                }
            }
            let room = match room {
                Some((slot, idle)) if slot.park(idle) => Some(slot),
                Some(_) => continue,
                None => self.make_room(ask.key, now, &mut search),
            };
            if let Some(slot) = room {
                slot.give(ask.key, next);
                return Ok((Home::Slot, next));
            }
            if search.busy {
                // Somebody is between two steps; what he leaves may be room for us.
                spin_loop();
                continue;
            }
            return match ask.full {
                WhenFull::Refuse => {
                    Err(Rejected::in_nanos(ask.by, Reason::KeysFull, pace.until(search.earliest, ask.now)))
                }
                WhenFull::Admit => Ok((Home::Nowhere, 0)),
                WhenFull::SharedBucket => {
                    match self.overflow.0.compare_exchange(overflow, next, SeqCst, SeqCst) {
                        Ok(_) => Ok((Home::Overflow, next)),
                        Err(_) => continue,
                    }
                }
            };
        }
    }

    /// Moves one of the keys that stand where this one may to another line of its own; answers the slot that it
    /// leaves, parked. The caller holds the stripe of `newcomer`.
    fn make_room(&self, newcomer: u64, now: u64, search: &mut Search) -> Option<&Slot> {
        for slot in self.lines_of(newcomer).flat_map(|line| &line.0) {
            let key = slot.key.load(SeqCst);
            if key == BARRED {
                continue;
            }
            let (mine, its) = (self.stripe(newcomer), self.stripe(key));
            let held = std::ptr::eq(mine, its);
            // Not waited for: who has it may wait for ours.
            let locked = if held { None } else { its.try_lock() };
            if !held && locked.is_none() {
                search.busy = true;
                continue;
            }
            for line in self.lines_of(key) {
                let offer = line.offer(now);
                let Some((to, idle)) = offer.slot else {
                    search.earliest = search.earliest.min(offer.earliest);
                    continue;
                };
                let state = slot.full_at.load(SeqCst);
                if slot.park(state) {
                    if slot.key.load(SeqCst) == key && to.park(idle) {
                        to.give(key, state);
                        return Some(slot);
                    }
                    slot.full_at.store(state, SeqCst);
                }
                search.busy = true;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::fingerprint::Fingerprints;
    use super::*;
    use proptest::prelude::*;
    use std::hash::{BuildHasher, Hash};
    use std::net::{Ipv4Addr, Ipv6Addr};

    const NOW: Instant = Instant::from_nanos(1);

    fn ask(key: u64, cost: u32) -> Ask {
        Ask { by: Name::new("keys"), key, cost, own: None, full: WhenFull::Refuse, now: NOW, charge: false }
    }

    /// How many of these keys find room, before the first that does not.
    fn room<K: Hash>(max_keys: usize, hashes: &Fingerprints, keys: impl Iterator<Item = K>) -> usize {
        let table = Table::new(Quota::per_hour(1), max_keys);
        let mut keys = keys.map(|key| ask(Table::fit(hashes.hash_one(key)), 1));
        let room = keys.by_ref().take_while(|&ask| table.admit(ask).is_ok()).count();
        assert_eq!(table.live(NOW), room);
        room
    }

    #[test]
    fn keys_of_one_fingerprint_share_a_bucket() {
        let table = Table::new(Quota::per_hour(3), 100);
        let ask = ask(7, 2);
        assert!(table.admit(ask).is_ok());
        // Whoever it is that comes with the same fingerprint finds what the other left, and no more.
        assert_eq!(table.admit(ask).map_err(|rejected| rejected.reason()), Err(Reason::RateLimited));
        assert_eq!((table.peek(7, 0, None, NOW).remaining(), table.live(NOW)), (1, 1));
    }

    #[test]
    fn a_key_that_makes_room_for_another_keeps_its_debt() {
        let table = Table::new(Quota::per_hour(1000), 2000);
        let hashes = Fingerprints::seeded([0x1234_5678_9abc_def0, 0xd1b5_4a32_d192_ed03]);
        let key = |number: u32| Table::fit(hashes.hash_one(number));
        // Each owes another number of permits; at this fill hundreds have been moved.
        for number in 0..1860 {
            assert!(
                matches!(table.admit(ask(key(number), number % 999 + 1)), Ok((Home::Slot, _))),
                "{number}"
            );
        }
        for number in 0..1860 {
            assert_eq!(table.peek(key(number), 0, None, NOW).remaining(), 999 - number % 999);
        }
        assert_eq!(table.live(NOW), 1860);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn nearly_every_slot_is_used_whatever_the_keys(
            seed in any::<[u64; 2]>(), first in any::<u32>(), max_keys in prop_oneof![1..=32_usize, 33..1000_usize, 1000..20_000_usize],
        ) {
            let hashes = Fingerprints::seeded(seed);
            let least = match max_keys {
                ..=32 => max_keys,
                // One table in many thousands ends below 90 %: a bound that even that one keeps.
                33..1000 => max_keys * 75 / 100,
                _ => max_keys * 85 / 100,
            };
            let from = u64::from(first);
            let found = [
                room(max_keys, &hashes, from..),
                room(max_keys, &hashes, (from..).map(|key| key << 32)),
                room(max_keys, &hashes, (first..=u32::MAX).chain(0..first).map(Ipv4Addr::from_bits)),
                room(max_keys, &hashes, (from..).map(|net| Ipv6Addr::from_bits(u128::from(net) << 64))),
                room(max_keys, &hashes, (from..).map(|user| format!("user-{user}@example.com"))),
            ];
            for (kind, found) in found.into_iter().enumerate() {
                prop_assert!((least..=max_keys).contains(&found), "{found} of {max_keys}, kind {kind}");
            }
        }
    }
}
