use super::pick::{
    Hashed, LeastConnections, P2c, PeakEwma, Random, RoundRobin, WeightedRandom, WeightedRoundRobin,
};
use super::picker::Picker;

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
/// | [`strict`](Self::strict) | no | an endpoint that was tried may answer now; a refusal never does |
/// | [`seed`](Self::seed) | none | each thread draws from its own stream |
#[derive(Clone, Debug)]
pub struct Config {
    pub(super) picker: Picker,
    pub(super) strict: bool,
    pub(super) seed: Option<u64>,
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
        Self { picker: picker.into(), strict: false, seed: None }
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
    Hashed
);
