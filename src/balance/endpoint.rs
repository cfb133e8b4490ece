use super::id::Id;
use crate::error::Rejected;
use crate::gate::{Gate, Now};
use crate::name::Name;
use std::fmt;
use std::sync::Arc;

/// One of many: an id, how much of the traffic it shall have, and the service that reaches it.
///
/// This is what a [`Pool`](super::Pool) is told. What happens to an endpoint (its calls in flight, its failures)
/// belongs to its id, and survives being told again with another weight, limit, level, zone or service.
///
/// # Examples
///
/// ```
/// use seawall::balance::Endpoint;
/// use std::net::SocketAddr;
///
/// let address: SocketAddr = "10.0.0.1:80".parse().unwrap();
/// let endpoint = Endpoint::new(address, "its client").weight(3).limit(100).zone("eu-1a");
/// assert_eq!(endpoint.id().as_str(), "10.0.0.1:80");
/// ```
///
/// # Defaults
///
/// | what | default | why |
/// |---|---|---|
/// | weight | 1 | alike; 0 drains: no new calls, no error |
/// | level | 0 | used first; a higher one only as far as lower ones are unwell |
/// | limit | none | a pool balances; limits are the peer's own to know |
/// | zone | unknown | |
/// | host | that of the id | what a certificate or a `Host` header is checked against; discovery by name tells another |
#[derive(Clone)]
#[doc(alias = "backend")]
#[doc(alias = "upstream")]
pub struct Endpoint<S> {
    pub(super) id: Id,
    pub(super) weight: u32,
    pub(super) level: u8,
    pub(super) zone: Option<Name>,
    pub(super) limit: Option<u32>,
    pub(super) host: Option<Arc<str>>,
    pub(super) gate: Option<Arc<dyn Foresee>>,
    pub(super) service: S,
}

impl<S> Endpoint<S> {
    /// The endpoint known by `id`, reached through `service`.
    ///
    /// ```
    /// let endpoint = seawall::balance::Endpoint::new("db-1:5432", ());
    /// # let _ = endpoint;
    /// ```
    pub fn new(id: impl Into<Id>, service: S) -> Self {
        let id = id.into();
        Self { id, weight: 1, level: 0, zone: None, limit: None, host: None, gate: None, service }
    }

