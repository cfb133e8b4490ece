use super::adaptive::AdaptiveLimit;
use super::handle::ConcurrencyLimit;
use super::limit::Limit;
use super::shares::Shares;
use crate::error::Rejected;
use crate::gate::{Admit, Gate, Now, through};
use crate::priority::Priority;
use std::fmt;

/// A limit that refuses the less important first; made by [`ConcurrencyLimit::by_priority`] and
/// [`AdaptiveLimit::by_priority`].
///
/// In a queue the highest class goes first, whatever the queue's order within a class.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use seawall::concurrency::Shares;
/// use seawall::{ConcurrencyLimit, Gate, LiftLayer, Priority, Reason};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// struct Request { priority: Priority }
///
/// let limit = ConcurrencyLimit::new("api", 10);
/// let service = ServiceBuilder::new()
///     .layer(limit.by_priority(Shares::new(), |request: &Request| request.priority).layer())
///     .layer(LiftLayer)
///     .service(service_fn(|_: Request| async { Ok::<_, ()>("done") }));
///
/// let busy = limit.try_acquire_many(5).unwrap(); // half the limit
/// assert!(service.clone().oneshot(Request { priority: Priority::Critical }).await.is_ok());
/// let refused = service.oneshot(Request { priority: Priority::Sheddable }).await.unwrap_err();
/// assert_eq!(refused.rejected().map(|r| r.reason()), Some(Reason::Priority));
/// # drop(busy);
/// # }
/// ```
#[derive(Clone)]
pub struct ByPriority<L, F> {
    limit: L,
    shares: Shares,
    priority: F,
}

impl ConcurrencyLimit {
    /// The same limit, in which each class of requests may use only its share; `priority` tells the class of
    /// each. To go by the task's own class, [`Priority::in_force`], ignore the request.
    ///
    /// ```
    /// use seawall::concurrency::Shares;
    /// use seawall::{ConcurrencyLimit, Priority};
    /// let limit = ConcurrencyLimit::new("api", 10);
    /// let by_task = limit.by_priority(Shares::new(), |_: &()| Priority::in_force());
    /// # let _ = by_task;
    /// ```
    pub fn by_priority<Req: ?Sized, F>(&self, shares: Shares, priority: F) -> ByPriority<Self, F>
    where
        F: Fn(&Req) -> Priority,
    {
        ByPriority { limit: self.clone(), shares, priority }
    }
}

impl AdaptiveLimit {
    /// The same limit, in which each class of requests may use only its share; `priority` tells the class of
    /// each. To go by the task's own class, [`Priority::in_force`], ignore the request.
    ///
    /// ```
    /// use seawall::Priority;
    /// use seawall::concurrency::{AdaptiveLimit, Aimd, Shares};
    /// let limit = AdaptiveLimit::new("api", Aimd::new());
    /// let by_task = limit.by_priority(Shares::new(), |_: &()| Priority::in_force());
    /// # let _ = by_task;
    /// ```
    pub fn by_priority<Req: ?Sized, F>(&self, shares: Shares, priority: F) -> ByPriority<Self, F>
    where
        F: Fn(&Req) -> Priority,
    {
        ByPriority { limit: self.clone(), shares, priority }
    }
}

impl<L, F> ByPriority<L, F> {
    /// The limit.
    ///
    /// ```
    /// use seawall::concurrency::Shares;
    /// use seawall::{ConcurrencyLimit, Priority};
    /// let limit = ConcurrencyLimit::new("api", 10).by_priority(Shares::new(), |_: &()| Priority::Critical);
    /// assert_eq!(limit.limit().available(), 10);
    /// ```
    #[must_use]
    pub const fn limit(&self) -> &L {
        &self.limit
    }
}

impl<L: Gate, F> Gate for ByPriority<L, F> {
    type Pass = L::Pass;

    through!(Gate: this => this.limit);
}

impl<L, F, Req> Admit<Req> for ByPriority<L, F>
where
    L: Limit,
    F: Fn(&Req) -> Priority,
    Req: ?Sized,
{
    #[inline]
    fn admit(&self, request: &Req, now: &mut Now) -> Result<L::Pass, Rejected> {
        self.limit.take_new(1, Some(self.shares.of((self.priority)(request))), now)
    }

    fn admit_head(&self, request: &Req, now: &mut Now) -> Result<L::Pass, Rejected> {
        self.limit.take_head(1, Some(self.shares.of((self.priority)(request))), now)
    }

    fn rank(&self, request: &Req) -> Option<Priority> {
        Some((self.priority)(request))
    }
}

impl<L: fmt::Debug, F> fmt::Debug for ByPriority<L, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByPriority")
            .field("limit", &self.limit)
            .field("shares", &self.shares)
            .finish_non_exhaustive()
    }
}
