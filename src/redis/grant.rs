use super::handle::SharedRateLimiter;
use crate::rate_limit::Decision;
use std::fmt;

/// Permits that were granted to one call.
///
/// Dropping it leaves them spent, as a call that was made does. [`release`](Self::release) gives them back, for a call that
/// was never handed over.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), seawall::Rejected> {
/// use seawall::rate_limit::Quota;
/// use seawall::redis::{SharedRateLimiter, Store};
///
/// let store = Store::new("store", redis::Client::open("redis://127.0.0.1/").unwrap());
/// store.breaker().force_open(); // as in an outage: each process gives its own share
/// let limiter = SharedRateLimiter::new("api", store, Quota::per_hour(1));
/// let grant = limiter.try_acquire("alice").await?;
/// assert!(grant.is_degraded());
/// grant.release().await;
/// assert!(limiter.try_acquire("alice").await.is_ok());
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping it spends the permits: hold it while the call runs, or release it"]
pub struct Grant {
    pub(super) limiter: SharedRateLimiter,
    pub(super) key: u128,
    pub(super) cost: u32,
    pub(super) source: Source,
}

/// Who granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The store, at its time in microseconds.
    Store(Decision, u64),
    Lease,
    /// This process' share, while the store was away.
    Local,
    /// Nobody: the store was away, and then all is admitted; or there is nothing to limit.
    Open {
        degraded: bool,
    },
}

impl Grant {
    /// What the store said of its limits; `None` if it was not asked, because of a lease or because it was away.
    ///
    /// ```
    /// # use seawall::redis::Grant;
    /// fn left(grant: &Grant) -> Option<u32> {
    ///     grant.decision().map(|decision| decision.remaining())
    /// }
    /// ```
    #[must_use]
    pub const fn decision(&self) -> Option<Decision> {
        match self.source {
            Source::Store(decision, _) => Some(decision),
            Source::Lease | Source::Local | Source::Open { .. } => None,
        }
    }

    /// Whether it was granted without the store, which was away.
    ///
    /// ```
    /// # use seawall::redis::Grant;
    /// fn mark(grant: &Grant) -> &'static str {
    ///     if grant.is_degraded() { "degraded" } else { "" }
    /// }
    /// ```
    #[must_use]
    pub const fn is_degraded(&self) -> bool {
        matches!(self.source, Source::Local | Source::Open { degraded: true })
    }

    /// The permits that were granted.
    ///
    /// ```
    /// # use seawall::redis::Grant;
    /// fn costs(grant: &Grant) -> u32 { grant.cost() }
    /// ```
    #[must_use]
    pub const fn cost(&self) -> u32 {
        self.cost
    }

    /// The call was never handed over: the permits come back, if the store can be reached.
    ///
    /// ```
    /// # use seawall::redis::Grant;
    /// async fn unused(grant: Grant) { grant.release().await }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Dropped midway, the permits may or may not have come back.
    pub async fn release(self) {
        if let Some(taken) = self.release_at_once() {
            let _ = self.limiter.give(self.key, self.cost, taken).await;
        }
    }

    /// Gives back what is held here; answers when the store granted the rest, if it did.
    pub(super) fn release_at_once(&self) -> Option<u64> {
        self.limiter.released(self.key, self.cost, self.source)
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant")
            .field("cost", &self.cost)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}
