//! Readiness is the inner service's; a gate only asks itself a question.

use super::{Subject, in_paused_time};
use crate::tools::{Failed, Probe, Step};
use seawall::Error;
use seawall::telemetry::{Counters, Telemetry};
use std::sync::Arc;
use std::task::{Context, Waker};
use tower::{Service, ServiceExt};

pub(crate) fn nothing_unready_is_called<S: Subject>() {
    in_paused_time(async {
        let subject = S::roomy("readied".into());
        let probe = Probe::holding(2, Step::Answer { pend: 1 });
        let mut service = subject.over(&probe);
        let mut refused = 0;
        for request in 0..1000 {
            let answers =
                [service.ready().await.unwrap().call(request).await, service.clone().oneshot(request).await];
            for answer in answers {
                match answer {
                    Err(Error::Rejected(_)) if S::SHEDS => refused += 1,
                    answer => assert_eq!(answer, Ok(request)),
                }
            }
        }
        assert_eq!(probe.calls() + refused, 2000);
    });
}

pub(crate) fn asking_for_readiness_consumes_nothing<S: Subject>() {
    in_paused_time(async {
        let subject = S::narrow("asked".into()).unwrap_or_else(|| S::roomy("asked".into()));
        let probe = Probe::new();
        let mut service = subject.over(&probe);
        let mut cx = Context::from_waker(Waker::noop());
        let before = (subject.held(), subject.spent());
        for _ in 0..100_000 {
            let _ = service.poll_ready(&mut cx);
        }
        assert_eq!((subject.held(), subject.spent()), before);
        assert_eq!(probe.calls(), 0);
        assert_eq!(service.ready().await.unwrap().call(7).await, Ok(7));
    });
}

pub(crate) fn an_idle_ready_clone_holds_nothing<S: Subject>() {
    in_paused_time(async {
        let subject = S::narrow("idle".into()).unwrap_or_else(|| S::roomy("idle".into()));
        let service = subject.over(&Probe::new());
        let mut idle: Vec<_> = (0..100).map(|_| service.clone()).collect();
        for clone in &mut idle {
            clone.ready().await.unwrap();
        }
        assert_eq!(subject.held(), 0);
        assert_eq!(service.clone().oneshot(101).await, Ok(101));
    });
}

pub(crate) fn a_shut_gate_answers_though_the_inner_service_is_not_ready<S: Subject>() {
    in_paused_time(async {
        let Some(subject) = S::shut("shut".into()) else { return };
        let probe = Probe::never_ready();
        let mut service = subject.over(&probe);
        let refused = service.ready().await.unwrap().call(1).await;
        assert!(matches!(refused, Err(Error::Rejected(_))), "{refused:?}");
        assert_eq!((probe.calls(), probe.ready_polls()), (0, 0));
    });
}

pub(crate) fn a_foreseen_refusal_is_counted_once_where_it_is_given<S: Subject>() {
    in_paused_time(async {
        let counters = Arc::new(Counters::default());
        let Some(subject) = S::shut(Telemetry::new("foreseen").observer(counters.clone())) else { return };
        let mut service = subject.over(&Probe::never_ready());
        let before = counters.snapshot().refused;
        for _ in 0..50 {
            service.ready().await.unwrap();
        }
        assert_eq!(counters.snapshot().refused, before);
        let refused = service.ready().await.unwrap().call(1).await;
        assert!(matches!(refused, Err(Error::Rejected(_))), "{refused:?}");
        assert_eq!(counters.snapshot().refused, before + 1);
    });
}

pub(crate) fn an_inner_error_of_readiness_passes_unchanged<S: Subject>() {
    in_paused_time(async {
        let subject = S::roomy("broken".into());
        // What waits by itself may find out only in the call.
        let answer = subject.over(&Probe::broken()).oneshot(1).await;
        assert_eq!(answer, Err(Error::Inner(Failed)));
        assert_eq!(subject.held(), 0);
    });
}
