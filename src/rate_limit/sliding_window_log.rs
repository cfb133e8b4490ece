use super::algorithm::{Algorithm, Carry};
use super::{Decision, Quota};
use crate::time::{Instant, nanos};
use std::collections::VecDeque;
use std::time::Duration;

/// So many permits in any window of this length, exactly: the time of each is remembered.
///
/// ```text
///   ──●●──●───────●──●●──┤ now        each stays for one window, to the nanosecond
///         └────── W ─────┘
/// ```
///
/// # Examples
///
/// ```
/// use seawall::RateLimiter;
/// use seawall::rate_limit::SlidingWindowLog;
/// use std::time::Duration;
///
/// let limiter = RateLimiter::with("logins", SlidingWindowLog::new(5, Duration::from_secs(60)));
/// assert!((0..5).all(|_| limiter.check().is_ok()));
/// assert!(limiter.check().is_err());
/// ```
///
/// # Memory
///
/// 16 bytes for each permit taken in the last window, at most the limit of them; permits taken at one time are
/// one entry. For small limits, then: five logins a minute, not a million requests an hour.
///
/// # What counts
///
/// Refused calls do not. When limit or window change, what counts by the new ones stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlidingWindowLog {
    limit: u32,
    // Nanoseconds, never 0.
    window: u64,
}

impl SlidingWindowLog {
    /// `limit` permits in any window of this length; a limit of 0 refuses all, and so does a window of no length.
    ///
    /// ```
    /// use seawall::rate_limit::{Algorithm, Quota, SlidingWindowLog};
    /// use std::time::Duration;
    /// let log = SlidingWindowLog::new(5, Duration::from_secs(60));
    /// assert_eq!(log.quota(), Quota::per_minute(5));
    /// ```
    #[must_use]
    pub const fn new(limit: u32, window: Duration) -> Self {
        match nanos(window) {
            0 => Self { limit: 0, window: 1 },
            window => Self { limit, window },
        }
    }

    /// The entries that no longer count at `now`.
    fn expired(&self, log: &Log, now: u64) -> usize {
        log.entries.partition_point(|entry| now.saturating_sub(entry.at) >= self.window)
    }

    fn answer(&self, log: &Log, cost: u32, ahead: u64, real: u64) -> Decision {
        let now = log.newest().max(real);
        let before = log.through(self.expired(log, now));
        let (count, limit) = (log.last() - before, u64::from(self.limit));
        let remaining = limit.saturating_sub(count) as u32;
        let told = |at: u64| at.saturating_add(self.window).saturating_sub(real);
        let reset = if count == 0 { 0 } else { told(log.newest()) };
        let over = count.saturating_add(ahead).saturating_add(u64::from(cost)).saturating_sub(limit);
        if cost > self.limit {
            Decision::too_large(remaining, reset, self.limit)
        } else if cost == 0 || over == 0 {
            Decision::admitted(remaining, reset)
        } else {
            let wait = match (over - 1).checked_div(count) {
                // Those who wait ahead are about to fill whole windows.
                None => self.window.saturating_mul(over.div_ceil(limit.max(1))),
                Some(rounds) => {
                    let first = told(log.holder(before + over - rounds * count));
                    first.saturating_add(self.window.saturating_mul(rounds))
                }
            };
            Decision::limited(remaining, reset, wait)
        }
    }
}

/// The state of a [`SlidingWindowLog`]: when permits were taken.
///
/// ```
/// use seawall::rate_limit::{Algorithm, Log, SlidingWindowLog};
/// use std::time::Duration;
/// assert_eq!(SlidingWindowLog::new(1, Duration::from_secs(1)).fresh(), Log::default());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    entries: VecDeque<Entry>,
    /// Permits before the first entry.
    dropped: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    at: u64,
    /// Permits up to and with this entry, so that counting is a subtraction.
    through: u64,
}

impl Log {
    fn newest(&self) -> u64 {
        self.entries.back().map_or(0, |entry| entry.at)
    }

    fn last(&self) -> u64 {
        self.through(self.entries.len())
    }

    /// Permits in the first `entries`, and before them.
    fn through(&self, entries: usize) -> u64 {
        match entries {
            0 => self.dropped,
            _ => self.entries.get(entries - 1).map_or(self.dropped, |entry| entry.through),
        }
    }

    /// When the `permit`th was taken.
    fn holder(&self, permit: u64) -> u64 {
        let index = self.entries.partition_point(|entry| entry.through < permit);
        self.entries.get(index).map_or(0, |entry| entry.at)
    }

    fn forget(&mut self, entries: usize) {
        self.dropped = self.through(entries);
        self.entries.drain(..entries);
    }

    fn enter(&mut self, at: u64, permits: u32) {
        let through = self.last() + u64::from(permits);
        match self.entries.back_mut() {
            Some(entry) if entry.at >= at => entry.through = through,
            _ => self.entries.push_back(Entry { at, through }),
        }
    }
}

impl Algorithm for SlidingWindowLog {
    type State = Log;

    fn fresh(&self) -> Log {
        Log::default()
    }

    fn take(&self, log: &mut Log, cost: u32, now: Instant) -> bool {
        let now = now.as_nanos();
        let expired = self.expired(log, now.max(log.newest()));
        let count = log.last() - log.through(expired);
        let fits = cost == 0 || count.saturating_add(u64::from(cost)) <= u64::from(self.limit);
        if cost > 0 && fits {
            log.forget(expired);
            log.enter(now, cost);
        }
        fits
    }

    fn peek(&self, log: &Log, cost: u32, ahead: u64, now: Instant) -> Decision {
        self.answer(log, cost, ahead, now.as_nanos())
    }

