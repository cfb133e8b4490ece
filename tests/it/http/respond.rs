//! A refusal becomes an answer; everything else passes unchanged.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode};
use axum::routing::get;
use bytes::Bytes;
use http_body::Body as _;
use seawall::gate::{Admit, GateLayer, Queued};
use seawall::http::{Respond, RespondBody, Status};
use seawall::rate_limit::Quota;
use seawall::telemetry::{Counters, Telemetry};
use seawall::{Class, ConcurrencyLimit, Error, RateLimiter, Reason, Rejected, TimedOut};
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

fn closed() -> GateLayer<ConcurrencyLimit> {
    ConcurrencyLimit::new("api", 0).layer()
}

fn ask() -> Request<Body> {
    Request::new(Body::empty())
}

/// A layer that answers every call with this error.
#[derive(Clone)]
struct Fails(Error<Infallible>);

impl<S> Layer<S> for Fails {
    type Service = Self;

    fn layer(&self, _: S) -> Self {
        self.clone()
    }
}

impl<B> Service<Request<B>> for Fails {
    type Response = Response<Body>;
    type Error = Error<Infallible>;
    type Future = std::future::Ready<Result<Response<Body>, Error<Infallible>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        std::future::ready(Err(self.0.clone()))
    }
}

async fn answered(
    error: impl Into<Error<Infallible>>,
    request: Request<Body>,
) -> Response<RespondBody<Body>> {
    let unreached =
        service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(Response::new(Body::empty())) });
    let Ok(answer) = Respond(Fails(error.into())).layer(unreached).oneshot(request).await;
    answer
}

#[tokio::test(start_paused = true)]
async fn a_queue_answers_as_what_was_waited_for() {
    async fn statuses(gate: impl Admit<Request<Body>> + Clone) -> [StatusCode; 2] {
        let queued = Queued::new("queue", gate, 1, Duration::from_millis(10));
        let hung =
            service_fn(|_: Request<Body>| std::future::pending::<Result<Response<Body>, Infallible>>());
        let service = Respond(queued.layer()).layer(hung);
        // The first waits until it is too long; for the second there is no place.
        let (Ok(waited), Ok(full)) =
            tokio::join!(service.clone().oneshot(ask()), service.clone().oneshot(ask()));
        [waited.status(), full.status()]
    }
    let quota = RateLimiter::new("api", Quota::per_minute(1));
    quota.try_acquire().unwrap().settle(Class::Success);
    assert_eq!(statuses(quota).await, [StatusCode::TOO_MANY_REQUESTS; 2]);
    let slots = ConcurrencyLimit::new("db", 1);
    let _held = slots.try_acquire().unwrap();
    assert_eq!(statuses(slots.clone()).await, [StatusCode::SERVICE_UNAVAILABLE; 2]);
}

#[tokio::test]
async fn a_router_takes_it_without_handling_errors_and_stays_infallible() {
    fn infallible<S: Service<Request<Body>, Error = Infallible>>(_: &S) {}

    let app = Router::new().route("/", get(|| async { "hello" })).layer(Respond(closed()));
    infallible(&app);
    let answer = app.oneshot(ask()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(to_bytes(answer.into_body(), 1).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_services_own_answer_and_error_pass_unchanged() {
    let inner = service_fn(|request: Request<Body>| async move {
        match request.uri().path() {
            "/" => {
                Ok(Response::builder().status(418).header("x-own", "1").body(Body::from("teapot")).unwrap())
            }
            _ => Err("own error"),
        }
    });
    let service = Respond(ConcurrencyLimit::new("api", 8).layer()).layer(inner);
    let answer = service.clone().oneshot(ask()).await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["x-own"]), (418, &"1".parse().unwrap()));
    assert_eq!(answer.body().size_hint().exact(), Some(6));
    assert_eq!(to_bytes(Body::new(answer.into_body()), 16).await.unwrap(), "teapot");
    let failing = Request::builder().uri("/fails").body(Body::empty()).unwrap();
    assert_eq!(service.oneshot(failing).await.unwrap_err(), "own error");
}

#[tokio::test]
async fn a_refusal_with_a_known_wait_says_when_to_come_back() {
    let refusal = Rejected::new("api", Reason::RateLimited).retry_in(Duration::from_millis(1001));
    let answer = answered(refusal, ask()).await;
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (429, &"2".parse().unwrap()));
    assert!(answer.body().is_end_stream());
}

