use super::held_body::{Held, HeldBody};
use super::{grpc, is_grpc};
use crate::class::Classify;
use crate::error::{Fault, Rejected};
use crate::gate::{Admit, Classified, Gate, Now, Permit, foreseen, verdict};
use http::{Response, StatusCode};
use http_body::Body;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tower_layer::Layer;
use tower_service::Service;

/// How long a call holds its slot.
///
/// It is told apart from how a call ends: a gRPC answer whose status stands in its trailers is judged there in
/// either case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Hold {
    /// Until the head of the answer is there: what works on while a client reads slowly is not the handler.
    Head,
    /// Until the body is at its end, fails or is dropped: for bodies that are work, such as streams from a
    /// database.
    #[default]
    BodyEnd,
}

/// A gate whose permits end with the body of the answer, not with its head.
///
/// A head says little about a stream: its rows are still being read, and the status of a gRPC call stands in its
/// trailers. So the permit goes along with the body:
///
/// | the body | the call |
/// |---|---|
/// | comes to its end | is settled with the class of the head; of gRPC, with that of the trailers |
/// | is that of a failure (500, 503) | is settled at once: who tries again or elsewhere drops it unread |
/// | fails | is settled as `Transient` |
/// | is dropped before its end | is abandoned: slots come back, nothing is counted |
/// | was at its end with the head | is settled at once |
///
/// A 101 is settled at once: the upgraded connection is out of a layer's sight.
///
/// # Examples
///
/// A breaker that hears what gRPC says in the trailers, while slots come back with the head:
///
/// ```
/// use seawall::circuit_breaker::Trip;
/// use seawall::http::{Hold, Status, ToBodyEnd};
/// use seawall::{CircuitBreaker, ConcurrencyLimit, Gate};
///
/// let gates = (CircuitBreaker::new("search", Trip::run_of(5)), ConcurrencyLimit::new("search", 64));
/// let layer = ToBodyEnd::new(gates.classify(Status::grpc())).hold(Hold::Head);
/// # let _ = layer;
/// ```
///
/// On a server, a limit on streams that are being sent:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use axum::{Router, body::Body, routing::get};
/// use http::Request;
/// use seawall::http::{Respond, Status, ToBodyEnd};
/// use seawall::{ConcurrencyLimit, Gate};
/// use tower::ServiceExt;
///
/// let streams = ConcurrencyLimit::new("streams", 1);
/// let app: Router = Router::new()
///     .route("/", get(|| async { "a long answer" }))
///     .layer(Respond(ToBodyEnd::new(streams.clone().classify(Status::new()))));
///
/// let ask = || Request::new(Body::empty());
/// let first = app.clone().oneshot(ask()).await.unwrap();
/// assert_eq!(app.clone().oneshot(ask()).await.unwrap().status(), 503, "the first is still being read");
/// axum::body::to_bytes(first.into_body(), 100).await.unwrap();
/// assert_eq!(app.oneshot(ask()).await.unwrap().status(), 200);
/// # }
/// ```
pub struct ToBodyEnd<G, C> {
    gate: Arc<Classified<G, C>>,
    hold: Hold,
}

impl<G, C> ToBodyEnd<G, C> {
    /// Holds the permits of `gate` to the end of the body.
    ///
    /// ```
    /// use seawall::http::{Status, ToBodyEnd};
    /// use seawall::{ConcurrencyLimit, Gate};
    /// let layer = ToBodyEnd::new(ConcurrencyLimit::new("streams", 16).classify(Status::new()));
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn new(gate: Classified<G, C>) -> Self {
        Self { gate: Arc::new(gate), hold: Hold::BodyEnd }
    }

    /// How long slots are held.
    ///
    /// ```
    /// use seawall::http::{Hold, Status, ToBodyEnd};
    /// use seawall::{ConcurrencyLimit, Gate};
    /// let gate = ConcurrencyLimit::new("streams", 16).classify(Status::new());
    /// let layer = ToBodyEnd::new(gate).hold(Hold::Head);
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub const fn hold(mut self, hold: Hold) -> Self {
        self.hold = hold;
        self
    }
}

impl<G, C> Clone for ToBodyEnd<G, C> {
    fn clone(&self) -> Self {
        Self { gate: Arc::clone(&self.gate), hold: self.hold }
    }
}

impl<G: fmt::Debug, C> fmt::Debug for ToBodyEnd<G, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToBodyEnd")
            .field("gate", self.gate.gate())
            .field("hold", &self.hold)
            .finish_non_exhaustive()
    }
}

impl<S, G, C> Layer<S> for ToBodyEnd<G, C> {
    type Service = ToBodyEndService<S, Arc<Classified<G, C>>>;

