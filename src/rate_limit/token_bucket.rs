use super::algorithm::{Algorithm, Carry};
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
    fn admit(&self, state: &mut FullAt, cost: u32, now: Instant) -> Decision {
        if cost > 0
            && let Some(full_at) = self.pace.admit(state.0, cost, now)
        {
            state.0 = full_at;
            return self.pace.granted(full_at, now);
        }
        self.pace.answer(state.0, cost, 0, now)
    }

    fn peek(&self, state: &FullAt, cost: u32, ahead: u64, now: Instant) -> Decision {
        self.pace.answer(state.0, cost, ahead, now)
    }

    #[inline]
    fn give_back(&self, state: &mut FullAt, cost: u32, _: Instant) {
        state.0 = self.pace.give_back(state.0, cost);
    }

    fn charge(&self, state: &mut FullAt, cost: u32, now: Instant) -> Duration {
        let full_at =
            u128::from(state.0.max(self.pace.ticks(now))) + u128::from(cost) * u128::from(self.pace.cost);
        state.0 = full_at.min(u128::from(DEEPEST)) as u64;
        Duration::from_nanos(self.pace.until(u128::from(state.0.saturating_sub(self.pace.full)), now))
    }

    fn carry(&self, before: &Self, state: &FullAt, carry: Carry, now: Instant) -> FullAt {
        FullAt(self.pace.carry(before.pace, state.0, carry, now))
    }

    fn fresh_from(&self, state: &FullAt) -> Instant {
        Instant::from_nanos(self.pace.nanos(u128::from(state.0)))
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

/// No bucket is in debt beyond this, so that a sum of it and a full bucket fits a word and is no word's end.
const DEEPEST: u64 = u64::MAX - FINEST - 1;
/// A full bucket is at most so many ticks.
const FINEST: u64 = 1 << 62;
/// More ticks than this to a nanosecond, and the word would last less than ten years.
const MOST_TICKS: u64 = 29;
/// The finest of the rounded ticks: a sixteenth of a nanosecond, with which the word lasts eighteen years.
const FINEST_SHIFT: i32 = 4;

/// A quota in ticks: all that the hot path reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    /// Ticks of one permit; 0 without a limit.
    pub(super) cost: u64,
    /// Ticks of a full bucket.
    pub(super) full: u64,
    /// The last nanosecond that can be told in ticks: time stands still there.
    pub(super) horizon: u64,
    /// One nanosecond is `scale` ticks, then shifted right by `shift`; one of the two does nothing.
    pub(super) scale: u8,
    pub(super) shift: u8,
}

impl Pace {
    const fn of(quota: Quota) -> Self {
        if quota.is_unlimited() {
            // Nothing costs anything and time does not pass: the word is never left.
            return Self { cost: 0, full: 0, horizon: 0, scale: 1, shift: 0 };
        }
        if quota.is_deny_all() {
            return Self::new(1, 0, 1, 0);
        }
        let (permits, period) = (quota.permits() as u64, quota.period().as_nanos() as u64);
        let burst = quota.capacity() as u128;
        let g = gcd(permits, period);
        let (cost, scale) = (period / g, permits / g);
        if scale <= MOST_TICKS && burst * cost as u128 <= FINEST as u128 {
            return Self::new(cost, burst as u64 * cost, scale as u8, 0);
        }
        let mut finer = FINEST_SHIFT;
        loop {
            let cost = if finer >= 0 {
                ((period as u128) << finer).div_ceil(permits as u128)
            } else {
                (period as u128).div_ceil((permits as u128) << -finer)
            };
            // Ends: burst < 2³² and a cost of one tick is reached long before the shift leaves the word.
            if burst * cost <= FINEST as u128 {
                let (scale, shift) = if finer >= 0 { (1 << finer, 0) } else { (1, -finer as u8) };
                return Self::new(cost as u64, (burst * cost) as u64, scale, shift);
            }
            finer -= 1;
        }
    }

    /// The same pace in as many ticks to the nanosecond as a word allows, so that other quotas can be told in
    /// them too.
    pub(super) const fn finest(quota: Quota) -> Self {
        if quota.is_unlimited() {
            return Self::new(0, FINEST, 1 << FINEST_SHIFT, 0);
        }
        let Self { cost, full, scale, shift, .. } = Self::of(quota);
        let (most, fits) = (MOST_TICKS / scale as u64, FINEST / if full > 0 { full } else { 1 });
        let times = if most < fits { most } else { fits };
        if shift > 0 || times < 2 {
            return Self::new(cost, full, scale, shift);
        }
        Self::new(cost * times, full * times, scale * times as u8, shift)
    }

    /// This pace, or that of a quota of one's own.
    #[inline]
    pub(super) const fn told_for(self, own: Option<Quota>) -> Self {
        match own {
            Some(own) => self.of_another(own),
            None => self,
        }
    }

    /// The pace of another quota in the same ticks: a permit's cost is rounded up, and a bucket that takes
    /// longer to fill than half of what the word can tell holds only as much.
    const fn of_another(self, quota: Quota) -> Self {
        let (cost, full) = if quota.is_unlimited() {
            (0, FINEST)
        } else if quota.is_deny_all() {
            (1, 0)
        } else {
            let ticks = quota.period().as_nanos() * self.scale as u128;
            let cost = ticks.div_ceil((quota.permits() as u128) << self.shift);
            let cost = if cost > FINEST as u128 { FINEST } else { cost as u64 };
            let most = FINEST / cost;
            let burst = quota.capacity() as u64;
            (cost, if burst < most { burst * cost } else { most * cost })
        };
        Self { cost, full, ..self }
    }

