use super::TokenBucket;
use super::handle::{RateLimiter, Taken};
use super::share::Share;
use crate::class::Class;
use crate::error::Rejected;
use crate::gate::{Admit, Gate, Line, Now};
use std::fmt;
use std::time::Duration;

/// A [`RateLimiter`] in which each request costs what a function says; made by [`RateLimiter::by_cost`].
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use seawall::{Gate, LiftLayer, RateLimiter, Reason, rate_limit::Quota};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// let limiter = RateLimiter::new("bytes", Quota::per_hour(1000));
/// let service = ServiceBuilder::new()
///     .layer(limiter.by_cost(|body: &Vec<u8>| body.len() as u32).layer())
///     .layer(LiftLayer)
///     .service(service_fn(|body: Vec<u8>| async move { Ok::<_, std::io::Error>(body.len()) }));
///
/// assert_eq!(service.clone().oneshot(vec![0; 800]).await.unwrap(), 800);
/// let refused = service.oneshot(vec![0; 201]).await.unwrap_err();
/// assert_eq!(refused.rejected().map(|r| r.reason()), Some(Reason::RateLimited));
/// # }
/// ```
#[must_use]
pub struct ByCost<F, A: Share = TokenBucket> {
    pub(super) limiter: RateLimiter<A>,
    cost: F,
}

impl<A: Share> RateLimiter<A> {
    /// The same limiter, in which each request costs what `cost` says: all of it is taken at once, or none.
    ///
    /// ```
    /// use seawall::{Gate, RateLimiter, rate_limit::Quota};
    /// let limiter = RateLimiter::new("rows", Quota::per_second(10_000));
    /// let layer = limiter.by_cost(|rows: &u32| *rows).layer();
    /// # let _ = layer;
    /// ```
    pub fn by_cost<Req: ?Sized, F: Fn(&Req) -> u32>(&self, cost: F) -> ByCost<F, A> {
        ByCost { limiter: self.clone(), cost }
    }
}

impl<F, A: Share> Gate for ByCost<F, A> {
    type Pass = Taken;

    fn refused(&self, rejected: &Rejected) {
        self.limiter.refused(rejected);
    }

    #[inline]
    fn settle(&self, taken: Taken, class: Class, now: &mut Now) {
        self.limiter.settle(taken, class, now);
    }

    fn release(&self, taken: Taken) {
        self.limiter.release(taken);
    }

    #[inline]
    fn abandon(&self, taken: Taken) {
        self.limiter.abandon(taken);
    }

    fn line(&self) -> Option<&Line> {
        self.limiter.line()
    }
}

impl<F: Fn(&Req) -> u32, A: Share, Req: ?Sized> Admit<Req> for ByCost<F, A> {
    #[inline]
    fn admit(&self, request: &Req, now: &mut Now) -> Result<Taken, Rejected> {
        self.limiter.take_new((self.cost)(request), now.get())
    }

    fn admit_head(&self, request: &Req, now: &mut Now) -> Result<Taken, Rejected> {
        self.limiter.take_in_turn((self.cost)(request), now.get())
    }

    fn cost(&self, request: &Req) -> u64 {
        (self.cost)(request).into()
    }

    fn foretell(&self, request: &Req, now: &mut Now) -> Option<Duration> {
        self.limiter.foretold((self.cost)(request), now.get())
    }
}

impl<F: Clone, A: Share> Clone for ByCost<F, A> {
    fn clone(&self) -> Self {
        Self { limiter: self.limiter.clone(), cost: self.cost.clone() }
    }
}

impl<F, A: Share> fmt::Debug for ByCost<F, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ByCost").field(&self.limiter).finish()
    }
}
