use super::algorithm::{Algorithm, Carry};
use super::fixed_window::share;
use super::{Decision, Quota};
use crate::time::{Instant, nanos};
use std::time::Duration;

/// So many permits in any window, as two counters estimate it: the last window's fades as this one goes on.
///
/// ```text
///           last window     this window
///        ┌───────────────┬───────┐
///        │      prev     │  cur  │
///        └───────────────┴───────┘
///              └── e ────────────┘        estimate = prev · (W − e)/W + cur
/// ```
///
/// Two numbers instead of a log, and no burst at a boundary to speak of. It takes the calls of the last window for
/// evenly spread, so it is an estimate: no more than the limit in an aligned window and no more than twice that
/// in any window is guaranteed. The comparison itself is exact, in integers.
///
/// # Examples
///
/// ```
/// use seawall::RateLimiter;
/// use seawall::rate_limit::SlidingWindowCounter;
/// use std::time::Duration;
///
/// let limiter = RateLimiter::with("api", SlidingWindowCounter::new(100, Duration::from_secs(60)));
/// assert!(limiter.check().is_ok());
/// ```
///
/// # What counts
///
/// Refused calls do not. When the limit changes, what was used stays used unless [`Carry`] says otherwise; when the window
/// changes, the estimate of now is carried into the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlidingWindowCounter {
    limit: u32,
    // Nanoseconds, never 0.
    window: u64,
}

impl SlidingWindowCounter {
    /// `limit` permits in a window of this length; a limit of 0 refuses all, and so does a window of no length.
    ///
    /// ```
    /// use seawall::rate_limit::{Algorithm, Quota, SlidingWindowCounter};
    /// use std::time::Duration;
    /// let counter = SlidingWindowCounter::new(100, Duration::from_secs(60));
    /// assert_eq!(counter.quota(), Quota::per_minute(100));
    /// ```
    #[must_use]
    pub const fn new(limit: u32, window: Duration) -> Self {
        match nanos(window) {
            0 => Self { limit: 0, window: 1 },
            window => Self { limit, window },
        }
    }

    /// The two windows that count at `now`: the newest, if time goes back.
    #[inline]
    const fn at(&self, state: &Counted, now: u64) -> Counted {
        let Counted { start, cur, .. } = *state;
        if now < start || now - start < self.window {
            return *state;
        }
        let passed = (now - start) / self.window;
        Counted { start: start + passed * self.window, prev: if passed == 1 { cur } else { 0 }, cur: 0 }
    }

    /// What is left of the window: W − e.
    const fn left(&self, Counted { start, .. }: Counted, now: u64) -> u64 {
        self.window - now.saturating_sub(start)
    }

    fn answer(&self, current: Counted, cost: u32, ahead: u64, now: u64) -> Decision {
        let Counted { start, prev, cur } = current;
        let (window, limit) = (u128::from(self.window), u128::from(self.limit));
        let left = u128::from(self.left(current, now));
        let used = u128::from(prev) * left + u128::from(cur) * window;
        let remaining = ((limit * window).saturating_sub(used) / window) as u32;
        // Times are told from the real now, though a window that lies ahead is entered at its start.
        let told =
            |wait: u128| u64::try_from(wait + u128::from(start.saturating_sub(now))).unwrap_or(u64::MAX);
        let reset = match (cur, prev) {
            (0, 0) => 0,
            (0, _) => told(left),
            _ => told(left + window),
        };
        let wanted = u128::from(cost) + u128::from(ahead);
        if cost > self.limit {
            return Decision::too_large(remaining, reset, self.limit);
        }
        if cost == 0 || used + wanted * window <= limit * window {
            return Decision::admitted(remaining, reset);
        }
        Decision::limited(remaining, reset, told(self.wait(current, wanted, left)))
    }

