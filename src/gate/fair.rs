use super::{Admit, Blocked, Gate, Line, Now};
use crate::class::Class;
use crate::error::Rejected;
use crate::priority::Priority;
use crate::time::Instant;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::time::Duration;

/// A gate before which tenants take turns, in a queue; made by [`Gate::fair`].
///
/// [`Queued`](super::Queued) over it serves the tenants who wait one after the other, each in the queue's own order: a
/// hundred calls of one do not stand before the only one of another. Nor do they take all places: a tenant gets a
/// further one only while it has fewer than are free, so alone at most half of them. Where nobody waits it changes
/// nothing. A [`Priority`] comes first: tenants take turns within a class.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use seawall::{ConcurrencyLimit, Gate, gate::Queued};
/// use std::cell::RefCell;
/// use std::time::Duration;
///
/// let limit = ConcurrencyLimit::new("db", 1);
/// let fair = limit.clone().fair(|tenant: &&str| *tenant);
/// let queued = Queued::new("db", fair, 20, Duration::from_secs(1));
///
/// let held = limit.try_acquire().unwrap();
/// let served = RefCell::new(Vec::new());
/// let call = async |tenant| {
///     let permit = queued.acquire_for(tenant).await.unwrap();
///     served.borrow_mut().push(tenant);
///     drop(permit);
/// };
/// tokio::join!(call("a"), call("a"), call("a"), call("b"), async { drop(held) });
/// assert_eq!(served.into_inner(), ["a", "b", "a", "a"]);
/// # }
/// ```
#[derive(Clone)]
pub struct Fair<G, F> {
    gate: G,
    tenant: F,
    hasher: RandomState,
}

impl<G, F> Fair<G, F> {
    pub(super) fn new(gate: G, tenant: F) -> Self {
        Self { gate, tenant, hasher: RandomState::new() }
    }

    /// The gate.
    ///
    /// ```
    /// use seawall::{ConcurrencyLimit, Gate};
    /// let fair = ConcurrencyLimit::new("api", 4).fair(|tenant: &u64| *tenant);
    /// assert_eq!(fair.gate().limit(), 4);
    /// ```
    #[must_use]
    pub const fn gate(&self) -> &G {
        &self.gate
    }
}

impl<G: Gate, F> Gate for Fair<G, F> {
    type Pass = G::Pass;

    #[inline]
    fn refuses(&self, now: &mut Now) -> Option<Rejected> {
        self.gate.refuses(now)
    }

    fn refused(&self, rejected: &Rejected) {
        self.gate.refused(rejected);
    }

    #[inline]
    fn answered(&self, pass: &mut G::Pass, now: &mut Now) {
        self.gate.answered(pass, now);
    }

    #[inline]
    fn settle(&self, pass: G::Pass, class: Class, now: &mut Now) {
        self.gate.settle(pass, class, now);
    }

    #[inline]
    fn release(&self, pass: G::Pass) {
        self.gate.release(pass);
    }

    #[inline]
    fn abandon(&self, pass: G::Pass) {
        self.gate.abandon(pass);
    }

    fn line(&self) -> Option<&Line> {
        self.gate.line()
    }

    fn due(&self, now: Instant) -> Option<Instant> {
        self.gate.due(now)
    }
}

impl<G, F, K, Req> Admit<Req> for Fair<G, F>
where
    G: Admit<Req>,
    F: Fn(&Req) -> K,
    K: Hash,
    Req: ?Sized,
{
    #[inline]
    fn admit(&self, request: &Req, now: &mut Now) -> Result<G::Pass, Rejected> {
        self.gate.admit(request, now)
    }

    fn admit_head(&self, request: &Req, now: &mut Now) -> Result<G::Pass, Rejected> {
        self.gate.admit_head(request, now)
    }

    fn cost(&self, request: &Req) -> u64 {
        self.gate.cost(request)
    }

    fn rank(&self, request: &Req) -> Option<Priority> {
        self.gate.rank(request)
    }

    /// By a hash of its own, so that no tenant can choose whom to meet; two of one hash would share their turns.
    fn tenant(&self, request: &Req) -> Option<u64> {
        Some(self.hasher.hash_one((self.tenant)(request)))
    }

    fn foretell(&self, request: &Req, now: &mut Now) -> Option<Duration> {
        self.gate.foretell(request, now)
    }

    fn stand(&self, request: &Req) -> Option<Line> {
        self.gate.stand(request)
    }

    #[inline]
    fn admit_in_turn(&self, request: &Req, turn: Option<&Line>, now: &mut Now) -> Result<G::Pass, Blocked> {
        self.gate.admit_in_turn(request, turn, now)
    }
}

impl<G: fmt::Debug, F> fmt::Debug for Fair<G, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fair").field(&self.gate).finish()
    }
}
