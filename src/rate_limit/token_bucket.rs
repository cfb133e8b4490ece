use super::algorithm::{Algorithm, Carry};
use super::pace::Pace;
use super::{Decision, Quota};
use crate::time::Instant;
use std::time::Duration;

/// A bucket that holds up to a burst of permits and fills at a steady rate: the default.
///
/// ```text
///   permits
///   burst ┤██▄      ▄▄████████▄           full: idle time earns nothing more
///         │  ██▄  ▄██         ██▄
///       0 ┤    ▀██▀             ▀█▁▂▁▂▁   empty: as fast as it fills, and no faster
///         └──────────────────────────────► time
/// ```
///
/// It is the generic cell rate algorithm (ITU-T I.371), which is the same bucket told by one number: the time
/// at which it will be full again. That number is kept in exact ticks, so nothing drifts: over any span of time
/// at most `burst + rate × span` permits are given, on any number of threads.
///
/// # Examples
///
/// ```
/// use seawall::Instant;
/// use seawall::rate_limit::{Algorithm, Quota, TokenBucket};
/// use std::time::Duration;
///
/// let bucket = TokenBucket::new(Quota::per_second(3).burst(1));
/// let mut state = bucket.fresh();
/// assert!(bucket.admit(&mut state, 1, Instant::ZERO).is_admitted());
/// // A third of a second, rounded up to the nanosecond in which it is there.
/// let refused = bucket.admit(&mut state, 1, Instant::ZERO);
/// assert_eq!(refused.retry_after(), Some(Duration::from_nanos(333_333_334)));
/// ```
///
/// # Precision
///
/// With `g = gcd(permits, period in ns)` one nanosecond is `permits / g` ticks and one permit costs `period / g` of
/// them. Where that is too fine for a word (more than 29 ticks a nanosecond, or a burst of more than 2⁶² ticks)
/// the tick is a power of two of a nanosecond and a permit's cost is rounded up: a little slower, never faster.
/// Time stands still, closed, at the end of the word: ten years after the process started, or later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "GCRA")]
#[doc(alias = "leaky bucket")]
pub struct TokenBucket {
    pub(super) pace: Pace,
    pub(super) quota: Quota,
}

impl TokenBucket {
    /// The bucket of this quota.
    ///
    /// ```
    /// use seawall::rate_limit::{Algorithm, Quota, TokenBucket};
    /// assert_eq!(TokenBucket::new(Quota::per_second(3)).quota(), Quota::per_second(3));
    /// ```
    #[must_use]
    pub const fn new(quota: Quota) -> Self {
        Self { pace: Pace::of(quota), quota }
    }

    /// The state of a bucket that holds only so many permits at `now`, at most its burst.
    ///
    /// ```
    /// use seawall::Instant;
    /// use seawall::rate_limit::{Algorithm, Quota, TokenBucket};
    /// let bucket = TokenBucket::new(Quota::per_second(10));
    /// let state = bucket.holding(3, Instant::ZERO);
    /// assert_eq!(bucket.peek(&state, 0, 0, Instant::ZERO).remaining(), 3);
    /// ```
    #[must_use]
    pub const fn holding(&self, permits: u32, now: Instant) -> FullAt {
        let missing = self.quota.capacity().saturating_sub(permits) as u64 * self.pace.cost;
        FullAt(self.pace.ticks(now) + missing)
    }

    /// Permits above nothing, or below it after a [`charge`](Algorithm::charge): rounded down.
    ///
    /// ```
    /// use seawall::Instant;
    /// use seawall::rate_limit::{Algorithm, Quota, TokenBucket};
    /// let bucket = TokenBucket::new(Quota::per_second(10));
    /// let mut state = bucket.fresh();
    /// let _ = bucket.charge(&mut state, 12, Instant::ZERO);
    /// assert_eq!(bucket.level(&state, Instant::ZERO), -2);
    /// ```
    #[must_use]
    pub fn level(&self, state: &FullAt, now: Instant) -> i64 {
        if self.quota.is_unlimited() {
            return i64::from(u32::MAX);
        }
        let level = self.pace.level(state.0, now).div_euclid(i128::from(self.pace.cost));
        i64::try_from(level).unwrap_or(i64::MIN)
    }
}

impl Algorithm for TokenBucket {
    type State = FullAt;

    fn fresh(&self) -> FullAt {
        FullAt::default()
    }

