use super::handle::ConcurrencyLimit;
use super::limit::Limit;
use crate::error::Rejected;
use crate::gate::{Admit, Gate, Now, through};
use std::fmt;

/// A limit on calls in flight in which each request weighs what a function says; made by
/// [`ConcurrencyLimit::weighing`].
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use seawall::{ConcurrencyLimit, Error, Gate, LiftLayer, Reason};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// let limit = ConcurrencyLimit::new("db", 10);
/// let service = ServiceBuilder::new()
///     .layer(limit.weighing(|rows: &u32| rows.div_ceil(100)).layer())
///     .layer(LiftLayer)
///     .service(service_fn(|rows: u32| async move { Ok::<_, ()>(rows) }));
///
/// assert_eq!(service.clone().oneshot(1000).await, Ok(1000));
/// let refused = service.oneshot(1001).await.unwrap_err();
/// assert_eq!(refused.rejected().map(|r| r.reason()), Some(Reason::TooLarge));
/// # }
/// ```
#[derive(Clone)]
pub struct Weighing<L, F> {
    pub(super) limit: L,
    pub(super) weight: F,
}

impl ConcurrencyLimit {
    /// The same limit, in which each request weighs what `weight` says: all of it is taken at once, or none.
    ///
    /// ```
    /// use seawall::{ConcurrencyLimit, Gate, gate::Admit};
    /// let limit = ConcurrencyLimit::new("db", 10);
    /// let by_rows = limit.weighing(|rows: &u32| rows.div_ceil(100));
    /// let layer = by_rows.layer();
    /// # let _ = layer;
    /// ```
    pub fn weighing<Req: ?Sized, F: Fn(&Req) -> u32>(&self, weight: F) -> Weighing<Self, F> {
        Weighing { limit: self.clone(), weight }
    }
}

impl<L: Gate, F> Gate for Weighing<L, F> {
    type Pass = L::Pass;

    through!(Gate: this => this.limit);
}

impl<L: Limit, F: Fn(&Req) -> u32, Req: ?Sized> Admit<Req> for Weighing<L, F> {
    #[inline]
    fn admit(&self, request: &Req, now: &mut Now) -> Result<L::Pass, Rejected> {
        self.limit.take_new((self.weight)(request), None, now)
    }

    fn admit_head(&self, request: &Req, now: &mut Now) -> Result<L::Pass, Rejected> {
        self.limit.take_head((self.weight)(request), None, now)
    }

    fn cost(&self, request: &Req) -> u64 {
        (self.weight)(request).into()
    }
}

impl<L: fmt::Debug, F> fmt::Debug for Weighing<L, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Weighing").field(&self.limit).finish()
    }
}
