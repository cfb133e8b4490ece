use crate::ratio::Ratio;
use std::time::Duration;

/// When a [`Throttle`](super::Throttle) refuses.
///
/// With the counts before a call, it is refused with the chance `max(0, (requests − K·accepts) / (requests + 1))`
/// (*Site Reliability Engineering*, ch. 21, "Client-Side Throttling"), at most [`max`](Self::max).
///
/// # Examples
///
/// ```
/// use seawall::{Ratio, Throttle, throttle::Config};
/// use std::num::NonZeroU32;
///
/// // At least 90 % must be accepted: K is 10/9.
/// let k = Ratio::of(10, NonZeroU32::new(9).unwrap());
/// let throttle = Throttle::new("payments", Config::new().k(k));
/// # let _ = throttle;
/// ```
///
/// # Defaults
///
/// | setting | default | why |
/// |---|---|---|
/// | K | 2 | the book's: half of what is sent may be refused by the peer before the client steps in |
/// | over | 2 minutes, in 20 slices | the book's |
/// | min calls | 10 | no verdict on a handful |
/// | max | 90 % | a tenth gets through to notice the recovery |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    pub(super) odds: Odds,
    pub(super) over: Duration,
}

/// The chance of a refusal, from two counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Odds {
    pub(super) k: Ratio,
    pub(super) min_calls: u32,
    pub(super) max: Ratio,
}

impl Config {
    /// The defaults of the table above.
    ///
    /// ```
    /// use seawall::throttle::Config;
    /// assert_eq!(Config::new(), Config::default());
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        let odds = Odds { k: Ratio::percent(200), min_calls: 10, max: Ratio::percent(90) };
        Self { odds, over: Duration::from_secs(120) }
    }

    /// How many requests one accepted answer is good for. The closer to one, the sooner the client steps in.
    ///
    /// ```
    /// use seawall::{Ratio, throttle::Config};
    /// let config = Config::new().k(Ratio::percent(150));
    /// # let _ = config;
    /// ```
    #[must_use]
    pub const fn k(mut self, k: Ratio) -> Self {
        self.odds.k = k;
        self
    }

    /// Over how long it counts; in 20 slices, of which the oldest is forgotten at a time.
    ///
    /// ```
    /// use seawall::throttle::Config;
    /// use std::time::Duration;
    /// let config = Config::new().over(Duration::from_secs(30));
    /// # let _ = config;
    /// ```
    #[must_use]
    pub const fn over(mut self, over: Duration) -> Self {
        self.over = over;
        self
    }

    /// Nothing is refused before so many requests have been counted.
    ///
    /// ```
    /// let config = seawall::throttle::Config::new().min_calls(100);
    /// # let _ = config;
    /// ```
    #[must_use]
    pub const fn min_calls(mut self, min_calls: u32) -> Self {
        self.odds.min_calls = min_calls;
        self
    }

    /// The chance of a refusal is never greater. 0 refuses nothing, which switches the throttle off.
    ///
    /// ```
    /// use seawall::{Ratio, throttle::Config};
    /// let off = Config::new().max(Ratio::ZERO);
    /// # let _ = off;
    /// ```
    #[must_use]
    pub const fn max(mut self, max: Ratio) -> Self {
        self.odds.max = max;
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

impl Odds {
    /// The chance with which the next call is refused.
    #[inline]
    pub(super) fn refusal(&self, requests: u64, accepts: u64) -> f64 {
        if requests < u64::from(self.min_calls) {
            return 0.0;
        }
        let (parts, whole) = (u128::from(self.k.parts()), u128::from(self.k.whole().get()));
        // Exact up to here: (requests − parts/whole · accepts) · whole.
        let excess = (u128::from(requests) * whole).saturating_sub(u128::from(accepts) * parts);
        if excess == 0 {
            return 0.0;
        }
        let of = (u128::from(requests) + 1) * whole;
        (excess as f64 / of as f64).min(self.max.as_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    #[test]
    fn to_8_the_books_formula() {
        let odds = |parts, whole: u32| Odds {
            k: Ratio::of(parts, NonZeroU32::new(whole).unwrap()),
            ..Config::new().odds
        };
        assert_eq!(odds(2, 1).refusal(100, 50), 0.0);
        assert_eq!(odds(2, 1).refusal(100, 40), 20.0 / 101.0);
        assert_eq!(odds(10, 9).refusal(120, 90), 20.0 / 121.0);
        assert!((odds(20, 19).refusal(1000, 900) - 0.0526).abs() < 5e-5);
    }

    #[test]
    fn a_handful_is_no_verdict_and_a_tenth_always_gets_through() {
        let odds = Config::new().odds;
        assert_eq!(odds.refusal(9, 0), 0.0);
        assert_eq!(odds.refusal(10, 0), 0.9);
        assert_eq!(odds.refusal(u64::MAX, 0), 0.9);
    }
}