    #[inline]
    fn take(&self, state: &mut FullAt, cost: u32, now: Instant) -> bool {
        let Some(full_at) = self.pace.admit(state.0, cost, now) else { return cost == 0 };
        if cost > 0 {
            state.0 = full_at;
        }
        true
    }

    #[inline]
    fn fits(&self, state: &FullAt, cost: u32, now: Instant) -> bool {
        cost == 0 || self.pace.admit(state.0, cost, now).is_some()
    }

    fn peek(&self, state: &FullAt, cost: u32, ahead: u64, now: Instant) -> Decision {
        self.pace.answer(state.0, cost, ahead, now)
    }

    #[inline]
    fn give_back(&self, state: &mut FullAt, cost: u32, _: Instant) {
        state.0 = self.pace.give_back(state.0, cost);
    }

    fn charge(&self, state: &mut FullAt, cost: u32, now: Instant) -> Duration {
        state.0 = self.pace.charge(state.0, cost, now);
        self.pace.debt(state.0, now)
    }

    fn carry(&self, before: &Self, state: &FullAt, carry: Carry, now: Instant) -> FullAt {
        FullAt(self.pace.carry(before.pace, state.0, carry, now))
    }

    fn fresh_from(&self, state: &FullAt) -> Instant {
        Instant::from_nanos(self.pace.nanos(state.0))
    }

    fn quota(&self) -> Quota {
        self.quota
    }
}

