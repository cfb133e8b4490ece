use super::handle::Keyed;
use crate::class::Class;
use crate::error::Rejected;
use crate::gate::{Admit, Blocked, Evict, Gate, Line, Now};
use crate::priority::Priority;
use crate::telemetry::{Kind, What};
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

/// What a call holds of its key's gate.
pub struct KeyedPass<G: Gate> {
    gate: Arc<G>,
    pass: G::Pass,
}

impl<K, G: Gate> Gate for Keyed<K, G> {
    type Pass = KeyedPass<G>;

    fn refused(&self, rejected: &Rejected) {
        if rejected.by() == self.telemetry().name() {
            self.telemetry().tell(Kind::Keyed, What::Refused(*rejected));
        }
    }

    #[inline]
    fn answered(&self, held: &mut Self::Pass, now: &mut Now) {
        held.gate.answered(&mut held.pass, now);
    }

    #[inline]
    fn settle(&self, held: Self::Pass, class: Class, now: &mut Now) {
        held.gate.settle(held.pass, class, now);
    }

    #[inline]
    fn release(&self, held: Self::Pass) {
        held.gate.release(held.pass);
    }

    #[inline]
    fn abandon(&self, held: Self::Pass) {
        held.gate.abandon(held.pass);
    }
}

/// The request is the key.
impl<K: Hash + Eq + Clone, G: Admit<K> + Evict> Admit<K> for Keyed<K, G> {
    #[inline]
    fn admit(&self, key: &K, now: &mut Now) -> Result<Self::Pass, Rejected> {
        self.admit_for(key, key, now)
    }

    fn cost(&self, key: &K) -> u64 {
        self.cost_for(key, key)
    }

    fn rank(&self, key: &K) -> Option<Priority> {
        self.find(key, &mut Now::lazy()).ok()?.rank(key)
    }

    fn tenant(&self, key: &K) -> Option<u64> {
        self.find(key, &mut Now::lazy()).ok()?.tenant(key)
    }

    fn foretell(&self, key: &K, now: &mut Now) -> Option<Duration> {
        self.find(key, now).ok()?.foretell(key, now)
    }

    fn stand(&self, key: &K) -> Option<Line> {
        self.find(key, &mut Now::lazy()).ok()?.stand(key)
    }

    fn admit_in_turn(&self, key: &K, turn: Option<&Line>, now: &mut Now) -> Result<Self::Pass, Blocked> {
        self.admit_in_turn_for(key, key, turn, now)
    }
}

impl<K: Hash + Eq + Clone, G: Evict> Keyed<K, G> {
    /// The same keyed gate for requests: `key` tells the key of each. It is a gate like any other, with a layer,
    /// and fit for tuples and queues; in a queue each key has its own line.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::{ConcurrencyLimit, LiftLayer, gate::Keyed};
    /// use tower::{ServiceBuilder, ServiceExt, service_fn};
    ///
    /// struct Request { tenant: u64 }
    ///
    /// let per_tenant = Keyed::new("tenants", 10_000, |_: &u64| ConcurrencyLimit::new("tenants", 2));
    /// let service = ServiceBuilder::new()
    ///     .layer(per_tenant.by(|request: &Request| request.tenant).layer())
    ///     .layer(LiftLayer)
    ///     .service(service_fn(|request: Request| async move { Ok::<_, ()>(request.tenant) }));
    /// assert_eq!(service.oneshot(Request { tenant: 7 }).await, Ok(7));
    /// # }
    /// ```
    pub fn by<Req: ?Sized, F: Fn(&Req) -> K>(&self, key: F) -> By<K, G, F> {
        By { keyed: self.clone(), key }
    }

    #[inline]
    fn admit_for<Req: ?Sized>(&self, key: &K, request: &Req, now: &mut Now) -> Result<KeyedPass<G>, Rejected>
    where
        G: Admit<Req>,
    {
        let gate = self.find(key, now).inspect_err(|full| self.refused(full))?;
        let pass = gate.admit(request, now)?;
        Ok(KeyedPass { gate, pass })
    }

