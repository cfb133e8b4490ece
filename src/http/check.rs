use crate::balance::Id;
use crate::health::Finding;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, Response, Uri, Version};
use http_body::Body;
use std::future::{Future, poll_fn};
use std::ops::RangeInclusive;
use std::pin::pin;
use tower_service::Service;

/// Asks an endpoint for a path through its own service, and is content with a good status.
///
/// The request goes to `http://` and the endpoint's id. Of Envoy's headers two are heeded in the answer:
/// `x-envoy-immediate-health-check-fail` says that the endpoint leaves, `x-envoy-degraded` that others should be
/// preferred.
///
/// # Examples
///
/// ```
/// # async fn run() {
/// use http::uri::PathAndQuery;
/// use http_body_util::Empty;
/// use seawall::balance::{Endpoint, P2c, Pool};
/// use seawall::health::Checks;
/// use seawall::http::HttpCheck;
/// # type Client = hyper_util::client::legacy::Client<hyper_util::client::legacy::connect::HttpConnector, Empty<&'static [u8]>>;
/// # fn client() -> Client { unimplemented!() }
///
/// let pool = Pool::new("api", P2c::new());
/// pool.set(["10.0.0.1:80", "10.0.0.2:80"].map(|id| Endpoint::new(id, client())));
/// let check = HttpCheck::get(PathAndQuery::from_static("/healthz"));
/// tokio::spawn(pool.check(Checks::new(), move |id, client| check.ask(id, client)));
/// # }
/// ```
///
/// # Defaults
///
/// | what | default |
/// |---|---|
/// | [`expect`](Self::expect) | 200 to 299 |
#[derive(Clone, Debug)]
pub struct HttpCheck {
    path: PathAndQuery,
    expected: RangeInclusive<u16>,
}

impl HttpCheck {
    /// Gets this path.
    ///
    /// ```
    /// use http::uri::PathAndQuery;
    /// let check = seawall::http::HttpCheck::get(PathAndQuery::from_static("/healthz"));
    /// # let _ = check;
    /// ```
    #[must_use]
    pub const fn get(path: PathAndQuery) -> Self {
        Self { path, expected: 200..=299 }
    }

    /// Is content with these statuses.
    ///
    /// ```
    /// use http::uri::PathAndQuery;
    /// let check = seawall::http::HttpCheck::get(PathAndQuery::from_static("/")).expect(200..=399);
    /// # let _ = check;
    /// ```
    #[must_use]
    pub const fn expect(mut self, statuses: RangeInclusive<u16>) -> Self {
        self.expected = statuses;
        self
    }

    /// The check of one endpoint through its service.
    pub fn ask<S, B, R>(&self, id: &Id, service: &S) -> impl Future<Output = Finding> + use<S, B, R>
    where
        S: Service<Request<B>, Response = Response<R>> + Clone,
        B: Default,
    {
        let request = uri(id, self.path.clone()).map(|uri| {
            let mut request = Request::new(B::default());
            *request.uri_mut() = uri;
            request
        });
        let (service, expected) = (service.clone(), self.expected.clone());
        async move {
            let Some(response) = answer(service, request).await else {
                return Finding::Fail;
            };
            let says = |header: &str| response.headers().contains_key(header);
            match expected.contains(&response.status().as_u16()) {
                _ if says("x-envoy-immediate-health-check-fail") => Finding::Draining,
                true if says("x-envoy-degraded") => Finding::Degraded,
                true => Finding::Pass,
                false => Finding::Fail,
            }
        }
    }
}

/// Asks gRPC's health service (`grpc.health.v1.Health/Check`) through the endpoint's own HTTP/2 service.
///
/// `SERVING` passes, `NOT_SERVING` counts at once, everything else fails. A server that does not know the health
/// service is taken to be well, as gRPC's own clients do (gRFC A17).
///
/// # Examples
///
/// ```
/// # async fn run(channel: tonic::transport::Channel) {
/// use http_body_util::Full;
/// use seawall::balance::{Endpoint, P2c, Pool};
/// use seawall::health::Checks;
/// use seawall::http::GrpcCheck;
///
/// let pool = Pool::new("api", P2c::new());
/// pool.set([Endpoint::new("10.0.0.1:80", channel)]);
/// let check = GrpcCheck::of("helloworld.Greeter");
/// let checking = pool.check(Checks::new(), move |id, channel| {
///     check.ask(id, channel, |message| tonic::body::Body::new(Full::new(message)))
/// });
/// tokio::spawn(checking);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct GrpcCheck {
    service: Box<str>,
}

impl GrpcCheck {
    /// Whether this service is served; the empty name stands for the server as a whole.
    ///
    /// ```
    /// let check = seawall::http::GrpcCheck::of("helloworld.Greeter");
    /// # let _ = check;
    /// ```
    pub fn of(service: impl Into<Box<str>>) -> Self {
        Self { service: service.into() }
    }

