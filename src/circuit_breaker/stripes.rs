use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};
use crate::sync::{Padded, thread_number};

/// Counts successes in words of which each thread has its own, until somebody takes the sum.
///
/// Each word carries a tag in its upper 40 bits, the epoch it counts for, so the sum is exact: whoever takes it changes the words, and
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
const COUNT: u32 = 24;
/// The most that one stripe counts.
pub(super) const MOST: u64 = (1 << COUNT) - 1;

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

impl<const N: usize> Stripes<N> {
    pub(super) fn new() -> Self {
        Self(std::array::from_fn(|_| Padded(AtomicU64::new(0))))
    }

    /// Counts one for the epoch of `tag`, unless this thread's word is full.
    #[inline]
    pub(super) fn count(&self, tag: u64) -> Counted {
        let word = &self.0[thread_number() % N];
        let mut seen = word.load(Relaxed);
        loop {
            if (seen ^ tag) >> COUNT != 0 {
                return Counted::Over;
            }
            if seen & MOST == MOST {
                return Counted::Full;
            }
            match word.compare_exchange_weak(seen, seen + 1, Relaxed, Relaxed) {
                Ok(_) => return Counted::Yes,
                Err(now) => seen = now,
            }
        }
    }

    /// Starts to count for the epoch of `tag`; each word is full at `brim`, for it starts as far below its most.
    pub(super) fn open(&self, tag: u64, brim: u64) {
        for word in &self.0 {
            word.store(tag & !MOST | (MOST - brim.min(MOST)), Relaxed);
        }
    }

    /// Takes the sum of what was counted up to `brim`; from here on nothing is counted.
    pub(super) fn take(&self, brim: u64) -> u64 {
        let start = MOST - brim.min(MOST);
        self.0.iter().map(|word| word.swap(0, Relaxed) & MOST).map(|count| count.saturating_sub(start)).sum()
    }
}
