use super::judge::Thresholds;
use std::time::Duration;

/// How often endpoints are checked, and what follows from it.
///
/// # Examples
///
/// ```
/// use seawall::health::{Checks, Thresholds};
/// use std::time::Duration;
///
/// let checks = Checks::new().interval(Duration::from_secs(5)).thresholds(Thresholds::new(2, 1));
/// # let _ = checks;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checks {
    interval: Duration,
    timeout: Duration,
    thresholds: Thresholds,
    uneject: bool,
}

/// No check may leave the runtime without a breath.
const SHORTEST: Duration = Duration::from_millis(1);

impl Checks {
    /// The defaults.
    ///
    /// ```
    /// assert_eq!(seawall::health::Checks::new(), Default::default());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self {
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(1),
            thresholds: Thresholds::default(),
            uneject: false,
        }
    }

    /// From the start of one check to the start of the next, spread by ±10 %; at least a millisecond.
    ///
    /// ```
    /// use std::time::Duration;
    /// let checks = seawall::health::Checks::new().interval(Duration::from_secs(5));
    /// # let _ = checks;
    /// ```
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval.max(SHORTEST);
        self
    }

    /// How long a check may take; longer has failed.
    ///
    /// ```
    /// use std::time::Duration;
    /// let checks = seawall::health::Checks::new().timeout(Duration::from_millis(200));
    /// # let _ = checks;
    /// ```
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many findings in a row change the judgement.
    ///
    /// ```
    /// use seawall::health::{Checks, Thresholds};
    /// let checks = Checks::new().thresholds(Thresholds::new(1, 1));
    /// # let _ = checks;
    /// ```
    #[must_use]
    pub const fn thresholds(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = thresholds;
        self
    }

    /// Lets a passed check end an [ejection](crate::outlier) before its time. Only for checks that do what calls do.
    ///
    /// ```
    /// let checks = seawall::health::Checks::new().unejects();
    /// # let _ = checks;
    /// ```
    #[must_use]
    pub const fn unejects(mut self) -> Self {
        self.uneject = true;
        self
    }

    pub(crate) const fn do_uneject(&self) -> bool {
        self.uneject
    }

    /// How long the first check waits.
    pub(crate) fn first(&self, sample: f64) -> Duration {
        self.interval.min(Duration::from_secs(1)).mul_f64(sample)
    }

    /// How long after the start of one check the next one starts.
    pub(crate) fn next(&self, sample: f64) -> Duration {
        // Capped where a factor above one would overflow.
        self.interval.min(Duration::MAX / 2).mul_f64(0.2f64.mul_add(sample, 0.9))
    }

    pub(crate) const fn time(&self) -> Duration {
        self.timeout
    }

    pub(crate) const fn judging(&self) -> Thresholds {
        self.thresholds
    }
}

impl Default for Checks {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beat_is_spread_by_a_tenth_and_the_first_comes_within_a_second() {
        let checks = Checks::new();
        assert_eq!(checks.next(0.0), Duration::from_secs(9));
        assert_eq!(checks.next(0.5), Duration::from_secs(10));
        assert_eq!(checks.first(0.5), Duration::from_millis(500));
        assert_eq!(checks.interval(Duration::from_millis(100)).first(0.5), Duration::from_millis(50));
        assert!(checks.interval(Duration::MAX).next(1.0) > Duration::from_secs(1 << 40));
        assert!(checks.interval(Duration::ZERO).next(0.0) > Duration::ZERO);
    }
}