#[tokio::test]
async fn a_timeout_is_a_504() {
    assert_eq!(answered(TimedOut::new("api", Duration::from_secs(1)), ask()).await.status(), 504);
}

#[tokio::test]
async fn a_grpc_request_gets_trailers_only() {
    let mut request = ask();
    request.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
    let answer =
        answered(Rejected::new("api", Reason::CircuitOpen).retry_in(Duration::from_secs(3)), request).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/grpc");
    assert_eq!(answer.headers()["grpc-status"], "14");
    assert_eq!(answer.headers()["grpc-retry-pushback-ms"], "3000");
    assert!(answer.body().is_end_stream());
}

#[tokio::test]
async fn a_function_may_replace_the_answer_and_runs_on_refusals_only() {
    let layer = Respond(closed()).answer(|unanswered, mut answer: Response<Bytes>| {
        let reason = unanswered.rejected().unwrap().reason().to_string();
        *answer.body_mut() = Bytes::from(reason);
        answer
    });
    let app = Router::new().route("/", get(|| async { "hello" })).layer(layer);
    let answer = app.oneshot(ask()).await.unwrap();
    assert_eq!(answer.status(), 503);
    assert_eq!(to_bytes(answer.into_body(), 64).await.unwrap(), "concurrency limit reached");

    let unasked = Respond(ConcurrencyLimit::new("api", 1).layer()).answer(|_, _| unreachable!());
    let app = Router::new().route("/", get(|| async { "hello" })).layer(unasked);
    assert_eq!(app.oneshot(ask()).await.unwrap().status(), 200);
}

#[tokio::test]
async fn an_outer_gate_reads_a_refusal_further_in_as_no_evidence() {
    let counters = Arc::new(Counters::default());
    let outer = ConcurrencyLimit::new(Telemetry::new("outer").observer(counters.clone()), 8);
    let service = ServiceBuilder::new()
        .layer(Respond(outer.layer().classifier(Status::new())))
        .layer(Respond(Fails(Rejected::new("inner", Reason::LimitReached).into())))
        .service(service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(Response::new(Body::empty())) }));
    assert_eq!(service.oneshot(ask()).await.unwrap().status(), 503);
    let seen = counters.snapshot();
    assert_eq!((seen.neutral, seen.failed), (1, 0));
}

#[tokio::test]
async fn an_outer_gate_reads_a_timeout_further_in_as_a_timeout() {
    let counters = Arc::new(Counters::default());
    let outer = ConcurrencyLimit::new(Telemetry::new("outer").observer(counters.clone()), 8);
    let service = ServiceBuilder::new()
        .layer(Respond(outer.layer().classifier(Status::new())))
        .layer(Respond(Fails(TimedOut::new("inner", Duration::ZERO).into())))
        .service(service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(Response::new(Body::empty())) }));
    assert_eq!(service.oneshot(ask()).await.unwrap().status(), 504);
    assert_eq!(counters.snapshot().failed, 1);
}

#[tokio::test]
async fn an_answer_of_another_process_is_judged_by_its_status() {
    let counters = Arc::new(Counters::default());
    let limit = ConcurrencyLimit::new(Telemetry::new("client").observer(counters.clone()), 8);
    let service = limit.layer().classifier(Status::new()).layer(seawall::Lift::new(service_fn(
        |status: u16| async move { Ok::<_, ()>(Response::builder().status(status).body(()).unwrap()) },
    )));
    for status in [200, 404, 503, 429, 500] {
        service.clone().oneshot(status).await.unwrap();
    }
    let seen = counters.snapshot();
    assert_eq!((seen.succeeded, seen.neutral, seen.failed), (1, 1, 3));
}

