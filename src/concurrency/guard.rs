use super::adaptive::{AdaptiveLimit, Algorithm};
use super::by_priority::ByPriority;
use super::shares::Shares;
use crate::gate::{Exempting, Fair, Gate, Queued};
use crate::priority::Priority;
use crate::telemetry::Telemetry;
use std::hash::Hash;
use std::time::Duration;

/// What protects a server from more than it can do: the limits of this module, put together.
///
/// An [`AdaptiveLimit`] finds how many requests the server works on best; above that the less important are refused
/// first; the rest wait a little in a controlled queue, which serves the newest first while it stands, as the
/// oldest are the likeliest to have given up; there tenants may take turns; and what is exempt passes by all of it.
///
/// ```text
///   request ─ exempt? ──────────────────────────────────────────► handler
///      └─► room in the share of its class? ─────────────────────► handler
///             └─► queue: 100 ms, or 5 ms while it stands ─ turn ─► handler
///                    └─► QueueFull, QueueTimeout
/// ```
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use seawall::concurrency::{Gradient, OverloadGuard};
/// use seawall::{LiftLayer, Priority};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// struct Request { path: &'static str, batch: bool }
///
/// let guard = OverloadGuard::new("api", Gradient::new(), 200);
/// let queued = guard.by(
///     |request: &Request| if request.batch { Priority::Sheddable } else { Priority::Critical },
///     |request: &Request| request.path == "/health",
/// );
/// let service = ServiceBuilder::new()
///     .layer(queued.layer())
///     .layer(LiftLayer)
///     .service(service_fn(|request: Request| async move { Ok::<_, ()>(request.path) }));
/// assert_eq!(service.oneshot(Request { path: "/orders", batch: false }).await, Ok("/orders"));
/// # }
/// ```
///
/// # Defaults
///
/// | setting | default | why |
/// |---|---|---|
/// | algorithm, places | none: arguments | see [`AdaptiveLimit::new`]; a place is a request in memory |
/// | shares | 100, 90, 70, 50 % | see [`Shares`] |
/// | wait | 100 ms, 5 ms while the queue stands | the numbers of *Fail at Scale* |
/// | order | first come, first served; the newest first while the queue stands | a caller who has just come is there still |
/// | tenants | none | [`by_tenant`](Self::by_tenant) |
#[derive(Clone, Debug)]
pub struct OverloadGuard {
    limit: AdaptiveLimit,
    shares: Shares,
    telemetry: Telemetry,
    places: u32,
}

const TARGET: Duration = Duration::from_millis(5);
const INTERVAL: Duration = Duration::from_millis(100);

impl OverloadGuard {
    /// A guard whose limit moves by this algorithm, and in whose queue so many requests may wait.
    ///
    /// ```
    /// use seawall::concurrency::{Aimd, OverloadGuard};
    /// let guard = OverloadGuard::new("api", Aimd::new(), 200);
    /// assert_eq!(guard.limit().limit(), 20);
    /// ```
    #[must_use]
    pub fn new(telemetry: impl Into<Telemetry>, algorithm: impl Algorithm, places: u32) -> Self {
        let telemetry = telemetry.into();
        Self { limit: AdaptiveLimit::new(&telemetry, algorithm), shares: Shares::new(), telemetry, places }
    }

    /// Other shares of the limit for the classes.
    ///
    /// ```
    /// use seawall::concurrency::{Aimd, OverloadGuard, Shares};
    /// use seawall::{Priority, Ratio};
    /// let shares = Shares::new().share(Priority::Sheddable, Ratio::percent(20));
    /// let guard = OverloadGuard::new("api", Aimd::new(), 200).shares(shares);
    /// # let _ = guard;
    /// ```
    #[must_use]
    pub const fn shares(mut self, shares: Shares) -> Self {
        self.shares = shares;
        self
    }

    /// The guard for requests: `priority` tells the class of each, and `exempt` which of them pass by it.
    ///
    /// Call it once, and share what it returns: each call makes a queue of its own before the one limit.
    ///
    /// ```
    /// use seawall::Priority;
    /// use seawall::concurrency::{Aimd, OverloadGuard};
    /// let guard = OverloadGuard::new("api", Aimd::new(), 200);
    /// let queued = guard.by(|_: &&str| Priority::in_force(), |path: &&str| *path == "/health");
    /// let layer = queued.layer();
    /// # let _ = layer;
    /// ```
    pub fn by<Req: ?Sized, P, X>(
        &self,
        priority: P,
        exempt: X,
    ) -> Queued<Exempting<ByPriority<AdaptiveLimit, P>, X>>
    where
        P: Fn(&Req) -> Priority,
        X: Fn(&Req) -> bool,
    {
        self.queued(self.limit.by_priority(self.shares, priority).exempt(exempt))
    }

    /// As [`by`](Self::by), and those who wait take turns by `tenant`, within a class: a hundred requests of one do not
    /// stand before the only one of another, and none has more than half of the places.
    ///
    /// ```
    /// use seawall::Priority;
    /// use seawall::concurrency::{Gradient, OverloadGuard};
    ///
    /// struct Request { account: u64, path: &'static str }
    ///
    /// let guard = OverloadGuard::new("api", Gradient::new(), 200);
    /// let queued = guard.by_tenant(
    ///     |request: &Request| request.account,
    ///     |_: &Request| Priority::in_force(),
    ///     |request: &Request| request.path == "/health",
    /// );
    /// let layer = queued.layer();
    /// # let _ = layer;
    /// ```
    #[doc(alias = "fair queueing")]
    pub fn by_tenant<Req: ?Sized, T, K, P, X>(
        &self,
        tenant: T,
        priority: P,
        exempt: X,
    ) -> Queued<Exempting<Fair<ByPriority<AdaptiveLimit, P>, T>, X>>
    where
        T: Fn(&Req) -> K,
        K: Hash,
        P: Fn(&Req) -> Priority,
        X: Fn(&Req) -> bool,
    {
        self.queued(self.limit.by_priority(self.shares, priority).fair(tenant).exempt(exempt))
    }

    fn queued<G: Gate>(&self, gate: G) -> Queued<G> {
        Queued::new(&self.telemetry, gate, self.places, INTERVAL).controlled(TARGET, INTERVAL).adaptive_lifo()
    }

    /// The limit, to look at and to bound.
    ///
    /// ```
    /// use seawall::concurrency::{Aimd, OverloadGuard};
    /// let guard = OverloadGuard::new("api", Aimd::new(), 200);
    /// guard.limit().set_bounds(10, 100);
    /// ```
    #[must_use]
    pub const fn limit(&self) -> &AdaptiveLimit {
        &self.limit
    }
}
