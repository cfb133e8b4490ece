use super::{Admit, Gate, through};
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};

/// A gate before which tenants take turns, in a queue; made by [`Gate::fair`].
///
/// [`Queued`](super::Queued) over it serves the tenants who wait one after the other, each in the queue's own order: a
/// hundred calls of one do not stand before the only one of another. Nor do they take all places: a tenant gets a
/// further one only while it has fewer than are free, so alone at most half of them. Where nobody waits it changes
/// nothing. A [`Priority`](crate::Priority) comes first: tenants take turns within a class.
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

    through!(Gate: this => this.gate);
}

impl<G, F, K, Req> Admit<Req> for Fair<G, F>
where
    G: Admit<Req>,
    F: Fn(&Req) -> K,
    K: Hash,
    Req: ?Sized,
{
    through!(Admit: this => this.gate);
    through!(about: this => this.gate);

    /// By a hash of its own, so that no tenant can choose whom to meet; two of one hash would share their turns.
    fn tenant(&self, request: &Req) -> Option<u64> {
        Some(self.hasher.hash_one((self.tenant)(request)))
    }
}

impl<G: fmt::Debug, F> fmt::Debug for Fair<G, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fair").field(&self.gate).finish()
    }
}
