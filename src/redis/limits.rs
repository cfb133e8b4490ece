use crate::name::Name;
use crate::rate_limit::Quota;
use crate::rate_limit::remote::Rule;
use std::time::Duration;

/// What a [`SharedRateLimiter`](super::SharedRateLimiter) keeps to: its limits, and how it deals with a store at a distance.
///
/// # Examples
///
/// ```
/// use seawall::rate_limit::Quota;
/// use seawall::rate_limit::remote::Rule;
/// use seawall::redis::{Limits, WhenAway};
/// use std::time::Duration;
///
/// let limits = Limits::of(Quota::per_second(100))
///     .and(Rule::FixedWindow { limit: 100_000, window: Duration::from_secs(86_400) })
///     .when_away(WhenAway::Local { nodes: 4 });
/// assert_eq!(limits.rules().count(), 2);
/// ```
///
/// # Defaults
///
/// | setting | default | why |
/// |---|---|---|
/// | [`when_away`](Self::when_away) | local share, of 1 node | neither an outage of the store for all, nor no limit at all; say how many you are |
/// | [`leases`](Self::leases) | none | exact first; leases are for what is checked often |
/// | [`remembered`](Self::remembered) | 4096 refusals | who hammers a shut door costs the store nothing; 64 bytes each |
/// | [`local_keys`](Self::local_keys) | 10 000 | 16 bytes each, from the start, for each limit |
#[derive(Clone, Debug)]
#[must_use]
pub struct Limits {
    // Those without a name are the limiter's own.
    pub(super) all: Vec<(Option<Name>, Rule)>,
    pub(super) away: WhenAway,
    pub(super) lease: Option<Lease>,
    pub(super) remembered: usize,
    pub(super) local_keys: usize,
}

/// What is decided while the store cannot be asked.
///
/// | | while the store is away | over-admission |
/// |---|---|---|
/// | `Local` | each of `nodes` processes gives its share: the rate divided by `nodes`, and at least one permit at once | the burst once more at the start of an outage; none at its end |
/// | `Open` | everything is admitted | all of it |
/// | `Closed` | nothing: [`StoreUnavailable`](crate::Reason::StoreUnavailable), which is not "too many requests" | none |
///
/// # Examples
///
/// ```
/// use seawall::rate_limit::Quota;
/// use seawall::redis::{Limits, WhenAway};
/// let logins = Limits::of(Quota::per_minute(5)).when_away(WhenAway::Closed);
/// # let _ = logins;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenAway {
    /// A share of the limit, kept within this process. What it gives is charged to the store once that is back.
    Local {
        /// How many processes share the limit.
        nodes: u32,
    },
    /// Admit.
    Open,
    /// Refuse.
    Closed,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Lease {
    pub(super) permits: Option<u32>,
    pub(super) nodes: u32,
    pub(super) life: Duration,
}

impl Limits {
    /// One limit.
    ///
    /// ```
    /// use seawall::rate_limit::Quota;
    /// use seawall::redis::Limits;
    /// assert_eq!(Limits::of(Quota::per_second(100)).rules().next(), Some(Quota::per_second(100).into()));
    /// ```
    pub fn of(rule: impl Into<Rule>) -> Self {
        Self {
            all: vec![(None, rule.into())],
            away: WhenAway::Local { nodes: 1 },
            lease: None,
            remembered: 4096,
            local_keys: 10_000,
        }
    }

    /// And another: all of them admit, or none takes anything. They are asked in one trip.
    ///
    /// ```
    /// use seawall::rate_limit::Quota;
    /// use seawall::redis::Limits;
    /// let limits = Limits::of(Quota::per_second(10)).and(Quota::per_hour(1000));
    /// assert_eq!(limits.rules().count(), 2);
    /// ```
    pub fn and(mut self, rule: impl Into<Rule>) -> Self {
        self.all.push((None, rule.into()));
        self
    }

    /// And one with a name of its own, by which it refuses: whoever asks a limit of this name in the same store asks the same
    /// one, such as all the limiters of a service that share a user's daily quota.
    ///
    /// ```
    /// use seawall::rate_limit::Quota;
    /// use seawall::redis::Limits;
    /// let uploads = Limits::of(Quota::per_second(1)).and_named("per day", Quota::per_day(1000));
    /// let searches = Limits::of(Quota::per_second(10)).and_named("per day", Quota::per_day(1000));
    /// assert_eq!(uploads.rules().count(), searches.rules().count());
    /// ```
    pub fn and_named(mut self, name: impl Into<Name>, rule: impl Into<Rule>) -> Self {
        self.all.push((Some(name.into()), rule.into()));
        self
    }

    /// What is decided while the store cannot be asked.
    ///
    /// ```
    /// use seawall::rate_limit::Quota;
    /// use seawall::redis::{Limits, WhenAway};
    /// let limits = Limits::of(Quota::per_second(100)).when_away(WhenAway::Open);
    /// # let _ = limits;
    /// ```
    pub const fn when_away(mut self, away: WhenAway) -> Self {
        self.away = away;
        self
    }

