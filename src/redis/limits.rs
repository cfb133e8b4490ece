use super::limit::{Limit, Rule};
use std::time::Duration;

/// What a [`SharedRateLimiter`](super::SharedRateLimiter) keeps to: its limits, and how it deals with a store at a distance.
///
/// # Examples
///
/// ```
/// use seawall::rate_limit::Quota;
/// use seawall::redis::{Limit, Limits, WhenAway};
/// use std::time::Duration;
///
/// let limits = Limits::of(Quota::per_second(100))
///     .and(Limit::fixed_window(100_000, Duration::from_secs(86_400)))
///     .when_away(WhenAway::Local { nodes: 4 });
/// assert_eq!(limits.all().len(), 2);
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
/// | [`prefix`](Self::prefix) | `seawall` | |
/// | [`seed`](Self::seed) | 0 | where callers choose their keys, a secret of your own keeps them from choosing another's |
#[derive(Clone, Debug)]
#[must_use]
pub struct Limits {
    pub(super) all: Vec<Limit>,
    pub(super) away: WhenAway,
    pub(super) lease: Option<Lease>,
    pub(super) remembered: usize,
    pub(super) local_keys: usize,
    pub(super) prefix: String,
    pub(super) seed: u64,
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
    /// assert_eq!(Limits::of(Quota::per_second(100)).all()[0].capacity(), 100);
    /// ```
    pub fn of(limit: impl Into<Limit>) -> Self {
        Self {
            all: vec![limit.into()],
            away: WhenAway::Local { nodes: 1 },
            lease: None,
            remembered: 4096,
            local_keys: 10_000,
            prefix: "seawall".to_owned(),
            seed: 0,
        }
    }

    /// And another: all of them admit, or none takes anything. They are asked in one trip.
    ///
    /// ```
    /// use seawall::rate_limit::Quota;
    /// use seawall::redis::Limits;
    /// let limits = Limits::of(Quota::per_second(10)).and(Quota::per_hour(1000));
    /// assert_eq!(limits.all().len(), 2);
    /// ```
    pub fn and(mut self, limit: impl Into<Limit>) -> Self {
        self.all.push(limit.into());
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
    /// A process that dies costs what it held, once.
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

    /// What all the keys in the store begin with. Braces in it become underscores: they would tell a cluster where to put them.
    ///
    /// ```
    /// use seawall::rate_limit::Quota;
    /// use seawall::redis::Limits;
    /// let limits = Limits::of(Quota::per_second(100)).prefix("shop");
    /// # let _ = limits;
    /// ```
    pub fn prefix(mut self, prefix: impl AsRef<str>) -> Self {
        self.prefix = prefix.as_ref().replace(['{', '}'], "_");
        self
    }

    /// The secret under which keys are hashed; the same in all processes.
    ///
    /// ```
    /// use seawall::rate_limit::Quota;
    /// use seawall::redis::Limits;
    /// let limits = Limits::of(Quota::per_second(100)).seed(0x5EA_3A11);
    /// # let _ = limits;
    /// ```
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The limits.
    ///
    /// ```
    /// use seawall::rate_limit::Quota;
    /// use seawall::redis::Limits;
    /// assert_eq!(Limits::of(Quota::per_second(100)).all().len(), 1);
    /// ```
    #[must_use]
    pub fn all(&self) -> &[Limit] {
        &self.all
    }

    /// The least of what each of them admits at once.
    pub(super) fn capacity(&self) -> u32 {
        self.all.iter().map(Limit::capacity).min().unwrap_or(u32::MAX)
    }

    /// How many permits a lease is of; `None` where all is exact.
    pub(super) fn leased(&self) -> Option<u32> {
        let lease = self.lease?;
        let bucket = |limit: &Limit| {
            let quota = limit.quota();
            let in_ten_ms = u128::from(quota.permits()) * 10_000_000 / quota.period().as_nanos().max(1);
            let half = limit.capacity() / lease.nodes.saturating_mul(2);
            let wanted = lease.permits.unwrap_or_else(|| u32::try_from(in_ten_ms).unwrap_or(u32::MAX));
            (limit.rule() == Rule::Bucket).then_some(half.min(wanted))
        };
        let least = self.all.iter().map(bucket).min().flatten()?;
        (least > 0).then_some(least)
    }

    /// What the nodes' leases take out of each limit's burst.
    pub(super) fn held(&self) -> u32 {
        let nodes = self.lease.map_or(0, |lease| lease.nodes);
        self.leased().map_or(0, |permits| permits.saturating_mul(nodes))
    }
}

impl<L: Into<Limit>> From<L> for Limits {
    fn from(limit: L) -> Self {
        Self::of(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate_limit::Quota;

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
        let window = Limit::fixed_window(10_000, Duration::from_secs(1));
        assert_eq!(Limits::of(window).leases_of(64, 4).leased(), None);
        assert_eq!(Limits::of(Quota::per_second(10_000)).and(window).leases_of(64, 4).leased(), None);
        assert_eq!(Limits::of(Quota::per_second(10_000)).leased(), None);
    }
}
