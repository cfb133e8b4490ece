use super::answer::{Asked, Unanswered, Why};
use super::respond_future::ResponseFuture;
use super::{Exempt, RespondBody};
use crate::error::Error;
use crate::lift::Lift;
use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use std::fmt;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// Gives a server-side layer's refusals and timeouts to the client as answers.
///
/// It lifts the service, applies the layer, and turns what the layer refuses or gives up on into an answer;
/// the service's error type and its own answers pass unchanged. So axum's `Infallible` stays `Infallible`.
///
/// # Examples
///
/// ```
/// use axum::{Router, routing::get};
/// use seawall::ConcurrencyLimit;
/// use seawall::http::Respond;
///
/// let limit = ConcurrencyLimit::new("api", 512);
/// let app: Router = Router::new().route("/", get(|| async { "hello" })).layer(Respond(limit.layer()));
/// # let _ = app;
/// ```
///
/// A stack that has lifted already, such as a `Policy`, goes in by its lifted form: `Respond(policy.lifted())`.
///
/// # What is answered
///
/// | reason | HTTP | gRPC |
/// |---|---|---|
/// | rate limited | 429 | 8 `RESOURCE_EXHAUSTED` |
/// | costs more than can ever be admitted | 413, no `Retry-After` | 8, pushback `-1` |
/// | deadline passed before the call; timed out | 504 | 4 `DEADLINE_EXCEEDED` |
/// | no client key | 400 | 3 `INVALID_ARGUMENT` |
/// | any other: circuit open, limit reached, shed, queue, no endpoint, draining | 503 | 14 `UNAVAILABLE` |
///
/// Where the refusal knows it, `Retry-After` says when to come back, in seconds rounded up, at least 1
/// (`grpc-retry-pushback-ms`, in milliseconds, and `google.rpc.RetryInfo` in `grpc-status-details-bin`). A request that is gRPC gets the gRPC form: HTTP 200, the status in
/// the head, no body. The answer names neither the instance nor its limits; the log does.
///
/// # Order
///
/// Outside compression and body limits, inside request ids, traces, CORS and panic catching: only so a refusal is
/// traced, and a browser may read it.
#[derive(Clone, Copy)]
pub struct Respond<L, A = AsListed> {
    layer: L,
    answer: A,
}

/// Gives the refusals and timeouts of `layer` as answers; see [`struct@Respond`].
///
/// ```
/// use seawall::ConcurrencyLimit;
/// use seawall::http::Respond;
/// let layer = Respond(ConcurrencyLimit::new("api", 512).layer());
/// # let _ = layer;
/// ```
#[must_use]
#[expect(non_snake_case, reason = "a stack reads `Respond(layer)`; the type has more to it than its layer")]
pub const fn Respond<L>(layer: L) -> Respond<L> {
    Respond::new(layer)
}

impl<L> Respond<L> {
    /// Gives the refusals and timeouts of `layer` as answers.
    ///
    /// ```
    /// use seawall::ConcurrencyLimit;
    /// use seawall::http::Respond;
    /// let layer = Respond::new(ConcurrencyLimit::new("api", 512).layer());
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub const fn new(layer: L) -> Self {
        Self { layer, answer: AsListed }
    }

    /// Changes or replaces the answers: `answer` is given each one that the table makes, and why.
    ///
    /// It runs on refusals and timeouts only.
    ///
    /// ```
    /// use seawall::ConcurrencyLimit;
    /// use seawall::http::Respond;
    ///
    /// let layer = Respond(ConcurrencyLimit::new("api", 512).layer()).answer(|unanswered, mut answer| {
    ///     if !unanswered.is_grpc() {
    ///         *answer.body_mut() = "busy, please come back later\n".into();
    ///     }
    ///     answer
    /// });
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn answer<A>(self, answer: A) -> Respond<L, A>
    where
        A: Fn(&Unanswered, Response<Bytes>) -> Response<Bytes>,
    {
        Respond { layer: self.layer, answer }
    }
}

impl<L, A> Respond<L, A> {
    /// Lets requests pass by the layer: those are not admitted, counted or timed by it.
    ///
    /// For health checks (one that is shed turns an overload into a restart) and for long-lived streams.
    ///
    /// ```
    /// use seawall::ConcurrencyLimit;
    /// use seawall::http::Respond;
    ///
    /// let layer = Respond(ConcurrencyLimit::new("api", 512).layer())
    ///     .exempt(|parts| parts.uri.path() == "/healthz");
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn exempt<P>(self, exempt: P) -> Respond<Exempt<L, P>, A>
    where
        P: Fn(&Parts) -> bool,
    {
        Respond { layer: Exempt::new(self.layer, exempt), answer: self.answer }
    }
}

