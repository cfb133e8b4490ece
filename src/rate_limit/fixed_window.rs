use super::algorithm::{Algorithm, Carry};
use super::{Decision, Quota};
use crate::time::{Instant, nanos};
use std::time::Duration;

/// So many permits in each window of a fixed length; a new window starts with all of them.
///
/// ```text
///   used
///   limit ┤   ████      ████▏
///         │ ▄▄████    ▄▄████▏▄▄      a full window on each side of a boundary is allowed:
///       0 ┤▁██████▁▁▁▁██████▏██▁     twice the limit around it
///         └┬─────────┬─────────┬──► time
/// ```
///
/// That is what a fixed window is, and the reason to prefer a [`TokenBucket`](super::TokenBucket) where it matters. It is
/// the right thing for quotas that are told to people: a thousand a day, from midnight on.
///
/// # Examples
///
/// ```
/// use seawall::rate_limit::FixedWindow;
/// use seawall::{Instant, RateLimiter};
/// use std::time::Duration;
///
/// let limiter = RateLimiter::with("daily", FixedWindow::new(1000, Duration::from_secs(86_400)));
/// assert!(limiter.check().is_ok());
/// assert_eq!(limiter.available(), 999);
/// ```
///
/// # What counts
///
/// Refused calls do not. A debt left by a [charge](Algorithm::charge) is paid by the windows that follow. When
/// the limit changes what was used stays used, unless [`Carry`] says otherwise; when the window changes, what is
/// used now is used of the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedWindow {
    limit: u32,
    // Nanoseconds, never 0.
    window: u64,
    // `None`: at the first call.
    anchor: Option<u64>,
}

impl FixedWindow {
    /// `limit` permits in each `window`, counted from the zero of the clock; a limit of 0 refuses all, and so does
    /// a window of no length.
    ///
    /// ```
    /// use seawall::rate_limit::{Algorithm, FixedWindow, Quota};
    /// use std::time::Duration;
    /// let window = FixedWindow::new(10, Duration::from_secs(60));
    /// assert_eq!(window.quota(), Quota::per_minute(10));
    /// ```
    #[must_use]
    pub const fn new(limit: u32, window: Duration) -> Self {
        match nanos(window) {
            0 => Self { limit: 0, window: 1, anchor: Some(0) },
            window => Self { limit, window, anchor: Some(0) },
        }
    }

    /// One window starts at this instant, the others before and after it.
    ///
    /// ```
    /// use seawall::Instant;
    /// use seawall::rate_limit::{Algorithm, FixedWindow};
    /// use std::time::Duration;
    /// let window = FixedWindow::new(1, Duration::from_secs(60)).anchored(Instant::from_nanos(7));
    /// let mut state = window.fresh();
    /// assert!(window.admit(&mut state, 1, Instant::ZERO).is_admitted());
    /// assert!(window.admit(&mut state, 1, Instant::from_nanos(7)).is_admitted());
    /// ```
    #[must_use]
    pub const fn anchored(mut self, start: Instant) -> Self {
        self.anchor = Some(start.as_nanos() % self.window);
        self
    }

    /// A window starts at the first call at or after the end of the one before.
    ///
    /// ```
    /// use seawall::Instant;
    /// use seawall::rate_limit::{Algorithm, FixedWindow};
    /// use std::time::Duration;
    /// let window = FixedWindow::new(2, Duration::from_secs(60)).from_first_call();
    /// let mut state = window.fresh();
    /// let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
    /// assert!(window.admit(&mut state, 2, at(7)).is_admitted());
    /// assert!(!window.admit(&mut state, 1, at(66)).is_admitted());
    /// assert!(window.admit(&mut state, 1, at(67)).is_admitted());
    /// ```
    #[must_use]
    pub const fn from_first_call(mut self) -> Self {
        self.anchor = None;
        self
    }

    /// The window that counts at `now`: the newest, if time goes back.
    #[inline]
    fn at(&self, state: &Used, now: u64) -> Used {
        if now < state.end {
            return *state;
        }
        let end = match self.anchor {
            None => now.saturating_add(self.window),
            Some(offset) => {
                let passed = u128::from(now) + u128::from(self.window - offset);
                let end = u128::from(offset) + passed / u128::from(self.window) * u128::from(self.window);
                u64::try_from(end).unwrap_or(u64::MAX)
            }
        };
        // Each window that has passed has paid its limit of what is owed.
        let owed = state.used.saturating_sub(u64::from(self.limit));
        let more = (now - state.end) / self.window;
        Used { end, used: owed.saturating_sub(u64::from(self.limit).saturating_mul(more)) }
    }

