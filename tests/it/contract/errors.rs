//! One level deep, readable alone, and no evidence.

use super::{Subject, in_paused_time};
use crate::tools::{Failed, Polls, Probe, Step};
use seawall::Error;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use tower::{Service, ServiceExt};

pub(crate) fn a_refusal_says_who_and_why_and_costs_nothing<S: Subject>() {
    in_paused_time(async {
        let Some(subject) = S::narrow("narrow".into()) else { return };
        let probe = Probe::always(Step::Never);
        let mut service = subject.over(&probe);
        let mut first = pin!(service.ready().await.unwrap().call(1));
        assert!(Polls::default().poll(first.as_mut()).is_pending());

        let mut other = subject.over(&probe);
        let mut cx = Context::from_waker(Waker::noop());
        let mut refused = None;
        let spent = allocation_counter::measure(|| {
            assert_eq!(other.poll_ready(&mut cx), Poll::Ready(Ok(())));
            if let Poll::Ready(Err(Error::Rejected(rejected))) = pin!(other.call(2)).poll(&mut cx) {
                refused = Some(rejected);
            }
        });
        let refused = refused.expect("a refusal");
        assert_eq!(spent.count_total, 0);
        assert_eq!(refused.by().as_str(), "narrow");
        assert!(refused.to_string().starts_with("narrow: "), "{refused}");
        assert!(std::error::Error::source(&refused).is_none());
    });
}

pub(crate) fn an_inner_error_is_one_level_deep<S: Subject>() {
    in_paused_time(async {
        let service = S::roomy("deep".into()).over(&Probe::always(Step::Fail { pend: 0 }));
        let failed = service.oneshot(1).await.unwrap_err();
        assert_eq!(failed, Error::Inner(Failed));
        let source = std::error::Error::source(&failed).expect("a source");
        assert_eq!(source.to_string(), Failed.to_string());
    });
}
