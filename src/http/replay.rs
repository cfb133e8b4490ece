use super::{ReplayBody, grpc, is_grpc};
use crate::error::Seen;
use crate::retry::{Attempt, Replay as Replays};
use http::header::{HeaderName, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Request, Response};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const PREVIOUS_ATTEMPTS: HeaderName = HeaderName::from_static("grpc-previous-rpc-attempts");

/// Which requests a retry may send again, and how their copies are made: the
/// [`replayer`](crate::retry::Retry::replayer) for HTTP.
///
/// # Examples
///
/// ```
/// use axum::body::Body;
/// use http::{Request, Response};
/// use seawall::LiftLayer;
/// use seawall::http::{Replay, ReplayBody, Status};
/// use seawall::retry::{Backoff, Plan, Retry};
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let attempts = AtomicU32::new(0);
/// let retry = Retry::new("upstream", Plan::new().backoff(Backoff::none()))
///     .classifier(Status::new())
///     .replayer(Replay::new());
/// let client = ServiceBuilder::new()
///     .map_request(|request: Request<Body>| request.map(ReplayBody::new))
///     .layer(retry.layer())
///     .layer(LiftLayer)
///     .service(service_fn(|_: Request<ReplayBody<Body>>| {
///         let status = if attempts.fetch_add(1, Ordering::Relaxed) == 0 { 502 } else { 200 };
///         async move { Ok::<_, std::io::Error>(Response::builder().status(status).body(()).unwrap()) }
///     }));
///
/// let put = Request::put("/orders/7").body(Body::from("two tons of coal")).unwrap();
/// assert_eq!(client.oneshot(put).await.unwrap().status(), 200);
/// assert_eq!(attempts.into_inner(), 2);
/// # }
/// ```
///
/// # What may be sent twice
///
/// | request | tried again on |
/// |---|---|
/// | GET, HEAD, OPTIONS, TRACE, PUT, DELETE | every retryable class, timeouts too |
/// | others with an `Idempotency-Key`, if [`idempotency_key`](Self::idempotency_key) asks for it | the same, with the same key |
/// | others | only what was *never sent*, where [`never_sent`](Self::never_sent) can tell |
/// | gRPC, a method that [`idempotent_grpc`](Self::idempotent_grpc) names | every retryable class |
/// | gRPC, others | *never sent*; trailers-only 14; trailers-only 8 with a pushback, by which the server asks for it |
/// | CONNECT, `Upgrade` | nothing |
///
/// A timed-out attempt was sent. Copies share their body, see [`ReplayBody`]. Each repetition carries its
/// [`Attempt`] in its extensions, a gRPC one also `grpc-previous-rpc-attempts`.
#[derive(Clone, Copy, Debug)]
pub struct Replay<N = Unsure> {
    idempotency_key: bool,
    idempotent_grpc: fn(&str) -> bool,
    never_sent: N,
}

/// When a request may be sent again, as far as its head tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Repeat {
    /// After every result that is worth another attempt.
    Always,
    /// If it was never sent, or if a gRPC server says that it did nothing.
    Untouched,
    /// Never.
    Never,
}

impl Replay {
    /// By the table, with no `Idempotency-Key` honoured, no gRPC method named, and no error known to mean "never
    /// sent".
    ///
    /// ```
    /// use http::{HeaderMap, Method};
    /// use seawall::http::{Repeat, Replay};
    /// assert_eq!(Replay::new().repeat(&Method::GET, "/", &HeaderMap::new()), Repeat::Always);
    /// assert_eq!(Replay::new().repeat(&Method::POST, "/", &HeaderMap::new()), Repeat::Untouched);
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { idempotency_key: false, idempotent_grpc: |_| false, never_sent: Unsure }
    }
}

impl Default for Replay {
    fn default() -> Self {
        Self::new()
    }
}

impl<N> Replay<N> {
    /// Takes a request with an `Idempotency-Key` for an idempotent one: the server promises to tell its copies.
    ///
    /// ```
    /// use http::{HeaderMap, Method};
    /// use seawall::http::{Repeat, Replay};
    ///
    /// let mut headers = HeaderMap::new();
    /// headers.insert("idempotency-key", "8e03978e".parse()?);
    /// assert_eq!(Replay::new().repeat(&Method::POST, "/", &headers), Repeat::Untouched);
    /// assert_eq!(Replay::new().idempotency_key().repeat(&Method::POST, "/", &headers), Repeat::Always);
    /// # Ok::<_, http::header::InvalidHeaderValue>(())
    /// ```
    #[must_use]
    pub const fn idempotency_key(mut self) -> Self {
        self.idempotency_key = true;
        self
    }

    /// Names the gRPC methods that are idempotent, by their path.
    ///
    /// ```
    /// use seawall::http::Replay;
    /// let replay = Replay::new().idempotent_grpc(|path| path.starts_with("/catalogue.Catalogue/Get"));
    /// # let _ = replay;
    /// ```
    #[must_use]
    pub const fn idempotent_grpc(mut self, idempotent: fn(&str) -> bool) -> Self {
        self.idempotent_grpc = idempotent;
        self
    }