    const fn new(cost: u64, full: u64, scale: u8, shift: u8) -> Self {
        let horizon = ((i64::MAX as u128) << shift) / scale as u128;
        let horizon = if horizon > u64::MAX as u128 { u64::MAX } else { horizon as u64 };
        Self { cost, full, horizon, scale, shift }
    }

    #[inline]
    pub(super) const fn ticks(self, now: Instant) -> u64 {
        let now = now.as_nanos();
        let now = if now < self.horizon { now } else { self.horizon };
        // Wrapping, as everywhere on the hot path: a pace that is being changed under the reader may be torn, and
        // what was computed from it is then thrown away.
        now.wrapping_mul(self.scale as u64).wrapping_shr(self.shift as u32)
    }

    /// When the bucket will be full once `cost` permits have been taken, if they may be.
    #[inline]
    pub(super) const fn admit(self, full_at: u64, cost: u32, now: Instant) -> Option<u64> {
        let now = self.ticks(now);
        let from = if full_at > now { full_at } else { now };
        // Saturating, so that a cost above the burst, which may leave the word, is refused here too.
        let full_at = from.saturating_add((cost as u64).saturating_mul(self.cost));
        if full_at.wrapping_sub(now) <= self.full { Some(full_at) } else { None }
    }

    #[inline]
    pub(super) const fn give_back(self, full_at: u64, cost: u32) -> u64 {
        // Below now is full, so no clock is needed to stop at full.
        full_at.saturating_sub((cost as u64).saturating_mul(self.cost))
    }

    /// When the bucket will be full once `cost` permits have been taken, whether or not they were there.
    pub(super) fn charge(self, full_at: u64, cost: u32, now: Instant) -> u64 {
        let full_at = u128::from(full_at.max(self.ticks(now))) + u128::from(cost) * u128::from(self.cost);
        full_at.min(u128::from(DEEPEST)) as u64
    }

    /// The time until nothing is owed.
    pub(super) fn debt(self, full_at: u64, now: Instant) -> Duration {
        Duration::from_nanos(self.until(u128::from(full_at.saturating_sub(self.full)), now))
    }

    /// When the bucket will be full that goes on at this pace where one of pace `old` stood.
    pub(super) fn carry(self, old: Self, full_at: u64, carry: Carry, now: Instant) -> u64 {
        let full = i128::from(self.full);
        let level = if carry == Carry::Reset || old.cost == 0 || self.cost == 0 {
            full
        } else {
            let left = old.level(full_at, now);
            let in_new_ticks = (left * i128::from(self.cost)).div_euclid(i128::from(old.cost));
            match carry {
                Carry::Proportional if left > 0 => left * full / i128::from(old.full),
                Carry::Additive => {
                    in_new_ticks + (full - i128::from(old.whole(old.full)) * i128::from(self.cost)).max(0)
                }
                Carry::Keep | Carry::Proportional | Carry::Reset => in_new_ticks,
            }
        };
        let full_at = i128::from(self.ticks(now)) + (full - level.min(full));
        full_at.min(i128::from(DEEPEST)) as u64
    }

    #[inline]
    fn granted(self, full_at: u64, now: Instant) -> Decision {
        Decision::admitted(self.remaining(full_at, now), self.until(u128::from(full_at), now))
    }

    /// The answer for `cost` permits behind `ahead` others, from a state that stays as it is.
    pub(super) fn answer(self, full_at: u64, cost: u32, ahead: u64, now: Instant) -> Decision {
        let (remaining, reset) = (self.remaining(full_at, now), self.until(u128::from(full_at), now));
        let price = u128::from(cost) * u128::from(self.cost);
        if price > u128::from(self.full) {
            return Decision::too_large(remaining, reset, self.whole(self.full));
        }
        let from = u128::from(full_at.max(self.ticks(now)));
        let due =
            (from + price + u128::from(ahead) * u128::from(self.cost)).saturating_sub(u128::from(self.full));
        if cost == 0 || due <= u128::from(self.ticks(now)) {
            return Decision::admitted(remaining, reset);
        }
        Decision::limited(remaining, reset, self.until(due, now))
    }

    fn remaining(self, full_at: u64, now: Instant) -> u32 {
        self.whole(self.full.saturating_sub(full_at.saturating_sub(self.ticks(now))))
    }

    /// Whole permits of so many ticks, at most a full bucket of them.
    fn whole(self, ticks: u64) -> u32 {
        ticks.checked_div(self.cost).map_or(u32::MAX, |whole| whole as u32)
    }

    /// Ticks in the bucket; negative in debt.
    fn level(self, full_at: u64, now: Instant) -> i128 {
        i128::from(self.full) - i128::from(full_at.saturating_sub(self.ticks(now)))
    }

    /// Nanoseconds from `now` to the first in which `ticks` have passed.
    pub(super) fn until(self, ticks: u128, now: Instant) -> u64 {
        self.nanos(ticks).saturating_sub(now.as_nanos().min(self.horizon))
    }

    #[inline]
    fn nanos(self, ticks: u128) -> u64 {
        match u64::try_from(ticks) {
            Ok(ticks) if self.shift == 0 => ticks.div_ceil(u64::from(self.scale)),
            _ => self.far(ticks),
        }
    }

    /// The same for what leaves the word on the way.
    #[cold]
    fn far(self, ticks: u128) -> u64 {
        if ticks > u128::MAX >> self.shift {
            return u64::MAX;
        }
        let nanos = (ticks << self.shift).div_ceil(u128::from(self.scale));
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }
}

const fn gcd(a: u64, b: u64) -> u64 {
    let (mut a, mut b) = (a, b);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

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