    /// Each of `nodes` processes takes permits ahead, as many as come in ten milliseconds, so that most checks cost no
    /// trip.
    ///
    /// The permits that all the nodes may hold are a part of the burst, so nothing is ever over-admitted; up to `nodes`
    /// times a lease may lie unused. A burst too small for that, and any limit that is no token bucket, stays exact.
    /// A process that dies costs what it held, once. Who finds nothing left fetches for all who wait, and a lease on top;
    /// [`background`](super::SharedRateLimiter::background) fetches before that.
    ///
    /// ```
    /// use seawall::rate_limit::Quota;
    /// use seawall::redis::Limits;
    /// let limits = Limits::of(Quota::per_second(10_000)).leases(4);
    /// # let _ = limits;
    /// ```
    pub fn leases(mut self, nodes: u32) -> Self {
        let life = Duration::from_secs(1);
        self.lease = Some(Lease { permits: None, nodes: nodes.max(1), life });
        self
    }

    /// Leases of so many permits; no more than half of a node's part of the burst.
    ///
    /// ```
    /// use seawall::rate_limit::Quota;
    /// use seawall::redis::Limits;
    /// let limits = Limits::of(Quota::per_second(10_000)).leases_of(64, 4);
    /// # let _ = limits;
    /// ```
    pub fn leases_of(self, permits: u32, nodes: u32) -> Self {
        let mut limits = self.leases(nodes);
        limits.lease = limits.lease.map(|lease| Lease { permits: Some(permits), ..lease });
        limits
    }

    /// How long a lease lives that is not used up; a second by default. What is left then is lost.
    ///
    /// ```
    /// use seawall::rate_limit::Quota;
    /// use seawall::redis::Limits;
    /// use std::time::Duration;
    /// let limits = Limits::of(Quota::per_second(10_000)).leases(4).lease_life(Duration::from_millis(200));
    /// # let _ = limits;
    /// ```
    pub fn lease_life(mut self, life: Duration) -> Self {
        self.lease = self.lease.map(|lease| Lease { life, ..lease });
        self
    }

    /// How many refusals are remembered, so that they are repeated without a trip; 0 for none.
    ///
    /// ```
    /// use seawall::rate_limit::Quota;
    /// use seawall::redis::Limits;
    /// let limits = Limits::of(Quota::per_second(100)).remembered(65_536);
    /// # let _ = limits;
    /// ```
    pub const fn remembered(mut self, refusals: usize) -> Self {
        self.remembered = refusals;
        self
    }

    /// How many keys the local share, and the leases, keep apart. Beyond that, newcomers share one bucket and hold no lease.
    ///
    /// ```
    /// use seawall::rate_limit::Quota;
    /// use seawall::redis::Limits;
    /// let limits = Limits::of(Quota::per_second(100)).local_keys(1000);
    /// # let _ = limits;
    /// ```
    pub const fn local_keys(mut self, keys: usize) -> Self {
        self.local_keys = keys;
        self
    }

    /// The limits.
    ///
    /// ```
    /// use seawall::rate_limit::Quota;
    /// use seawall::redis::Limits;
    /// assert_eq!(Limits::of(Quota::per_second(100)).rules().count(), 1);
    /// ```
    pub fn rules(&self) -> impl Iterator<Item = Rule> + '_ {
        self.all.iter().map(|&(_, rule)| rule)
    }

    /// How many permits a lease is of; `None` where all is exact.
    pub(super) fn leased(&self) -> Option<u32> {
        let lease = self.lease?;
        let bucket = |rule| {
            let Rule::TokenBucket(quota) = rule else { return None };
            let in_ten_ms = u128::from(quota.permits()) * 10_000_000 / quota.period().as_nanos().max(1);
            let half = quota.capacity() / lease.nodes.saturating_mul(2);
            let wanted = lease.permits.unwrap_or_else(|| u32::try_from(in_ten_ms).unwrap_or(u32::MAX));
            Some(half.min(wanted))
        };
        let asked = self.rules().filter(|rule| !rule.quota().is_unlimited());
        let least = asked.map(bucket).min().flatten()?;
        (least > 0).then_some(least)
    }

    /// What the nodes' leases take out of each limit's burst.
    pub(super) fn held(&self) -> u32 {
        let nodes = self.lease.map_or(0, |lease| lease.nodes);
        self.leased().map_or(0, |permits| permits.saturating_mul(nodes))
    }
}

impl From<Rule> for Limits {
    fn from(rule: Rule) -> Self {
        Self::of(rule)
    }
}

impl From<Quota> for Limits {
    fn from(quota: Quota) -> Self {
        Self::of(quota)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_are_a_part_of_the_burst() {
        let limits = Limits::of(Quota::per_second(10_000)).leases_of(64, 4);
        assert_eq!((limits.leased(), limits.held()), (Some(64), 256));
        // No more than half of a node's part.
        let limits = Limits::of(Quota::per_second(100)).leases_of(64, 4);
        assert_eq!((limits.leased(), limits.held()), (Some(12), 48));
        // What comes in ten milliseconds.
        assert_eq!(Limits::of(Quota::per_second(10_000)).leases(4).leased(), Some(100));
    }

    #[test]
    fn what_is_too_small_or_no_bucket_stays_exact() {
        assert_eq!(Limits::of(Quota::per_second(7)).leases_of(64, 4).leased(), None);
        let window = Rule::FixedWindow { limit: 10_000, window: Duration::from_secs(1) };
        assert_eq!(Limits::of(window).leases_of(64, 4).leased(), None);
        assert_eq!(Limits::of(Quota::per_second(10_000)).and(window).leases_of(64, 4).leased(), None);
        assert_eq!(Limits::of(Quota::per_second(10_000)).leased(), None);
    }
}
