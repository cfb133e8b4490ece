use super::document::{Checked, document, read_by};
use super::said::BadValue;
use super::scalars::{Count, Share, Span, words};
use crate::balance::{
    self, Config, Hashed, LeastConnections, P2c, PeakEwma, Picker, Prequal, Random, Reported, RoundRobin,
    SlowStart, WeightedRandom, WeightedRoundRobin, Zoning,
};
use crate::discover;
use crate::health::{self, Thresholds};
use crate::outlier;
use crate::ratio::Ratio;
use std::time::Duration;

document! {
    /// How a pool picks, and whom it leaves out.
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall::config::Pool;
    /// let pool: Pool = serde_json::from_str(
    ///     r#"{ "picker": "peak_ewma", "slow_start": "30s", "outliers": { "consecutive": 3, "most": "30%" } }"#,
    /// )?;
    /// let config = pool.config();
    /// # let _ = config;
    /// # Ok::<_, serde_json::Error>(())
    /// ```
    Pool {
        /// By what it picks; by two choices if it is not said.
        picker: Picks,
        /// It never picks an endpoint twice for one request.
        strict: bool,
        /// A level of which less is well uses everybody, if the levels together cannot carry everything.
        panic: Share,
        /// Or refuses, instead.
        fail_in_panic: bool,
        /// What the well of a level carry for the ill, from `"100%"`.
        overprovision: Ratio,
        /// A sticky call whose endpoint is away is refused.
        require_affinity: bool,
        /// An endpoint that is new has its full share after so long.
        slow_start: Span,
        /// The caller's own zone, within which calls stay as far as that overloads nobody.
        zone: String,
        /// One level at a time.
        failover: Failover,
        /// Whoever fails calls is left out.
        outliers: Outliers,
    }
}

words! {
    /// By what a pool picks.
    Picks: r#""p2c", "peak_ewma", "least_connections", "round_robin", "weighted_round_robin", "random", "weighted_random", "maglev", "ring", "rendezvous", "reported" or "prequal""# {
        /// [`P2c`].
        P2c = "p2c",
        /// [`PeakEwma`].
        PeakEwma = "peak_ewma",
        /// [`LeastConnections`].
        LeastConnections = "least_connections",
        /// [`RoundRobin`].
        RoundRobin = "round_robin",
        /// [`WeightedRoundRobin`].
        WeightedRoundRobin = "weighted_round_robin",
        /// [`Random`].
        Random = "random",
        /// [`WeightedRandom`].
        WeightedRandom = "weighted_random",
        /// [`Hashed::maglev`].
        Maglev = "maglev",
        /// [`Hashed::ring`].
        Ring = "ring",
        /// [`Hashed::rendezvous`].
        Rendezvous = "rendezvous",
        /// [`Reported`].
        Reported = "reported",
        /// [`Prequal`].
        Prequal = "prequal",
    }
}

document! {
    /// When an endpoint is an outlier, and for how long it is left out.
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall::config::Outliers;
    /// let outliers: Outliers =
    ///     serde_json::from_str(r#"{ "consecutive": 3, "failure_share": "85%", "slow": "2s", "base": "10s" }"#)?;
    /// let outliers = outliers.config();
    /// # let _ = outliers;
    /// # Ok::<_, serde_json::Error>(())
    /// ```
    Outliers {
        /// Failures in a row; 0 is never.
        consecutive: u32,
        /// How often endpoints are compared.
        interval: Span,
        /// Whether success rates are compared.
        success_rate: bool,
        /// This part of an endpoint's calls failed, of at least 50, if five endpoints have as many.
        failure_share: Share,
        /// At most this part of the endpoints is out.
        most: Share,
        /// For so long the first time, twice that the next time, and so on.
        base: Span,
        /// At most so long.
        longest: Span,
        /// A call that took so long counts as failed.
        slow: Span,
    }
}

document! {
    /// One level at a time, as with regions.
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall::config::Failover;
    /// let failover: Failover = serde_json::from_str(r#"{ "leave_below": "40%", "hold": "5min" }"#)?;
    /// let failover = failover.config();
    /// # let _ = failover;
    /// # Ok::<_, serde_json::Error>(())
    /// ```
    Failover {
        /// A level of which less is well is left.
        leave_below: Share,
        /// So much of it must be well to come back.
        return_at: Share,
        /// For so long.
        hold: Span,
    }
}

