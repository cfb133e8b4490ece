use crate::time::Instant;
use std::time::Duration;

/// How often a source is asked, and what a failure means.
///
/// # Examples
///
/// ```
/// use seawall::discover::Discovery;
/// use std::time::Duration;
///
/// let discovery = Discovery::new().every(Duration::from_secs(10)).stale_for(Duration::from_secs(3600));
/// # let _ = discovery;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Discovery {
    every: Duration,
    stale_for: Option<Duration>,
    allow_empty: bool,
}

const SHORTEST_TTL: Duration = Duration::from_secs(5);
const LONGEST_TTL: Duration = Duration::from_secs(300);
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(30);

impl Discovery {
    /// The defaults.
    ///
    /// ```
    /// assert_eq!(seawall::discover::Discovery::new(), Default::default());
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { every: Duration::from_secs(30), stale_for: None, allow_empty: false }
    }

    /// How long after an answer that does not say how long it lives the next question comes; at least 10 ms.
    ///
    /// ```
    /// use std::time::Duration;
    /// let discovery = seawall::discover::Discovery::new().every(Duration::from_secs(10));
    /// # let _ = discovery;
    /// ```
    #[must_use]
    pub fn every(mut self, every: Duration) -> Self {
        self.every = every.max(Duration::from_millis(10));
        self
    }

    /// Believes the last good set only so long while every question fails; then there is nobody.
    ///
    /// ```
    /// use std::time::Duration;
    /// let discovery = seawall::discover::Discovery::new().stale_for(Duration::from_secs(3600));
    /// # let _ = discovery;
    /// ```
    #[must_use]
    pub const fn stale_for(mut self, stale_for: Duration) -> Self {
        self.stale_for = Some(stale_for);
        self
    }

    /// Believes an answer without anybody in it.
    ///
    /// ```
    /// let discovery = seawall::discover::Discovery::new().allow_empty();
    /// # let _ = discovery;
    /// ```
    #[must_use]
    pub const fn allow_empty(mut self) -> Self {
        self.allow_empty = true;
        self
    }
}

impl Default for Discovery {
    fn default() -> Self {
        Self::new()
    }
}

/// When to ask again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    rules: Discovery,
    failures: u32,
    good_at: Option<Instant>,
}

impl Pace {
    pub(crate) const fn new(rules: Discovery) -> Self {
        Self { rules, failures: 0, good_at: None }
    }

    /// Whether an answer with so many in it is one.
    pub(crate) const fn believes(&self, endpoints: usize) -> bool {
        endpoints > 0 || self.rules.allow_empty
    }

    /// A good answer came: how long until the next question.
    pub(crate) fn answered(&mut self, ttl: Option<Duration>, now: Instant) -> Duration {
        (self.failures, self.good_at) = (0, Some(now));
        ttl.map_or(self.rules.every, |ttl| ttl.clamp(SHORTEST_TTL, LONGEST_TTL))
    }

    /// The question failed: how long until the next one.
    pub(crate) fn failed(&mut self, sample: f64) -> Duration {
        let doublings = self.failures.min(16);
        self.failures = self.failures.saturating_add(1);
        (FIRST_RETRY * (1 << doublings)).min(LONGEST_RETRY).mul_f64(0.4f64.mul_add(sample, 0.8))
    }

    pub(crate) const fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether the last good set is too old to be believed; told once.
    pub(crate) fn went_stale(&mut self, now: Instant) -> bool {
        let (Some(good_at), Some(stale_for)) = (self.good_at, self.rules.stale_for) else {
            return false;
        };
        let stale = self.failures > 0 && now - good_at >= stale_for;
        if stale {
            self.good_at = None;
        }
        stale
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_live_is_kept_within_bounds() {
        let mut pace = Pace::new(Discovery::new());
        let mut next =
            |ttl: Option<u64>| pace.answered(ttl.map(Duration::from_secs), Instant::ZERO).as_secs();
        assert_eq!([Some(0), Some(60), Some(86_400), None].map(&mut next), [5, 60, 300, 30]);
    }

    #[test]
    fn failures_wait_longer_each_time_until_an_answer_comes() {
        let mut pace = Pace::new(Discovery::new());
        let waits: Vec<_> = (0..7).map(|_| pace.failed(0.5).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        pace.answered(None, Instant::ZERO);
        assert_eq!(pace.failed(0.0), Duration::from_millis(800));
    }

    #[test]
    fn an_old_set_is_believed_for_ever_or_as_long_as_is_said() {
        let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
        let mut for_ever = Pace::new(Discovery::new());
        for_ever.answered(None, at(0));
        for_ever.failed(0.5);
        assert!(!for_ever.went_stale(Instant::MAX));

        let mut pace = Pace::new(Discovery::new().stale_for(Duration::from_secs(60)));
        assert!(!pace.went_stale(at(100)), "there was nothing to go stale");
        pace.answered(None, at(100));
        assert!(!pace.went_stale(at(1000)), "nothing has failed");
        pace.failed(0.5);
        assert!(!pace.went_stale(at(159)));
        assert!(pace.went_stale(at(160)));
        assert!(!pace.went_stale(at(161)), "told once");
    }

    #[test]
    fn nobody_is_no_answer_unless_it_may_be() {
        assert!(!Pace::new(Discovery::new()).believes(0));
        assert!(Pace::new(Discovery::new().allow_empty()).believes(0));
    }
}
