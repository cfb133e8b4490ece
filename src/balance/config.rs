use super::failover::Failover;
use super::pick::{
    Hashed, LeastConnections, P2c, PeakEwma, Prequal, Random, Reported, RoundRobin, WeightedRandom,
    WeightedRoundRobin,
};
use super::picker::Picker;
use super::rules::Zones;
use super::slow_start::SlowStart;
use super::zone_weights::ZoneWeights;
use super::zoning::Zoning;
use crate::outlier::Outliers;
use crate::ratio::Ratio;

/// How a pool picks, and by which rules.
///
/// Wherever one is asked for, a picker alone will do.
///
/// # Examples
///
/// ```
/// use seawall::balance::{Config, Endpoint, Pool, RoundRobin};
///
/// let pool = Pool::new("api", Config::new(RoundRobin::new()).strict());
/// # pool.set([Endpoint::new("a", ())]);
/// ```
///
/// # Defaults
///
/// | what | default | why |
/// |---|---|---|
/// | [`panic`](Self::panic) | 50 % | Envoy's: that most are ill at once is less likely than that the judgement is wrong |
/// | [`overprovision`](Self::overprovision) | 140 % | Envoy's: a level is left only when more than two sevenths of it are ill |
/// | [`token_seed`](Self::token_seed) | 0 | equal tokens in every process; a number of your own, where ids are to stay secret |
/// | [`slow_start`](Self::slow_start), [`zoning`](Self::zoning), [`zone_weights`](Self::zone_weights), [`failover`](Self::failover) | off | they know what only you do |
/// | [`outliers`](Self::outliers) | none | what an outlier is depends on the traffic |
/// | [`strict`](Self::strict) | no | an endpoint that was tried may answer now; a refusal never does |
/// | [`seed`](Self::seed) | none | each thread draws from its own stream |
#[derive(Clone, Debug)]
pub struct Config {
    pub(super) picker: Picker,
    pub(super) strict: bool,
    pub(super) panic: Ratio,
    pub(super) over: Ratio,
    pub(super) fail_in_panic: bool,
    pub(super) require: bool,
    pub(super) slow_start: Option<SlowStart>,
    pub(super) zones: Option<Zones>,
    pub(super) failover: Option<Failover>,
    pub(super) outliers: Option<Outliers>,
    pub(super) seed: Option<u64>,
    pub(super) token_seed: u64,
}

impl Config {
    /// The defaults, with this picker.
    ///
    /// ```
    /// use seawall::balance::{Config, LeastConnections};
    /// let config = Config::new(LeastConnections::new());
    /// # let _ = config;
    /// ```
    pub fn new(picker: impl Into<Picker>) -> Self {
        Self {
            picker: picker.into(),
            strict: false,
            panic: Ratio::percent(50),
            over: Ratio::percent(140),
            fail_in_panic: false,
            require: false,
            slow_start: None,
            zones: None,
            failover: None,
            outliers: None,
            seed: None,
            token_seed: 0,
        }
    }

    /// Never picks an endpoint twice for one request: when all have been tried, the call is refused for
    /// [`EndpointsTried`](crate::Reason::EndpointsTried).
    ///
    /// ```
    /// use seawall::Reason;
    /// use seawall::balance::{Ask, Config, Endpoint, Pool, RoundRobin, Tried};
    ///
    /// let pool = Pool::new("api", Config::new(RoundRobin::new()).strict());
    /// pool.set([Endpoint::new("a", ())]);
    /// let tried = Tried::new();
    /// pool.pick_for(Ask::new().tried(&tried)).unwrap().release();
    /// let refused = pool.pick_for(Ask::new().tried(&tried)).unwrap_err();
    /// assert_eq!(refused.reason(), Reason::EndpointsTried);
    /// ```
    #[must_use]
    pub const fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Leaves out for a while whatever fails calls.
    ///
    /// ```
    /// use seawall::balance::{Config, P2c};
    /// use seawall::outlier::Outliers;
    /// let config = Config::new(P2c::new()).outliers(Outliers::new());
    /// # let _ = config;
    /// ```
    #[must_use]
    pub const fn outliers(mut self, outliers: Outliers) -> Self {
        self.outliers = Some(outliers);
        self
    }

    /// A level of whose weight less than this is well uses all its endpoints, ejected and unhealthy ones too, if
    /// the levels together cannot carry everything. With [`Ratio::ZERO`] it never does, and calls are refused.
    ///
    /// ```
    /// use seawall::Ratio;
    /// use seawall::balance::{Config, P2c};
    /// let config = Config::new(P2c::new()).panic(Ratio::percent(30));
    /// # let _ = config;
    /// ```
    #[must_use]
    pub const fn panic(mut self, below: Ratio) -> Self {
        self.panic = below;
        self
    }

    /// What those of a level who are well carry, beside their own calls, for those who are ill: with 140 % a level of
    /// which 72 % are well still takes all of its calls, and the next level nothing. Below 100 % counts as 100 %.
    ///
    /// ```
    /// use seawall::Ratio;
    /// use seawall::balance::{Config, Endpoint, P2c, Pool};
    /// use seawall::health::Health;
    /// // Nothing to spare: each one that is ill sends its part to the next level.
    /// let pool = Pool::new("api", Config::new(P2c::new()).overprovision(Ratio::ONE).seed(1));
    /// pool.set((0..10).map(|i| Endpoint::new(format!("near-{i}"), ())));
    /// pool.insert(Endpoint::new("far", ()).level(1));
    /// pool.set_health("near-0", Health::Unhealthy);
    /// let far = (0..1_000).filter(|_| pool.pick().unwrap().id().as_str() == "far").count();
    /// assert!((70..130).contains(&far));
    /// ```
    #[must_use]
    pub fn overprovision(mut self, over: Ratio) -> Self {
        self.over = over.max(Ratio::ONE);
        self
    }