    /// Tells which errors of the client mean that the request was never sent (connection refused, no such name,
    /// a stream the server refused): after those any request may be repeated.
    ///
    /// ```
    /// use seawall::http::Replay;
    /// let replay = Replay::new()
    ///     .never_sent(|error: &std::io::Error| error.kind() == std::io::ErrorKind::ConnectionRefused);
    /// # let _ = replay;
    /// ```
    #[must_use]
    pub fn never_sent<F, E: ?Sized>(self, never_sent: F) -> Replay<F>
    where
        F: Fn(&E) -> bool,
    {
        let Self { idempotency_key, idempotent_grpc, .. } = self;
        Replay { idempotency_key, idempotent_grpc, never_sent }
    }

    /// When a request with this head may be sent again.
    ///
    /// ```
    /// use http::{HeaderMap, Method};
    /// use seawall::http::{Repeat, Replay};
    /// assert_eq!(Replay::new().repeat(&Method::CONNECT, "", &HeaderMap::new()), Repeat::Never);
    /// ```
    #[must_use]
    pub fn repeat(&self, method: &Method, path: &str, headers: &HeaderMap) -> Repeat {
        if *method == Method::CONNECT || headers.contains_key(UPGRADE) {
            Repeat::Never
        } else if is_grpc(headers) {
            if (self.idempotent_grpc)(path) { Repeat::Always } else { Repeat::Untouched }
        } else if method.is_idempotent() || self.idempotency_key && headers.contains_key(IDEMPOTENCY_KEY) {
            Repeat::Always
        } else {
            Repeat::Untouched
        }
    }

    fn of<B>(&self, request: &Request<B>) -> Repeat {
        self.repeat(request.method(), request.uri().path(), request.headers())
    }
}

impl<B, R, E, N> Replays<Request<ReplayBody<B>>, Response<R>, E> for Replay<N>
where
    N: NeverSent<E>,
    E: ?Sized,
{
    fn replay(&self, request: &Request<ReplayBody<B>>) -> Option<Request<ReplayBody<B>>> {
        let body = match self.of(request) {
            Repeat::Always => request.body().copy()?,
            Repeat::Untouched if is_grpc(request.headers()) => request.body().copy()?,
            Repeat::Untouched if N::TELLS => request.body().copy_unsent()?,
            Repeat::Untouched | Repeat::Never => return None,
        };
        let mut copy = Request::new(body);
        *copy.method_mut() = request.method().clone();
        *copy.uri_mut() = request.uri().clone();
        *copy.version_mut() = request.version();
        copy.headers_mut().clone_from(request.headers());
        copy.extensions_mut().clone_from(request.extensions());
        Some(copy)
    }

    fn again(&self, copy: &Request<ReplayBody<B>>, result: Result<&Response<R>, Seen<'_, E>>) -> bool {
        let may = match (self.of(copy), result) {
            (Repeat::Never, _) => false,
            (Repeat::Always, _) => true,
            (Repeat::Untouched, Err(Seen::Inner(error))) => self.never_sent.never_sent(error),
            (Repeat::Untouched, Ok(answer)) => is_grpc(copy.headers()) && grpc::did_nothing(answer.headers()),
            (Repeat::Untouched, Err(Seen::TimedOut(_) | Seen::Rejected(_))) => false,
        };
        may && copy.body().is_replayable()
    }

    fn mark(&self, request: &mut Request<ReplayBody<B>>, attempt: Attempt) {
        let previous = attempt.number().saturating_sub(1);
        if previous > 0 {
            if is_grpc(request.headers()) {
                request.headers_mut().insert(PREVIOUS_ATTEMPTS, HeaderValue::from(previous));
            }
            request.extensions_mut().insert(attempt);
        }
    }
}

/// Tells whether an error means that the request was never sent; functions `Fn(&E) -> bool` do.
pub trait NeverSent<E: ?Sized> {
    /// Whether it can tell of any error; if not, no copies are made for it.
    const TELLS: bool = true;

    /// Whether the request was never sent.
    fn never_sent(&self, error: &E) -> bool;
}

impl<F, E: ?Sized> NeverSent<E> for F
where
    F: Fn(&E) -> bool,
{
    fn never_sent(&self, error: &E) -> bool {
        self(error)
    }
}

/// Takes every error for one after which the request may have been sent: the default of [`Replay`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unsure;

impl<E: ?Sized> NeverSent<E> for Unsure {
    const TELLS: bool = false;

    fn never_sent(&self, _: &E) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::TimedOut;
    use axum::body::Body;
    use std::time::Duration;

    type Sent = Request<ReplayBody<Body>>;

    fn request(method: Method, headers: &[(&'static str, &'static str)]) -> Sent {
        let mut request = Request::new(ReplayBody::new(Body::from("body")));
        *request.method_mut() = method;
        for (name, value) in headers {
            request.headers_mut().insert(*name, HeaderValue::from_static(value));
        }
        request
    }

    const GRPC: (&str, &str) = ("content-type", "application/grpc");

