//! Waiting for a gate.
#![expect(clippy::disallowed_methods, reason = "tests have tasks of their own")]

mod breaker;
mod cancellation;
mod contention;
mod fair;
mod lineless;
mod order;
mod patience;
mod rate;
mod service;
mod tuple;

use seawall::gate::{Acquire, Admit, Permit};
use seawall::{ConcurrencyLimit, Instant, Rejected};
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// One who waits, polled by hand, with its wakes counted.
struct Waiter<'a, G: Admit<()>> {
    future: Pin<Box<Acquire<'a, G>>>,
    wakes: Arc<Wakes>,
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl<'a, G: Admit<()> + Debug> Waiter<'a, G> {
    /// Arrives: polled once.
    fn arrive(future: Acquire<'a, G>) -> (Self, Poll<Result<Permit<&'a G>, Rejected>>) {
        let mut waiter = Self { future: Box::pin(future), wakes: Arc::default() };
        let first = waiter.poll();
        (waiter, first)
    }

    fn waits(future: Acquire<'a, G>) -> Self {
        let (waiter, first) = Self::arrive(future);
        assert!(first.is_pending(), "{first:?}");
        waiter
    }

    fn poll(&mut self) -> Poll<Result<Permit<&'a G>, Rejected>> {
        let waker = Waker::from(Arc::clone(&self.wakes));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    fn wakes(&self) -> usize {
        self.wakes.0.load(Ordering::Relaxed)
    }

    #[track_caller]
    fn goes(&mut self) -> Permit<&'a G> {
        let polled = self.poll();
        let Poll::Ready(Ok(permit)) = polled else { unreachable!("expected a permit, not {polled:?}") };
        permit
    }

    #[track_caller]
    fn still_waits(&mut self) {
        let polled = self.poll();
        assert!(polled.is_pending(), "{polled:?}");
    }
}

/// Holds all of `limit`, permit by permit.
fn fill(limit: &ConcurrencyLimit) -> Vec<Permit<&ConcurrencyLimit>> {
    (0..limit.available()).map(|_| limit.try_acquire().unwrap()).collect()
}

async fn at(start: Instant, millis: u64) {
    let target = start + ms(millis);
    tokio::time::advance(target - Instant::now()).await;
}