    /// Makes [tokens](super::Token) of this number and the id, and not of the id alone: whoever holds a token cannot try
    /// out which address it stands for. All instances that share clients take the same one.
    ///
    /// ```
    /// use seawall::balance::{Config, Endpoint, Id, P2c, Pool, Token};
    /// let pool = Pool::new("api", Config::new(P2c::new()).token_seed(0x5eed));
    /// pool.insert(Endpoint::new("10.0.0.1:80", ()));
    /// let token = pool.pick().unwrap().token();
    /// assert_eq!(token, Token::seeded(&Id::from("10.0.0.1:80"), 0x5eed));
    /// assert_ne!(token, Token::of(&Id::from("10.0.0.1:80")));
    /// ```
    #[must_use]
    pub const fn token_seed(mut self, seed: u64) -> Self {
        self.token_seed = seed;
        self
    }

    /// Refuses calls where a level would panic, instead of using endpoints that are known to be ill: for upstreams
    /// that the last few who are well would only be dragged down with.
    ///
    /// ```
    /// use seawall::Reason;
    /// use seawall::balance::{Config, Endpoint, P2c, Pool};
    /// use seawall::health::Health;
    /// let pool = Pool::new("api", Config::new(P2c::new()).fail_in_panic());
    /// pool.set(["a", "b", "c"].map(|id| Endpoint::new(id, ())));
    /// for id in ["a", "b"] {
    ///     pool.set_health(id, Health::Unhealthy);
    /// }
    /// assert_eq!(pool.pick().unwrap_err().reason(), Reason::EndpointsOut);
    /// ```
    #[must_use]
    pub const fn fail_in_panic(mut self) -> Self {
        self.fail_in_panic = true;
        self
    }

    /// Refuses a [sticky](super::Ask::sticky) call whose endpoint may not be called, for
    /// [`EndpointAway`](crate::Reason::EndpointAway), instead of picking another.
    ///
    /// ```
    /// use seawall::Reason;
    /// use seawall::balance::{Ask, Config, Endpoint, Id, P2c, Pool, Token};
    /// let pool = Pool::new("api", Config::new(P2c::new()).require_affinity());
    /// pool.set([Endpoint::new("a", ())]);
    /// let elsewhere = Token::of(&Id::from("b"));
    /// assert_eq!(pool.pick_for(Ask::new().sticky(elsewhere)).unwrap_err().reason(), Reason::EndpointAway);
    /// ```
    #[must_use]
    pub const fn require_affinity(mut self) -> Self {
        self.require = true;
        self
    }

    /// Lets endpoints that are new or back have their full share only after a while.
    ///
    /// ```
    /// use seawall::balance::{Config, P2c, SlowStart};
    /// use std::time::Duration;
    /// let config = Config::new(P2c::new()).slow_start(SlowStart::over(Duration::from_secs(30)));
    /// # let _ = config;
    /// ```
    #[must_use]
    pub const fn slow_start(mut self, slow_start: SlowStart) -> Self {
        self.slow_start = Some(slow_start);
        self
    }

    /// Keeps calls within the caller's zone as far as that overloads nobody; instead of
    /// [`zone_weights`](Self::zone_weights).
    ///
    /// ```
    /// use seawall::balance::{Config, P2c, Zoning};
    /// let config = Config::new(P2c::new()).zoning(Zoning::of("eu-1a"));
    /// # let _ = config;
    /// ```
    #[must_use]
    pub fn zoning(mut self, zoning: Zoning) -> Self {
        self.zones = Some(Zones::Near(zoning));
        self
    }

    /// Gives each zone of a level a fixed part of its calls; instead of [`zoning`](Self::zoning).
    ///
    /// ```
    /// use seawall::balance::{Config, P2c, ZoneWeights};
    /// let config = Config::new(P2c::new()).zone_weights(ZoneWeights::new([("old", 99), ("new", 1)]));
    /// # let _ = config;
    /// ```
    #[must_use]
    pub fn zone_weights(mut self, weights: ZoneWeights) -> Self {
        self.zones = Some(Zones::Weighted(weights));
        self
    }

    /// Sends all calls to one level at a time, as between regions.
    ///
    /// ```
    /// use seawall::balance::{Config, Failover, P2c};
    /// let config = Config::new(P2c::new()).failover(Failover::new());
    /// # let _ = config;
    /// ```
    #[must_use]
    pub const fn failover(mut self, failover: Failover) -> Self {
        self.failover = Some(failover);
        self
    }

    /// Takes every draw from the one stream of this seed, so that a test sees the same picks each time.
    ///
    /// ```
    /// use seawall::balance::{Config, RoundRobin};
    /// let config = Config::new(RoundRobin::new()).seed(7);
    /// # let _ = config;
    /// ```
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }
}

macro_rules! alone {
    ($($picker:ty),+) => {
        $(impl From<$picker> for Config {
            fn from(picker: $picker) -> Self {
                Self::new(picker)
            }
        })+
    };
}
alone!(
    Picker,
    RoundRobin,
    WeightedRoundRobin,
    LeastConnections,
    Random,
    WeightedRandom,
    P2c,
    PeakEwma,
    Hashed,
    Reported,
    Prequal
);