impl<S, L, A> Layer<S> for Respond<L, A>
where
    L: Layer<Lift<S>>,
    A: Clone,
{
    type Service = RespondService<L::Service, A>;

    fn layer(&self, inner: S) -> Self::Service {
        RespondService {
            inner: self.layer.layer(Lift::new(inner)),
            answer: self.answer.clone(),
            foreseen: None,
        }
    }
}

/// A service whose refusals and timeouts are answers; made by [`struct@Respond`].
pub struct RespondService<S, A = AsListed> {
    inner: S,
    answer: A,
    // What a foreign layer said instead of getting ready: it is the answer of the next call.
    foreseen: Option<Why>,
}

impl<S> RespondService<S> {
    /// Gives the refusals and timeouts of a service that is lifted already, such as a client's whole stack.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use http::{Request, Response};
    /// use seawall::http::RespondService;
    /// use seawall::{ConcurrencyLimit, Lift};
    /// use tower::{Layer, ServiceExt, service_fn};
    ///
    /// let client = service_fn(|_: Request<()>| async { Ok::<_, std::io::Error>(Response::new(())) });
    /// let full = ConcurrencyLimit::new("upstream", 0).layer().layer(Lift::new(client));
    /// assert_eq!(RespondService::new(full).oneshot(Request::new(())).await.unwrap().status(), 503);
    /// # }
    /// ```
    pub const fn new(lifted: S) -> Self {
        Self { inner: lifted, answer: AsListed, foreseen: None }
    }
}

impl<S: Clone, A: Clone> Clone for RespondService<S, A> {
    fn clone(&self) -> Self {
        // A clone has not been made ready, and foresees nothing.
        Self { inner: self.inner.clone(), answer: self.answer.clone(), foreseen: None }
    }
}

impl<S, A, E, B, R> Service<Request<B>> for RespondService<S, A>
where
    S: Service<Request<B>, Response = Response<R>, Error = Error<E>>,
    A: Answer + Clone,
{
    type Response = Response<RespondBody<R>>;
    type Error = E;
    type Future = ResponseFuture<S::Future, A>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        self.foreseen = None;
        match self.inner.poll_ready(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(Error::Inner(error))) => return Poll::Ready(Err(error)),
            Poll::Ready(Err(Error::Rejected(rejected))) => self.foreseen = Some(Why::Rejected(rejected)),
            Poll::Ready(Err(Error::TimedOut(timed_out))) => self.foreseen = Some(Why::TimedOut(timed_out)),
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let asked = Asked::by(&request);
        match self.foreseen.take() {
            None => ResponseFuture::called(self.inner.call(request), asked, self.answer.clone()),
            Some(why) => ResponseFuture::foreseen(why, asked, self.answer.clone()),
        }
    }
}

/// Answers as the table of [`struct@Respond`] has it.
#[derive(Clone, Copy, Debug, Default)]
pub struct AsListed;

/// Makes the answer for a call that has none of its own.
///
/// Functions `Fn(&Unanswered, Response<Bytes>) -> Response<Bytes>` do; see [`Respond::answer`].
pub trait Answer {
    /// The answer to give, from the one that the table makes.
    fn answer(&self, unanswered: &Unanswered, listed: Response<Bytes>) -> Response<Bytes>;
}

impl Answer for AsListed {
    fn answer(&self, _: &Unanswered, listed: Response<Bytes>) -> Response<Bytes> {
        listed
    }
}

impl<F> Answer for F
where
    F: Fn(&Unanswered, Response<Bytes>) -> Response<Bytes>,
{
    fn answer(&self, unanswered: &Unanswered, listed: Response<Bytes>) -> Response<Bytes> {
        self(unanswered, listed)
    }
}

impl<L: fmt::Debug, A> fmt::Debug for Respond<L, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Respond").field("layer", &self.layer).finish_non_exhaustive()
    }
}

impl<S: fmt::Debug, A> fmt::Debug for RespondService<S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RespondService")
            .field("inner", &self.inner)
            .field("foreseen", &self.foreseen)
            .finish_non_exhaustive()
    }
}
