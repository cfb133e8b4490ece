use super::found::Again;
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
    shortest_ttl: Duration,
    longest_ttl: Duration,
    stale_for: Option<Duration>,
    allow_empty: bool,
}

/// So long after an answer a source that waits for changes is asked again: a flood of them is one a second.
const BETWEEN_CHANGES: Duration = Duration::from_secs(1);
/// No question may leave the runtime without a breath.
const SHORTEST: Duration = Duration::from_millis(10);
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
        Self {
            every: Duration::from_secs(30),
            shortest_ttl: Duration::from_secs(5),
            longest_ttl: Duration::from_secs(300),
            stale_for: None,
            allow_empty: false,
        }
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
        self.every = every.max(SHORTEST);
        self
    }

    /// Keeps the time to live that an answer says within these bounds; at least 10 ms.
    ///
    /// ```
    /// use std::time::Duration;
    /// let (shortest, longest) = (Duration::from_secs(1), Duration::from_secs(60));
    /// let discovery = seawall::discover::Discovery::new().ttl_within(shortest, longest);
    /// # let _ = discovery;
    /// ```
    #[must_use]
    pub fn ttl_within(mut self, shortest: Duration, longest: Duration) -> Self {
        self.shortest_ttl = shortest.max(SHORTEST);
        self.longest_ttl = longest.max(self.shortest_ttl);
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

    /// A good answer came: how long until the next question. Up to a tenth later than said, so that those who
    /// started together do not ask together for ever; and never sooner, when a cache in between still has the old.
    pub(crate) fn answered(&mut self, again: Again, sample: f64, now: Instant) -> Duration {
        (self.failures, self.good_at) = (0, Some(now));
        let wait = match again {
            Again::Usual => self.rules.every,
            Again::After(ttl) => ttl.clamp(self.rules.shortest_ttl, self.rules.longest_ttl),
            Again::Live => return BETWEEN_CHANGES,
        };
        // Capped where a factor above one would overflow.
        wait.min(Duration::MAX / 2).mul_f64(0.1f64.mul_add(sample, 1.0))
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

    /// When the last good set is too old to be believed, if nothing better comes.
    pub(crate) fn stale_at(&self) -> Option<Instant> {
        let stale_at = self.good_at? + self.rules.stale_for?;
        (self.failures > 0).then_some(stale_at)
    }

    /// Whether the last good set is too old to be believed; told once.
    pub(crate) fn went_stale(&mut self, now: Instant) -> bool {
        let stale = self.stale_at().is_some_and(|at| at <= now);
        if stale {
            self.good_at = None;
        }
        stale
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_time_to_live_is_kept_within_bounds() {
        let mut pace = Pace::new(Discovery::new());
        let mut next = |ttl: Option<u64>| {
            let again = ttl.map_or(Again::Usual, |ttl| Again::After(Duration::from_secs(ttl)));
            pace.answered(again, 0.0, Instant::ZERO).as_secs()
        };
        assert_eq!([Some(0), Some(60), Some(86_400), None].map(&mut next), [5, 60, 300, 30]);
        let bounds = Discovery::new().ttl_within(Duration::from_secs(9), Duration::from_secs(1));
        let mut pace = Pace::new(bounds);
        assert_eq!(pace.answered(Again::After(Duration::ZERO), 0.0, Instant::ZERO).as_secs(), 9);
    }

    #[test]
    fn questions_spread_by_a_tenth_and_come_never_too_soon() {
        let mut pace = Pace::new(Discovery::new());
        let mut at = |sample| pace.answered(Again::After(Duration::from_secs(60)), sample, Instant::ZERO);
        assert_eq!([at(0.0), at(0.5)], [60, 63].map(Duration::from_secs));
        let mut never = Pace::new(Discovery::new().every(Duration::MAX));
        assert!(never.answered(Again::Usual, 0.9, Instant::ZERO) > Duration::from_secs(1 << 40));
    }

    #[test]
    fn failures_wait_longer_each_time_until_an_answer_comes() {
        let mut pace = Pace::new(Discovery::new());
        let waits: Vec<_> = (0..7).map(|_| pace.failed(0.5).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        pace.answered(Again::Usual, 0.0, Instant::ZERO);
        assert_eq!(pace.failed(0.0), Duration::from_millis(800));
    }

    #[test]
    fn nobody_is_no_answer_unless_it_may_be() {
        assert!(!Pace::new(Discovery::new()).believes(0));
        assert!(Pace::new(Discovery::new().allow_empty()).believes(0));
    }

    /// What happens at the source, so many seconds after the last thing.
    #[derive(Clone, Copy, Debug)]
    enum Happens {
        Answers { ttl: Option<u64> },
        Changes,
        Fails,
        Looks,
    }

    fn happens() -> impl Strategy<Value = (u64, Happens)> {
        let what = prop_oneof![
            1 => proptest::option::of(prop_oneof![0..=10u64, 290..=310u64, Just(u64::MAX / 2_000_000_000)])
                .prop_map(|ttl| Happens::Answers { ttl }),
            1 => Just(Happens::Changes),
            3 => Just(Happens::Fails),
            2 => Just(Happens::Looks),
        ];
        (0..50u64, what)
    }

    proptest! {
        /// The naive one keeps all that ever happened, and reads each answer out of it.
        #[test]
        fn it_says_what_the_whole_history_says(
            history in proptest::collection::vec(happens(), 1..60),
            stale_for in proptest::option::of(1..100u64),
        ) {
            let rules = Discovery::new();
            let mut pace = Pace::new(stale_for.map_or(rules, |stale_for| rules.stale_for(Duration::from_secs(stale_for))));
            let mut past: Vec<(u64, Happens)> = Vec::new();
            let mut told_stale_of = None;
            let mut now = 0;
            for (after, what) in history {
                now += after;
                let at = Instant::ZERO + Duration::from_secs(now);
                let said = match what {
                    Happens::Answers { ttl } => {
                        let again = ttl.map_or(Again::Usual, |ttl| Again::After(Duration::from_secs(ttl)));
                        Some(pace.answered(again, 0.0, at))
                    }
                    Happens::Changes => Some(pace.answered(Again::Live, 0.7, at)),
                    Happens::Fails => Some(pace.failed(0.5)),
                    Happens::Looks => None,
                };
                past.push((now, what));
                let good = past.iter().rposition(|(_, what)| matches!(what, Happens::Answers { .. } | Happens::Changes));
                let since = past[good.map_or(0, |good| good + 1)..].iter();
                let failures = since.filter(|(_, what)| matches!(what, Happens::Fails)).count() as u32;
                let naive = match what {
                    Happens::Answers { ttl: None } => Some(30),
                    Happens::Answers { ttl: Some(ttl) } => Some(ttl.clamp(5, 300)),
                    Happens::Changes => Some(1),
                    Happens::Fails => Some([1, 2, 4, 8, 16].get(failures as usize - 1).copied().unwrap_or(30)),
                    Happens::Looks => None,
                };
                prop_assert_eq!(said, naive.map(Duration::from_secs), "{:?}", past);
                prop_assert_eq!(pace.failures(), failures);
                let stale = good.zip(stale_for).is_some_and(|(good, stale_for)| {
                    failures > 0 && now >= past[good].0 + stale_for && told_stale_of != Some(good)
                });
                if stale {
                    told_stale_of = good;
                }
                prop_assert_eq!(pace.went_stale(at), stale, "{:?}", past);
            }
        }
    }
}
