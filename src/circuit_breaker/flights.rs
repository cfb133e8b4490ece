use crate::time::{Instant, nanos};
use std::time::Duration;

/// The calls in flight, by the time of their admission in eighths of the slow limit.
///
/// So a call is known to be overdue from the limit on, at the latest from 9/8 of it, and nothing is kept
/// per call.
#[derive(Clone, Debug)]
pub(super) struct Flights {
    limit: u64,
    width: u64,
    /// The earliest eighth that is not yet overdue.
    first: u64,
    /// That eighth and those after it, each at its number modulo the length.
    ring: [u64; EIGHTHS],
    overdue: u64,
}

/// An eighth is rounded down, so a limit of 15 ns has fifteen of them; then the one of now, and the one
/// that is about to be overdue.
const EIGHTHS: usize = 18;

impl Flights {
    pub(super) fn new(limit: Duration) -> Self {
        let limit = nanos(limit);
        Self { limit, width: (limit / 8).max(1), first: 0, ring: [0; EIGHTHS], overdue: 0 }
    }

    /// A call departs at `now`, which is no earlier than any before.
    pub(super) fn depart(&mut self, now: Instant) {
        self.advance(now);
        self.ring[place(self.eighth(now))] += 1;
    }

    /// The call that departed at `began` has ended.
    pub(super) const fn land(&mut self, began: Instant) {
        let eighth = self.eighth(began);
        let counter = if eighth < self.first { &mut self.overdue } else { &mut self.ring[place(eighth)] };
        // Saturating: a leave of another circuit may pretend.
        *counter = counter.saturating_sub(1);
    }

    /// Finds out who is overdue at `now`.
    pub(super) fn advance(&mut self, now: Instant) {
        let first = now.as_nanos().saturating_sub(self.limit) / self.width;
        for eighth in self.first..first.min(self.first.saturating_add(EIGHTHS as u64)) {
            self.overdue += std::mem::take(&mut self.ring[place(eighth)]);
        }
        self.first = self.first.max(first);
    }

    /// How many are overdue, after [`advance`](Self::advance).
    pub(super) const fn overdue(&self) -> u64 {
        self.overdue
    }

    /// How many would be overdue at `now`; nothing moves.
    pub(super) fn overdue_at(&self, now: Instant) -> u64 {
        let mut later = self.clone();
        later.advance(now);
        later.overdue
    }

    const fn eighth(&self, at: Instant) -> u64 {
        at.as_nanos() / self.width
    }
}

const fn place(eighth: u64) -> usize {
    (eighth % EIGHTHS as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The twin remembers when each call departed.
        #[test]
        fn overdue_is_everybody_beyond_nine_eighths_and_nobody_before_the_limit(
            limit in prop_oneof![1u64..40, 1_000u64..2_000],
            steps in prop::collection::vec((0u64..700, any::<bool>(), any::<prop::sample::Index>()), 0..200),
        ) {
            let mut flights = Flights::new(Duration::from_nanos(limit));
            let (mut now, mut twin) = (0, Vec::new());
            for (step, lands, which) in steps {
                now += step % (limit * 2);
                let instant = Instant::from_nanos(now);
                if lands && !twin.is_empty() {
                    flights.land(Instant::from_nanos(twin.swap_remove(which.index(twin.len()))));
                } else {
                    twin.push(now);
                    flights.depart(instant);
                }
                let beyond = |time: u64| twin.iter().filter(|at| now - **at > time).count() as u64;
                let overdue = flights.overdue_at(instant);
                prop_assert!(beyond(limit + (limit / 8).max(1)) <= overdue && overdue <= beyond(limit));
                flights.advance(instant);
                prop_assert_eq!(flights.overdue, overdue);
            }
        }
    }

    #[test]
    fn the_ends_of_time_neither_panic_nor_wrap() {
        for limit in [Duration::ZERO, Duration::from_nanos(15), Duration::MAX] {
            let mut flights = Flights::new(limit);
            flights.depart(Instant::ZERO);
            flights.depart(Instant::MAX);
            flights.land(Instant::ZERO);
            flights.land(Instant::MAX);
            assert_eq!(flights.overdue_at(Instant::MAX), 0);
        }
    }
}