    fn layer(&self, inner: S) -> Self::Service {
        ToBodyEndService { inner, gate: Arc::clone(&self.gate), hold: self.hold, foreseen: None }
    }
}

/// A service whose calls end with the bodies of their answers; made by [`ToBodyEnd`].
#[derive(Debug)]
pub struct ToBodyEndService<S, P> {
    inner: S,
    gate: P,
    hold: Hold,
    foreseen: Option<Rejected>,
}

impl<S: Clone, P: Clone> Clone for ToBodyEndService<S, P> {
    fn clone(&self) -> Self {
        // A clone has not been made ready, and foresees nothing.
        Self { inner: self.inner.clone(), gate: self.gate.clone(), hold: self.hold, foreseen: None }
    }
}

impl<S, P, G, C, Req, B> Service<Req> for ToBodyEndService<S, P>
where
    S: Service<Req, Response = Response<B>>,
    S::Error: Fault,
    P: Deref<Target = Classified<G, C>> + Gate<Pass = G::Pass> + Clone,
    G: Admit<Req>,
    C: Classify<Response<B>, <S::Error as Fault>::Inner>,
    B: Body,
{
    type Response = Response<HeldBody<B, P>>;
    type Error = S::Error;
    type Future = ToBodyEndFuture<S::Future, P>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.foreseen = self.gate.gate().refuses(&mut Now::lazy());
        if self.foreseen.is_some() {
            return Poll::Ready(Ok(()));
        }
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let state = if let Some(rejected) = self.foreseen.take() {
            State::Refused { rejected: foreseen(self.gate.gate(), rejected) }
        } else {
            match self.gate.gate().admit(&request, &mut Now::lazy()) {
                Ok(pass) => {
                    // Before `call`, so that a panic in there abandons the permit.
                    let permit = Permit::new(self.gate.clone(), pass);
                    State::Called { call: self.inner.call(request), permit: Some(permit) }
                }
                Err(rejected) => State::Refused { rejected },
            }
        };
        ToBodyEndFuture { state, hold: self.hold }
    }
}

pin_project! {
    /// The answer of a [`ToBodyEndService`].
    #[must_use = "futures do nothing unless polled"]
    pub struct ToBodyEndFuture<F, P>
    where
        P: Gate,
    {
        #[pin]
        state: State<F, P>,
        hold: Hold,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, P>
    where
        P: Gate,
    {
        Called { #[pin] call: F, permit: Option<Permit<P>> },
        Refused { rejected: Rejected },
    }
}

impl<F, P, G, C, B, E> Future for ToBodyEndFuture<F, P>
where
    F: Future<Output = Result<Response<B>, E>>,
    E: Fault,
    P: Deref<Target = Classified<G, C>> + Gate,
    C: Classify<Response<B>, E::Inner>,
    B: Body,
{
    type Output = Result<Response<HeldBody<B, P>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (result, permit) = match this.state.project() {
            StateProj::Called { call, permit } => (ready!(call.poll(cx)), permit.take()),
            StateProj::Refused { rejected } => return Poll::Ready(Err(E::from(*rejected))),
        };
        // `None`: polled after its end.
        let Some(permit) = permit else { return Poll::Pending };
        let Some(head) = verdict(permit.gate().classifier(), &result) else {
            permit.release();
            return Poll::Ready(result.map(|answer| answer.map(|body| HeldBody::new(body, None))));
        };
        let answer = match result {
            Ok(answer) => answer,
            Err(error) => {
                permit.settle(head);
                return Poll::Ready(Err(error));
            }
        };
        let held = hold(*this.hold, Held { permit, head, trailing: is_trailing(&answer) }, &answer);
        Poll::Ready(Ok(answer.map(|body| HeldBody::new(body, held))))
    }
}

/// Whether the status of a call stands behind the body of its answer.
fn is_trailing<B>(answer: &Response<B>) -> bool {
    let headers = answer.headers();
    answer.status() == StatusCode::OK && is_grpc(headers) && !headers.contains_key(grpc::STATUS)
}

/// Ends what ends with the head; what is left goes along with the body.
fn hold<P: Gate, B: Body>(hold: Hold, mut held: Held<P>, answer: &Response<B>) -> Option<Held<P>> {
    let is_over = answer.body().is_end_stream()
        || answer.status() == StatusCode::SWITCHING_PROTOCOLS
        || held.head.is_failure();
    if is_over || hold == Hold::Head && !held.trailing {
        held.end(None);
        return None;
    }
    if hold == Hold::Head {
        held.permit.answered();
    }
    Some(held)
}

impl<F, P: Gate> fmt::Debug for ToBodyEndFuture<F, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToBodyEndFuture").field("hold", &self.hold).finish_non_exhaustive()
    }
}