    /// The time until `wanted` fit, when `left` is left of the current window.
    fn wait(&self, Counted { prev, cur, .. }: Counted, wanted: u128, left: u128) -> u128 {
        let (window, limit) = (u128::from(self.window), u128::from(self.limit));
        let (prev, cur) = (u128::from(prev), u128::from(cur));
        if cur + wanted <= limit {
            return left.saturating_sub((limit - cur - wanted) * window / prev.max(1));
        }
        // Into the next window, where this one's count fades; those who wait ahead fill whole windows first.
        let more = wanted.saturating_sub(1) / limit.max(1);
        let wanted = wanted - more * limit;
        let faded = (limit - wanted) * window / cur.max(1);
        left + more * window + window.saturating_sub(faded)
    }
}

/// The state of a [`SlidingWindowCounter`]: what was taken in this window and in the one before.
///
/// ```
/// use seawall::rate_limit::{Algorithm, Counted, SlidingWindowCounter};
/// use std::time::Duration;
/// assert_eq!(SlidingWindowCounter::new(1, Duration::from_secs(1)).fresh(), Counted::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    start: u64,
    prev: u64,
    cur: u64,
}

impl Algorithm for SlidingWindowCounter {
    type State = Counted;

    fn fresh(&self) -> Counted {
        Counted::default()
    }

    #[inline]
    fn take(&self, state: &mut Counted, cost: u32, now: Instant) -> bool {
        let now = now.as_nanos();
        let current = self.at(state, now);
        let cur = current.cur.saturating_add(u64::from(cost));
        let (window, left) = (u128::from(self.window), u128::from(self.left(current, now)));
        let used = u128::from(current.prev) * left + u128::from(cur) * window;
        let fits = cost == 0 || used <= u128::from(self.limit) * window;
        if cost > 0 && fits {
            *state = Counted { cur, ..current };
        }
        fits
    }

    fn peek(&self, state: &Counted, cost: u32, ahead: u64, now: Instant) -> Decision {
        self.answer(self.at(state, now.as_nanos()), cost, ahead, now.as_nanos())
    }

    /// Only while the window in which they were taken is still the current one.
    fn give_back(&self, state: &mut Counted, cost: u32, taken: Instant) {
        if taken.as_nanos().checked_sub(state.start).is_some_and(|since| since < self.window) {
            state.cur = state.cur.saturating_sub(u64::from(cost));
        }
    }

    fn charge(&self, state: &mut Counted, cost: u32, now: Instant) -> Duration {
        let now = now.as_nanos();
        *state = self.at(state, now);
        state.cur = state.cur.saturating_add(u64::from(cost));
        let (window, left) = (u128::from(self.window), u128::from(self.left(*state, now)));
        let used = u128::from(state.prev) * left + u128::from(state.cur) * window;
        if used <= u128::from(self.limit) * window {
            return Duration::ZERO;
        }
        let ahead = u128::from(state.start.saturating_sub(now));
        Duration::from_nanos(u64::try_from(self.wait(*state, 0, left) + ahead).unwrap_or(u64::MAX))
    }

    fn carry(&self, before: &Self, state: &Counted, carry: Carry, now: Instant) -> Counted {
        let now = now.as_nanos();
        let Counted { start, prev, cur } = before.at(state, now);
        let scaled = |count| match carry {
            Carry::Keep | Carry::Additive => count,
            Carry::Proportional => share(count, self.limit, before.limit),
            Carry::Reset => 0,
        };
        if self.window == before.window {
            return Counted { start, prev: scaled(prev), cur: scaled(cur) };
        }
        let left = u128::from(before.window - now.saturating_sub(start));
        let faded = (u128::from(prev) * left).div_ceil(u128::from(before.window));
        let estimate = cur.saturating_add(u64::try_from(faded).unwrap_or(u64::MAX));
        Counted { cur: scaled(estimate), ..self.at(&Counted::default(), now.max(start)) }
    }

    fn fresh_from(&self, state: &Counted) -> Instant {
        let windows = match (state.cur, state.prev) {
            (0, 0) => return Instant::ZERO,
            (0, _) => 1,
            _ => 2,
        };
        Instant::from_nanos(state.start.saturating_add(self.window.saturating_mul(windows)))
    }

    fn quota(&self) -> Quota {
        Quota::per(self.limit, Duration::from_nanos(self.window))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Driven, MS, S};
    use super::*;

