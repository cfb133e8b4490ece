use super::flights::{Calm, Flights};
use super::trip::{Cause, Trip};
use super::window::{History, Window};
use crate::ratio::Ratio;
use crate::stats::Tally;
use crate::time::Instant;
use std::time::Duration;

/// What a closed circuit has seen in this stay, judged by a [`Trip`].
#[derive(Clone, Debug)]
pub(super) struct Watch {
    trip: Trip,
    run: u32,
    count: Option<History>,
    ratio: Option<History>,
    slow: Option<History>,
    // In a box: few have them, and they are longer than all the rest.
    flights: Option<Box<Flights>>,
    /// Changes when the flights begin anew: one that departed earlier is no longer among them.
    term: Term,
}

/// During which count of the flights a call departed; zero, if nobody watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Term(u32);

impl Term {
    pub(super) const NONE: Self = Self(0);

    const fn next(self) -> Self {
        Self(if self.0 == u32::MAX { 1 } else { self.0 + 1 })
    }
}

/// Whatever number of successes comes, no trip will hold: until a time, they need only be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quiet {
    /// From then on a success belongs elsewhere.
    pub(super) until: Instant,
    /// After so many successes no further one changes anything.
    pub(super) brim: Option<u32>,
    /// Under a slow trip, where those in flight are; departures need only be counted then too.
    pub(super) calm: Option<Calm>,
}

impl Quiet {
    /// Successes change nothing at all.
    pub(super) const IDLE: Self = Self { until: Instant::MAX, brim: Some(0), calm: None };
}

/// What a watch holds, for those who look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) recorded: u64,
    pub(super) failures: u64,
    pub(super) held: u64,
    pub(super) slow: u64,
    pub(super) overdue: u64,
    pub(super) failure_ratio: Option<Ratio>,
    pub(super) slow_ratio: Option<Ratio>,
}

impl Watch {
    pub(super) fn new(trip: Trip) -> Self {
        Self {
            trip,
            run: 0,
            count: trip.count.map(|(_, length)| History::new(Window::time(length))),
            ratio: trip.ratio.map(|ratio| History::new(ratio.window)),
            slow: trip.slow.map(|slow| History::new(slow.window)),
            flights: trip.slow.map(|slow| Box::new(Flights::new(slow.limit))),
            term: Term::NONE.next(),
        }
    }

    /// Judges by another trip from now on. A window that changed starts empty, the others keep their counts.
    pub(super) fn set(&mut self, trip: Trip) {
        let fresh = Self::new(trip);
        let keep = |known: &mut Option<History>, fresh: Option<History>| {
            if known.as_ref().map(History::window) != fresh.as_ref().map(History::window) {
                *known = fresh;
            }
        };
        keep(&mut self.count, fresh.count);
        keep(&mut self.ratio, fresh.ratio);
        keep(&mut self.slow, fresh.slow);
        if self.trip.slow.map(|slow| slow.limit) != trip.slow.map(|slow| slow.limit) {
            self.flights = fresh.flights;
            self.term = self.term.next();
        }
        if trip.run.is_none() {
            self.run = 0;
        }
        self.trip = trip;
    }

    pub(super) fn clear(&mut self) {
        self.run = 0;
        for history in [&mut self.count, &mut self.ratio, &mut self.slow].into_iter().flatten() {
            history.clear();
        }
        if let (Some(slow), Some(flights)) = (self.trip.slow, &mut self.flights) {
            **flights = Flights::new(slow.limit);
            self.term = self.term.next();
        }
    }

    /// A call departs at `now`, which is no earlier than any before.
    pub(super) fn depart(&mut self, now: Instant) -> Term {
        self.flights.as_mut().map_or(Term::NONE, |flights| {
            flights.depart(now);
            self.term
        })
    }

    /// A call that departed at `began` is no longer in flight.
    pub(super) fn land(&mut self, began: Instant, term: Term) {
        if let Some(flights) = self.flights.as_mut().filter(|_| term == self.term) {
            flights.land(began);
        }
    }

    pub(super) const fn term(&self) -> Term {
        self.term
    }

    pub(super) const fn watches_time(&self) -> bool {
        self.flights.is_some()
    }

    pub(super) fn is_slow(&self, took: Duration) -> bool {
        self.trip.slow.is_some_and(|slow| took > slow.limit)
    }

    /// Enters a result.
    pub(super) fn record(&mut self, now: Instant, failed: bool, slow: bool) {
        if self.trip.run.is_some() {
            self.run = if failed { self.run.saturating_add(1) } else { 0 };
        }
        if let (Some(count), true) = (&mut self.count, failed) {
            count.record(now, true);
        }
        if let Some(ratio) = &mut self.ratio {
            ratio.record(now, failed);
        }
        if let Some(history) = &mut self.slow {
            history.record(now, slow);
        }
    }

    /// Enters a call that was abandoned after the limit: slow, neither success nor failure.
    pub(super) fn record_slow(&mut self, now: Instant) {
        if let Some(history) = &mut self.slow {
            history.record(now, true);
        }
    }

    /// Enters as many quick successes, all in the slice of `now`.
    pub(super) fn record_quiet(&mut self, now: Instant, count: u64) {
        if count == 0 {
            return;
        }
        self.run = 0;
        for history in [&mut self.ratio, &mut self.slow].into_iter().flatten() {
            history.record_unmarked(now, count);
        }
    }