    fn answer(code: &'static str, pushback: &'static str) -> Response<()> {
        let mut answer = Response::new(());
        for (name, value) in [(grpc::STATUS, code), (grpc::PUSHBACK, pushback)] {
            if !value.is_empty() {
                answer.headers_mut().insert(name, HeaderValue::from_static(value));
            }
        }
        answer
    }

    /// What becomes of a request after an answer, an error that says "never sent", another error, and a timeout.
    fn fate<N: NeverSent<str>>(
        replay: &Replay<N>,
        request: &Sent,
        answer: &Response<()>,
    ) -> Option<[bool; 4]> {
        let copy = Replays::<Sent, Response<()>, str>::replay(replay, request)?;
        let late = TimedOut::new("late", Duration::ZERO);
        Some(
            [Ok(answer), Err(Seen::Inner("refused")), Err(Seen::Inner("reset")), Err(Seen::TimedOut(&late))]
                .map(|result| replay.again(&copy, result)),
        )
    }

    #[test]
    fn the_method_decides() {
        let methods = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"];
        for method in methods {
            let request = request(method.parse().unwrap(), &[]);
            assert_eq!(fate(&Replay::new(), &request, &answer("", "")), Some([true; 4]), "{method}");
        }
        for method in ["POST", "PATCH", "LINK", "CONNECT"] {
            let request = request(method.parse().unwrap(), &[]);
            assert_eq!(fate(&Replay::new(), &request, &answer("", "")), None, "{method}");
        }
        assert_eq!(
            fate(&Replay::new(), &request(Method::GET, &[("upgrade", "websocket")]), &answer("", "")),
            None
        );
    }

    #[test]
    fn a_post_is_repeated_only_if_it_was_never_sent() {
        let replay = Replay::new().never_sent(|error: &str| error == "refused");
        let post = request(Method::POST, &[]);
        assert_eq!(fate(&replay, &post, &answer("", "")), Some([false, true, false, false]));
    }

    #[tokio::test]
    async fn a_post_of_which_something_was_read_is_not_repeated_whatever_the_error() {
        let replay = Replay::new().never_sent(|error: &str| error == "refused");
        let post = request(Method::POST, &[]);
        let copy = Replays::<_, Response<()>, str>::replay(&replay, &post).unwrap();
        axum::body::to_bytes(Body::new(post.into_body()), 64).await.unwrap();
        assert!(!Replays::<_, Response<()>, str>::again(&replay, &copy, Err(Seen::Inner("refused"))));
    }

    #[test]
    fn a_key_makes_a_post_repeatable_if_asked_for() {
        let post = request(Method::POST, &[("idempotency-key", "1")]);
        assert_eq!(fate(&Replay::new(), &post, &answer("", "")), None);
        assert_eq!(fate(&Replay::new().idempotency_key(), &post, &answer("", "")), Some([true; 4]));
    }

    #[test]
    fn a_grpc_call_is_repeated_if_the_server_did_nothing() {
        let call = request(Method::POST, &[GRPC]);
        let replay = Replay::new();
        for (code, pushback, again) in [
            ("14", "", true),
            ("14", "10", true),
            ("14", "-1", false),
            ("8", "", false),
            ("8", "10", true),
            ("8", "-1", false),
            ("8", "soon", false),
            ("2", "10", false),
            ("", "", false),
        ] {
            let fate = fate(&replay, &call, &answer(code, pushback)).unwrap();
            assert_eq!(fate, [again, false, false, false], "{code} {pushback}");
        }
        let named = Replay::new().idempotent_grpc(|path| path == "/");
        assert_eq!(fate(&named, &call, &answer("2", "")), Some([true; 4]));
    }

    #[test]
    fn a_copy_is_the_whole_request() {
        let mut first = request(Method::PUT, &[("x-own", "1")]);
        first.extensions_mut().insert(7_u8);
        *first.uri_mut() = "/orders?x=y".parse().unwrap();
        *first.version_mut() = http::Version::HTTP_2;
        let copy = Replays::<_, Response<()>, str>::replay(&Replay::new(), &first).unwrap();
        assert_eq!(
            (copy.method(), copy.uri(), copy.version()),
            (first.method(), first.uri(), first.version())
        );
        assert_eq!((copy.headers(), copy.extensions().get()), (first.headers(), Some(&7_u8)));
    }

    #[test]
    fn a_repetition_says_so() {
        let mark = |request: &mut Sent, number| {
            Replays::<_, Response<()>, str>::mark(
                &Replay::new(),
                request,
                Attempt::new(number, crate::retry::Cause::Retry),
            );
            (
                request.headers().get(PREVIOUS_ATTEMPTS).cloned(),
                request.extensions().get::<Attempt>().copied(),
            )
        };
        let (mut plain, mut call) = (request(Method::GET, &[]), request(Method::POST, &[GRPC]));
        assert_eq!((mark(&mut plain, 1), mark(&mut call, 1)), ((None, None), (None, None)));
        assert_eq!(mark(&mut plain, 2).1.map(Attempt::number), Some(2));
        assert_eq!(mark(&mut plain, 2).0, None);
        assert_eq!(mark(&mut call, 3).0, Some(HeaderValue::from(2)));
    }
}