    /// The check of one endpoint through its service; `body` makes the body of a request.
    pub fn ask<S, B, R, F>(
        &self,
        id: &Id,
        service: &S,
        body: F,
    ) -> impl Future<Output = Finding> + use<S, B, R, F>
    where
        F: FnOnce(Bytes) -> B,
        S: Service<Request<B>, Response = Response<R>> + Clone,
        R: Body,
    {
        let path = PathAndQuery::from_static("/grpc.health.v1.Health/Check");
        let request = uri(id, path).map(|uri| {
            let mut request = Request::new(body(asking(&self.service)));
            *request.uri_mut() = uri;
            *request.method_mut() = Method::POST;
            *request.version_mut() = Version::HTTP_2;
            let headers = request.headers_mut();
            headers.insert("content-type", http::HeaderValue::from_static("application/grpc"));
            headers.insert("te", http::HeaderValue::from_static("trailers"));
            request
        });
        let service = service.clone();
        async move {
            let Some(response) = answer(service, request).await else {
                return Finding::Fail;
            };
            let (head, body) = response.into_parts();
            if is_unimplemented(&head.headers) {
                return Finding::Pass;
            }
            if !head.status.is_success() {
                return Finding::Fail;
            }
            read(body).await
        }
    }
}

/// What the answer says: the message if there is one, the trailers if there is none.
async fn read(body: impl Body) -> Finding {
    // A health answer has seven bytes; whatever sends more is no health service.
    const MOST: usize = 1024;
    let (mut body, mut seen) = (pin!(body), BytesMut::new());
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let Ok(frame) = frame else { return Finding::Fail };
        match frame.into_data() {
            Ok(data) => seen.put(data.take(MOST - seen.len().min(MOST))),
            Err(frame) if frame.trailers_ref().is_some_and(is_unimplemented) => return Finding::Pass,
            Err(_) => {}
        }
        if let Some(finding) = said(&seen) {
            return finding;
        }
    }
    Finding::Fail
}

fn is_unimplemented(headers: &HeaderMap) -> bool {
    headers.get("grpc-status").is_some_and(|status| status == "12")
}

/// A `HealthCheckRequest` in a frame: field 1 is the name of the service.
fn asking(service: &str) -> Bytes {
    let mut message = BytesMut::new();
    if !service.is_empty() {
        message.put_u8(0x0a);
        let mut length = service.len();
        while length >= 0x80 {
            message.put_u8(length as u8 | 0x80);
            length >>= 7;
        }
        message.put_u8(length as u8);
        message.put_slice(service.as_bytes());
    }
    let mut frame = BytesMut::with_capacity(5 + message.len());
    frame.put_u8(0);
    frame.put_u32(message.len() as u32);
    frame.put(message);
    frame.freeze()
}

/// What a `HealthCheckResponse` says, once its frame is whole: field 1 is 1 for serving, 2 for not serving.
fn said(frame: &[u8]) -> Option<Finding> {
    let (&[compressed, a, b, c, d], rest) = frame.split_first_chunk::<5>()?;
    let message = rest.get(..u32::from_be_bytes([a, b, c, d]) as usize)?;
    Some(match message {
        _ if compressed != 0 => Finding::Fail,
        [0x08, 1, ..] => Finding::Pass,
        [0x08, 2, ..] => Finding::NotServing,
        _ => Finding::Fail,
    })
}

fn uri(id: &Id, path: PathAndQuery) -> Option<Uri> {
    Uri::builder().scheme("http").authority(id.as_str()).path_and_query(path).build().ok()
}

async fn answer<S, B, R>(mut service: S, request: Option<Request<B>>) -> Option<Response<R>>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    let request = request?;
    poll_fn(|cx| service.poll_ready(cx)).await.ok()?;
    service.call(request).await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_a_frame_of_one_field() {
        assert_eq!(&asking("")[..], [0, 0, 0, 0, 0]);
        assert_eq!(&asking("ab")[..], [0, 0, 0, 0, 4, 0x0a, 2, b'a', b'b']);
        let long = asking(&"x".repeat(300));
        assert_eq!(long[..8], [0, 0, 0, 1, 47, 0x0a, 0xac, 2]);
    }

    #[test]
    fn an_answer_is_read_once_it_is_whole() {
        let frame = |status: u8| [0, 0, 0, 0, 2, 0x08, status];
        assert_eq!(said(&frame(1)), Some(Finding::Pass));
        assert_eq!(said(&frame(2)), Some(Finding::NotServing));
        assert_eq!(said(&frame(3)), Some(Finding::Fail));
        assert_eq!(said(&[0, 0, 0, 0, 0]), Some(Finding::Fail), "unknown");
        assert!((0..7).all(|len| said(&frame(1)[..len]).is_none()));
        assert_eq!(said(&[1, 0, 0, 0, 2, 0x08, 1]), Some(Finding::Fail), "compressed");
    }
}
