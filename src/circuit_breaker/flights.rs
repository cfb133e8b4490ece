use crate::time::{Instant, nanos};
use std::time::Duration;

/// The calls in flight, by the tick of their admission: at most an eighth of the slow limit.
///
/// So a call is known to be overdue from the limit on, at the latest from 9/8 of it, and nothing is kept
/// per call.
#[derive(Clone, Debug)]
pub(super) struct Flights {
    ticks: Ticks,
    /// The earliest tick that is not yet overdue.
    first: u64,
    /// That tick and those after it, each at its number modulo the length.
    ring: [u64; TICKS],
    overdue: u64,
}

/// Time in ticks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticks {
    limit: u64,
    /// A tick is two to this power of nanoseconds, so that nobody need divide.
    shift: u32,
}

/// A limit lasts less than sixteen ticks; then that of now, the one about to be overdue, and room to a power of two.
pub(super) const TICKS: usize = 32;

/// Nobody in flight is overdue before `until`, and whoever is departed in one of `earliest..=now`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Calm {
    pub(super) earliest: u64,
    pub(super) now: u64,
    pub(super) until: Instant,
}

impl Ticks {
    #[inline]
    pub(super) fn of(limit: Duration) -> Self {
        Self::of_nanos(nanos(limit))
    }

    #[inline]
    pub(super) fn of_nanos(limit: u64) -> Self {
        Self { limit, shift: (limit / 8).max(1).ilog2() }
    }

    /// In which tick `at` is.
    #[inline]
    pub(super) const fn at(self, at: Instant) -> u64 {
        at.as_nanos() >> self.shift
    }

    /// When `tick` begins.
    const fn start(self, tick: u64) -> u64 {
        tick.saturating_mul(1 << self.shift)
    }

    /// The earliest tick whose calls are not overdue at `now`.
    const fn first_at(self, now: Instant) -> u64 {
        now.as_nanos().saturating_sub(self.limit) >> self.shift
    }
}

impl Flights {
    pub(super) fn new(limit: Duration) -> Self {
        Self { ticks: Ticks::of(limit), first: 0, ring: [0; TICKS], overdue: 0 }
    }

    /// A call departs at `now`, which is no earlier than any before.
    pub(super) fn depart(&mut self, now: Instant) {
        self.advance(now);
        self.ring[place(self.ticks.at(now))] += 1;
    }

    /// The call that departed at `began` has ended.
    pub(super) const fn land(&mut self, began: Instant) {
        let tick = self.ticks.at(began);
        let counter = if tick < self.first { &mut self.overdue } else { &mut self.ring[place(tick)] };
        // Saturating: a leave of another circuit may pretend.
        *counter = counter.saturating_sub(1);
    }

    /// Enters what was only counted while it was [calm](Self::calm): so many departed in `tick`, so many of that
    /// tick have landed.
    pub(super) const fn settle_up(&mut self, tick: u64, departed: u64, landed: u64) {
        let counter = &mut self.ring[place(tick)];
        *counter = (*counter + departed).saturating_sub(landed);
    }

    /// Finds out who is overdue at `now`.
    pub(super) fn advance(&mut self, now: Instant) {
        let first = self.ticks.first_at(now);
        for tick in self.first..first.min(self.first.saturating_add(TICKS as u64)) {
            self.overdue += std::mem::take(&mut self.ring[place(tick)]);
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

    /// For how long departures and landings need only be counted: within the tick of `now`, and before anybody
    /// is overdue. `None` unless advanced to `now`.
    pub(super) fn calm(&self, now: Instant) -> Option<Calm> {
        let tick = self.ticks.at(now);
        if self.first < self.ticks.first_at(now) {
            return None;
        }
        let earliest = (self.first..tick).find(|tick| self.ring[place(*tick)] > 0).unwrap_or(tick);
        let overdue = self.ticks.start(earliest + 1).saturating_add(self.ticks.limit);
        let until = Instant::from_nanos(overdue.min(self.ticks.start(tick + 1)));
        Some(Calm { earliest, now: tick, until })
    }
}

/// Where a tick stands in a ring.
#[inline]
pub(super) const fn place(tick: u64) -> usize {
    (tick % TICKS as u64) as usize
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
