use super::{OpenFor, Probes, Ramp, RatioTrip, SlowTrip, Trip};

/// How a circuit breaker behaves; a [`Trip`] alone is one too, with the defaults for the rest.
///
/// # Examples
///
/// ```
/// use seawall::Ratio;
/// use seawall::circuit_breaker::{CircuitBreaker, Config, OpenFor, Probes, Trip, Window};
/// use std::time::Duration;
///
/// let config = Config::new()
///     .trip(Trip::ratio(Ratio::percent(50)).over(Window::calls(20)).min_calls(10))
///     .open_for(OpenFor::fixed(Duration::from_secs(10)))
///     .probes(Probes::of(2));
/// let breaker = CircuitBreaker::new("payments", config);
/// ```
///
/// # Defaults
///
/// | setting | default | why |
/// |---|---|---|
/// | `trip` | ratio 50 % over 30 s (10 slices), 20 calls | works from about one call a second up |
/// | slow calls | none | no limit suits everybody, and it costs a clock reading at each end |
/// | `open_for` | exponential 5 s, ×2, cap 60 s, jitter 10 % | a blip costs 5 s, a long outage is asked once a minute |
/// | `probes` | 3, two good, 60 s | one lucky answer does not close, one unlucky one does not reopen |
/// | `ramp` | none | three probes and a fresh window serve most |
/// | `start` | [`Start::Closed`] | |
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    pub(super) trip: Trip,
    pub(super) open_for: OpenFor,
    pub(super) probes: Probes,
    pub(super) ramp: Option<Ramp>,
    pub(super) start: Start,
    pub(super) counts_refusals: bool,
    pub(super) seed: Option<u64>,
}

/// The state in which a breaker begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Start {
    /// Admitting, and watching.
    #[default]
    Closed,
    /// Refusing for the first open period, counted from construction.
    Open,
    /// Refusing until somebody says otherwise.
    ForcedOpen,
    /// Admitting and counting nothing until somebody says otherwise.
    ForcedClosed,
    /// Admitting, watching, and only telling when it would have opened.
    ObserveOnly,
}

impl Config {
    /// The defaults.
    ///
    /// ```
    /// use seawall::circuit_breaker::Config;
    /// assert_eq!(Config::new(), Config::default());
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self {
            trip: Trip::DEFAULT,
            open_for: OpenFor::DEFAULT,
            probes: Probes::DEFAULT,
            ramp: None,
            start: Start::Closed,
            counts_refusals: false,
            seed: None,
        }
    }

    /// When a closed circuit opens.
    ///
    /// ```
    /// use seawall::circuit_breaker::{Config, Trip};
    /// let config = Config::new().trip(Trip::run_of(5));
    /// # let _ = config;
    /// ```
    #[must_use]
    pub fn trip(mut self, trip: impl Into<Trip>) -> Self {
        self.trip = trip.into();
        self
    }

    /// How long it stays open.
    ///
    /// ```
    /// use seawall::circuit_breaker::{Config, OpenFor};
    /// use std::time::Duration;
    /// let config = Config::new().open_for(OpenFor::fixed(Duration::from_secs(10)));
    /// # let _ = config;
    /// ```
    #[must_use]
    pub const fn open_for(mut self, open_for: OpenFor) -> Self {
        self.open_for = open_for;
        self
    }

    /// How a half-open circuit decides.
    ///
    /// ```
    /// use seawall::circuit_breaker::{Config, Probes};
    /// let config = Config::new().probes(Probes::of(5).need(3));
    /// # let _ = config;
    /// ```
    #[must_use]
    pub const fn probes(mut self, probes: Probes) -> Self {
        self.probes = probes;
        self
    }

    /// Lets traffic back gradually after a good verdict.
    ///
    /// ```
    /// use seawall::circuit_breaker::{Config, Ramp};
    /// use std::time::Duration;
    /// let config = Config::new().ramp(Ramp::over(Duration::from_secs(30)));
    /// # let _ = config;
    /// ```
    #[must_use]
    pub const fn ramp(mut self, ramp: Ramp) -> Self {
        self.ramp = Some(ramp);
        self
    }

    /// In which state the breaker begins.
    ///
    /// ```
    /// use seawall::circuit_breaker::{CircuitBreaker, Config, Start, State};
    /// let breaker = CircuitBreaker::new("payments", Config::new().start(Start::ObserveOnly));
    /// assert_eq!(breaker.state(), State::ObserveOnly);
    /// ```
    #[must_use]
    pub const fn start(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// Counts the refusals of each stay for [`Snapshot::refused`](super::Snapshot::refused). An open circuit
    /// then writes one word for each call it refuses; without it, it writes nothing.
    ///
    /// ```
    /// use seawall::circuit_breaker::{CircuitBreaker, Config, Start};
    /// let breaker = CircuitBreaker::new("payments", Config::new().start(Start::ForcedOpen).count_refusals());
    /// assert!(breaker.try_acquire().is_err());
    /// assert_eq!(breaker.snapshot().refused, Some(1));
    /// ```
    #[must_use]
    pub const fn count_refusals(mut self) -> Self {
        self.counts_refusals = true;
        self
    }

    /// Draws the lots of jitter and ramp from this seed, the same each time; by default they differ.
    ///
    /// ```
    /// use seawall::circuit_breaker::Config;
    /// let config = Config::new().seed(7);
    /// # let _ = config;
    /// ```
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

macro_rules! from_trip {
    ($($trip:ty),*) => {$(
        impl From<$trip> for Config {
            fn from(trip: $trip) -> Self {
                Self::new().trip(trip)
            }
        }
    )*};
}

from_trip!(Trip, RatioTrip, SlowTrip);
