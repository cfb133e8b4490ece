//! What a call may cost: no allocation, no runtime before it must wait, a small future.

use super::{Served, Subject};
use crate::tools::{Answer, Probe};
use seawall::telemetry::{Counters, Telemetry};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use tower::Service;

/// One call whose answer is there at once, polled to its end without any runtime.
fn call_once(service: &mut impl Served) {
    let mut cx = Context::from_waker(Waker::noop());
    assert_eq!(service.poll_ready(&mut cx), Poll::Ready(Ok(())));
    let answer = pin!(service.call(7)).poll(&mut cx);
    assert_eq!(answer, Poll::Ready(Ok(7)));
}

pub(crate) fn success_allocates_nothing<S: Subject>() {
    for telemetry in [Telemetry::new("quiet"), Telemetry::new("heard").observer(Counters::default())] {
        let subject = S::roomy(telemetry);
        let mut service = subject.over(&Probe::new());
        for _ in 0..100 {
            call_once(&mut service); // warm-up: lazily made thread-locals
        }
        let spent = allocation_counter::measure(|| {
            for _ in 0..10_000 {
                call_once(&mut service);
            }
        });
        assert_eq!(spent.count_total, 0);
    }
}

pub(crate) fn an_answer_that_is_there_needs_no_runtime<S: Subject>() {
    call_once(&mut S::roomy("bare".into()).over(&Probe::new()));
}

pub(crate) fn a_future_is_small<S: Subject>() {
    let mut service = S::roomy("small".into()).over(&Probe::new());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut cx).is_ready());
    let (ours, inner) = (size_of_val(&service.call(7)), size_of::<Answer<u32>>());
    assert!(ours <= inner + S::EXTRA, "{ours} bytes over an inner future of {inner}");
}
