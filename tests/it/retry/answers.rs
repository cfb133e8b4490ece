//! Which result is the answer.

use super::{Calls, constant};
use seawall::retry::{Plan, Retry, RetryBudget};
use seawall::{Class, ConcurrencyLimit, Error, LiftLayer, Reason, Rejected};
use std::task::{Context, Poll};
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

/// The answers of a call whose attempts go by `script`; how many were made, and when it was over.
async fn answers(
    plan: Plan,
    script: &'static [Result<u16, &'static str>],
) -> (Result<u16, &'static str>, u64, u64) {
    let calls = Calls::start();
    let retry = Retry::new("retry", plan).classify(|answer: Result<&u16, &&'static str>| match answer {
        Ok(404) => Class::Neutral,
        Ok(501) => Class::Permanent,
        Ok(502) | Err(_) => Class::Transient,
        Ok(503) => Class::Overload(None),
        Ok(_) => Class::Success,
    });
    let service = ServiceBuilder::new().layer(retry.layer()).layer(LiftLayer).service(service_fn(|()| {
        let n = calls.next() as usize;
        async move { script[n] }
    }));
    let answer = service.oneshot(()).await.map_err(|error| error.into_inner().unwrap());
    (answer, calls.made(), calls.ms())
}

#[tokio::test(start_paused = true)]
async fn rt_6_a_failed_call_is_made_again_and_the_last_failure_is_the_answer() {
    assert_eq!(answers(constant(500), &[Err("a"), Ok(200)]).await, (Ok(200), 2, 500));
    assert_eq!(answers(constant(500), &[Err("a"), Err("b"), Err("c")]).await, (Err("c"), 3, 1000));
    assert_eq!(answers(constant(500).attempts(1), &[Err("a")]).await, (Err("a"), 1, 0));
    assert_eq!(answers(Plan::off(), &[Err("a")]).await, (Err("a"), 1, 0));
    assert_eq!(answers(Plan::new().attempts(0), &[Err("a")]).await, (Err("a"), 1, 0));
}

#[tokio::test(start_paused = true)]
async fn rt_7_a_failed_response_stays_a_response() {
    assert_eq!(answers(constant(500).attempts(2), &[Ok(503), Ok(503)]).await, (Ok(503), 2, 500));
}

#[tokio::test(start_paused = true)]
async fn rt_8_neither_a_neutral_nor_a_permanent_answer_is_asked_for_again() {
    assert_eq!(answers(constant(500), &[Ok(404)]).await, (Ok(404), 1, 0));
    assert_eq!(answers(constant(500), &[Ok(501)]).await, (Ok(501), 1, 0));
}

#[tokio::test(start_paused = true)]
async fn rt_8_a_refusal_further_in_is_the_answer_at_once() {
    let service = ServiceBuilder::new()
        .layer(Retry::new("retry", constant(500)).layer())
        .layer(ConcurrencyLimit::new("limit", 0).layer())
        .layer(LiftLayer)
        .service(service_fn(|()| async { Ok::<_, ()>(()) }));
    let refused = service.oneshot(()).await.unwrap_err();
    assert_eq!(refused.rejected().unwrap().reason(), Reason::LimitReached);
}

#[tokio::test(start_paused = true)]
async fn rt_9_a_later_refusal_does_not_hide_the_answer_and_costs_no_token() {
    let budget = RetryBudget::default();
    let calls = Calls::start();
    let retry = Retry::new("retry", constant(50)).budget(budget.clone());
    let service = ServiceBuilder::new().layer(retry.layer()).service(service_fn(|()| {
        let n = calls.next();
        async move {
            match n {
                0 => Err::<(), _>(Error::Inner("the first call's own")),
                _ => Err(Rejected::new("gate", Reason::CircuitOpen).into()),
            }
        }
    }));
    assert_eq!(service.oneshot(()).await, Err(Error::Inner("the first call's own")));
    assert_eq!((calls.made(), budget.available()), (2, 100));
}

/// Ready so many times, then broken.
#[derive(Clone)]
struct Breaks {
    after: u64,
    calls: Calls,
}

impl Service<()> for Breaks {
    type Response = ();
    type Error = Error<&'static str>;
    type Future = std::future::Ready<Result<(), Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(if self.calls.made() < self.after { Ok(()) } else { Err(Error::Inner("broken")) })
    }

    fn call(&mut self, (): ()) -> Self::Future {
        self.calls.next();
        std::future::ready(Err(Error::Inner("failed")))
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_of_readiness_ends_the_retrying_and_hides_no_answer() {
    let over = |after| {
        let breaks = Breaks { after, calls: Calls::start() };
        let retry = Retry::new("retry", constant(50)).layer();
        ServiceBuilder::new().layer(retry).service(breaks).oneshot(())
    };
    assert_eq!(over(0).await, Err(Error::Inner("broken")));
    assert_eq!(over(1).await, Err(Error::Inner("failed")));
}

#[tokio::test(start_paused = true)]
async fn rt_19_nested_retries_multiply() {
    let calls = Calls::start();
    let retry = || Retry::new("retry", constant(0)).budget(None).layer();
    let service =
        ServiceBuilder::new().layer(retry()).layer(retry()).layer(LiftLayer).service(service_fn(|()| {
            calls.next();
            async { Err::<(), _>("failed") }
        }));
    assert!(service.oneshot(()).await.is_err());
    assert_eq!(calls.made(), 9);
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_is_changed_meanwhile_is_obeyed_at_the_next_failure() {
    let calls = Calls::start();
    let retry = Retry::new("retry", constant(100).attempts(10));
    let service = ServiceBuilder::new().layer(retry.layer()).layer(LiftLayer).service(service_fn(|()| {
        if calls.next() == 1 {
            retry.set_plan(Plan::off());
        }
        async { Err::<(), _>("failed") }
    }));
    assert!(service.oneshot(()).await.is_err());
    assert_eq!((calls.made(), calls.ms()), (2, 100));
}

#[tokio::test(start_paused = true)]
async fn a_service_is_neither_send_nor_is_its_request() {
    let shared = std::rc::Rc::new(7);
    let retry = Retry::new("retry", constant(1)).replay(|text: &&str| Some(*text));
    let service = ServiceBuilder::new().layer(retry.layer()).layer(LiftLayer).service(service_fn({
        |text: &str| {
            let (length, shared) = (text.len(), std::rc::Rc::clone(&shared));
            async move { Ok::<_, std::rc::Rc<()>>(length + *shared) }
        }
    }));
    let text = String::from("borrowed");
    assert_eq!(service.oneshot(text.as_str()).await.unwrap(), 15);
}
