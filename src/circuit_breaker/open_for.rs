use crate::ratio::Ratio;
use crate::time::nanos;
use std::time::Duration;

/// How long an open circuit stays open before it lets probes through.
///
/// # Examples
///
/// ```
/// use seawall::Ratio;
/// use seawall::circuit_breaker::OpenFor;
/// use std::time::Duration;
///
/// // 1 s, 2 s, 4 s … 30 s, each shortened by up to a fifth.
/// let patient = OpenFor::exponential(Duration::from_secs(1))
///     .cap(Duration::from_secs(30))
///     .jitter(Ratio::percent(20));
/// assert_eq!(patient.period(2, 0.0), Duration::from_secs(4));
/// ```
///
/// # Defaults
///
/// | setting | default | why |
/// |---|---|---|
/// | period | exponential from 5 s | a blip costs 5 s |
/// | `factor` | 2 | the usual one |
/// | `cap` | 60 s | a long outage is asked once a minute |
/// | `jitter` | 10 % | a fleet is not in step |
/// | `after_cap` | 5 min | a peer may ask for patience, not for an hour |
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OpenFor {
    base: Duration,
    factor: f64,
    cap: Duration,
    jitter: Ratio,
    after_cap: Duration,
}

const AFTER_CAP: Duration = Duration::from_secs(300);

impl OpenFor {
    pub(super) const DEFAULT: Self = Self::exponential(Duration::from_secs(5)).jitter(Ratio::percent(10));

    /// Always as long, exactly.
    ///
    /// ```
    /// use seawall::circuit_breaker::OpenFor;
    /// use std::time::Duration;
    /// assert_eq!(OpenFor::fixed(Duration::from_secs(5)).period(7, 0.9), Duration::from_secs(5));
    /// ```
    #[must_use]
    pub const fn fixed(period: Duration) -> Self {
        Self { base: period, factor: 1.0, cap: period, jitter: Ratio::ZERO, after_cap: AFTER_CAP }
    }

    /// `base` at first, then twice as long at each opening in a row, up to a minute.
    ///
    /// ```
    /// use seawall::circuit_breaker::OpenFor;
    /// use std::time::Duration;
    /// let growing = OpenFor::exponential(Duration::from_secs(5));
    /// assert_eq!(growing.period(1, 0.0), Duration::from_secs(10));
    /// assert_eq!(growing.period(9, 0.0), Duration::from_secs(60));
    /// ```
    #[must_use]
    pub const fn exponential(base: Duration) -> Self {
        let cap = Duration::from_secs(60);
        Self { base, factor: 2.0, cap, jitter: Ratio::ZERO, after_cap: AFTER_CAP }
    }

    /// By how much the period grows at each opening in a row; less than one, or no number, is read as one.
    ///
    /// ```
    /// use seawall::circuit_breaker::OpenFor;
    /// use std::time::Duration;
    /// let growing = OpenFor::exponential(Duration::from_secs(5)).factor(1.5);
    /// assert_eq!(growing.period(1, 0.0), Duration::from_millis(7_500));
    /// ```
    #[must_use]
    pub const fn factor(mut self, factor: f64) -> Self {
        self.factor = if factor >= 1.0 { factor } else { 1.0 };
        self
    }

    /// The longest period.
    ///
    /// ```
    /// use seawall::circuit_breaker::OpenFor;
    /// use std::time::Duration;
    /// let growing = OpenFor::exponential(Duration::from_secs(5)).cap(Duration::from_secs(8));
    /// assert_eq!(growing.period(1, 0.0), Duration::from_secs(8));
    /// ```
    #[must_use]
    pub const fn cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// Shortens each period by a random part of up to `jitter`, so that a fleet that lost its peer at one
    /// moment does not come back at one. It never lengthens, so a fleet at the cap stays spread.
    ///
    /// ```
    /// use seawall::Ratio;
    /// use seawall::circuit_breaker::OpenFor;
    /// use std::time::Duration;
    /// let spread = OpenFor::fixed(Duration::from_secs(10)).jitter(Ratio::percent(50));
    /// assert_eq!(spread.period(0, 0.5), Duration::from_millis(7_500));
    /// ```
    #[must_use]
    pub const fn jitter(mut self, jitter: Ratio) -> Self {
        self.jitter = jitter;
        self
    }

    /// The longest wait that a peer may ask for with [`Class::Overload`](crate::Class::Overload).
    ///
    /// ```
    /// use seawall::circuit_breaker::OpenFor;
    /// use std::time::Duration;
    /// let deaf = OpenFor::fixed(Duration::from_secs(5)).after_cap(Duration::ZERO);
    /// # let _ = deaf;
    /// ```
    #[must_use]
    pub const fn after_cap(mut self, after_cap: Duration) -> Self {
        self.after_cap = after_cap;
        self
    }

    /// How long the opening of number `opening` in a row (from zero) lasts, given a sample `u` of `[0, 1)`.
    ///
    /// ```
    /// use seawall::circuit_breaker::OpenFor;
    /// use std::time::Duration;
    /// assert_eq!(OpenFor::default().period(0, 0.0), Duration::from_secs(5));
    /// ```
    #[must_use]
    pub fn period(&self, opening: u32, u: f64) -> Duration {
        let grown = if opening == 0 || self.factor <= 1.0 {
            nanos(self.base)
        } else {
            // A conversion from floating point saturates.
            (nanos(self.base) as f64 * self.factor.powi(i32::try_from(opening).unwrap_or(i32::MAX))) as u64
        };
        let capped = grown.min(nanos(self.cap));
        if self.jitter == Ratio::ZERO {
            return Duration::from_nanos(capped);
        }
        let kept = self.jitter.as_f64().mul_add(-u, 1.0).max(0.0);
        Duration::from_nanos((capped as f64 * kept) as u64)
    }

    /// The same, if the result that opened the circuit named a time after which to come back.
    pub(super) fn period_after(&self, opening: u32, u: f64, after: Option<Duration>) -> Duration {
        self.period(opening, u).max(after.unwrap_or_default().min(self.after_cap))
    }
}

impl Default for OpenFor {
    /// Exponential from 5 s, doubling up to 60 s, jitter 10 %.
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_setting_panics_or_wraps() {
        let wild = OpenFor::exponential(Duration::MAX).factor(f64::INFINITY).cap(Duration::MAX);
        assert_eq!(wild.period(u32::MAX, 0.999), Duration::from_nanos(u64::MAX));
        let nothing = OpenFor::exponential(Duration::ZERO).factor(f64::NAN).jitter(Ratio::percent(1000));
        assert_eq!(nothing.period(3, 0.999), Duration::ZERO);
        // Nothing times infinity is no number, and is read as nothing.
        let nothing = OpenFor::exponential(Duration::ZERO).factor(f64::INFINITY);
        assert_eq!(nothing.period(3, 0.5), Duration::ZERO);
    }

    #[test]
    fn jitter_shortens_and_never_passes_the_cap() {
        let open_for = OpenFor::DEFAULT;
        for step in 0..1000 {
            let period = open_for.period(20, f64::from(step) / 1000.0);
            assert!(period <= Duration::from_secs(60) && period > Duration::from_secs(53));
        }
    }
}
