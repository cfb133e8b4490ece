//! What stands in, and for what.

use crate::tools::{CUTS, Probe, Step, cut};
use seawall::fallback::Why;
use seawall::telemetry::{Counters, Telemetry};
use seawall::{
    CircuitBreaker, Class, ConcurrencyLimit, Error, Fallback, Lift, LiftLayer, Reason, Rejected, TimedOut,
    Timeout,
};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;
use tower::{ServiceBuilder, ServiceExt, service_fn};

const fn by_status(answer: Result<&u16, &&'static str>) -> Class {
    match answer {
        Ok(404) => Class::Neutral,
        Ok(501) => Class::Permanent,
        Ok(503) => Class::Overload(None),
        Ok(502) | Err(_) => Class::Transient,
        Ok(_) => Class::Success,
    }
}

#[tokio::test]
async fn to_7_what_has_no_answer_worth_having_is_replaced() {
    let counters = Arc::new(Counters::default());
    let fallback =
        Fallback::value(Telemetry::new("fallback").observer(counters.clone()), || 0).classify(by_status);
    let over = |answer: Result<u16, &'static str>| fallback.run(move || async move { answer });
    for lacking in [Ok(502), Ok(501), Ok(503), Err("reset")] {
        assert_eq!(over(lacking).await, Ok(0), "{lacking:?}");
    }
    for answer in [404, 200] {
        assert_eq!(over(Ok(answer)).await, Ok(answer));
    }
    assert_eq!(counters.snapshot().fell_back, 4);
}

#[tokio::test(start_paused = true)]
async fn to_7_so_is_every_refusal_and_a_timeout() {
    let fallback = Fallback::value("fallback", || 0);
    let breaker = CircuitBreaker::new("breaker", seawall::circuit_breaker::Config::default());
    breaker.force_open();
    assert_eq!(fallback.run_lifted(|| breaker.run(|| async { Ok::<_, ()>(200) })).await, Ok(0));
    let timeout = Timeout::new("timeout", Duration::from_secs(1));
    let late = fallback.run_lifted(|| timeout.run(std::future::pending::<Result<i32, ()>>)).await;
    assert_eq!(late, Ok(0));
}

#[tokio::test]
async fn on_narrows_what_is_replaced() {
    let open = |why| why == Why::Rejected(Reason::CircuitOpen);
    let fallback = Fallback::value("fallback", || 0).on(open);
    let over = |error: Error<()>| fallback.run_lifted(move || async move { Err::<i32, _>(error) });
    assert_eq!(over(Rejected::new("a", Reason::CircuitOpen).into()).await, Ok(0));
    for passes in [
        Rejected::new("a", Reason::LimitReached).into(),
        TimedOut::new("a", Duration::ZERO).into(),
        Error::Inner(()),
    ] {
        assert_eq!(over(passes.clone()).await, Err(passes));
    }
}

#[tokio::test]
async fn a_function_sees_the_outcome_and_its_own_result_is_the_answer() {
    let fallback = Fallback::of("fallback", |outcome: Result<u16, Error<&'static str>>| match outcome {
        Ok(status) => Ok(status + 1),
        Err(Error::Inner("reset")) => Err(Error::Inner("told")),
        Err(_) => Ok(0),
    })
    .classify(by_status);
    assert_eq!(fallback.run(|| async { Ok(502) }).await, Ok(503));
    assert_eq!(fallback.run(|| async { Err("reset") }).await, Err(Error::Inner("told")));
}

#[tokio::test]
async fn another_service_is_made_ready_and_called_only_when_it_is_needed() {
    let second = Probe::holding(1, Step::Answer { pend: 1 });
    let fallback = Fallback::service("second", Lift::new(second.clone()));
    let service =
        |first: Probe| ServiceBuilder::new().layer(fallback.layer()).layer(LiftLayer).service(first);
    assert_eq!(service(Probe::new()).oneshot(7).await, Ok(7));
    assert_eq!((second.calls(), second.ready_polls()), (0, 0));
    assert_eq!(service(Probe::always(Step::Fail { pend: 0 })).oneshot(7).await, Ok(7));
    assert_eq!(second.calls(), 1);
}

#[tokio::test]
async fn the_refusal_of_a_fallback_replaces_no_real_result_but_another_refusal() {
    let refusing = ServiceBuilder::new()
        .layer(ConcurrencyLimit::new("second", 0).layer())
        .layer(LiftLayer)
        .service(service_fn(|n: u32| async move { Ok::<_, &'static str>(n) }));
    let fallback = Fallback::service("fallback", refusing);
    let first = service_fn(|n: u32| async move {
        Err::<u32, _>(if n == 0 {
            Error::Inner("its own")
        } else {
            Rejected::new("first", Reason::Draining).into()
        })
    });
    let service = ServiceBuilder::new().layer(fallback.layer()).service(first);
    assert_eq!(service.clone().oneshot(0).await, Err(Error::Inner("its own")));
    assert_eq!(service.oneshot(1).await.unwrap_err().rejected().unwrap().by().as_str(), "second");
}

#[tokio::test]
async fn without_a_copy_the_original_outcome_passes() {
    let counters = Arc::new(Counters::default());
    let second = Lift::new(service_fn(|n: u32| async move { Ok::<_, &'static str>(n) }));
    let telemetry = Telemetry::new("fallback").observer(counters.clone());
    let fallback = Fallback::service(telemetry, second).replay(|_: &u32| None);
    let service = ServiceBuilder::new()
        .layer(fallback.layer())
        .layer(LiftLayer)
        .service(service_fn(|_: u32| async { Err::<u32, _>("its own") }));
    assert_eq!(service.oneshot(7).await, Err(Error::Inner("its own")));
    assert_eq!(counters.snapshot().fell_back, 0);
}

#[tokio::test]
async fn switched_off_it_replaces_nothing_and_on_again_it_does() {
    let fallback = Fallback::value("fallback", || 0);
    let service = ServiceBuilder::new()
        .layer(fallback.layer())
        .layer(LiftLayer)
        .service(service_fn(|()| async { Err::<i32, _>("down") }));
    fallback.set_off();
    assert_eq!(service.clone().oneshot(()).await, Err(Error::Inner("down")));
    fallback.set_on();
    assert_eq!(service.oneshot(()).await, Ok(0));
}

#[tokio::test]
async fn dropped_anywhere_both_services_are_at_rest() {
    for polls in 0..CUTS {
        let (first, second) =
            (Probe::always(Step::Fail { pend: 2 }), Probe::holding(1, Step::Answer { pend: 2 }));
        let fallback = Fallback::service("fallback", Lift::new(second.clone()));
        let service = ServiceBuilder::new().layer(fallback.layer()).layer(LiftLayer).service(first.clone());
        let ended = cut(service.oneshot(7), polls).await;
        assert_eq!((first.in_flight(), second.in_flight()), (0, 0), "dropped after poll {polls}");
        assert_eq!(ended == Some(Ok(7)), second.calls() == 1 && polls >= 6, "{ended:?} after {polls}");
        assert_eq!(Lift::new(second).oneshot(8).await, Ok(8));
    }
}

#[tokio::test]
async fn nothing_need_be_send_cloned_or_owned() {
    struct Own(std::rc::Rc<()>);
    let made = Cell::new(0);
    let fallback = Fallback::value("fallback", || {
        made.set(made.get() + 1);
        Own(std::rc::Rc::default())
    });
    let answer = fallback.run(|| async { Err::<Own, _>(std::rc::Rc::new(())) }).await;
    assert!(answer.is_ok_and(|own| std::rc::Rc::strong_count(&own.0) == 1));
    assert_eq!(made.get(), 1);
}
