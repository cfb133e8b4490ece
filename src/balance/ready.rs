use super::pool::Pool;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Waits until a pool has an endpoint; made by [`Pool::ready`].
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Ready<'a, S>(pub(super) &'a Pool<S>);

impl<S> Future for Ready<'_, S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if !self.0.is_empty() {
            return Poll::Ready(());
        }
        self.0.wake_on_change(cx.waker());
        // It may have come in between.
        if self.0.is_empty() { Poll::Pending } else { Poll::Ready(()) }
    }
}
