use crate::rate_limit::Quota;
use crate::time::nanos;
use std::time::Duration;

/// One limit that many processes share, decided by a script in the store with the same answers as the limiter of the
/// same name within one process.
///
/// # Examples
///
/// ```
/// use seawall::rate_limit::Quota;
/// use seawall::redis::Limit;
/// use std::time::Duration;
///
/// let steady = Limit::from(Quota::per_second(100).burst(20));
/// let daily = Limit::fixed_window(10_000, Duration::from_secs(86_400));
/// assert_eq!((steady.capacity(), daily.capacity()), (20, 10_000));
/// ```
///
/// # Precision
///
/// The script counts whole microseconds in numbers that are exact to 2⁵³. A token bucket is the exact fraction of its quota
/// wherever a burst of it fits into 2⁵² ticks; beyond that a permit's cost is rounded up: a little slower, never faster.
/// Windows are rounded up to whole microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    rule: Rule,
    quota: Quota,
    // Microseconds in a unit of the script's time; 1 but for what fills within centuries.
    unit: u64,
    // Ticks of a permit, or units in a window.
    p: u64,
    // Ticks in a unit of time.
    q: u64,
    capacity: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    Bucket,
    Fixed,
    Counter,
    Log,
}

/// The most that the script adds up.
const MOST: u128 = 1 << 52;

impl Limit {
    /// A [token bucket](crate::rate_limit::TokenBucket): a steady rate, and a burst after idleness. The same as
    /// `Limit::from(quota)`.
    ///
    /// ```
    /// use seawall::rate_limit::Quota;
    /// use seawall::redis::Limit;
    /// assert_eq!(Limit::token_bucket(Quota::per_second(5)), Quota::per_second(5).into());
    /// ```
    #[doc(alias = "GCRA")]
    #[must_use]
    pub const fn token_bucket(quota: Quota) -> Self {
        let capacity = quota.capacity();
        let (unit, p, q) = match ticks(quota) {
            Some(ticks) => ticks,
            None => (1, 1, 1), // nothing or everything: the script is not asked
        };
        Self { rule: Rule::Bucket, quota, unit, p, q, capacity }
    }

    /// A [fixed window](crate::rate_limit::FixedWindow): so many from boundary to boundary. Windows are counted from the Unix
    /// epoch, so that all processes mean the same ones: a day begins at midnight, UTC.
    ///
    /// ```
    /// use seawall::redis::Limit;
    /// use std::time::Duration;
    /// assert_eq!(Limit::fixed_window(1000, Duration::from_secs(86_400)).capacity(), 1000);
    /// ```
    #[must_use]
    pub const fn fixed_window(limit: u32, window: Duration) -> Self {
        Self::window(Rule::Fixed, limit, window)
    }

    /// A [sliding window of two counters](crate::rate_limit::SlidingWindowCounter).
    ///
    /// ```
    /// use seawall::redis::Limit;
    /// use std::time::Duration;
    /// assert_eq!(Limit::sliding_counter(100, Duration::from_secs(60)).capacity(), 100);
    /// ```
    #[must_use]
    pub const fn sliding_counter(limit: u32, window: Duration) -> Self {
        Self::window(Rule::Counter, limit, window)
    }

    /// A [sliding window log](crate::rate_limit::SlidingWindowLog): exact, and some twenty bytes in the store for each permit
    /// taken within a window. For small limits only: each check reads the whole log.
    ///
    /// ```
    /// use seawall::redis::Limit;
    /// use std::time::Duration;
    /// assert_eq!(Limit::sliding_log(5, Duration::from_secs(60)).capacity(), 5);
    /// ```
    #[must_use]
    pub const fn sliding_log(limit: u32, window: Duration) -> Self {
        Self::window(Rule::Log, limit, window)
    }

    const fn window(rule: Rule, limit: u32, window: Duration) -> Self {
        let micros = nanos(window).div_ceil(1000);
        if micros == 0 || limit == 0 {
            let quota = Quota::deny_all();
            return Self { rule, quota, unit: 1, p: 1, q: 1, capacity: 0 };
        }
        // The counter multiplies its limit by its window.
        let factor = if matches!(rule, Rule::Counter) { limit as u128 } else { 1 };
        let mut unit = 1;
        while factor * micros.div_ceil(unit) as u128 > MOST {
            unit *= 2;
        }
        let quota = Quota::per(limit, window);
        Self { rule, quota, unit, p: micros.div_ceil(unit), q: 1, capacity: limit }
    }

    /// How many permits may be taken at once.
    ///
    /// ```
    /// use seawall::rate_limit::Quota;
    /// use seawall::redis::Limit;
    /// assert_eq!(Limit::from(Quota::per_minute(60).burst(7)).capacity(), 7);
    /// ```
    #[must_use]
    pub const fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Permits, period and burst.
    ///
    /// ```
    /// use seawall::rate_limit::Quota;
    /// use seawall::redis::Limit;
    /// assert_eq!(Limit::from(Quota::per_minute(60)).quota(), Quota::per_minute(60));
    /// ```
    #[must_use]
    pub const fn quota(&self) -> Quota {
        self.quota
    }

    pub(super) const fn rule(&self) -> Rule {
        self.rule
    }

    /// What the script is told of it: unit, p, q.
    pub(super) const fn numbers(&self) -> [u64; 3] {
        [self.unit, self.p, self.q]
    }
}

impl From<Quota> for Limit {
    fn from(quota: Quota) -> Self {
        Self::token_bucket(quota)
    }
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

    #[test]
    fn a_quota_is_its_exact_fraction_wherever_that_fits() {
        let ticks = |permits, period| {
            let Limit { unit, p, q, .. } = Quota::per(permits, Duration::from_nanos(period)).into();
            (unit, p, q)
        };
        assert_eq!(ticks(1, 1_000_000_000), (1, 1_000_000, 1));
        assert_eq!(ticks(3, 1_000_000_000), (1, 1_000_000, 3));
        assert_eq!(ticks(10, 100), (1, 1, 100));
        // 86 400 000 000 ticks each of 700 001: a sixteenth of a microsecond, and rounded up.
        assert_eq!(ticks(700_001, 86_400_000_000_000), (1, 1_974_855, 16));
        // A burst of centuries: units of several microseconds.
        let (unit, p, q) = ticks(u32::MAX, u64::MAX);
        assert_eq!((unit, q), (8, 1));
        assert!(u128::from(p) * u128::from(u32::MAX) <= MOST);
    }

    #[test]
    fn a_counter_keeps_its_products_exact() {
        let counter = Limit::sliding_counter(1_000_000, Duration::from_secs(86_400));
        assert!(u128::from(counter.p) * 1_000_000 <= MOST);
        assert!(counter.p * counter.unit >= 86_400_000_000);
    }

    #[test]
    fn nothing_is_a_limit_too() {
        assert_eq!(Limit::fixed_window(0, Duration::from_secs(1)).capacity(), 0);
        assert_eq!(Limit::sliding_log(7, Duration::ZERO).capacity(), 0);
        assert_eq!(Limit::from(Quota::deny_all()).capacity(), 0);
    }
}
