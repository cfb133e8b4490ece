use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};
use crate::sync::{Padded, thread_number};
use std::sync::LazyLock;

/// Counts successes in words of which each thread has its own, until somebody takes the sum.
///
/// Each word carries the epoch it counts for, so the sum is exact: whoever takes it changes the words, and
/// a success that comes later finds another epoch there and must go elsewhere.
///
/// # Memory ordering
///
/// A success and the taking of the sum meet in one word, whose own order of changes decides which came
/// first. Nothing else hangs on it, so relaxed is enough.
#[derive(Debug)]
pub(super) struct Stripes(Box<[Padded<AtomicU64>]>);

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

const COUNT: u32 = 24;
/// The most that one stripe counts.
pub(super) const MOST: u64 = (1 << COUNT) - 1;

impl Stripes {
    pub(super) fn new() -> Self {
        // Beyond sixteen, two threads of one word meet so seldom that the memory is worth more.
        static WORDS: LazyLock<usize> = LazyLock::new(|| {
            std::thread::available_parallelism().map_or(1, |n| n.get().next_power_of_two().min(16))
        });
        Self((0..*WORDS).map(|_| Padded(AtomicU64::new(0))).collect())
    }

    /// Counts one for `epoch`, unless this thread's word has `brim` already.
    #[inline]
    pub(super) fn count(&self, epoch: u64, brim: u64) -> Counted {
        let word = &self.0[thread_number() & (self.0.len() - 1)];
        let mut seen = word.load(Relaxed);
        loop {
            if seen >> COUNT != epoch << COUNT >> COUNT {
                return Counted::Over;
            }
            if seen & MOST >= brim {
                return Counted::Full;
            }
            match word.compare_exchange_weak(seen, seen + 1, Relaxed, Relaxed) {
                Ok(_) => return Counted::Yes,
                Err(now) => seen = now,
            }
        }
    }

    /// Starts to count for `epoch`, which is not zero.
    pub(super) fn open(&self, epoch: u64) {
        for word in &self.0 {
            word.store(epoch << COUNT, Relaxed);
        }
    }

    /// Takes the sum; from here on nothing is counted.
    pub(super) fn take(&self) -> u64 {
        self.0.iter().map(|word| word.swap(0, Relaxed) & MOST).sum()
    }
}
