use super::Backoff;
use super::backoff::{BITS, start};
use crate::chance::Chance;
use std::iter::FusedIterator;
use std::time::Duration;

impl Iterator for Backoff {
    type Item = Duration;

    /// The next wait; never `None`.
    #[inline]
    fn next(&mut self) -> Option<Duration> {
        let curve = self.advance();
        let u = if self.is_jittered() { self.draw() } else { 0 };
        Some(self.wait(curve, u))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, None)
    }
}

impl FusedIterator for Backoff {}

impl Backoff {
    #[inline]
    fn draw(&mut self) -> u64 {
        if self.stream == 0 {
            self.stream = start(Chance::new());
        }
        let u = Chance::seeded(self.stream.into()).draw() >> (u64::BITS - BITS);
        // A Weyl sequence of odd step: all 2³² states are passed before one comes again.
        self.stream = self.stream.wrapping_add(0x9e37_79b9);
        u
    }
}