document! {
    /// When endpoints are checked, and what follows.
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall::config::Checks;
    /// let checks: Checks = serde_json::from_str(r#"{ "interval": "5s", "timeout": "500ms", "fall": 2 }"#)?;
    /// let checks = checks.config();
    /// # let _ = checks;
    /// # Ok::<_, serde_json::Error>(())
    /// ```
    Checks {
        /// From start to start.
        interval: Span,
        /// A later one has failed.
        timeout: Span,
        /// So many failures in a row make unhealthy.
        fall: Count,
        /// So many passes in a row make healthy.
        rise: Count,
        /// A pass ends an ejection.
        unejects: bool,
    }
}

document! {
    /// How often a source is asked, and how long its answers are believed.
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall::config::Discovery;
    /// let discovery: Discovery = serde_json::from_str(r#"{ "shortest_ttl": "1s", "stale_for": "1h" }"#)?;
    /// let discovery = discovery.config();
    /// # let _ = discovery;
    /// # Ok::<_, serde_json::Error>(())
    /// ```
    Discovery {
        /// Where answers do not say how long they live.
        every: Span,
        /// An answer lives at least so long.
        shortest_ttl: Span,
        /// And at most so long.
        longest_ttl: Span,
        /// The last good set is dropped after so long without an answer.
        stale_for: Span,
        /// An empty answer is one.
        allow_empty: bool,
    }
}