    /// Their entries go, if they still count.
    fn give_back(&self, log: &mut Log, cost: u32, taken: Instant) {
        // Taken at an older time than the newest entry, they stand in a newer one: then that one goes.
        let index = log.entries.partition_point(|entry| entry.at < taken.as_nanos());
        let Some(entry) = log.entries.get(index) else { return };
        let own = entry.through - log.through(index);
        let gone = own.min(u64::from(cost));
        for entry in log.entries.range_mut(index..) {
            entry.through -= gone;
        }
        if gone == own {
            log.entries.remove(index);
        }
    }

    fn charge(&self, log: &mut Log, cost: u32, now: Instant) -> Duration {
        let real = now.as_nanos();
        if cost > 0 {
            log.forget(self.expired(log, real.max(log.newest())));
            log.enter(real, cost);
        }
        let before = log.through(self.expired(log, real.max(log.newest())));
        match (log.last() - before).saturating_sub(u64::from(self.limit)) {
            0 => Duration::ZERO,
            over => {
                let at = log.holder(before + over).saturating_add(self.window);
                Duration::from_nanos(at.saturating_sub(real))
            }
        }
    }

    fn carry(&self, before: &Self, log: &Log, carry: Carry, now: Instant) -> Log {
        if carry == Carry::Reset {
            return Log::default();
        }
        let mut log = log.clone();
        let now = now.as_nanos().max(log.newest());
        log.forget(before.expired(&log, now).max(self.expired(&log, now)));
        log
    }

    fn fresh_from(&self, log: &Log) -> Instant {
        if log.entries.is_empty() {
            Instant::ZERO
        } else {
            Instant::from_nanos(log.newest().saturating_add(self.window))
        }
    }

    fn quota(&self) -> Quota {
        Quota::per(self.limit, Duration::from_nanos(self.window))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Driven, S};
    use super::*;

    fn drive(limit: u32, window: u64) -> Driven<SlidingWindowLog> {
        Driven::new(SlidingWindowLog::new(limit, Duration::from_nanos(window)))
    }

    #[test]
    fn three_in_any_ten_seconds() {
        let mut log = drive(3, 10 * S);
        assert_eq!(log.admits(0, 1), 2);
        assert_eq!(log.admits(S, 1), 1);
        assert_eq!(log.admits(5 * S, 1), 0);
        log.limits(6 * S, 1, 0, 4 * S);
        log.limits(10 * S - 1, 1, 0, 1);
        assert_eq!(log.admits(10 * S, 1), 0);
        log.limits(10 * S, 1, 0, S);
        log.admits(11 * S, 1);
        log.limits(14 * S, 1, 0, S);
        log.admits(15 * S, 1);
    }

    #[test]
    fn no_burst_at_a_boundary() {
        let mut log = drive(10, 60 * S);
        assert!((0..10).all(|_| log.ask(59 * S, 1).is_admitted()));
        assert_eq!(log.state.entries.len(), 1, "equal times are one entry");
        log.limits(61 * S, 1, 0, 58 * S);
        log.limits(119 * S - 1, 1, 0, 1);
        assert_eq!(log.admits(119 * S, 1), 9);
    }

    #[test]
    fn a_cost_waits_for_as_many_to_go() {
        let mut log = drive(5, 10 * S);
        for at in 0..5 {
            log.admits(at * S, 1);
        }
        log.limits(5 * S, 3, 0, 7 * S);
        log.never(5 * S, 6, 5);
    }

    #[test]
    fn only_what_still_counts_is_remembered() {
        let mut log = drive(5, 10 * S);
        for at in 0..1000 {
            let _ = log.ask(at * S, 1);
            assert!(log.state.entries.len() <= 5);
        }
    }

    #[test]
    fn entries_given_back_are_gone() {
        let mut log = drive(3, 10 * S);
        log.admits(0, 1);
        log.admits(S, 2);
        log.limits(2 * S, 1, 0, 8 * S);
        log.give_back(1, S);
        assert_eq!(log.ask(2 * S, 0).remaining(), 1);
        log.give_back(1, S);
        log.give_back(1, S);
        assert_eq!(log.ask(2 * S, 0).remaining(), 2);
        log.give_back(7, 20 * S);
        assert_eq!(log.ask(2 * S, 0).remaining(), 2);
    }

    #[test]
    fn time_that_goes_back_is_the_newest_entrys() {
        let mut log = drive(2, 10 * S);
        log.admits(5 * S, 1);
        log.admits(2 * S, 1);
        log.limits(2 * S, 1, 0, 13 * S);
        assert_eq!(log.admits(15 * S, 2), 0);
    }

    #[test]
    fn a_debt_goes_entry_by_entry() {
        let mut log = drive(3, 10 * S);
        log.admits(0, 2);
        assert_eq!(log.charge(S, 5), 10 * S);
        log.limits(S, 1, 0, 10 * S);
        log.admits(11 * S, 1);
    }

    #[test]
    fn what_counts_by_the_new_window_stays() {
        let old = SlidingWindowLog::new(3, Duration::from_secs(10));
        let mut state = old.fresh();
        let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
        for seconds in [0, 4, 8] {
            assert!(old.admit(&mut state, 1, at(seconds)).is_admitted());
        }
        let new = SlidingWindowLog::new(5, Duration::from_secs(5));
        let carried = new.carry(&old, &state, Carry::Keep, at(9));
        assert_eq!(new.peek(&carried, 0, 0, at(9)).remaining(), 4);
        let carried = new.carry(&old, &state, Carry::Reset, at(9));
        assert_eq!(new.peek(&carried, 0, 0, at(9)).remaining(), 5);
    }
}
