use super::{Eligible, Hedge, ResponseFuture, Terms};
use crate::class::Classify;
use crate::error::Fault;
use crate::retry::{Attempt, Replay};
use std::mem;
use std::ops::Deref;
use std::task::{Context, Poll};
use tower_service::Service;

/// A service whose slow calls get company; made by [`HedgeLayer`](super::HedgeLayer).
///
/// The instance that was made ready makes the first attempt; each further one makes an instance of its own
/// ready. A call that cannot be hedged clones nothing.
#[derive(Clone, Debug)]
pub struct HedgeService<S, P, L, R> {
    inner: S,
    terms: P,
    eligible: L,
    replay: R,
}

impl<S, P, L, R> HedgeService<S, P, L, R> {
    pub(super) const fn new(inner: S, terms: P, eligible: L, replay: R) -> Self {
        Self { inner, terms, eligible, replay }
    }
}

impl<S, C, L: Clone, R: Clone> HedgeService<S, &'static Terms<C>, L, R> {
    /// A service over a hedge that lives for ever: a call touches no count.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::Lift;
    /// use seawall::hedge::{Always, Delay, Hedge, HedgeService};
    /// use std::sync::LazyLock;
    /// use tower::{ServiceExt, service_fn};
    ///
    /// static HEDGE: LazyLock<Hedge> = LazyLock::new(|| Hedge::new("search", Delay::default(), Always));
    ///
    /// let service = HedgeService::fixed(Lift::new(service_fn(|()| async { Ok::<_, ()>(1) })), &HEDGE);
    /// assert_eq!(service.oneshot(()).await, Ok(1));
    /// # }
    /// ```
    pub fn fixed(inner: S, hedge: &'static Hedge<L, C, R>) -> Self {
        let (terms, eligible, replay) = hedge.parts();
        Self::new(inner, terms, eligible.clone(), replay.clone())
    }
}

impl<S, P, C, L, R, Req> Service<Req> for HedgeService<S, P, L, R>
where
    S: Service<Req> + Clone,
    S::Error: Fault,
    P: Deref<Target = Terms<C>> + Clone,
    L: Eligible<Req>,
    C: Classify<S::Response, <S::Error as Fault>::Inner>,
    R: Replay<Req, S::Response, <S::Error as Fault>::Inner> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, Req, P, R>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, mut request: Req) -> Self::Future {
        let terms = self.terms.clone();
        let further = terms.rules.further();
        let eligible = further > 0 && self.eligible.eligible(&request);
        let copy = if eligible { self.replay.replay(&request) } else { None };
        self.replay.mark(&mut request, Attempt::FIRST);
        if let Some(budget) = &terms.rules.budget {
            budget.deposit();
        }
        let begun = if eligible { terms.rules.begin() } else { None };
        match copy {
            Some(copy) => {
                let clone = self.inner.clone();
                let mut ready = mem::replace(&mut self.inner, clone);
                let call = ready.call(request);
                ResponseFuture::new(call, Some((ready, copy)), further, begun, terms, self.replay.clone())
            }
            None => {
                let call = self.inner.call(request);
                ResponseFuture::new(call, None, further, begun, terms, self.replay.clone())
            }
        }
    }
}
