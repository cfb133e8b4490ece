use super::algorithm::Carry;
use super::{Decision, Quota};
use crate::error::{Reason, Rejected};
use crate::name::Name;
use crate::time::Instant;
use std::time::Duration;

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
    pub(super) const fn of(quota: Quota) -> Self {
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
    pub(super) const fn debt(self, full_at: u64, now: Instant) -> Duration {
        Duration::from_nanos(self.until(full_at.saturating_sub(self.full), now))
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

    /// The answer for `cost` permits behind `ahead` others, from a state that stays as it is.
    pub(super) fn answer(self, full_at: u64, cost: u32, ahead: u64, now: Instant) -> Decision {
        let (remaining, reset) = (self.remaining(full_at, now), self.until(full_at, now));
        let price = u64::from(cost).saturating_mul(self.cost);
        if price > self.full {
            return Decision::too_large(remaining, reset, self.whole(self.full));
        }
        // Not above the end of the word: no state is deeper than `DEEPEST`, and no price above `FINEST`.
        let last = full_at.max(self.ticks(now)) + price;
        let due = last.saturating_add(ahead.saturating_mul(self.cost)).saturating_sub(self.full);
        if cost == 0 || due <= self.ticks(now) {
            return Decision::admitted(remaining, reset);
        }
        Decision::limited(remaining, reset, self.until(due, now))
    }

    /// The refusal of `cost` permits by a bucket of this state: an [`answer`](Self::answer) without the figures.
    #[cold]
    #[inline(never)]
    pub(super) fn refusal(self, full_at: u64, by: Name, cost: u32, now: Instant) -> Rejected {
        let price = u64::from(cost).saturating_mul(self.cost);
        if price > self.full {
            return Rejected::too_large(by, cost, self.whole(self.full));
        }
        let due = (full_at.max(self.ticks(now)) + price).saturating_sub(self.full);
        Rejected::in_nanos(by, Reason::RateLimited, self.until(due, now))
    }

    #[inline]
    fn remaining(self, full_at: u64, now: Instant) -> u32 {
        self.whole(self.full.saturating_sub(full_at.saturating_sub(self.ticks(now))))
    }

    /// Whole permits of so many ticks, at most a full bucket of them.
    #[inline]
    pub(super) fn whole(self, ticks: u64) -> u32 {
        ticks.checked_div(self.cost).map_or(u32::MAX, |whole| whole as u32)
    }

    /// Ticks in the bucket; negative in debt.
    pub(super) fn level(self, full_at: u64, now: Instant) -> i128 {
        i128::from(self.full) - i128::from(full_at.saturating_sub(self.ticks(now)))
    }

    /// Nanoseconds from `now` to the first in which `ticks` have passed.
    #[inline]
    pub(super) const fn until(self, ticks: u64, now: Instant) -> u64 {
        let now = if now.as_nanos() < self.horizon { now.as_nanos() } else { self.horizon };
        self.nanos(ticks).saturating_sub(now)
    }

    #[inline]
    pub(super) const fn nanos(self, ticks: u64) -> u64 {
        if self.shift == 0 { ticks.div_ceil(self.scale as u64) } else { self.far(ticks as u128) }
    }

    /// The same for what leaves the word on the way.
    #[cold]
    const fn far(self, ticks: u128) -> u64 {
        if ticks > u128::MAX >> self.shift {
            return u64::MAX;
        }
        let nanos = (ticks << self.shift).div_ceil(self.scale as u128);
        if nanos > u64::MAX as u128 { u64::MAX } else { nanos as u64 }
    }
}

const fn gcd(a: u64, b: u64) -> u64 {
    let (mut a, mut b) = (a, b);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}
