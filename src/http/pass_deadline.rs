use super::DeadlineHeaders;
use crate::deadline::Deadline;
use crate::error::{Fault, Reason, Rejected};
use crate::telemetry::{Kind, Telemetry, What};
use http::Request;
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// Tells each attempt's receiver what is left of the deadline in force: a layer for a client, inside the retry.
///
/// A request for which less is left than can be told is refused with [`Reason::Deadline`], and not sent. Without a
/// deadline in force nothing changes.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use http::{HeaderName, Request};
/// use seawall::LiftLayer;
/// use seawall::deadline::Deadline;
/// use seawall::http::{DeadlineHeaders, PassDeadline};
/// use std::time::Duration;
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// let headers = DeadlineHeaders::new().millis(HeaderName::from_static("x-request-timeout-ms"));
/// let client = ServiceBuilder::new()
///     .layer(PassDeadline::new("upstream", headers))
///     .layer(LiftLayer)
///     .service(service_fn(|request: Request<()>| async move {
///         Ok::<_, ()>(request.headers()["x-request-timeout-ms"].clone())
///     }));
///
/// let deadline = Deadline::within(Duration::from_millis(250));
/// assert_eq!(deadline.scope(client.oneshot(Request::new(()))).await.unwrap(), "250");
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct PassDeadline {
    telemetry: Telemetry,
    headers: DeadlineHeaders,
}

impl PassDeadline {
    /// Writes what is left into `headers`.
    ///
    /// ```
    /// use seawall::http::{DeadlineHeaders, PassDeadline};
    /// let layer = PassDeadline::new("upstream", DeadlineHeaders::new());
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn new(telemetry: impl Into<Telemetry>, headers: DeadlineHeaders) -> Self {
        Self { telemetry: telemetry.into(), headers }
    }

    #[cold]
    #[inline(never)]
    fn refuse(&self) -> Rejected {
        let rejected = Rejected::new(self.telemetry.name(), Reason::Deadline);
        self.telemetry.tell(Kind::Deadline, What::Refused(rejected));
        rejected
    }
}

impl<S> Layer<S> for PassDeadline {
    type Service = PassDeadlineService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        PassDeadlineService { inner, pass: self.clone() }
    }
}

/// A client whose requests say what is left of the deadline; made by [`PassDeadline`].
#[derive(Clone, Debug)]
pub struct PassDeadlineService<S> {
    inner: S,
    pass: PassDeadline,
}

impl<S, B> Service<Request<B>> for PassDeadlineService<S>
where
    S: Service<Request<B>>,
    S::Error: Fault,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = PassDeadlineFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let state = match Deadline::current() {
            Some(deadline) if !self.pass.headers.pass_on(request.headers_mut(), deadline.remaining()) => {
                State::Refused { rejected: self.pass.refuse() }
            }
            Some(_) | None => State::Called { call: self.inner.call(request) },
        };
        PassDeadlineFuture { state }
    }
}

pin_project! {
    /// The answer of a [`PassDeadlineService`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct PassDeadlineFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = StateProj]
    enum State<F> {
        Called { #[pin] call: F },
        Refused { rejected: Rejected },
    }
}

impl<F, T, E> Future for PassDeadlineFuture<F>
where
    F: Future<Output = Result<T, E>>,
    E: Fault,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProj::Called { call } => call.poll(cx),
            StateProj::Refused { rejected } => Poll::Ready(Err(E::from(*rejected))),
        }
    }
}
