//! A rule in the script's numbers.
//!
//! The script counts whole microseconds in numbers that are exact to 2⁵³. A token bucket is the exact fraction of its quota
//! wherever a burst of it fits into 2⁵² ticks; beyond that a permit's cost is rounded up: a little slower, never faster.
//! Windows are rounded up to whole microseconds.

use crate::rate_limit::Quota;
use crate::rate_limit::remote::Rule;
use crate::time::nanos;
use std::time::Duration;

/// What the script has a text for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Bucket,
    Fixed,
    Counter,
    Log,
}

/// A rule as the script is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) kind: Kind,
    // Microseconds in a unit of the script's time; 1 but for what fills within centuries.
    unit: u64,
    // Ticks of a permit, or units in a window.
    p: u64,
    // Ticks in a unit of time.
    q: u64,
    pub(super) capacity: u32,
}

/// The most that the script adds up.
const MOST: u128 = 1 << 52;

impl Terms {
    /// `None` for what need not be asked, because it never refuses.
    pub(super) const fn of(rule: Rule) -> Option<Self> {
        match rule {
            Rule::TokenBucket(quota) if quota.is_unlimited() => None,
            Rule::TokenBucket(quota) => Some(Self::bucket(quota)),
            Rule::FixedWindow { limit, window } => Some(Self::window(Kind::Fixed, limit, window)),
            Rule::SlidingWindowCounter { limit, window } => Some(Self::window(Kind::Counter, limit, window)),
            Rule::SlidingWindowLog { limit, window } => Some(Self::window(Kind::Log, limit, window)),
        }
    }

    const fn bucket(quota: Quota) -> Self {
        let (unit, p, q) = match ticks(quota) {
            Some(ticks) => ticks,
            None => (1, 1, 1), // nothing: the script is not asked
        };
        Self { kind: Kind::Bucket, unit, p, q, capacity: quota.capacity() }
    }

    const fn window(kind: Kind, limit: u32, window: Duration) -> Self {
        let micros = nanos(window).div_ceil(1000);
        if micros == 0 || limit == 0 {
            return Self { kind, unit: 1, p: 1, q: 1, capacity: 0 };
        }
        // The counter multiplies its limit by its window.
        let factor = if matches!(kind, Kind::Counter) { limit as u128 } else { 1 };
        let mut unit = 1;
        while factor * micros.div_ceil(unit) as u128 > MOST {
            unit *= 2;
        }
        Self { kind, unit, p: micros.div_ceil(unit), q: 1, capacity: limit }
    }

    /// What the script reads: unit, p, q, and the capacity without what is held elsewhere.
    pub(super) fn bytes(&self, held: u32) -> [u8; 32] {
        doubles([self.unit, self.p, self.q, self.capacity.saturating_sub(held).into()])
    }
}

/// Numbers below 2⁵³ as the script reads them.
pub(super) fn doubles(numbers: [u64; 4]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (place, number) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(numbers) {
        *place = (number as f64).to_le_bytes();
    }
    bytes
}

/// Unit of time in microseconds, ticks of a permit, ticks of a unit; `None` where there is nothing to count.
const fn ticks(quota: Quota) -> Option<(u64, u64, u64)> {
    if quota.is_deny_all() || quota.is_unlimited() {
        return None;
    }
    let (period, permits) = (nanos(quota.period()) as u128, quota.permits() as u128 * 1000);
    let burst = quota.capacity() as u128;
    let common = gcd(period, permits);
    let (p, q) = (period / common, permits / common);
    if burst * p <= MOST {
        return Some((1, p as u64, q as u64));
    }
    // A sixteenth of a microsecond, or the finest tick below it that fits.
    let mut shift = 4;
    loop {
        let (finer, coarser) = if shift >= 0 { (1_u128 << shift, 1) } else { (1, 1_u128 << -shift) };
        let p = (period * finer).div_ceil(permits * coarser);
        if burst * p <= MOST {
            return Some((coarser as u64, p as u64, finer as u64));
        }
        shift -= 1;
    }
}

const fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(quota: Quota) -> (u64, u64, u64) {
        let Terms { unit, p, q, .. } = Terms::bucket(quota);
        (unit, p, q)
    }

    #[test]
    fn a_quota_is_its_exact_fraction_wherever_that_fits() {
        let of = |permits, period| of(Quota::per(permits, Duration::from_nanos(period)));
        assert_eq!(of(1, 1_000_000_000), (1, 1_000_000, 1));
        assert_eq!(of(3, 1_000_000_000), (1, 1_000_000, 3));
        assert_eq!(of(10, 100), (1, 1, 100));
        // 86 400 000 000 ticks each of 700 001: a sixteenth of a microsecond, and rounded up.
        assert_eq!(of(700_001, 86_400_000_000_000), (1, 1_974_855, 16));
        // A burst of centuries: units of several microseconds.
        let (unit, p, q) = of(u32::MAX, u64::MAX);
        assert_eq!((unit, q), (8, 1));
        assert!(u128::from(p) * u128::from(u32::MAX) <= MOST);
    }

    #[test]
    fn a_counter_keeps_its_products_exact() {
        let counter = Terms::window(Kind::Counter, 1_000_000, Duration::from_secs(86_400));
        assert!(u128::from(counter.p) * 1_000_000 <= MOST);
        assert!(counter.p * counter.unit >= 86_400_000_000);
    }

    #[test]
    fn nothing_is_a_limit_too_and_everything_is_none() {
        let second = Duration::from_secs(1);
        let capacity = |rule| Terms::of(rule).map(|terms| terms.capacity);
        assert_eq!(capacity(Rule::FixedWindow { limit: 0, window: second }), Some(0));
        assert_eq!(capacity(Rule::SlidingWindowLog { limit: 7, window: Duration::ZERO }), Some(0));
        assert_eq!(capacity(Rule::TokenBucket(Quota::deny_all())), Some(0));
        assert_eq!(capacity(Rule::TokenBucket(Quota::unlimited())), None);
    }
}
