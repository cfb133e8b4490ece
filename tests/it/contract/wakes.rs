//! Nobody wakes itself, the last waker wins, and an observer may ask back.

use super::{Subject, in_paused_time};
use crate::tools::{Polls, Probe, Step};
use seawall::telemetry::{Event, Observe, Telemetry};
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use tower::{Service, ServiceExt};

pub(crate) fn nobody_wakes_itself<S: Subject>() {
    in_paused_time(async {
        let probe = Probe::always(Step::Never);
        let mut service = S::roomy("still".into()).over(&probe);
        let mut call = pin!(service.ready().await.unwrap().call(1));
        let polls = Polls::default();
        assert!(polls.poll(call.as_mut()).is_pending());
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert_eq!(polls.wakes(), 0);
        probe.wake();
        assert_eq!(polls.wakes(), 1);
    });
}

pub(crate) fn the_last_waker_wins<S: Subject>() {
    in_paused_time(async {
        let probe = Probe::always(Step::Never);
        let mut service = S::roomy("moved".into()).over(&probe);
        let mut call = pin!(service.ready().await.unwrap().call(1));
        let (first, last) = (Polls::default(), Polls::default());
        assert!(first.poll(call.as_mut()).is_pending());
        assert!(last.poll(call.as_mut()).is_pending());
        probe.wake();
        assert_eq!((first.wakes(), last.wakes()), (0, 1));
    });
}

pub(crate) fn a_spurious_poll_changes_nothing<S: Subject>() {
    in_paused_time(async {
        let (subject, probe) = (S::roomy("spurious".into()), Probe::always(Step::Never));
        let mut service = subject.over(&probe);
        let mut call = pin!(service.ready().await.unwrap().call(1));
        assert!(Polls::default().poll(call.as_mut()).is_pending());
        let before = (probe.calls(), subject.held(), subject.spent());
        for _ in 0..100 {
            assert!(Polls::default().poll(call.as_mut()).is_pending());
        }
        assert_eq!((probe.calls(), subject.held(), subject.spent()), before);
    });
}

/// Asks the handle that it hears of, which would hang under a lock of that handle.
struct AsksBack<S>(Arc<OnceLock<S>>);

impl<S: Subject> Observe for AsksBack<S> {
    fn observe(&self, _: &Event) {
        if let Some(subject) = self.0.get() {
            let _ = (subject.held(), subject.spent(), subject.over(&Probe::new()).clone());
        }
    }
}

pub(crate) fn an_observer_may_ask_back<S: Subject>() {
    in_paused_time(async {
        let slot = Arc::new(OnceLock::new());
        let subject = S::roomy(Telemetry::new("asked").observer(AsksBack::<S>(Arc::clone(&slot))));
        assert!(slot.set(subject.clone()).is_ok());
        let probe = Probe::script([Step::Fail { pend: 1 }, Step::Answer { pend: 1 }]);
        let _ = subject.over(&probe).oneshot(1).await;
        assert_eq!(subject.over(&probe).oneshot(2).await, Ok(2));
    });
}
