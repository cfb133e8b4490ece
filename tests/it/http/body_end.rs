//! Permits that end with the body: gRPC is judged by its trailers, and a slot is held while a body is read.

use crate::tools::Failed;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use seawall::circuit_breaker::{State, Trip};
use seawall::gate::Classified;
use seawall::http::{HeldBody, Hold, Status, ToBodyEnd};
use seawall::{CircuitBreaker, ConcurrencyLimit, Error, Gate, Lift};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Layer, ServiceExt, service_fn};

/// A body of these frames; it foresees its end if it is asked after the last.
#[derive(Debug, Default)]
struct Frames {
    frames: VecDeque<Result<Frame<Bytes>, Failed>>,
    foretells: bool,
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Failed;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Failed>>> {
        Poll::Ready(self.frames.pop_front())
    }

    fn is_end_stream(&self) -> bool {
        self.foretells && self.frames.is_empty()
    }
}

fn data() -> Result<Frame<Bytes>, Failed> {
    Ok(Frame::data(Bytes::from_static(b"row")))
}

fn trailers(code: &'static str) -> Result<Frame<Bytes>, Failed> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", code.parse().unwrap());
    Ok(Frame::trailers(trailers))
}

type Gates = (CircuitBreaker, ConcurrencyLimit);

fn gates() -> Gates {
    (CircuitBreaker::new("breaker", Trip::run_of(1)), ConcurrencyLimit::new("slots", 4))
}

/// One call through the layer: its answer, with this head and these frames.
async fn answer(
    gates: &Gates,
    hold: Hold,
    head: (u16, &'static str),
    frames: impl IntoIterator<Item = Result<Frame<Bytes>, Failed>>,
    foretells: bool,
) -> Response<HeldBody<Frames, Arc<Classified<Gates, Status>>>> {
    let mut body = Some(Frames { frames: frames.into_iter().collect(), foretells });
    let service = service_fn(move |_: Request<()>| {
        let answer = Response::builder().status(head.0).header("content-type", head.1);
        let answer = answer.body(body.take().unwrap()).unwrap();
        async move { Ok::<_, Failed>(answer) }
    });
    let layer = ToBodyEnd::new(gates.clone().classify(Status::new())).hold(hold);
    layer.layer(Lift::new(service)).oneshot(Request::new(())).await.unwrap()
}

const GRPC: (u16, &str) = (200, "application/grpc");
const TEXT: (u16, &str) = (200, "text/plain");

fn seen(gates: &Gates) -> (u32, State) {
    (gates.1.in_flight(), gates.0.state())
}

#[tokio::test(start_paused = true)]
async fn a_breaker_hears_what_stands_in_the_trailers() {
    for (code, state) in [("0", State::Closed), ("5", State::Closed), ("13", State::Open), ("x", State::Open)]
    {
        for hold in [Hold::Head, Hold::BodyEnd] {
            let gates = gates();
            let answer = answer(&gates, hold, GRPC, [data(), trailers(code)], false).await;
            let held = u32::from(hold == Hold::BodyEnd);
            assert_eq!(seen(&gates), (held, State::Closed), "nothing is known at the head: {code}");
            let collected = answer.into_body().collect().await.unwrap();
            assert_eq!(collected.trailers().unwrap()["grpc-status"], code);
            assert_eq!(seen(&gates), (0, state), "{code}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_grpc_answer_without_a_status_anywhere_is_a_failure() {
    for (frames, foretells) in [(vec![data()], false), (vec![data()], true), (vec![], true)] {
        let gates = gates();
        let answer = answer(&gates, Hold::BodyEnd, GRPC, frames, foretells).await;
        answer.into_body().collect().await.unwrap();
        assert_eq!(seen(&gates), (0, State::Open));
    }
}

#[tokio::test(start_paused = true)]
async fn a_slot_is_held_while_a_body_is_read_and_not_longer() {
    let gates = gates();
    let answer = answer(&gates, Hold::BodyEnd, TEXT, [data(), data()], true).await;
    let mut body = answer.into_body();
    assert!(body.frame().await.is_some());
    assert_eq!(gates.1.in_flight(), 1);
    // The last frame says so itself: a server would not ask again.
    assert!(body.frame().await.is_some());
    assert_eq!(gates.1.in_flight(), 0);
    drop(body);
    assert_eq!(seen(&gates), (0, State::Closed));
}

#[tokio::test(start_paused = true)]
async fn what_ends_with_its_head_is_settled_there() {
    for (head, hold, frames) in [
        (TEXT, Hold::Head, vec![data()]),
        (TEXT, Hold::BodyEnd, vec![]),
        ((101, "text/plain"), Hold::BodyEnd, vec![data()]),
    ] {
        let gates = gates();
        let answer = answer(&gates, hold, head, frames, true).await;
        assert_eq!(gates.1.in_flight(), 0, "{head:?} {hold:?}");
        drop(answer);
    }
    let gates = gates();
    let answer = answer(&gates, Hold::Head, (502, "text/plain"), [data()], true).await;
    assert_eq!(seen(&gates), (0, State::Open));
    drop(answer);
}

#[tokio::test(start_paused = true)]
async fn a_failure_told_by_the_head_counts_though_nobody_reads_its_body() {
    let gates = gates();
    let answer = answer(&gates, Hold::BodyEnd, (503, "text/plain"), [data(), data()], false).await;
    assert_eq!(seen(&gates), (0, State::Open));
    drop(answer);
    assert_eq!(gates.0.snapshot().failures, 1);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_fails_is_a_failure_and_one_that_is_dropped_is_not() {
    let failing = gates();
    let answer = answer(&failing, Hold::BodyEnd, TEXT, [data(), Err(Failed)], false).await;
    assert!(answer.into_body().collect().await.is_err());
    assert_eq!(seen(&failing), (0, State::Open));

    let dropped = gates();
    let answer = self::answer(&dropped, Hold::BodyEnd, GRPC, [data(), trailers("13")], false).await;
    let mut body = answer.into_body();
    assert!(body.frame().await.is_some());
    assert_eq!(dropped.1.in_flight(), 1);
    drop(body);
    assert_eq!(seen(&dropped), (0, State::Closed));
    let snapshot = dropped.0.snapshot();
    assert_eq!((snapshot.failures, snapshot.successes), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_error_and_a_refusal_end_as_they_always_do() {
    let gates = gates();
    let failing = service_fn(|_: Request<()>| async { Err::<Response<Frames>, _>(Failed) });
    let layer = ToBodyEnd::new(gates.clone().classify(Status::new()));
    let failed = layer.layer(Lift::new(failing)).oneshot(Request::new(())).await;
    assert!(matches!(failed, Err(Error::Inner(Failed))));
    assert_eq!(seen(&gates), (0, State::Open));
    let refused = layer.layer(Lift::new(failing)).oneshot(Request::new(())).await.unwrap_err();
    assert_eq!(refused.rejected().map(|rejected| rejected.by().as_str()), Some("breaker"));
}
