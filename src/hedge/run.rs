use super::{ResponseFuture, Terms};
use crate::class::Classify;
use crate::error::Fault;
use crate::retry::Cloned;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tower_service::Service;

pin_project! {
    /// A direct call through a hedge; made by [`Hedge::run`](super::Hedge::run).
    ///
    /// The first attempt starts at the first poll.
    #[must_use = "futures do nothing unless polled"]
    pub struct Run<'a, S, C>
    where
        S: Service<()>,
    {
        asleep: Option<S>,
        #[pin]
        awake: Option<ResponseFuture<S, (), &'a Terms<C>, Cloned>>,
        terms: &'a Terms<C>,
    }
}

impl<'a, S: Service<()>, C> Run<'a, S, C> {
    pub(super) const fn new(call: S, terms: &'a Terms<C>) -> Self {
        Self { asleep: Some(call), awake: None, terms }
    }
}

impl<S, C> Future for Run<'_, S, C>
where
    S: Service<()> + Clone,
    S::Error: Fault,
    C: Classify<S::Response, <S::Error as Fault>::Inner>,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        // A function is always ready.
        if let Some(mut call) = this.asleep.take() {
            let terms = *this.terms;
            if let Some(budget) = &terms.rules.budget {
                budget.deposit();
            }
            let further = terms.rules.further();
            let begun = if further > 0 { terms.rules.begin() } else { None };
            let primary = call.call(());
            let spare = (further > 0).then_some((call, ()));
            this.awake.set(Some(ResponseFuture::new(primary, spare, further, begun, terms, Cloned)));
        }
        this.awake.as_pin_mut().map_or(Poll::Pending, |awake| awake.poll(cx))
    }
}

impl<S: Service<()>, C> fmt::Debug for Run<'_, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("awake", &self.awake).finish_non_exhaustive()
    }
}
