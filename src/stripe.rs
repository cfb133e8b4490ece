//! A count that many threads raise at once without meeting.

use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};
use crate::sync::{Padded, thread_number};

/// Enough that a machine's busy threads seldom share one; a stripe is 128 bytes.
const STRIPES: usize = 16;

/// A sum in parts: each thread adds to a part of its own, whoever wants the sum collects them.
#[derive(Debug, Default)]
pub(crate) struct Striped([Padded<AtomicU64>; STRIPES]);

impl Striped {
    /// One read-modify-write, on a line that hardly any other thread writes to.
    #[inline]
    pub(crate) fn add(&self, n: u64) {
        self.0[thread_number() % STRIPES].fetch_add(n, Relaxed);
    }

    /// Takes out what has been added. Each addition is taken exactly once.
    pub(crate) fn take(&self) -> u64 {
        self.0.iter().fold(0, |sum, part| {
            // Looked at first, so that an idle part is not written to.
            sum + if part.load(Relaxed) == 0 { 0 } else { part.swap(0, Relaxed) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_addition_is_taken_exactly_once() {
        let sum = Striped::default();
        let taken = std::thread::scope(|scope| {
            let adders: Vec<_> =
                (0..4).map(|_| scope.spawn(|| (0..10_000).for_each(|_| sum.add(1)))).collect();
            let mut taken = 0;
            while adders.iter().any(|adder| !adder.is_finished()) {
                taken += sum.take();
            }
            taken
        });
        assert_eq!(taken + sum.take(), 40_000);
    }
}
