use super::answer::{Asked, Unanswered, Why};
use super::mark::Mark;
use super::respond::{Answer, AsListed};
use super::{QuotaFields, RespondBody, Status, TellQuota, Told};
use crate::class::{Class, Classify};
use crate::gate::{Gate, Now, Permit};
use crate::name::Name;
use crate::rate_limit::{Decision, Quota};
use bytes::Bytes;
use http::{Request, Response};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tower_layer::Layer;
use tower_service::Service;

/// A rate limit on the server's side whose answers tell the client its quota, those that were let through too.
///
/// It stands where `Respond(limit.layer())` would, and does what that does: refusals are answers, the service's error
/// type and its own answers pass unchanged. The figures are those of the one decision that let the request pass.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use axum::{Router, body::Body, routing::get};
/// use http::Request;
/// use seawall::RateLimiter;
/// use seawall::http::QuotaHeaders;
/// use seawall::rate_limit::Quota;
/// use tower::ServiceExt;
///
/// let limiter = RateLimiter::new("api", Quota::per_hour(2));
/// let app: Router = Router::new().route("/", get(|| async { "hello" })).layer(QuotaHeaders::new(limiter));
///
/// let ask = || Request::new(Body::empty());
/// let answer = app.clone().oneshot(ask()).await.unwrap();
/// assert_eq!(answer.headers()["ratelimit-policy"], r#""api";q=2;w=3600"#);
/// assert_eq!(answer.headers()["ratelimit"], r#""api";r=1;t=1800"#);
///
/// assert_eq!(app.clone().oneshot(ask()).await.unwrap().status(), 200);
/// let refused = app.oneshot(ask()).await.unwrap();
/// assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (429, &"1800".parse().unwrap()));
/// # }
/// ```
///
/// # Defaults
///
/// | setting | default | why |
/// |---|---|---|
/// | [fields](Self::fields) | `RateLimit`, `RateLimit-Policy` | the standard to be; the elder `X-` fields are an option |
/// | [answers](Self::answer) | as [`Respond`](struct@super::Respond) has them | |
///
/// The names of the limits are told: give them ones that strangers may know.
pub struct QuotaHeaders<G, A = AsListed> {
    gate: Arc<G>,
    fields: QuotaFields,
    answer: A,
}

impl<G> QuotaHeaders<G> {
    /// Limits by `gate`: a [`RateLimiter`](crate::RateLimiter), a [keyed one](crate::rate_limit::ByKey), one [per
    /// client](super::PerClient).
    ///
    /// ```
    /// use seawall::http::{ClientAddress, QuotaHeaders};
    /// use seawall::rate_limit::{KeyedRateLimiter, Quota};
    /// let per_client = KeyedRateLimiter::new("per client", Quota::per_second(10), 10_000);
    /// let layer = QuotaHeaders::new(ClientAddress::peer().limit(per_client));
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn new(gate: G) -> Self {
        Self { gate: Arc::new(gate), fields: QuotaFields::default(), answer: AsListed }
    }
}

impl<G, A> QuotaHeaders<G, A> {
    /// Which fields are written.
    ///
    /// ```
    /// use seawall::{RateLimiter, http::{QuotaFields, QuotaHeaders}, rate_limit::Quota};
    /// let limiter = RateLimiter::new("api", Quota::per_second(10));
    /// let layer = QuotaHeaders::new(limiter).fields(QuotaFields::Both);
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub const fn fields(mut self, fields: QuotaFields) -> Self {
        self.fields = fields;
        self
    }

    /// Changes or replaces the answers to refusals, see [`Respond::answer`](super::Respond::answer).
    ///
    /// ```
    /// use seawall::{RateLimiter, http::QuotaHeaders, rate_limit::Quota};
    /// let limiter = RateLimiter::new("api", Quota::per_second(10));
    /// let layer = QuotaHeaders::new(limiter).answer(|_, mut answer| {
    ///     *answer.body_mut() = "slower, please\n".into();
    ///     answer
    /// });
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn answer<F>(self, answer: F) -> QuotaHeaders<G, F>
    where
        F: Fn(&Unanswered, Response<Bytes>) -> Response<Bytes>,
    {
        QuotaHeaders { gate: self.gate, fields: self.fields, answer }
    }
}