    const W: u64 = 60 * S;

    /// A counter in the second window, after `prev` in the first and `cur` in the second.
    fn drive(limit: u32, prev: u64, cur: u64) -> Driven<SlidingWindowCounter> {
        let mut driven = Driven::new(SlidingWindowCounter::new(limit, Duration::from_nanos(W)));
        driven.state = Counted { start: W, prev, cur };
        driven
    }

    #[test]
    fn the_last_window_fades() {
        let mut counter = drive(100, 100, 0);
        counter.limits(W, 1, 0, 600 * MS);
        counter.limits(W + 599_999_999, 1, 0, 1);
        assert_eq!(counter.admits(W + 600 * MS, 1), 0);
        let mut counter = drive(10, 10, 5);
        counter.limits(W + 30 * S, 1, 0, 6 * S);
        counter.limits(W + 36 * S - 1, 1, 0, 1);
        assert_eq!(counter.admits(W + 36 * S, 1), 0);
    }

    #[test]
    fn a_cost_may_be_too_much_for_now_or_for_ever() {
        assert_eq!(drive(10, 10, 0).admits(W + 30 * S, 5), 0);
        drive(10, 10, 0).limits(W + 30 * S, 6, 5, 6 * S);
        drive(10, 10, 0).never(W + 30 * S, 11, 10);
    }

    #[test]
    fn the_faded_part_is_not_floored() {
        // 42 · 45/60 + 17 = 48.5, and 49.5 is still no more than 50.
        assert_eq!(drive(50, 42, 17).admits(W + 15 * S, 1), 0);
        assert!(!drive(50, 43, 18).ask(W + 15 * S, 1).is_admitted());
    }

    #[test]
    fn a_full_window_is_waited_for_into_the_next() {
        let mut counter = drive(10, 0, 0);
        counter.admits(W, 10);
        // Into the next window, until a tenth of this one's has faded.
        counter.limits(W, 1, 0, W + 6 * S);
        assert_eq!(counter.ask(W, 0).reset_after(), Duration::from_nanos(2 * W));
        assert_eq!(counter.ask(2 * W, 0).reset_after(), Duration::from_nanos(W));
        assert_eq!(counter.ask(3 * W, 0).reset_after(), Duration::ZERO);
    }

    #[test]
    fn no_more_than_the_limit_in_a_window_and_twice_that_in_any() {
        let mut counter = drive(10, 0, 0);
        let at: Vec<u64> =
            (W..4 * W).step_by(S as usize / 2).filter(|&at| counter.ask(at, 1).is_admitted()).collect();
        for from in at.iter().copied() {
            assert!(at.iter().filter(|&&at| (from..from + W).contains(&at)).count() <= 20);
        }
        for window in 1..4 {
            assert!(at.iter().filter(|&&at| at / W == window).count() <= 10);
        }
    }

    #[test]
    fn time_that_goes_back_enters_the_newest_window_at_its_start() {
        let mut counter = drive(10, 10, 0);
        counter.limits(W - S, 1, 0, 7 * S);
    }

    #[test]
    fn a_debt_fades_too() {
        let mut counter = drive(10, 0, 0);
        // 20 at 0; they have faded to 10 in the middle of the next window.
        assert_eq!(counter.charge(W, 20), W + W / 2);
        assert!(!counter.ask(2 * W + W / 2, 1).is_admitted());
        assert_eq!(counter.admits(2 * W + 33 * S, 1), 0);
    }

    #[test]
    fn another_window_starts_with_the_estimate() {
        let old = SlidingWindowCounter::new(100, Duration::from_nanos(W));
        let new = SlidingWindowCounter::new(100, Duration::from_secs(7));
        let state = Counted { start: W, prev: 41, cur: 3 };
        let now = Instant::from_nanos(W + 30 * S);
        let carried = new.carry(&old, &state, Carry::Keep, now);
        assert_eq!(new.peek(&carried, 0, 0, now).remaining(), 100 - 3 - 21);
        assert_eq!(new.peek(&new.carry(&old, &state, Carry::Reset, now), 0, 0, now).remaining(), 100);
    }
}