    fn answer(&self, current: Used, cost: u32, ahead: u64, now: u64) -> Decision {
        let Used { end, used } = current;
        let limit = u64::from(self.limit);
        let remaining = limit.saturating_sub(used) as u32;
        let reset = if used == 0 { 0 } else { self.after_windows(end, used, now) };
        let wanted = used.saturating_add(ahead).saturating_add(u64::from(cost));
        if cost > self.limit {
            Decision::too_large(remaining, reset, self.limit)
        } else if cost == 0 || wanted <= limit {
            Decision::admitted(remaining, reset)
        } else {
            Decision::limited(remaining, reset, self.after_windows(end, wanted - limit, now))
        }
    }

    /// The time until the windows from `end` on have room for so many permits.
    fn after_windows(&self, end: u64, permits: u64, now: u64) -> u64 {
        let more = permits.div_ceil(u64::from(self.limit.max(1))) - 1;
        end.saturating_add(self.window.saturating_mul(more)).saturating_sub(now)
    }
}

/// The state of a [`FixedWindow`]: when the window ends, and what was taken in it.
///
/// ```
/// use seawall::rate_limit::{Algorithm, FixedWindow, Used};
/// use std::time::Duration;
/// assert_eq!(FixedWindow::new(1, Duration::from_secs(1)).fresh(), Used::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    end: u64,
    used: u64,
}

/// The last nanosecond is the end of every window that would end later: time stops before it, closed.
fn clamped(now: Instant) -> u64 {
    now.as_nanos().min(u64::MAX - 1)
}

impl Algorithm for FixedWindow {
    type State = Used;

    fn fresh(&self) -> Used {
        Used::default()
    }

    #[inline]
    fn take(&self, state: &mut Used, cost: u32, now: Instant) -> bool {
        let current = self.at(state, clamped(now));
        let used = current.used.saturating_add(u64::from(cost));
        let fits = cost == 0 || used <= u64::from(self.limit);
        if cost > 0 && fits {
            *state = Used { used, ..current };
        }
        fits
    }

    fn peek(&self, state: &Used, cost: u32, ahead: u64, now: Instant) -> Decision {
        self.answer(self.at(state, clamped(now)), cost, ahead, clamped(now))
    }

    /// Only while the window in which they were taken is still the current one.
    fn give_back(&self, state: &mut Used, cost: u32, taken: Instant) {
        let taken = clamped(taken);
        if taken < state.end && state.end - taken <= self.window {
            state.used = state.used.saturating_sub(u64::from(cost));
        }
    }

    fn charge(&self, state: &mut Used, cost: u32, now: Instant) -> Duration {
        let now = clamped(now);
        *state = self.at(state, now);
        state.used = state.used.saturating_add(u64::from(cost));
        match state.used.saturating_sub(u64::from(self.limit)) {
            0 => Duration::ZERO,
            owed => Duration::from_nanos(self.after_windows(state.end, owed, now)),
        }
    }

    fn carry(&self, before: &Self, state: &Used, carry: Carry, now: Instant) -> Used {
        let current = before.at(state, clamped(now));
        let used = match carry {
            Carry::Keep | Carry::Additive => current.used,
            Carry::Proportional => share(current.used, self.limit, before.limit),
            Carry::Reset => 0,
        };
        let same = (self.window, self.anchor) == (before.window, before.anchor);
        let end = if same { current.end } else { self.at(&Used::default(), clamped(now)).end };
        Used { end, used }
    }

    fn fresh_from(&self, state: &Used) -> Instant {
        match state.used {
            0 => Instant::ZERO,
            used => Instant::from_nanos(self.after_windows(state.end, used, 0)),
        }
    }

    fn quota(&self) -> Quota {
        Quota::per(self.limit, Duration::from_nanos(self.window))
    }
}

