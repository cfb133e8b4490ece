use super::{Once, Policy};
use crate::circuit_breaker::{self, CircuitBreaker};
use crate::class::ByResult;
use crate::concurrency::{AdaptiveLimit, Aimd, Gradient};
use crate::deadline::{DeadlineLayer, Deadlines};
use crate::rate_limit::RateLimiter;
use crate::retry::{Plan, Retry};
use crate::telemetry::Telemetry;
use crate::timeout::Every;
use std::time::Duration;
use tower_layer::Identity;

/// What [`Policy::client`] makes: each part can be replaced or switched off without another type.
pub type Client = Policy<
    Option<CircuitBreaker>,
    Option<RateLimiter>,
    Option<AdaptiveLimit>,
    ByResult,
    Retry,
    Every,
    Identity,
    DeadlineLayer,
>;

/// What [`Policy::server`] makes: each part can be replaced or switched off without another type.
pub type Server =
    Policy<(), Option<RateLimiter>, Option<AdaptiveLimit>, ByResult, Once, Every, Identity, DeadlineLayer>;

/// Where an adaptive limit of a preset begins: a limit that starts too low refuses for no reason, one that starts
/// too high is brought down by the first windows of overload.
const INITIAL: u32 = 100;
/// Between these it moves: fewer than five cannot tell recovery from jam, more than a thousand is no limit.
const BOUNDS: (u32, u32) = (5, 1000);

impl Policy {
    /// Calls to one peer, for a caller who waits `patience`: deadline, retry within a budget, breaker, adaptive limit,
    /// attempt timeout.
    ///
    /// `Debug` prints every number of it.
    ///
    /// | part | setting | why |
    /// |---|---|---|
    /// | deadline | `patience` | an argument: only you know how long your caller waits |
    /// | retry | 3 attempts, 50 ms × 2 up to 10 s, full jitter, `Retry-After` up to 30 s | see [`retry`](crate::retry#defaults) |
    /// | its budget | 20 % of the calls, 10 a second, at most 100 kept | a total outage costs the peer 1.2 times the load, not 3 times |
    /// | breaker | half of at least 20 calls in 30 s; open 5 s, × 2 up to 60 s; 3 probes | see [`circuit_breaker`](crate::circuit_breaker#defaults) |
    /// | rate limit | none | the quota is the peer's to tell |
    /// | concurrency | [`Aimd`], from 100, between 5 and 1000 | a peer says that it has too much to do by 429, 503 and timeouts, and those shrink it, a tenth a window; 100 calls of 100 ms are 1000 a second |
    /// | attempt timeout | half of `patience` | a first attempt that hangs leaves time for a second one |
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::Policy;
    /// use std::time::Duration;
    ///
    /// let policy = Policy::client("payments", Duration::from_secs(2));
    /// assert_eq!(policy.run(|| async { Ok::<_, std::io::Error>(42) }).await.unwrap(), 42);
    /// # }
    /// ```
    ///
    /// A part switched off by configuration, with the same type:
    ///
    /// ```
    /// use seawall::Policy;
    /// use seawall::policy::Client;
    /// use seawall::retry::Retry;
    /// use std::time::Duration;
    ///
    /// fn policy(patience: Duration, breaks: bool, retries: bool) -> Client {
    ///     let mut policy = Policy::client("payments", patience);
    ///     if !breaks {
    ///         policy = policy.breaker(None);
    ///     }
    ///     if !retries {
    ///         policy = policy.retry(Retry::off());
    ///     }
    ///     policy
    /// }
    /// # let _ = policy(Duration::from_secs(1), false, false);
    /// ```
    #[must_use]
    pub fn client(telemetry: impl Into<Telemetry>, patience: Duration) -> Client {
        let telemetry = telemetry.into();
        let aimd = Aimd::new().initial(INITIAL).between(BOUNDS.0, BOUNDS.1);
        Self::new(&telemetry)
            .deadline(Deadlines::within(&telemetry, patience))
            .retry(Retry::new(&telemetry, Plan::new()))
            .breaker(Some(CircuitBreaker::new(&telemetry, circuit_breaker::Config::new())))
            .rate_limit(None)
            .concurrency(Some(AdaptiveLimit::new(&telemetry, aimd)))
            .attempt_timeout(patience / 2)
    }

    /// The calls that a server answers, each for a caller who waits `patience` at most: deadline, adaptive limit, and
    /// room for a quota.
    ///
    /// `Debug` prints every number of it.
    ///
    /// | part | setting | why |
    /// |---|---|---|
    /// | deadline | `patience` | work for a caller who has left is the commonest waste of an overloaded server |
    /// | retry, hedge, breaker | none | those are the client's: a server that repeats its own work doubles its load |
    /// | rate limit | none | a quota is a promise to a customer, and has no sane default |
    /// | concurrency | [`Gradient`], from 100, between 5 and 1000 | a server sees its own overload as its own answers getting slower; a slow drift is borne |
    /// | attempt timeout | `patience` | what the deadline cuts off is evidence for the limit |
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::Policy;
    /// use std::time::Duration;
    ///
    /// let policy = Policy::server("api", Duration::from_secs(10));
    /// assert_eq!(policy.run(|| async { Ok::<_, std::io::Error>(42) }).await.unwrap(), 42);
    /// # }
    /// ```
    #[must_use]
    pub fn server(telemetry: impl Into<Telemetry>, patience: Duration) -> Server {
        let telemetry = telemetry.into();
        let gradient = Gradient::new().initial(INITIAL).between(BOUNDS.0, BOUNDS.1);
        Self::new(&telemetry)
            .deadline(Deadlines::within(&telemetry, patience))
            .rate_limit(None)
            .concurrency(Some(AdaptiveLimit::new(&telemetry, gradient)))
            .attempt_timeout(patience)
    }
}