    /// Its share of the traffic, in proportion to the other weights; 0 drains it.
    ///
    /// ```
    /// use seawall::balance::{Endpoint, Pool, RoundRobin};
    /// let pool = Pool::new("api", RoundRobin::new());
    /// pool.set([Endpoint::new("a", ()).weight(0), Endpoint::new("b", ())]);
    /// assert_eq!(pool.pick().unwrap().id().as_str(), "b");
    /// ```
    #[must_use]
    pub const fn weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }

    /// Its level: 0 is used first, the next ones as far as it is unwell.
    ///
    /// ```
    /// use seawall::balance::{Endpoint, Pool, RoundRobin};
    /// let pool = Pool::new("api", RoundRobin::new());
    /// pool.set([Endpoint::new("near", ()), Endpoint::new("far", ()).level(1)]);
    /// assert!((0..10).all(|_| pool.pick().unwrap().id().as_str() == "near"));
    /// ```
    #[must_use]
    #[doc(alias = "priority")]
    pub const fn level(mut self, level: u8) -> Self {
        self.level = level;
        self
    }

    /// The zone it stands in.
    ///
    /// ```
    /// let endpoint = seawall::balance::Endpoint::new("a", ()).zone("eu-1a");
    /// # let _ = endpoint;
    /// ```
    #[must_use]
    #[doc(alias = "locality")]
    pub fn zone(mut self, zone: impl Into<Name>) -> Self {
        self.zone = Some(zone.into());
        self
    }

    /// At most so many calls in flight there. Hard, and not lifted by its weight.
    ///
    /// ```
    /// use seawall::Reason;
    /// use seawall::balance::{Endpoint, Pool, RoundRobin};
    /// let pool = Pool::new("api", RoundRobin::new());
    /// pool.set([Endpoint::new("a", ()).limit(1)]);
    /// let held = pool.pick().unwrap();
    /// assert_eq!(pool.pick().unwrap_err().reason(), Reason::EndpointsFull);
    /// # drop(held);
    /// ```
    #[must_use]
    pub const fn limit(mut self, limit: u32) -> Self {
        self.limit = Some(limit);
        self
    }

    /// The name of the host that the endpoint is an address of: for the certificate (SNI) and the `Host` header of a
    /// client that dials the address. Discovery by names sets it; without a final dot, which neither may have.
    ///
    /// ```
    /// use seawall::balance::Endpoint;
    /// let found = Endpoint::new("10.0.0.1:443", ()).host("orders-1.internal.");
    /// assert_eq!(found.host_name(), "orders-1.internal");
    /// ```
    #[must_use]
    #[doc(alias = "sni")]
    #[doc(alias = "server_name")]
    pub fn host(mut self, name: &str) -> Self {
        self.host = Some(name.strip_suffix('.').unwrap_or(name).into());
        self
    }

    /// Asks `gate`, usually the breaker that stands before this endpoint's own service, before picking: while it
    /// would refuse, the endpoint is passed over and the request is still in hand for another.
    ///
    /// The question admits nothing and counts nothing. The gate itself stays where it is, around the service.
    ///
    /// ```
    /// use seawall::balance::{Endpoint, Pool, RoundRobin};
    /// use seawall::gate::{Gate, Now};
    /// use seawall::{Class, Reason, Rejected};
    ///
    /// # #[derive(Clone)]
    /// # struct Open;
    /// # impl Gate for Open {
    /// #     type Pass = ();
    /// #     fn refuses(&self, _: &mut Now) -> Option<Rejected> { Some(Rejected::new("a", Reason::CircuitOpen)) }
    /// #     fn settle(&self, (): (), _: Class, _: &mut Now) {}
    /// #     fn release(&self, (): ()) {}
    /// #     fn abandon(&self, (): ()) {}
    /// # }
    /// # let breaker = Open;
    /// // `breaker` is open.
    /// let pool = Pool::new("api", RoundRobin::new());
    /// pool.set([Endpoint::new("a", ()).foresee(breaker), Endpoint::new("b", ())]);
    /// assert!((0..4).all(|_| pool.pick().unwrap().id().as_str() == "b"));
    /// ```
    #[must_use]
    pub fn foresee(mut self, gate: impl Gate + Send + Sync + 'static) -> Self {
        self.gate = Some(Arc::new(gate));
        self
    }

    /// The same endpoint, reached through `service`.
    ///
    /// ```
    /// use seawall::balance::Endpoint;
    /// let endpoint = Endpoint::new("a", ()).weight(3).with("its client");
    /// assert_eq!(*endpoint.service(), "its client");
    /// ```
    #[must_use]
    pub fn with<T>(self, service: T) -> Endpoint<T> {
        let Self { id, weight, level, zone, limit, host, gate, .. } = self;
        Endpoint { id, weight, level, zone, limit, host, gate, service }
    }

    /// Whether `told` says the same of everything but the service and its gate.
    pub(crate) fn is_as<T>(&self, told: &Endpoint<T>) -> bool {
        (self.weight, self.level, self.zone, self.limit, &self.host)
            == (told.weight, told.level, told.zone, told.limit, &told.host)
    }

    /// What it is known by.
    ///
    /// ```
    /// assert_eq!(seawall::balance::Endpoint::new("a", ()).id().as_str(), "a");
    /// ```
    #[must_use]
    pub const fn id(&self) -> &Id {
        &self.id
    }

    /// The name of its [`host`](Self::host), or the host of its id: an address or a name, without port and brackets.
    ///
    /// ```
    /// use seawall::balance::Endpoint;
    /// let host = |id: &str| Endpoint::new(id, ()).host_name().to_owned();
    /// assert_eq!([host("db-1:5432"), host("[::1]:80"), host("db-1")], ["db-1", "::1", "db-1"]);
    /// ```
    #[must_use]
    pub fn host_name(&self) -> &str {
        let id = self.id.as_str();
        self.host.as_deref().unwrap_or_else(|| match (id.strip_prefix('['), id.rsplit_once(':')) {
            (Some(bracketed), _) => bracketed.split(']').next().unwrap_or(bracketed),
            (None, Some((host, _))) if !host.contains(':') => host,
            _ => id,
        })
    }

    /// The service that reaches it.
    ///
    /// ```
    /// assert_eq!(*seawall::balance::Endpoint::new("a", 7).service(), 7);
    /// ```
    #[must_use]
    pub const fn service(&self) -> &S {
        &self.service
    }
}

impl<S> fmt::Debug for Endpoint<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("id", &self.id)
            .field("weight", &self.weight)
            .field("level", &self.level)
            .field("zone", &self.zone)
            .field("limit", &self.limit)
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

/// The one question a pool has for a gate, without its type.
pub(super) trait Foresee: Send + Sync {
    fn foresee(&self, now: &mut Now) -> Option<Rejected>;
}

impl<G: Gate + Send + Sync> Foresee for G {
    fn foresee(&self, now: &mut Now) -> Option<Rejected> {
        self.refuses(now)
    }
}
