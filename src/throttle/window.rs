use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};
use crate::time::{Instant, nanos};
use std::time::Duration;

/// Requests and accepted answers of the last while, by slices of time.
///
/// A slice is one word: its number, so that an old one is known and started over in the same step that counts
/// into it, and the two counts. An answer is counted in the slice of its request, so the two leave together and
/// no clock is read for it.
///
/// # Memory ordering
///
/// Each word is whole in itself, and nothing else hangs on it: relaxed is enough.
#[derive(Debug)]
pub(super) struct Window {
    width: AtomicU64,
    slices: [AtomicU64; SLICES],
}

const SLICES: usize = 20;
/// 22 bits for each count, 20 for the number of the slice: with the defaults it comes round after 73 days.
const COUNT: u32 = 22;
/// A slice that has counted four million requests knows its ratio, and counts no more.
const MOST: u64 = (1 << COUNT) - 1;
const NUMBER: u64 = (1 << (64 - 2 * COUNT)) - 1;

/// Where a request was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slice(u64);

/// A request that was not counted.
const NONE: u64 = u64::MAX;

impl Window {
    pub(super) fn new(over: Duration) -> Self {
        let slices = std::array::from_fn(|_| AtomicU64::new(0));
        Self { width: AtomicU64::new(width(over)), slices }
    }

    /// Counts by another length from now on; what was counted by the old one is soon forgotten.
    pub(super) fn set(&self, over: Duration) {
        self.width.store(width(over), Relaxed);
    }

    /// The slice of `now`.
    #[inline]
    pub(super) fn slice(&self, now: Instant) -> Slice {
        Slice(now.as_nanos() / self.width.load(Relaxed))
    }

    /// Requests and accepted answers in this slice and those before it.
    #[inline]
    pub(super) fn counts(&self, Slice(newest): Slice) -> (u64, u64) {
        self.slices.iter().fold((0, 0), |(requests, accepts), slice| {
            let word = slice.load(Relaxed);
            let age = newest.wrapping_sub(number(word)) & NUMBER;
            if age < SLICES as u64 {
                (requests + (word >> COUNT & MOST), accepts + (word & MOST))
            } else {
                (requests, accepts)
            }
        })
    }

    /// Counts a request: where it was counted.
    #[inline]
    pub(super) fn request(&self, Slice(slice): Slice) -> Slice {
        let tag = slice & NUMBER;
        let count = |word: u64| {
            if number(word) != tag {
                Some(tag << (2 * COUNT) | 1 << COUNT)
            } else if word >> COUNT & MOST == MOST {
                None
            } else {
                Some(word + (1 << COUNT))
            }
        };
        Slice(if self.word(slice).fetch_update(Relaxed, Relaxed, count).is_ok() { slice } else { NONE })
    }

    /// The request that was counted there has an accepted answer.
    #[inline]
    pub(super) fn accept(&self, Slice(slice): Slice) {
        self.amend(slice, |word| word + 1);
    }

    /// The request that was counted there was none.
    #[inline]
    pub(super) fn take_back(&self, Slice(slice): Slice) {
        self.amend(slice, |word| word - (1 << COUNT));
    }

    /// Changes the slice, unless it has been started over since.
    #[inline]
    fn amend(&self, slice: u64, change: impl Fn(u64) -> u64) {
        if slice != NONE {
            let amend = |word: u64| (number(word) == slice & NUMBER).then(|| change(word));
            let _ = self.word(slice).fetch_update(Relaxed, Relaxed, amend);
        }
    }

    #[inline]
    const fn word(&self, slice: u64) -> &AtomicU64 {
        &self.slices[(slice % SLICES as u64) as usize]
    }
}

fn width(over: Duration) -> u64 {
    nanos(over).div_ceil(SLICES as u64).max(1)
}

#[inline]
const fn number(word: u64) -> u64 {
    word >> (2 * COUNT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_full_slice_keeps_its_ratio() {
        let window = Window::new(Duration::from_secs(120));
        let slice = window.slice(Instant::from_nanos(1));
        for _ in 0..=MOST {
            window.accept(window.request(slice));
        }
        assert_eq!(window.counts(slice), (MOST, MOST));
    }

    #[test]
    fn the_ends_of_time_neither_panic_nor_wrap() {
        for over in [Duration::ZERO, Duration::MAX] {
            let window = Window::new(over);
            for now in [Instant::ZERO, Instant::MAX] {
                let slice = window.slice(now);
                window.accept(window.request(slice));
                assert!(window.counts(slice).0 >= 1);
            }
        }
    }

    proptest! {
        /// Against the list of all calls.
        #[test]
        fn twin_it_holds_the_calls_of_the_last_twenty_slices(
            calls in prop::collection::vec((0u64..40_000, 0u8..3, 0usize..4), 0..200),
        ) {
            let window = Window::new(Duration::from_nanos(100_000));
            let width = 5_000;
            let mut now = 7_000_000;
            // When it was counted, where, and how it ended: 0 failed, 1 accepted, 2 taken back.
            let mut list: Vec<(u64, Slice, Option<u8>)> = Vec::new();
            for (step, end, which) in calls {
                now += step;
                let slice = window.slice(Instant::from_nanos(now));
                list.push((now, window.request(slice), None));
                // One of the last few calls ends, in whatever order.
                let open = list.len().saturating_sub(1 + which);
                if let (at, counted, ended @ None) = &mut list[open] {
                    // A slice that was started over has forgotten the call.
                    let _ = at;
                    match end {
                        1 => window.accept(*counted),
                        2 => window.take_back(*counted),
                        _ => {}
                    }
                    *ended = Some(end);
                }
                let held = || list.iter().filter(|(at, ..)| at / width + 20 > now / width);
                let requests = held().filter(|(.., end)| *end != Some(2)).count() as u64;
                let accepts = held().filter(|(.., end)| *end == Some(1)).count() as u64;
                prop_assert_eq!(window.counts(slice), (requests, accepts));
            }
        }
    }
}