/// The same share of another limit, rounded up: what was used stays used.
pub(super) fn share(used: u64, limit: u32, before: u32) -> u64 {
    let used = (u128::from(used) * u128::from(limit)).div_ceil(u128::from(before.max(1)));
    u64::try_from(used).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Driven, MS, S};
    use super::*;

    fn drive(limit: u32, window: u64) -> Driven<FixedWindow> {
        Driven::new(FixedWindow::new(limit, Duration::from_nanos(window)))
    }

    #[test]
    fn a_full_window_on_each_side_of_a_boundary() {
        let mut window = drive(10, 60 * S);
        assert!((0..10).all(|_| window.ask(59 * S, 1).is_admitted()));
        window.limits(59 * S, 1, 0, S);
        assert!((0..10).all(|_| window.ask(60 * S, 1).is_admitted()));
        window.limits(60 * S, 1, 0, 60 * S);
    }

    #[test]
    fn a_window_is_half_open() {
        let mut window = drive(10, 60 * S);
        window.tells(59 * S, 10, 0, S);
        window.limits(60 * S - 1, 1, 0, 1);
        assert_eq!(window.admits(60 * S, 1), 9);
    }

    #[test]
    fn costs_are_taken_whole() {
        let mut window = drive(10, 60 * S);
        assert_eq!(window.admits(0, 7), 3);
        window.limits(S, 4, 3, 59 * S);
        assert_eq!(window.admits(S, 3), 0);
        window.never(S, 11, 10);
    }

    #[test]
    fn windows_may_start_at_the_first_call() {
        let mut window = Driven::new(FixedWindow::new(2, Duration::from_secs(60)).from_first_call());
        window.admits(0, 1);
        window.admits(S, 1);
        window.limits(2 * S, 1, 0, 58 * S);
        let mut window = Driven::new(FixedWindow::new(1, Duration::from_millis(100)).from_first_call());
        window.admits(7 * MS, 1);
        window.limits(107 * MS - 1, 1, 0, 1);
        window.admits(107 * MS, 1);
    }

    #[test]
    fn windows_of_an_hour_start_at_the_full_hour() {
        let mut window = drive(1, 3600 * S);
        window.tells(1_000_000 * S, 1, 0, (997_200 + 3600 - 1_000_000) * S);
    }

    #[test]
    fn time_that_goes_back_keeps_the_newer_window() {
        let mut window = drive(2, 60 * S);
        window.admits(60 * S, 1);
        window.admits(59 * S, 1);
        window.limits(59 * S, 1, 0, 61 * S);
    }

    #[test]
    fn only_the_current_window_takes_back() {
        let mut window = drive(10, 60 * S);
        window.admits(S, 4);
        window.give_back(4, S);
        assert_eq!(window.ask(2 * S, 0).remaining(), 10);
        window.admits(60 * S, 4);
        window.give_back(4, 2 * S);
        assert_eq!(window.ask(61 * S, 0).remaining(), 6);
    }

    #[test]
    fn the_windows_that_follow_pay_a_debt() {
        let mut window = drive(10, 60 * S);
        assert_eq!(window.charge(S, 25), 119 * S);
        window.limits(2 * S, 1, 0, 118 * S);
        window.limits(61 * S, 5, 0, 59 * S);
        window.limits(61 * S, 6, 0, 119 * S);
        assert_eq!(window.admits(120 * S, 5), 0);
        assert_eq!(window.admits(180 * S, 1), 9);
    }

    #[test]
    fn what_was_used_stays_used_under_another_limit() {
        let window = |limit, seconds| FixedWindow::new(limit, Duration::from_secs(seconds));
        let now = Instant::from_nanos(S);
        let (old, mut state) = (window(100, 60), Used::default());
        assert!(old.admit(&mut state, 60, now).is_admitted());
        let left =
            |new: FixedWindow, carry| new.peek(&new.carry(&old, &state, carry, now), 0, 0, now).remaining();
        assert_eq!(left(window(200, 60), Carry::Keep), 140);
        assert_eq!(left(window(200, 60), Carry::Proportional), 80);
        assert_eq!(left(window(50, 60), Carry::Keep), 0);
        assert_eq!(left(window(50, 60), Carry::Reset), 50);
        assert_eq!(left(window(100, 7), Carry::Keep), 40);
    }

    #[test]
    fn the_end_of_time_is_closed() {
        let mut window = drive(1, u64::MAX);
        assert!(window.ask(u64::MAX, 1).is_admitted());
        assert!(!window.algorithm.admit(&mut window.state, 1, Instant::MAX).is_admitted());
        assert!(!drive(0, S).ask(u64::MAX, 1).is_admitted());
    }
}
