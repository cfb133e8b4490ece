//! A deadline goes on with each attempt, as what is left of it then.

use http::{HeaderName, Request, Response};
use seawall::deadline::{Deadline, Deadlines};
use seawall::http::{DeadlineHeaders, PassDeadline, Replay, ReplayBody, Respond, Status};
use seawall::retry::{Backoff, Jitter, Plan};
use seawall::{LiftLayer, Reason, Retry};
use std::sync::Arc;
use std::time::Duration;
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};

const NAMED: HeaderName = HeaderName::from_static("x-request-timeout-ms");

fn headers() -> DeadlineHeaders {
    DeadlineHeaders::new().millis(NAMED)
}

type Sent = Request<ReplayBody<axum::body::Body>>;

#[tokio::test(start_paused = true)]
async fn each_attempt_is_told_what_is_left_then() {
    let told = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let plan = Plan::new().backoff(Backoff::constant(Duration::from_millis(100)).jitter(Jitter::none()));
    let client = ServiceBuilder::new()
        .layer(Retry::new("upstream", plan).classifier(Status::new()).replayer(Replay::new()).layer())
        .layer(PassDeadline::new("upstream", headers()))
        .layer(LiftLayer)
        .service(service_fn(|request: Sent| {
            told.lock().push(request.headers()[NAMED].to_str().unwrap().to_owned());
            async { Ok::<_, ()>(Response::builder().status(502).body(()).unwrap()) }
        }));
    let request = Request::new(ReplayBody::new(axum::body::Body::empty()));
    Deadline::within(Duration::from_secs(1)).scope(client.oneshot(request)).await.unwrap();
    assert_eq!(*told.lock(), ["1000", "900", "800"]);
}

#[tokio::test(start_paused = true)]
async fn with_less_than_can_be_told_nothing_is_sent() {
    let unreached = service_fn(|_: Request<()>| async { panic!("sent") as Result<(), ()> });
    let client = PassDeadline::new("upstream", headers()).layer(seawall::Lift::new(unreached));
    let late = Deadline::within(Duration::from_micros(999)).scope(client.oneshot(Request::new(()))).await;
    assert_eq!(late.unwrap_err().rejected().unwrap().reason(), Reason::Deadline);
}

#[tokio::test(start_paused = true)]
async fn what_came_in_too_late_is_a_504_and_reaches_nobody() {
    let unreached =
        service_fn(|_: Request<()>| async { panic!("called") as Result<Response<axum::body::Body>, ()> });
    let headers = headers();
    let deadlines = Deadlines::per_request("api", move |request: &Request<()>| headers.of(request));
    let mut request = Request::new(());
    request.headers_mut().insert(NAMED, 0.into());
    let answer = Respond(deadlines.layer()).layer(unreached).oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 504);
}