    /// The first trip to hold at `now`.
    pub(super) fn judge(&mut self, now: Instant) -> Option<Cause> {
        let Trip { run, count, ratio, .. } = self.trip;
        if run.is_some_and(|run| self.run >= run) {
            return Some(Cause::Run);
        }
        if let (Some((failures, _)), Some(history)) = (count, &mut self.count) {
            history.advance(now);
            if history.tally().marked >= u64::from(failures) {
                return Some(Cause::Count);
            }
        }
        if let (Some(trip), Some(history)) = (ratio, &mut self.ratio) {
            history.advance(now);
            let held = history.tally();
            if reaches(trip.ratio, trip.needed(), held.marked, held.total) {
                return Some(Cause::Ratio);
            }
        }
        self.judge_slow(now)
    }

    /// The slow trip alone: it may come to hold by time alone.
    pub(super) fn judge_slow(&mut self, now: Instant) -> Option<Cause> {
        let (trip, history, flights) = (self.trip.slow?, self.slow.as_mut()?, self.flights.as_mut()?);
        history.advance(now);
        flights.advance(now);
        let (held, overdue) = (history.tally(), flights.overdue());
        reaches(trip.ratio, trip.needed(), held.marked + overdue, held.total + overdue).then_some(Cause::Slow)
    }

    /// Whether the slow trip holds at `now`; nothing moves.
    pub(super) fn is_too_slow_at(&self, now: Instant) -> bool {
        let (Some(trip), Some(history), Some(flights)) = (self.trip.slow, &self.slow, &self.flights) else {
            return false;
        };
        let (held, overdue) = (history.tally_at(now), flights.overdue_at(now));
        reaches(trip.ratio, trip.needed(), held.marked + overdue, held.total + overdue)
    }

    /// Enters what was only counted of the flights since they were calm: departures in the tick of then, and
    /// landings of a tick.
    pub(super) fn settle_up(&mut self, tick: u64, departed: u64, landed: u64) {
        if let Some(flights) = &mut self.flights {
            flights.settle_up(tick, departed, landed);
        }
    }

    /// Whether from `now`, the latest time written down, only the number of successes matters.
    pub(super) fn quiet(&self, now: Instant) -> Option<Quiet> {
        let Trip { count, ratio, slow, .. } = self.trip;
        let mut quiet = Quiet { brim: Some(u32::from(self.run > 0)), ..Quiet::IDLE };
        if let (Some((failures, _)), Some(history)) = (count, &self.count)
            && history.tally().marked >= u64::from(failures)
        {
            return None;
        }
        if let (Some(trip), Some(history)) = (ratio, &self.ratio) {
            if is_ever_reached(trip.ratio, trip.needed(), history.tally()) {
                return None;
            }
            quiet.until = history.quiet_until();
            quiet.brim = history.brim();
        }
        if let (Some(trip), Some(history), Some(flights)) = (slow, &self.slow, &self.flights) {
            let (calm, held, overdue) = (flights.calm(now)?, history.tally(), flights.overdue());
            let with_overdue = Tally { total: held.total + overdue, marked: held.marked + overdue };
            if is_ever_reached(trip.ratio, trip.needed(), with_overdue) {
                return None;
            }
            quiet.until = quiet.until.min(history.quiet_until()).min(calm.until);
            (quiet.brim, quiet.calm) = (None, Some(calm));
        }
        Some(quiet)
    }

    /// What is held at `now`; nothing moves and nothing is judged.
    pub(super) fn counts_at(&self, now: Instant) -> Counts {
        let tally = |history: &Option<History>| history.as_ref().map(|h| h.tally_at(now));
        let (count, ratio, slow) = (tally(&self.count), tally(&self.ratio), tally(&self.slow));
        let overdue = self.flights.as_ref().map_or(0, |flights| flights.overdue_at(now));
        let mut counts = Counts { overdue, ..Counts::default() };
        // The failures of the widest view there is: a ratio's window, else a count's, else the run.
        match (ratio, count) {
            (Some(held), _) => (counts.recorded, counts.failures) = (held.total, held.marked),
            (None, Some(held)) => (counts.recorded, counts.failures) = (held.marked, held.marked),
            (None, None) => (counts.recorded, counts.failures) = (self.run.into(), self.run.into()),
        }
        if let (Some(trip), Some(held)) = (self.trip.ratio, ratio) {
            counts.failure_ratio = share(held.marked, held.total, trip.needed());
        }
        if let (Some(trip), Some(held)) = (self.trip.slow, slow) {
            (counts.held, counts.slow) = (held.total, held.marked);
            counts.slow_ratio = share(held.marked + overdue, held.total + overdue, trip.needed());
        }
        counts
    }
}

/// Of no call at all there is no ratio.
const fn reaches(ratio: Ratio, needed: u64, part: u64, of: u64) -> bool {
    of > 0 && of >= needed && ratio.is_reached(part, of)
}

/// Whether successes alone could bring `held` to the ratio: they may make up the number that is needed, and beyond it
/// each of them only leads away.
const fn is_ever_reached(ratio: Ratio, needed: u64, held: Tally) -> bool {
    let least = if held.total > needed { held.total } else { needed };
    ratio.is_reached(held.marked, if least == 0 { 1 } else { least })
}

/// The ratio as it stands, once there are enough calls for one; exact up to four billion.
fn share(part: u64, of: u64, needed: u64) -> Option<Ratio> {
    if of < needed {
        return None;
    }
    let shift = (u64::BITS - of.leading_zeros()).saturating_sub(u32::BITS);
    let whole = std::num::NonZeroU32::new(u32::try_from(of >> shift).ok()?)?;
    Some(Ratio::of(u32::try_from(part >> shift).ok()?, whole))
}
