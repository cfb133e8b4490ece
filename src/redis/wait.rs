//! Waiting, without a runtime's help but for its timer.

use crate::clock::Timer;
use crate::time::Instant;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// What `future` answers, unless `due` comes first.
pub(super) async fn within<F: Future>(due: Instant, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut timer = pin!(Timer::unarmed());
    poll_fn(|cx| {
        if let Poll::Ready(answer) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(answer));
        }
        if !timer.is_armed() {
            timer.as_mut().arm(due);
        }
        timer.as_mut().poll_fired(cx).map(|()| None)
    })
    .await
}

/// Both answers, asked for at the same time.
pub(super) async fn join<A, B>(one: impl Future<Output = A>, other: impl Future<Output = B>) -> (A, B) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut first, mut second) = (None, None);
    poll_fn(|cx| {
        if first.is_none()
            && let Poll::Ready(answer) = one.as_mut().poll(cx)
        {
            first = Some(answer);
        }
        if second.is_none()
            && let Poll::Ready(answer) = other.as_mut().poll(cx)
        {
            second = Some(answer);
        }
        match (first.take(), second.take()) {
            (Some(one), Some(other)) => Poll::Ready((one, other)),
            (one, other) => {
                (first, second) = (one, other);
                Poll::Pending
            }
        }
    })
    .await
}

/// Lets whoever else is ready go first, once.
pub(super) async fn pass_once() {
    let mut passed = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut passed, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Until then.
pub(super) async fn pause(until: Instant) {
    within(until, std::future::pending::<()>()).await;
}