    fn cost_for<Req: ?Sized>(&self, key: &K, request: &Req) -> u64
    where
        G: Admit<Req>,
    {
        self.find(key, &mut Now::lazy()).map_or(1, |gate| gate.cost(request))
    }

    fn admit_in_turn_for<Req: ?Sized>(
        &self,
        key: &K,
        request: &Req,
        turn: Option<&Line>,
        now: &mut Now,
    ) -> Result<KeyedPass<G>, Blocked>
    where
        G: Admit<Req>,
    {
        let gate = self.find(key, now).map_err(|full| {
            self.refused(&full);
            Blocked::asked(full)
        })?;
        let pass = gate.admit_in_turn(request, turn, now)?;
        Ok(KeyedPass { gate, pass })
    }
}

/// A keyed gate that takes its key from the request; made by [`Keyed::by`].
pub struct By<K, G, F> {
    keyed: Keyed<K, G>,
    key: F,
}

impl<K, G: Gate, F> By<K, G, F> {
    /// A tower layer over this gate: every service made from it shares the keys.
    ///
    /// ```
    /// use seawall::{ConcurrencyLimit, gate::Keyed};
    /// let keyed = Keyed::new("tenants", 100, |_: &u64| ConcurrencyLimit::new("tenants", 2));
    /// let layer = keyed.by(|request: &u64| request % 10).layer();
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn layer(&self) -> crate::gate::GateLayer<Self>
    where
        F: Clone,
    {
        Gate::layer(self)
    }
}

impl<K, G: Gate, F> Gate for By<K, G, F> {
    type Pass = KeyedPass<G>;

    fn refused(&self, rejected: &Rejected) {
        self.keyed.refused(rejected);
    }

    #[inline]
    fn answered(&self, held: &mut Self::Pass, now: &mut Now) {
        self.keyed.answered(held, now);
    }

    #[inline]
    fn settle(&self, held: Self::Pass, class: Class, now: &mut Now) {
        self.keyed.settle(held, class, now);
    }

    #[inline]
    fn release(&self, held: Self::Pass) {
        self.keyed.release(held);
    }

    #[inline]
    fn abandon(&self, held: Self::Pass) {
        self.keyed.abandon(held);
    }
}

impl<K, G, F, Req> Admit<Req> for By<K, G, F>
where
    K: Hash + Eq + Clone,
    G: Admit<Req> + Evict,
    F: Fn(&Req) -> K,
    Req: ?Sized,
{
    #[inline]
    fn admit(&self, request: &Req, now: &mut Now) -> Result<Self::Pass, Rejected> {
        self.keyed.admit_for(&(self.key)(request), request, now)
    }

    fn cost(&self, request: &Req) -> u64 {
        self.keyed.cost_for(&(self.key)(request), request)
    }

    fn rank(&self, request: &Req) -> Option<Priority> {
        self.keyed.find(&(self.key)(request), &mut Now::lazy()).ok()?.rank(request)
    }

    fn tenant(&self, request: &Req) -> Option<u64> {
        self.keyed.find(&(self.key)(request), &mut Now::lazy()).ok()?.tenant(request)
    }

    fn foretell(&self, request: &Req, now: &mut Now) -> Option<Duration> {
        self.keyed.find(&(self.key)(request), now).ok()?.foretell(request, now)
    }

    fn stand(&self, request: &Req) -> Option<Line> {
        self.keyed.find(&(self.key)(request), &mut Now::lazy()).ok()?.stand(request)
    }

    fn admit_in_turn(
        &self,
        request: &Req,
        turn: Option<&Line>,
        now: &mut Now,
    ) -> Result<Self::Pass, Blocked> {
        self.keyed.admit_in_turn_for(&(self.key)(request), request, turn, now)
    }
}

impl<K, G, F: Clone> Clone for By<K, G, F> {
    fn clone(&self) -> Self {
        Self { keyed: self.keyed.clone(), key: self.key.clone() }
    }
}

impl<K, G, F> fmt::Debug for By<K, G, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("By").field(&self.keyed).finish()
    }
}

impl<G: Gate> fmt::Debug for KeyedPass<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedPass").finish_non_exhaustive()
    }
}
