//! What seawall costs beside its peers: the rows, each one call in steady state, for whoever measures them.
//!
//! * `cargo bench -p seawall-benches` (criterion): nanoseconds, peers beside us in the same run.
//! * `cargo run --release -p seawall-benches --bin counts`: instructions (under valgrind), allocations, and
//!   what a second thread costs.
//!
//! Everything is built outside the measured call; each call reads its result through `black_box` and panics if
//! it is not the expected one, so a row never measures an error by mistake.

mod admission;
mod balance;
mod caches;
mod layers;
mod limits;
mod primitives;
mod stacks;

pub use balance::builds;
use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use tower::Service;

/// Sees one row after the other.
pub trait Visit {
    /// A row: `make` builds what one thread calls, over state that all threads share.
    fn row<F: FnMut()>(&mut self, group: &'static str, name: &'static str, make: impl Fn() -> F + Sync);
}

/// Shows all rows.
pub fn rows(visit: &mut impl Visit) {
    primitives::rows(visit);
    limits::rows(visit);
    layers::rows(visit);
    admission::rows(visit);
    stacks::rows(visit);
    caches::rows(visit);
    balance::rows(visit);
}

/// The inner service: ready, and its answer is there at once.
#[derive(Clone, Copy, Debug)]
pub struct Bare;

/// The error that never comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Never;

impl std::fmt::Display for Never {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("never")
    }
}

impl std::error::Error for Never {}

impl Service<u64> for Bare {
    type Response = u64;
    type Error = Never;
    type Future = std::future::Ready<Result<u64, Never>>;

    #[inline]
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Never>> {
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, request: u64) -> Self::Future {
        std::future::ready(Ok(request))
    }
}

/// One call of `service`: made ready, called, polled to its end.
pub(crate) fn serve<S>(mut service: S) -> impl FnMut()
where
    S: Service<u64, Response = u64>,
{
    move || {
        let mut cx = Context::from_waker(Waker::noop());
        let Poll::Ready(Ok(())) = service.poll_ready(&mut cx) else { unexpected("not ready") };
        let Ok(answer) = ended(service.call(black_box(7))) else { unexpected("an error") };
        black_box(answer);
    }
}

/// Polls a future whose answer is there at once, or as soon as another thread lets go of a lock.
#[inline]
pub(crate) fn ended<F: Future>(future: F) -> F::Output {
    const PATIENCE: u32 = 1_000_000;
    let mut cx = Context::from_waker(Waker::noop());
    let mut future = pin!(future);
    for _ in 0..PATIENCE {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
        std::hint::spin_loop();
    }
    unexpected("pending")
}

#[inline]
pub(crate) fn expect(as_it_should: bool) {
    if !black_box(as_it_should) {
        unexpected("the other answer");
    }
}

#[cold]
#[inline(never)]
pub(crate) fn unexpected(what: &str) -> ! {
    panic!("the row does not measure what it says: {what}")
}
