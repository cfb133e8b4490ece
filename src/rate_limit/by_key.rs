use super::Quota;
use super::keyed::{KeyedRateLimiter, TakenByKey};
use crate::class::Class;
use crate::error::Rejected;
use crate::gate::{Admit, Gate, Now};
use std::fmt;
use std::hash::{Hash, Hasher};

/// A keyed limiter that takes its key, and perhaps its cost and quota, from the request: a gate like any other.
///
/// Made by [`KeyedRateLimiter::by`]; it may stand in a tuple, and [`layer`](Gate::layer) makes it a layer.
///
/// # Examples
///
/// ```
/// use seawall::gate::{Admit, Now};
/// use seawall::rate_limit::{KeyedRateLimiter, Quota};
///
/// struct Request { user: u64, rows: u32, paying: bool }
///
/// let limiter = KeyedRateLimiter::new("per user", Quota::per_hour(10), 10_000);
/// let gate = limiter
///     .by(|request: &Request| request.user)
///     .cost(|request: &Request| request.rows)
///     .quota(|request: &Request| if request.paying { Quota::per_hour(1000) } else { Quota::per_hour(10) });
///
/// assert!(gate.admit(&Request { user: 1, rows: 11, paying: false }, &mut Now::lazy()).is_err());
/// assert!(gate.admit(&Request { user: 2, rows: 11, paying: true }, &mut Now::lazy()).is_ok());
/// ```
#[derive(Clone)]
#[must_use]
pub struct ByKey<K, C = One, Q = Common> {
    pub(super) limiter: KeyedRateLimiter,
    pub(super) key: K,
    pub(super) cost: C,
    pub(super) quota: Q,
}

/// Whose a request is: a function of it that answers a key, or one that [lends](Lent) it.
pub trait Keys<Req: ?Sized> {
    /// Feeds the key to `state`.
    fn hash<H: Hasher>(&self, request: &Req, state: &mut H);
}

impl<Req: ?Sized, F: Fn(&Req) -> K, K: Hash> Keys<Req> for F {
    #[inline]
    fn hash<H: Hasher>(&self, request: &Req, state: &mut H) {
        self(request).hash(state);
    }
}

/// A function that lends the key out of the request; made by [`KeyedRateLimiter::by_ref`].
#[derive(Clone, Copy, Debug)]
pub struct Lent<F>(pub(super) F);

impl<Req: ?Sized, F: for<'a> Fn(&'a Req) -> &'a K, K: Hash + ?Sized> Keys<Req> for Lent<F> {
    #[inline]
    fn hash<H: Hasher>(&self, request: &Req, state: &mut H) {
        (self.0)(request).hash(state);
    }
}

/// Each request costs one permit.
#[derive(Clone, Copy, Debug)]
pub struct One;

/// Each key has the limiter's own quota.
#[derive(Clone, Copy, Debug)]
pub struct Common;

/// What a request costs: a function of it, or [`One`].
pub trait Cost<Req: ?Sized> {
    /// So many permits; 0 is admitted at any level.
    fn cost(&self, request: &Req) -> u32;
}

impl<Req: ?Sized> Cost<Req> for One {
    #[inline]
    fn cost(&self, _: &Req) -> u32 {
        1
    }
}

impl<Req: ?Sized, F: Fn(&Req) -> u32> Cost<Req> for F {
    #[inline]
    fn cost(&self, request: &Req) -> u32 {
        self(request)
    }
}

/// Which quota a request's key has: a function of it, or the [`Common`] one.
pub trait Quotas<Req: ?Sized> {
    /// The quota, or `None` for the common one.
    fn quota(&self, request: &Req) -> Option<Quota>;
}

impl<Req: ?Sized> Quotas<Req> for Common {
    #[inline]
    fn quota(&self, _: &Req) -> Option<Quota> {
        None
    }
}

impl<Req: ?Sized, F: Fn(&Req) -> Quota> Quotas<Req> for F {
    #[inline]
    fn quota(&self, request: &Req) -> Option<Quota> {
        Some(self(request))
    }
}

impl<K> ByKey<K> {
    pub(super) const fn new(limiter: KeyedRateLimiter, key: K) -> Self {
        Self { limiter, key, cost: One, quota: Common }
    }
}

impl<K, C, Q> ByKey<K, C, Q> {
    /// What a request costs.
    ///
    /// ```
    /// use seawall::rate_limit::{KeyedRateLimiter, Quota};
    /// let limiter = KeyedRateLimiter::new("bytes per user", Quota::per_second(1 << 20), 10_000);
    /// let gate = limiter.by(|request: &Vec<u8>| request[0]).cost(|request: &Vec<u8>| request.len() as u32);
    /// # let _ = gate;
    /// ```
    pub fn cost<F, Req: ?Sized>(self, cost: F) -> ByKey<K, F, Q>
    where
        F: Fn(&Req) -> u32,
    {
        let Self { limiter, key, quota, .. } = self;
        ByKey { limiter, key, cost, quota }
    }

    /// Which quota a request's key has. It is told in the ticks of the limiter's own quota, rounded up to them.
    ///
    /// ```
    /// use seawall::rate_limit::{KeyedRateLimiter, Quota};
    /// let limiter = KeyedRateLimiter::new("per user", Quota::per_second(10), 10_000);
    /// let gate = limiter.by(|user: &u64| *user).quota(|user: &u64| match user {
    ///     0..100 => Quota::per_second(1000), // the house's own
    ///     _ => Quota::per_second(10),
    /// });
    /// # let _ = gate;
    /// ```
    pub fn quota<F, Req: ?Sized>(self, quota: F) -> ByKey<K, C, F>
    where
        F: Fn(&Req) -> Quota,
    {
        let Self { limiter, key, cost, .. } = self;
        ByKey { limiter, key, cost, quota }
    }
}

impl<K, C, Q> Gate for ByKey<K, C, Q> {
    type Pass = TakenByKey;

    fn refused(&self, rejected: &Rejected) {
        self.limiter.refused(rejected);
    }

    #[inline]
    fn settle(&self, taken: TakenByKey, class: Class, now: &mut Now) {
        self.limiter.settle(taken, class, now);
    }

    fn release(&self, taken: TakenByKey) {
        self.limiter.release(taken);
    }

    #[inline]
    fn abandon(&self, taken: TakenByKey) {
        self.limiter.abandon(taken);
    }
}

impl<K, C, Q, Req: ?Sized> Admit<Req> for ByKey<K, C, Q>
where
    K: Keys<Req>,
    C: Cost<Req>,
    Q: Quotas<Req>,
{
    #[inline]
    fn admit(&self, request: &Req, now: &mut Now) -> Result<TakenByKey, Rejected> {
        let key = self.limiter.fingerprint_of(&self.key, request);
        self.limiter.take(key, self.cost.cost(request), self.quota.quota(request), now.get())
    }
}

impl<K, C, Q> fmt::Debug for ByKey<K, C, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByKey").field("limiter", &self.limiter).finish_non_exhaustive()
    }
}
