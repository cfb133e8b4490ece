use http::Request;
use http::request::Parts;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tower_layer::Layer;
use tower_service::Service;

/// A layer that some requests pass by: they are not admitted, counted or timed by it.
///
/// [`Respond::exempt`](super::Respond::exempt) makes one; by itself it stands around any layer.
///
/// # Readiness
///
/// What is made ready is the layered service. An exempt request is given to a clone of the bare one, made ready
/// for it; whatever the layered one had reserved below is given back first, so that the two cannot wait for each
/// other.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use http::Request;
/// use seawall::http::Exempt;
/// use seawall::{ConcurrencyLimit, Lift};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// let closed = ConcurrencyLimit::new("api", 0);
/// let layer = Exempt::new(closed.layer(), |parts| parts.uri.path() == "/healthz");
/// let service = layer.layer(Lift::new(service_fn(|_: Request<()>| async { Ok::<_, ()>("fine") })));
///
/// let ask = |path| Request::builder().uri(path).body(()).unwrap();
/// assert_eq!(service.clone().oneshot(ask("/healthz")).await, Ok("fine"));
/// assert!(service.oneshot(ask("/orders")).await.is_err());
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct Exempt<L, P> {
    layer: L,
    exempt: P,
}

impl<L, P> Exempt<L, P> {
    /// `layer`, passed by the requests for which `exempt` says so.
    ///
    /// ```
    /// use seawall::ConcurrencyLimit;
    /// use seawall::http::Exempt;
    /// let layer = Exempt::new(ConcurrencyLimit::new("api", 16).layer(), |parts| parts.method == "OPTIONS");
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub const fn new(layer: L, exempt: P) -> Self
    where
        P: Fn(&Parts) -> bool,
    {
        Self { layer, exempt }
    }
}

impl<S, L, P> Layer<S> for Exempt<L, P>
where
    S: Clone,
    L: Layer<S> + Clone,
    P: Clone,
{
    type Service = ExemptService<S, L, P>;

    fn layer(&self, bare: S) -> Self::Service {
        ExemptService {
            layered: self.layer.layer(bare.clone()),
            bare,
            layer: self.layer.clone(),
            exempt: self.exempt.clone(),
        }
    }
}

/// A service with a layer that some requests pass by; made by [`Exempt`].
pub struct ExemptService<S, L, P>
where
    L: Layer<S>,
{
    layered: L::Service,
    bare: S,
    layer: L,
    exempt: P,
}

impl<S, L, P> Clone for ExemptService<S, L, P>
where
    S: Clone,
    L: Layer<S, Service: Clone> + Clone,
    P: Clone,
{
    fn clone(&self) -> Self {
        Self {
            layered: self.layered.clone(),
            bare: self.bare.clone(),
            layer: self.layer.clone(),
            exempt: self.exempt.clone(),
        }
    }
}

impl<S, L, P, B> Service<Request<B>> for ExemptService<S, L, P>
where
    S: Service<Request<B>> + Clone,
    L: Layer<S>,
    L::Service: Service<Request<B>, Response = S::Response, Error = S::Error>,
    P: Fn(&Parts) -> bool,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ExemptFuture<<L::Service as Service<Request<B>>>::Future, S, Request<B>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.layered.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let exempt = (self.exempt)(&parts);
        let request = Request::from_parts(parts, body);
        if !exempt {
            return ExemptFuture { state: State::Layered { call: self.layered.call(request) } };
        }
        self.layered = self.layer.layer(self.bare.clone());
        ExemptFuture { state: State::Seeking { bare: self.bare.clone(), request: Some(request) } }
    }
}

pin_project! {
    /// The answer of an [`ExemptService`].
    #[must_use = "futures do nothing unless polled"]
    pub struct ExemptFuture<F, S, Req>
    where
        S: Service<Req>,
    {
        #[pin]
        state: State<F, S, Req>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, S, Req>
    where
        S: Service<Req>,
    {
        Layered { #[pin] call: F },
        Seeking { bare: S, request: Option<Req> },
        Bare { #[pin] call: S::Future },
    }
}

impl<F, S, Req> Future for ExemptFuture<F, S, Req>
where
    F: Future<Output = Result<S::Response, S::Error>>,
    S: Service<Req>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let call = match state.as_mut().project() {
                StateProj::Layered { call } => return call.poll(cx),
                StateProj::Bare { call } => return call.poll(cx),
                StateProj::Seeking { bare, request } => {
                    ready!(bare.poll_ready(cx))?;
                    let Some(request) = request.take() else { return Poll::Pending }; // polled after its end
                    bare.call(request)
                }
            };
            state.set(State::Bare { call });
        }
    }
}

impl<L: fmt::Debug, P> fmt::Debug for Exempt<L, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exempt").field("layer", &self.layer).finish_non_exhaustive()
    }
}

impl<S, L, P> fmt::Debug for ExemptService<S, L, P>
where
    L: Layer<S, Service: fmt::Debug>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExemptService").field("layered", &self.layered).finish_non_exhaustive()
    }
}

impl<F, S: Service<Req>, Req> fmt::Debug for ExemptFuture<F, S, Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExemptFuture").finish_non_exhaustive()
    }
}
