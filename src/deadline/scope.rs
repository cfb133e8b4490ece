use super::Deadline;
use crate::time::Instant;
use pin_project_lite::pin_project;
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

thread_local! {
    pub(super) static IN_FORCE: Cell<Instant> = const { Cell::new(Instant::MAX) };
}

/// When the request that is being polled must be over; [`Instant::MAX`] if it need not.
#[inline]
pub(crate) fn in_force() -> Instant {
    IN_FORCE.get()
}

/// Whether it has passed; asks for the time only if there is a deadline.
pub(crate) fn is_over(now: impl FnOnce() -> Instant) -> bool {
    let deadline = in_force();
    deadline < Instant::MAX && now() >= deadline
}

/// A deadline in force until it is dropped: the earlier of it and the one before.
#[derive(Debug)]
pub(super) struct Entered {
    pub(super) before: Instant,
}

impl Entered {
    #[inline]
    pub(super) fn new(deadline: Instant) -> Self {
        let before = IN_FORCE.get();
        IN_FORCE.set(deadline.min(before));
        Self { before }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        IN_FORCE.set(self.before);
    }
}

pin_project! {
    /// A future in whose course a deadline is in force; made by [`Deadline::scope`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Scope<F> {
        #[pin]
        inner: F,
        deadline: Deadline,
    }
}

impl<F> Scope<F> {
    pub(super) const fn new(inner: F, deadline: Deadline) -> Self {
        Self { inner, deadline }
    }
}

impl<F: Future> Future for Scope<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = Entered::new(this.deadline.instant());
        this.inner.poll(cx)
    }
}