impl<S, G, A: Clone> Layer<S> for QuotaHeaders<G, A> {
    type Service = QuotaHeadersService<S, G, A>;

    fn layer(&self, inner: S) -> Self::Service {
        QuotaHeadersService { inner, layer: self.clone() }
    }
}

/// A service whose answers tell the quota; made by [`QuotaHeaders`].
pub struct QuotaHeadersService<S, G, A = AsListed> {
    inner: S,
    layer: QuotaHeaders<G, A>,
}

impl<S, G, A, B, R> Service<Request<B>> for QuotaHeadersService<S, G, A>
where
    S: Service<Request<B>, Response = Response<R>>,
    G: TellQuota<Request<B>>,
    A: Answer,
{
    type Response = Response<RespondBody<R>>;
    type Error = S::Error;
    type Future = QuotaHeadersFuture<S::Future, G>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let QuotaHeaders { gate, fields, answer } = &self.layer;
        let Told { result, decision, limits } = gate.admit_telling(&request, &mut Now::lazy());
        let told = decision.map(|decision| Figures { fields: *fields, decision, limits });
        let state = match result {
            Ok(pass) => {
                let permit = Permit::new(Arc::clone(gate), pass);
                State::Called { inner: self.inner.call(request), permit: Some(permit) }
            }
            Err(rejected) => {
                let unanswered = Unanswered { why: Why::Rejected(rejected), asked: Asked::by(&request) };
                let mut made = answer.answer(&unanswered, unanswered.answer());
                made.extensions_mut().insert(unanswered.mark());
                State::Refused { made: Some(made) }
            }
        };
        QuotaHeadersFuture { state, told }
    }
}

struct Figures {
    fields: QuotaFields,
    decision: Decision,
    limits: Vec<(Name, Quota)>,
}

pin_project! {
    /// The answer of a [`QuotaHeadersService`].
    #[must_use = "futures do nothing unless polled"]
    pub struct QuotaHeadersFuture<F, G: Gate> {
        #[pin]
        state: State<F, G>,
        told: Option<Figures>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, G: Gate> {
        Called { #[pin] inner: F, permit: Option<Permit<Arc<G>>> },
        Refused { made: Option<Response<Bytes>> },
    }
}

impl<F, G, R, E> Future for QuotaHeadersFuture<F, G>
where
    F: Future<Output = Result<Response<R>, E>>,
    G: Gate,
{
    type Output = Result<Response<RespondBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut answer = match this.state.project() {
            StateProj::Refused { made } => match made.take() {
                Some(made) => made.map(RespondBody::made),
                None => return Poll::Pending,
            },
            StateProj::Called { inner, permit } => {
                let result = ready!(inner.poll(cx));
                if let Some(permit) = permit.take() {
                    end(permit, &result);
                }
                result?.map(RespondBody::own)
            }
        };
        if let Some(Figures { fields, decision, limits }) = this.told {
            fields.write(decision, limits, answer.headers_mut());
        }
        Poll::Ready(Ok(answer))
    }
}

/// What was refused further in was never handed over; everything else counts by its status.
fn end<G: Gate, R, E>(permit: Permit<G>, result: &Result<Response<R>, E>) {
    match result {
        Ok(answer) if answer.extensions().get() == Some(&Mark::Refused) => permit.release(),
        Ok(answer) => permit.settle(Classify::<_, E>::classify(&Status::new(), Ok(answer))),
        Err(_) => permit.settle(Class::Transient),
    }
}

impl<G, A: Clone> Clone for QuotaHeaders<G, A> {
    fn clone(&self) -> Self {
        Self { gate: Arc::clone(&self.gate), fields: self.fields, answer: self.answer.clone() }
    }
}

impl<S: Clone, G, A: Clone> Clone for QuotaHeadersService<S, G, A> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<G: fmt::Debug, A> fmt::Debug for QuotaHeaders<G, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuotaHeaders")
            .field("gate", &self.gate)
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}

impl<S: fmt::Debug, G: fmt::Debug, A> fmt::Debug for QuotaHeadersService<S, G, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuotaHeadersService").field("inner", &self.inner).field("layer", &self.layer).finish()
    }
}

impl<F, G: Gate> fmt::Debug for QuotaHeadersFuture<F, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuotaHeadersFuture").finish_non_exhaustive()
    }
}
