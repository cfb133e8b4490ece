use super::Tally;
use crate::time::{Instant, nanos};
use std::time::Duration;

/// The entries of the last while, kept by slices of time.
///
/// A slice is two counters, so recording, judging and skipping any silence cost the same whatever was
/// recorded. The slices are counted from the first entry; the window holds the slice of `now` and those
/// before it: at most the whole length, always more than the length less one slice.
#[derive(Clone, Debug)]
pub(crate) struct Slices {
    width: u64,
    /// When the slice of number zero began; `None` until the first entry.
    zero: Option<u64>,
    /// The number of the newest slice.
    newest: u64,
    /// The newest slice and those before it, each at its number modulo the length.
    ring: Box<[Tally]>,
    /// What the ring holds together.
    sum: Tally,
}

impl Slices {
    /// `count` slices (at least one) that together last `length`, rounded up to whole nanoseconds a slice.
    pub(crate) fn new(length: Duration, count: u32) -> Self {
        let count = count.max(1);
        let width = nanos(length).div_ceil(u64::from(count)).max(1);
        let ring = vec![Tally::default(); count as usize].into();
        Self { width, zero: None, newest: 0, ring, sum: Tally::default() }
    }

    /// Enters `entries` at `now`; one that comes too late for its slice goes into the newest.
    pub(crate) fn record(&mut self, now: Instant, entries: Tally) {
        self.advance(now);
        self.zero.get_or_insert(now.as_nanos());
        let place = self.place(self.newest);
        self.ring[place].add(entries);
        self.sum.add(entries);
    }

    /// Moves on to the slice of `now` and forgets what has left the window.
    pub(crate) fn advance(&mut self, now: Instant) {
        let number = self.number(now);
        let gone = number.saturating_sub(self.newest).min(self.ring.len() as u64);
        for older in 1..=gone {
            let place = self.place(self.newest + older);
            self.sum.take(std::mem::take(&mut self.ring[place]));
        }
        self.newest = self.newest.max(number);
    }

    /// What the window holds after [`advance`](Self::advance).
    pub(crate) const fn tally(&self) -> Tally {
        self.sum
    }

    /// What the window would hold at `now`; nothing moves.
    pub(crate) fn tally_at(&self, now: Instant) -> Tally {
        let gone = self.number(now).saturating_sub(self.newest).min(self.ring.len() as u64);
        let mut left = self.sum;
        for older in 1..=gone {
            left.take(self.ring[self.place(self.newest + older)]);
        }
        left
    }

    /// When the newest slice ends; long ago if nothing was entered yet.
    pub(crate) const fn slice_end(&self) -> Instant {
        match self.zero {
            Some(zero) => {
                let end = self.newest.saturating_add(1).saturating_mul(self.width);
                Instant::from_nanos(zero.saturating_add(end))
            }
            None => Instant::ZERO,
        }
    }

    pub(crate) fn clear(&mut self) {
        self.ring.fill(Tally::default());
        (self.zero, self.newest, self.sum) = (None, 0, Tally::default());
    }

    fn number(&self, now: Instant) -> u64 {
        self.zero.map_or(0, |zero| now.as_nanos().saturating_sub(zero) / self.width)
    }

    const fn place(&self, number: u64) -> usize {
        (number % self.ring.len() as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The twin remembers every entry with its time.
        #[test]
        fn it_holds_the_slices_of_the_last_while(
            (length, count) in (1u64..5_000, 1u32..61),
            entries in prop::collection::vec((0u64..2_000, any::<bool>(), 0u64..9), 0..200),
        ) {
            let mut window = Slices::new(Duration::from_nanos(length), count);
            let width = length.div_ceil(u64::from(count)).max(1);
            let (mut twin, mut now, mut zero) = (Vec::new(), 1_000, None);
            for (step, marked, kind) in entries {
                now += step;
                if kind > 0 {
                    window.record(Instant::from_nanos(now), Tally::one(marked));
                    twin.push(((now - *zero.get_or_insert(now)) / width, marked));
                }
                let slice = (now - zero.unwrap_or(now)) / width;
                let held: Vec<_> =
                    twin.iter().filter(|(at, _)| at + u64::from(count) > slice).collect();
                let expected = Tally {
                    total: held.len() as u64,
                    marked: held.iter().filter(|(_, marked)| *marked).count() as u64,
                };
                prop_assert_eq!(window.tally_at(Instant::from_nanos(now)), expected);
                window.advance(Instant::from_nanos(now));
                prop_assert_eq!(window.tally(), expected);
            }
        }
    }

    #[test]
    fn the_ends_of_time_neither_panic_nor_wrap() {
        let mut window = Slices::new(Duration::MAX, 2);
        window.record(Instant::ZERO, Tally::one(true));
        window.record(Instant::MAX, Tally::one(true));
        assert_eq!(window.tally_at(Instant::MAX), Tally { total: 2, marked: 2 });
        let mut window = Slices::new(Duration::ZERO, 60);
        window.record(Instant::ZERO, Tally::one(true));
        window.record(Instant::MAX, Tally::one(true));
        assert_eq!(window.tally(), Tally { total: 1, marked: 1 });
        assert_eq!(window.slice_end(), Instant::MAX);
    }

    #[test]
    fn an_earlier_time_is_read_as_the_newest_slice() {
        let mut window = Slices::new(Duration::from_nanos(100), 10);
        window.record(Instant::from_nanos(500), Tally::one(false));
        window.record(Instant::from_nanos(590), Tally::one(false));
        window.record(Instant::from_nanos(510), Tally::one(true));
        assert_eq!(window.tally_at(Instant::from_nanos(689)), Tally { total: 2, marked: 1 });
    }
}
