//! A call that has not been made yet.

use crate::lift::ResponseFuture as Lifted;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// A direct call: its function runs at the first poll.
    #[must_use = "futures do nothing unless polled"]
    pub struct Lazy<F, Fut> {
        call: Option<F>,
        #[pin]
        future: Option<Fut>,
    }
}

/// A direct call whose error is lifted.
pub type LazyLifted<F, Fut> = Lifted<Lazy<F, Fut>>;

impl<F, Fut> Lazy<F, Fut> {
    pub(crate) const fn new(call: F) -> Self {
        Self { call: Some(call), future: None }
    }

    pub(crate) const fn lifted(call: F) -> LazyLifted<F, Fut> {
        Lifted::new(Self::new(call))
    }
}

impl<F, Fut> Future for Lazy<F, Fut>
where
    F: FnOnce() -> Fut,
    Fut: Future,
{
    type Output = Fut::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some(call) = this.call.take() {
            this.future.set(Some(call()));
        }
        this.future.as_pin_mut().map_or(Poll::Pending, |future| future.poll(cx))
    }
}

impl<F, Fut> fmt::Debug for Lazy<F, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lazy").field("called", &self.future.is_some()).finish()
    }
}