/// The state of a [`TokenBucket`]: when it will be full, in the bucket's own ticks. The default is long ago.
///
/// Known as the theoretical arrival time.
///
/// ```
/// use seawall::rate_limit::{Algorithm, FullAt, Quota, TokenBucket};
/// assert_eq!(TokenBucket::new(Quota::per_second(1)).fresh(), FullAt::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[doc(alias = "TAT")]
pub struct FullAt(pub(super) u64);

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::super::testing::{Driven, MS, S};
    use super::*;

    fn drive(permits: u32, period: u64, burst: u32) -> Driven<TokenBucket> {
        let quota = Quota::per(permits, Duration::from_nanos(period)).burst(burst);
        Driven::new(TokenBucket::new(quota))
    }

    impl Driven<TokenBucket> {
        fn holding(mut self, permits: u32, at: u64) -> Self {
            self.state = self.algorithm.holding(permits, Instant::from_nanos(at));
            self
        }
    }

    #[test]
    fn one_a_second_with_a_burst_of_five() {
        let mut bucket = drive(1, S, 5);
        bucket.never(0, 6, 5);
        for (remaining, reset) in [(4, S), (3, 2 * S), (2, 3 * S), (1, 4 * S), (0, 5 * S)] {
            bucket.tells(0, 1, remaining, reset);
        }
        bucket.limits(0, 1, 0, S);
        bucket.tells(3 * S, 1, 2, 3 * S);
        bucket.tells(3100 * MS, 1, 1, 3900 * MS);
        bucket.tells(4 * S, 1, 1, 4 * S);
        bucket.tells(8 * S, 1, 4, S);
        bucket.tells(9500 * MS, 1, 4, S);
        bucket.tells(9500 * MS, 0, 4, S);
        bucket.tells(9500 * MS, 2, 2, 3 * S);
        bucket.limits(9500 * MS, 5, 2, 3 * S);
        bucket.never(15 * S, 6, 5);
    }

    #[test]
    fn a_third_of_a_second_is_not_truncated() {
        let mut bucket = drive(3, S, 1);
        bucket.tells(0, 1, 0, 333_333_334);
        bucket.limits(0, 1, 0, 333_333_334);
        bucket.limits(333_333_333, 1, 0, 1);
        assert!(bucket.ask(333_333_334, 1).is_admitted());
    }

    #[test]
    fn a_steady_stream_at_the_rate_is_admitted_whole() {
        let mut bucket = drive(100, S, 1);
        assert_eq!((0..=1000).filter(|i| bucket.ask(i * 10 * MS, 1).is_admitted()).count(), 1001);
        let mut bucket = drive(100, S, 100);
        assert_eq!((0..=2500).filter(|i| bucket.ask(i * 2 * MS, 1).is_admitted()).count(), 600);
    }

    #[test]
    fn ten_at_once_and_then_one_by_one() {
        let mut bucket = drive(10, S, 10);
        bucket.tells(0, 10, 0, S);
        bucket.limits(0, 1, 0, 100 * MS);
        bucket.limits(50 * MS, 1, 0, 50 * MS);
        bucket.limits(100 * MS - 1, 1, 0, 1);
        bucket.tells(100 * MS, 1, 0, S);
    }

    #[test]
    fn a_refusal_may_leave_permits() {
        let mut bucket = drive(1, S, 4);
        bucket.tells(0, 4, 0, 4 * S);
        bucket.limits(1500 * MS, 2, 1, 500 * MS);
        bucket.tells(2 * S, 2, 0, 4 * S);
    }

    #[test]
    fn one_at_one_instant_is_one() {
        let mut bucket = drive(1, S, 1);
        assert_eq!((0..1000).filter(|_| bucket.ask(7 * S, 1).is_admitted()).count(), 1);
        let mut daily = drive(1, 86_400 * S, 1);
        assert!(daily.ask(0, 1).is_admitted());
        daily.limits(86_400 * S - 1, 1, 0, 1);
        assert!(daily.ask(86_400 * S, 1).is_admitted());
        let mut fast = drive(10_000_000, S, 1);
        assert!(fast.ask(0, 1).is_admitted());
        fast.limits(99, 1, 0, 1);
        assert!(fast.ask(100, 1).is_admitted());
        fast.limits(199, 1, 0, 1);
        assert!(fast.ask(200, 1).is_admitted());
    }

    #[test]
    fn a_refusal_shows_the_true_state() {
        let mut bucket = drive(5, S, 5);
        assert!((0..5).all(|_| bucket.ask(0, 1).is_admitted()));
        assert_eq!(bucket.ask(0, 1).remaining(), 0);
    }

    #[test]
    fn it_may_start_with_less() {
        let mut bucket = drive(10, 100, 10).holding(0, 0);
        bucket.tells(97, 9, 0, 93);
        bucket.limits(97, 1, 0, 3);
        assert!(bucket.ask(100, 1).is_admitted());
        assert_eq!(drive(10, 100, 10).holding(1, 0).ask(0, 0).reset_after(), Duration::from_nanos(90));
        let mut bucket = drive(1, S, 4).holding(1, 0);
        assert!(bucket.ask(0, 1).is_admitted());
        bucket.limits(200 * MS, 1, 0, 800 * MS);
        bucket.limits(200 * MS, 3, 0, 2800 * MS);
    }

    #[test]
    fn the_table_of_x_time_rate() {
        let mut bucket = drive(10, S, 3);
        assert_eq!(bucket.ask(0, 2).remaining(), 1);
        bucket.limits(0, 2, 1, 100 * MS);
        assert!(bucket.ask(0, 1).is_admitted());
        assert!(!bucket.ask(0, 1).is_admitted());
        bucket.never(100 * MS, 4, 3);
        assert_eq!(bucket.ask(200 * MS, 1).remaining(), 1);
        assert_eq!(bucket.ask(300 * MS, 1).remaining(), 1);
        let seen = [(); 4].map(|()| bucket.ask(400 * MS, 1).is_admitted());
        assert_eq!(seen, [true, true, false, false]);
        assert_eq!(bucket.ask(900 * MS, 3).remaining(), 0);
    }

    #[test]
    fn the_table_of_throttled_py() {
        let mut bucket = drive(60, 60 * S, 10);
        assert_eq!(bucket.ask(0, 0).remaining(), 10);
        assert_eq!(bucket.ask(0, 1).remaining(), 9);
        assert_eq!(bucket.ask(S, 5).remaining(), 5);
        assert_eq!(bucket.ask(S, 5).remaining(), 0);
        bucket.limits(S, 1, 0, S);
    }

    #[test]
    fn what_is_given_back_stops_at_full() {
        let mut bucket = drive(10, S, 10);
        assert_eq!(bucket.ask(0, 4).remaining(), 6);
        bucket.give_back(4, 0);
        assert_eq!(bucket.ask(0, 0).remaining(), 10);
        bucket.tells(0, 10, 0, S);
        for (given, left) in [(3, 4), (20, 10), (0, 10)] {
            bucket.give_back(given, 0);
            assert_eq!(bucket.ask(100 * MS, 0).remaining(), left);
        }
    }

    #[test]
    fn a_charge_may_leave_a_debt() {
        let mut bucket = drive(100, 100, 100).holding(0, 0);
        assert_eq!(bucket.charge(50, 52), 2);
        assert_eq!(bucket.algorithm.level(&bucket.state, Instant::from_nanos(50)), -2);
        bucket.limits(50, 1, 0, 3);
    }

    #[test]
    fn the_deepest_debt_neither_wraps_nor_panics() {
        let mut bucket = drive(1, u64::MAX, u32::MAX);
        for _ in 0..10 {
            assert!(bucket.charge(u64::MAX, u32::MAX) > 0 || !bucket.ask(u64::MAX, u32::MAX).is_admitted());
        }
        assert!(!bucket.ask(u64::MAX, u32::MAX).is_admitted());
        assert!(!bucket.ask(0, u32::MAX).is_admitted());
    }

    #[test]
    fn what_is_left_is_carried_as_was_asked() {
        let old = TokenBucket::new(Quota::per_hour(100));
        let state = old.holding(40, Instant::ZERO);
        let left = |burst, carry| {
            let new = TokenBucket::new(Quota::per_hour(100).burst(burst));
            let state = new.carry(&old, &state, carry, Instant::ZERO);
            new.peek(&state, 0, 0, Instant::ZERO).remaining()
        };
        for (carry, more, less) in [
            (Carry::Keep, 40, 20),
            (Carry::Proportional, 80, 8),
            (Carry::Additive, 140, 20),
            (Carry::Reset, 200, 20),
        ] {
            assert_eq!((left(200, carry), left(20, carry)), (more, less), "{carry:?}");
        }
    }

    #[test]
    fn what_was_earned_was_earned_at_the_old_rate() {
        let mut old = drive(1, S, 10);
        assert!(old.ask(0, 10).is_admitted());
        let mut new = drive(10, S, 10);
        new.state = new.algorithm.carry(&old.algorithm, &old.state, Carry::Keep, Instant::from_nanos(5 * S));
        assert_eq!(new.ask(5 * S, 0).remaining(), 5);
        assert_eq!(new.ask(5500 * MS, 0).remaining(), 10);
    }

    #[test]
    fn ticks_are_exact_wherever_they_can_be() {
        let ticks = |permits, period| {
            let Pace { cost, scale, shift, .. } = drive(permits, period, permits).algorithm.pace;
            (cost, scale, shift)
        };
        assert_eq!(ticks(3, S), (S, 3, 0));
        assert_eq!(ticks(7, 60 * S), (60 * S, 7, 0));
        assert_eq!(ticks(14_500, 60 * S), (120_000_000, 29, 0));
        assert_eq!(ticks(700_000, 3600 * S), (36_000_000, 7, 0));
        assert_eq!(ticks(300_000_000, S), (10, 3, 0));
        // 31 ticks a nanosecond are too many: a sixteenth, and a permit rounded up.
        assert_eq!(ticks(31, S), (516_129_033, 16, 0));
    }

    #[test]
    fn a_tick_may_be_longer_than_a_nanosecond() {
        let mut bucket = drive(1, 100 * 365 * 86_400 * S, 1 << 20);
        assert!(bucket.algorithm.pace.shift > 0);
        assert!(bucket.ask(0, 1 << 20).is_admitted());
        let retry = bucket.ask(12_345, 1).retry_after().unwrap();
        let due = 12_345 + retry.as_nanos() as u64;
        bucket.limits(due - 1, 1, 0, 1);
        assert!(bucket.ask(due, 1).is_admitted());
    }

    #[test]
    fn time_stands_still_closed_at_the_horizon() {
        let mut bucket = drive(29, S, 1);
        let horizon = i64::MAX as u64 / 29;
        assert_eq!(bucket.algorithm.pace.horizon, horizon);
        assert!(bucket.ask(horizon, 1).is_admitted());
        assert!(!bucket.ask(u64::MAX, 1).is_admitted());
    }

    #[test]
    fn nothing_and_everything_are_quotas_too() {
        let mut shut = TokenBucket::new(Quota::deny_all());
        let mut state = shut.fresh();
        assert_eq!(shut.admit(&mut state, 1, Instant::MAX).verdict(), Verdict::TooLarge { capacity: 0 });
        assert!(shut.admit(&mut state, 0, Instant::MAX).is_admitted());
        shut = TokenBucket::new(Quota::unlimited());
        for now in [Instant::MAX, Instant::ZERO] {
            assert_eq!(shut.admit(&mut state, u32::MAX, now), Decision::admitted(u32::MAX, 0));
        }
    }
}
