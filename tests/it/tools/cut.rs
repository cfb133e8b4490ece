//! Futures dropped at a chosen poll.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

/// More polls than any future of the suites takes; a cut so late has let it end.
pub(crate) const CUTS: usize = 24;

/// Polls `future` at most `polls` times, whenever it is woken, and drops it; `None` if it had not ended by then.
pub(crate) async fn cut<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| step(future.as_mut(), &mut left, cx)).await
}

/// Polls two futures side by side, the first at most `polls.0` and the second at most `polls.1` times, holds both
/// where they stand, and drops them: the first one first, or last.
pub(crate) async fn both<A: Future, B: Future>(a: A, b: B, polls: (usize, usize), first_first: bool) {
    let (mut a, mut b) = (Box::pin(a), Box::pin(b));
    let (mut left_a, mut left_b) = polls;
    let (mut done_a, mut done_b) = (false, false);
    let side_by_side = poll_fn(|cx| {
        done_a = done_a || step(a.as_mut(), &mut left_a, cx).is_ready();
        done_b = done_b || step(b.as_mut(), &mut left_b, cx).is_ready();
        if done_a && done_b { Poll::Ready(()) } else { Poll::Pending }
    });
    // One may wait for the other, which stands still: in paused time an hour is over at once.
    let _ = tokio::time::timeout(Duration::from_secs(3600), side_by_side).await;
    if first_first {
        drop(a);
        drop(b);
    } else {
        drop(b);
        drop(a);
    }
}

fn step<F: Future>(future: Pin<&mut F>, left: &mut usize, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
    if *left == 0 {
        return Poll::Ready(None);
    }
    *left -= 1;
    match future.poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if *left == 0 => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    }
}

#[tokio::test]
async fn a_future_is_dropped_after_its_kth_poll() {
    let yields = || async {
        tokio::task::yield_now().await;
        7
    };
    assert_eq!(cut(yields(), 0).await, None);
    assert_eq!(cut(yields(), 1).await, None);
    assert_eq!(cut(yields(), 2).await, Some(7));
}