#[tokio::test]
async fn a_foreign_layer_that_refuses_readiness_is_answered_and_not_called() {
    #[derive(Clone)]
    struct NeverReady;

    impl<S> Layer<S> for NeverReady {
        type Service = Self;

        fn layer(&self, _: S) -> Self {
            Self
        }
    }

    impl Service<Request<Body>> for NeverReady {
        type Response = Response<Body>;
        type Error = Error<Infallible>;
        type Future = std::future::Pending<Result<Response<Body>, Self::Error>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            Poll::Ready(Err(Rejected::new("foreign", Reason::Draining).into()))
        }

        fn call(&mut self, _: Request<Body>) -> Self::Future {
            panic!("called unready")
        }
    }

    let unreached =
        service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(Response::new(Body::empty())) });
    let Ok(answer) = Respond(NeverReady).layer(unreached).oneshot(ask()).await;
    assert_eq!((answer.status().as_u16(), &answer.headers()["connection"]), (503, &"close".parse().unwrap()));
}

#[tokio::test]
async fn a_service_that_fails_to_get_ready_says_so_itself() {
    #[derive(Clone)]
    struct Broken;

    impl Service<Request<Body>> for Broken {
        type Response = Response<Body>;
        type Error = &'static str;
        type Future = std::future::Pending<Result<Response<Body>, Self::Error>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            Poll::Ready(Err("broken"))
        }

        fn call(&mut self, _: Request<Body>) -> Self::Future {
            panic!("called unready")
        }
    }

    let mut service = Respond(ConcurrencyLimit::new("api", 8).layer()).layer(Broken);
    let ready: Result<_, &str> = ServiceExt::<Request<Body>>::ready(&mut service).await.map(|_| ());
    assert_eq!(ready, Err("broken"));
}

#[test]
fn the_mark_does_not_leave_the_process() {
    fn mark_is_private(answer: &Response<RespondBody<Body>>) -> bool {
        answer.headers().keys().all(|name| !name.as_str().contains("seawall"))
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let answer = runtime.block_on(answered(Rejected::new("api", Reason::LimitReached), ask()));
    assert!(mark_is_private(&answer));
    assert_eq!(seawall::Classify::<_, ()>::classify(&Status::new(), Ok(&answer)), Class::Neutral);
}

#[test]
fn an_answer_that_passes_allocates_nothing() {
    let limit = ConcurrencyLimit::new("api", 8);
    let inner = service_fn(|_: Request<()>| {
        std::future::ready(Ok::<_, Infallible>(Response::new(axum::body::Bytes::new())))
    });
    let mut service = Respond(limit.layer().classifier(Status::new())).layer(inner);
    let mut cx = Context::from_waker(std::task::Waker::noop());
    let mut call = || {
        assert!(Service::<Request<()>>::poll_ready(&mut service, &mut cx).is_ready());
        let answer = std::pin::pin!(service.call(Request::new(()))).poll(&mut cx);
        assert!(matches!(answer, Poll::Ready(Ok(answer)) if answer.status() == 200));
    };
    call();
    assert_eq!(allocation_counter::measure(|| (0..1000).for_each(|_| call())).count_total, 0);
}

#[test]
fn a_call_dropped_at_any_poll_gives_its_slot_back() {
    let limit = ConcurrencyLimit::new("api", 1);
    let pending = service_fn(|_: Request<()>| std::future::pending::<Result<Response<Body>, Infallible>>());
    let mut service = Respond(limit.layer()).layer(pending);
    let mut cx = Context::from_waker(std::task::Waker::noop());
    for polls in 0..3 {
        assert!(Service::<Request<()>>::poll_ready(&mut service, &mut cx).is_ready());
        let mut call = Box::pin(service.call(Request::new(())));
        (0..polls).for_each(|_| assert!(call.as_mut().poll(&mut cx).is_pending()));
        assert_eq!(limit.in_flight(), 1);
        drop(call);
        assert_eq!(limit.in_flight(), 0);
    }
}

#[tokio::test]
async fn a_policy_goes_in_by_its_lifted_form() {
    let policy = seawall::Policy::new("api").concurrency(ConcurrencyLimit::new("api", 0));
    let app = Router::new().route("/", get(|| async { "hello" })).layer(Respond(policy.lifted()));
    assert_eq!(app.oneshot(ask()).await.unwrap().status(), 503);
}
