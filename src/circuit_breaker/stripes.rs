use super::flights::{Calm, TICKS, place};
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};
use crate::sync::{Padded, thread_number};

/// Counts successes in words of which each thread has its own, until somebody takes the sum; under a slow trip
/// departures too.
///
/// Each word carries a tag in its upper 30 bits, the epoch it counts for, so the sum is exact: whoever takes it changes the words, and
/// a success that comes later finds another epoch there and must go elsewhere.
///
/// # Memory ordering
///
/// A success and the taking of the sum meet in one word, whose own order of changes decides which came
/// first. Nothing else hangs on it, so relaxed is enough.
#[derive(Debug)]
pub(super) struct Stripes<const N: usize>([Padded<AtomicU64>; N]);

/// Beyond sixteen, two threads of one word meet so seldom that the memory is worth more.
pub(super) const STRIPES: usize = 16;
/// The most successes that one stripe counts: four times the longest window of calls.
pub(super) const MOST: u64 = (1 << SUCCESSES) - 1;
const SUCCESSES: u32 = 18;
const DEPARTURE: u64 = 1 << SUCCESSES;
const DEPARTURES: u64 = 0xFFFF << SUCCESSES;
/// How many bits stand below the tag.
pub(super) const BELOW: u32 = 34;

/// What became of a success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    /// It is in.
    Yes,
    /// So many are in already that it changes nothing.
    Full,
    /// This epoch is over.
    Over,
}

/// Adds `one` to what `mask` shows of the word, if it counts for the epoch of `tag` and is not full.
#[inline]
fn add(word: &AtomicU64, tag: u64, one: u64, mask: u64) -> Counted {
    let mut seen = word.load(Relaxed);
    loop {
        if (seen ^ tag) >> BELOW != 0 {
            return Counted::Over;
        }
        if seen & mask == mask {
            return Counted::Full;
        }
        match word.compare_exchange_weak(seen, seen + one, Relaxed, Relaxed) {
            Ok(_) => return Counted::Yes,
            Err(now) => seen = now,
        }
    }
}

impl<const N: usize> Stripes<N> {
    pub(super) fn new() -> Self {
        Self(std::array::from_fn(|_| Padded(AtomicU64::new(0))))
    }

    #[inline]
    fn own(&self) -> &AtomicU64 {
        &self.0[thread_number() % N]
    }

    /// Counts one for the epoch of `tag`, unless this thread's word is full.
    #[inline]
    pub(super) fn count(&self, tag: u64) -> Counted {
        add(self.own(), tag, 1, MOST)
    }

    /// Counts a departure for the epoch of `tag`, unless this thread's word is full.
    #[inline]
    pub(super) fn depart(&self, tag: u64) -> bool {
        add(self.own(), tag, DEPARTURE, DEPARTURES) == Counted::Yes
    }

    /// Starts to count for the epoch of `tag`; each word is full at `brim`, for it starts as far below its most.
    pub(super) fn open(&self, tag: u64, brim: u64) {
        for word in &self.0 {
            word.store(tag >> BELOW << BELOW | (MOST - brim.min(MOST)), Relaxed);
        }
    }

    /// Takes the sum of what was counted up to `brim`: departures and successes. From here on nothing is counted.
    pub(super) fn take(&self, brim: u64) -> (u64, u64) {
        let start = MOST - brim.min(MOST);
        self.0.iter().map(|word| word.swap(0, Relaxed)).fold((0, 0), |(departed, successes), word| {
            (departed + ((word & DEPARTURES) >> SUCCESSES), successes + (word & MOST).saturating_sub(start))
        })
    }
}

/// Counts the successes of calls that departed in earlier ticks. Such a call took so long that it matters little
/// whom it meets here.
#[derive(Debug)]
pub(super) struct Earlier([AtomicU64; TICKS]);

impl Earlier {
    pub(super) fn new() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }

    #[inline]
    pub(super) fn count(&self, tag: u64, tick: u64) -> bool {
        add(&self.0[place(tick)], tag, 1, (1 << BELOW) - 1) == Counted::Yes
    }

    pub(super) fn open(&self, tag: u64, calm: Calm) {
        for tick in calm.earliest..calm.now {
            self.0[place(tick)].store(tag >> BELOW << BELOW, Relaxed);
        }
    }

    /// Takes what was counted, tick by tick; from here on nothing is counted.
    pub(super) fn take(&self, calm: Calm) -> impl Iterator<Item = (u64, u64)> + use<'_> {
        (calm.earliest..calm.now)
            .map(|tick| (tick, self.0[place(tick)].swap(0, Relaxed) & ((1 << BELOW) - 1)))
    }
}