impl Checked for Pool {
    fn check(&self) -> Result<(), BadValue> {
        if self.fail_in_panic == Some(true) && self.panic == Some(Share(Ratio::ZERO)) {
            let may_be = "true where `panic` is above 0%";
            return Err(BadValue { field: "fail_in_panic", said: "true".to_owned(), may_be });
        }
        if let Some(over) = self.overprovision.filter(|over| *over < Ratio::ONE) {
            let (said, may_be) = (over.to_string(), r#"a ratio from "100%" on"#);
            return Err(BadValue { field: "overprovision", said, may_be });
        }
        Ok(())
    }
}
impl Checked for Outliers {}
impl Checked for Failover {}
impl Checked for Checks {}

impl Checked for Discovery {
    fn check(&self) -> Result<(), BadValue> {
        match (self.shortest_ttl, self.longest_ttl) {
            (Some(shortest), Some(longest)) if shortest > longest => {
                let said = longest.to_string();
                Err(BadValue { field: "longest_ttl", said, may_be: "a duration not below `shortest_ttl`" })
            }
            _ => Ok(()),
        }
    }
}

impl Picks {
    fn picker(self) -> Picker {
        match self {
            Self::P2c => P2c::new().into(),
            Self::PeakEwma => PeakEwma::new().into(),
            Self::LeastConnections => LeastConnections::new().into(),
            Self::RoundRobin => RoundRobin::new().into(),
            Self::WeightedRoundRobin => WeightedRoundRobin::new().into(),
            Self::Random => Random.into(),
            Self::WeightedRandom => WeightedRandom.into(),
            Self::Maglev => Hashed::maglev().into(),
            Self::Ring => Hashed::ring().into(),
            Self::Rendezvous => Hashed::rendezvous().into(),
            Self::Reported => Reported::new().into(),
            Self::Prequal => Prequal::new().into(),
        }
    }
}

/// Does what is said, and where nothing is, nothing.
fn with<T, V>(config: T, said: Option<V>, set: impl FnOnce(T, V) -> T) -> T {
    match said {
        Some(value) => set(config, value),
        None => config,
    }
}

fn when<T>(config: T, said: Option<bool>, set: impl FnOnce(T) -> T) -> T {
    if said == Some(true) { set(config) } else { config }
}

impl Pool {
    /// The config that it says.
    ///
    /// ```
    /// let config = seawall::config::Pool::default().config();
    /// # let _ = config;
    /// ```
    #[must_use]
    pub fn config(&self) -> Config {
        let config = Config::new(self.picker.unwrap_or(Picks::P2c).picker());
        let config = when(config, self.strict, Config::strict);
        let config = with(config, self.panic, |config, Share(below)| config.panic(below));
        let config = with(config, self.overprovision, Config::overprovision);
        let config = when(config, self.fail_in_panic, Config::fail_in_panic);
        let config = when(config, self.require_affinity, Config::require_affinity);
        let config =
            with(config, self.slow_start, |config, Span(window)| config.slow_start(SlowStart::over(window)));
        let config = with(config, self.zone.clone(), |config, zone| config.zoning(Zoning::of(zone)));
        let config =
            with(config, self.failover.as_ref(), |config, failover| config.failover(failover.config()));
        with(config, self.outliers.as_ref(), |config, outliers| config.outliers(outliers.config()))
    }
}

impl Outliers {
    /// The rules that it says.
    ///
    /// ```
    /// use seawall::outlier::Outliers;
    /// assert_eq!(seawall::config::Outliers::default().config(), Outliers::new());
    /// ```
    #[must_use]
    pub fn config(&self) -> outlier::Outliers {
        let rules = outlier::Outliers::new();
        let rules = with(rules, self.consecutive, outlier::Outliers::consecutive);
        let rules = with(rules, self.interval, |rules, Span(interval)| rules.interval(interval));
        let rules =
            when(rules, self.success_rate.map(|compared| !compared), outlier::Outliers::no_success_rate);
        let rules = with(rules, self.failure_share, |rules, Share(share)| rules.failure_share(share, 50, 5));
        let rules = with(rules, self.most, |rules, Share(most)| rules.most(most));
        let rules = match (self.base, self.longest) {
            (None, None) => rules,
            (base, longest) => {
                let Span(base) = base.unwrap_or(Span(Duration::from_secs(30)));
                let Span(longest) = longest.unwrap_or(Span(Duration::from_secs(300)));
                rules.times(base, longest)
            }
        };
        with(rules, self.slow, |rules, Span(slow)| rules.slow(slow))
    }
}

impl Failover {
    /// The rules that it says.
    ///
    /// ```
    /// use seawall::balance::Failover;
    /// assert_eq!(seawall::config::Failover::default().config(), Failover::new());
    /// ```
    #[must_use]
    pub fn config(&self) -> balance::Failover {
        let rules = balance::Failover::new();
        let rules = with(rules, self.leave_below, |rules, Share(ratio)| rules.leave_below(ratio));
        let rules = with(rules, self.return_at, |rules, Share(ratio)| rules.return_at(ratio));
        with(rules, self.hold, |rules, Span(hold)| rules.hold(hold))
    }
}

impl Checks {
    /// The rules that it says.
    ///
    /// ```
    /// use seawall::health::Checks;
    /// assert_eq!(seawall::config::Checks::default().config(), Checks::new());
    /// ```
    #[must_use]
    pub fn config(&self) -> health::Checks {
        let count = |said: Option<Count>, usual| said.map_or(usual, |Count(count)| count.get());
        let checks =
            health::Checks::new().thresholds(Thresholds::new(count(self.fall, 3), count(self.rise, 2)));
        let checks = with(checks, self.interval, |checks, Span(interval)| checks.interval(interval));
        let checks = with(checks, self.timeout, |checks, Span(timeout)| checks.timeout(timeout));
        when(checks, self.unejects, health::Checks::unejects)
    }
}

impl Discovery {
    /// The rules that it says.
    ///
    /// ```
    /// use seawall::discover::Discovery;
    /// assert_eq!(seawall::config::Discovery::default().config(), Discovery::new());
    /// ```
    #[must_use]
    pub fn config(&self) -> discover::Discovery {
        let rules = discover::Discovery::new();
        let rules = with(rules, self.every, |rules, Span(every)| rules.every(every));
        let rules = match (self.shortest_ttl, self.longest_ttl) {
            (None, None) => rules,
            (shortest, longest) => {
                let Span(shortest) = shortest.unwrap_or(Span(Duration::from_secs(5)));
                let Span(longest) = longest.unwrap_or(Span(Duration::from_secs(300)));
                rules.ttl_within(shortest, longest)
            }
        };
        let rules = with(rules, self.stale_for, |rules, Span(stale_for)| rules.stale_for(stale_for));
        when(rules, self.allow_empty, discover::Discovery::allow_empty)
    }
}

read_by!(
    Config: Pool,
    outlier::Outliers: Outliers,
    balance::Failover: Failover,
    health::Checks: Checks,
    discover::Discovery: Discovery,
);
