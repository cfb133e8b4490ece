//! Dropping at any poll loses nothing, and a panic is a drop.

use super::{Subject, in_paused_time};
use crate::tools::{CUTS, Probe, Step, both, cut};
use seawall::telemetry::{Event, Observe, Telemetry};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering::SeqCst};
use std::task::Poll;
use tower::{Service, ServiceExt};

/// Fails at first, so that what repeats repeats.
fn uneven() -> Probe {
    Probe::script([Step::Fail { pend: 2 }, Step::Answer { pend: 2 }])
}

/// Nobody is in flight, nothing is held, each token spent went into an inner call, and the next call is admitted.
async fn assert_at_rest<S: Subject>(subject: &S, probe: &Probe, history: &str) {
    assert_eq!(probe.in_flight(), 0, "{history}: an inner call lives on");
    assert_eq!(subject.held(), 0, "{history}: something is still held");
    if let Some(spent) = subject.spent() {
        assert_eq!(spent, u64::from(probe.calls()), "{history}: tokens spent are not inner calls made");
    }
    let next = subject.over(&Probe::new()).oneshot(7).await;
    assert_eq!(next, Ok(7), "{history}: the next call is not admitted");
}

pub(crate) fn a_drop_at_any_poll_loses_nothing<S: Subject>() {
    in_paused_time(async {
        for polls in 0..CUTS {
            let (subject, probe) = (S::roomy("cut".into()), uneven());
            let mut service = subject.over(&probe);
            let ended = cut(service.ready().await.unwrap().call(1), polls).await;
            drop(service);
            assert_at_rest(&subject, &probe, &format!("dropped after poll {polls}")).await;
            if polls == CUTS - 1 {
                assert!(ended.is_some(), "the last cut is too early to have seen every poll");
                assert_eq!(probe.calls(), S::ATTEMPTS);
            }
        }
    });
}

pub(crate) fn two_drops_at_any_pair_of_polls_lose_nothing<S: Subject>() {
    in_paused_time(async {
        for (j, k, first_first) in pairs() {
            let (subject, probe) = (S::roomy("pair".into()), uneven());
            let (a, b) = (subject.over(&probe).oneshot(1), subject.over(&probe).oneshot(2));
            both(a, b, (j, k), first_first).await;
            assert_at_rest(&subject, &probe, &format!("dropped after polls {j} and {k}, {first_first}"))
                .await;

            // The one has what the other asks for.
            let Some(subject) = S::narrow("pair".into()) else { continue };
            let probe = Probe::always(Step::Answer { pend: 3 });
            let (a, b) = (subject.over(&probe).oneshot(1), subject.over(&probe).oneshot(2));
            both(a, b, (j, k), first_first).await;
            assert_eq!((probe.in_flight(), subject.held()), (0, 0), "narrow: {j} and {k}, {first_first}");
        }
    });
}

fn pairs() -> impl Iterator<Item = (usize, usize, bool)> {
    (0..9).flat_map(|j| (0..9).flat_map(move |k| [(j, k, true), (j, k, false)]))
}

pub(crate) fn a_panic_of_the_inner_service_is_a_drop_and_reaches_the_caller<S: Subject>() {
    in_paused_time(async {
        for step in [Step::PanicInCall, Step::PanicInPoll { pend: 0 }, Step::PanicInPoll { pend: 2 }] {
            let (subject, probe) = (S::roomy("panic".into()), Probe::script([step]));
            let panic = caught(subject.over(&probe).oneshot(1)).await.expect_err("a panic");
            assert!(panic.contains("the probe panics in"), "the caller saw another panic: {panic}");
            assert_at_rest(&subject, &probe, &format!("{step:?}")).await;
        }
    });
}

/// Panics at one event, and is quiet ever after.
struct PanicsAt(AtomicI32);

impl Observe for PanicsAt {
    fn observe(&self, event: &Event) {
        assert_ne!(self.0.fetch_sub(1, SeqCst), 0, "the observer panics at {event:?}");
    }
}

pub(crate) fn a_panic_of_an_observer_loses_nothing<S: Subject>() {
    in_paused_time(async {
        for event in 0..6 {
            let probe = uneven();
            let observer = Arc::new(PanicsAt(AtomicI32::new(event)));
            let subject = S::roomy(Telemetry::new("observed").observer(observer.clone()));
            let _ = caught(subject.over(&probe).oneshot(1)).await;
            observer.0.store(-1, SeqCst);
            assert_eq!((probe.in_flight(), subject.held()), (0, 0), "panicked at event {event}");
            let next = subject.over(&Probe::new()).oneshot(7).await;
            assert_eq!(next, Ok(7), "panicked at event {event}");
        }
    });
}

/// What `future` answers, or the message it panicked with; it is dropped by then.
async fn caught<F: Future>(future: F) -> Result<F::Output, String> {
    let mut future = pin!(future);
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(polled) => polled.map(Ok),
        Err(panic) => Poll::Ready(Err(message(&*panic))),
    })
    .await
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let literal = panic.downcast_ref::<&str>().map(ToString::to_string);
    literal.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}
