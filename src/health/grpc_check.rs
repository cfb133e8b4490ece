use super::grpc_health::{LONGEST, PATH, finding, question};
use super::http_check::uri;
use super::judge::Finding;
use super::whole::{Answer, answer};
use crate::balance::Id;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, TE, USER_AGENT};
use http::uri::{PathAndQuery, Scheme};
use http::{Method, Request, Response, Version};
use http_body::Body;
use std::future::Future;
use tower_service::Service;

/// The health service of gRPC (`grpc.health.v1`), asked through any client that is a tower service over `http`.
///
/// `SERVING` passes, `NOT_SERVING` counts at once, a server that does not have the service is not ill (gRFC A17), and
/// everything else has failed. The few bytes of the protocol are written here, so no generated client is needed.
///
/// # Examples
///
/// ```no_run
/// # async fn run() -> Result<(), tonic::transport::Error> {
/// use http_body_util::Full;
/// use seawall::balance::{Endpoint, P2c, Pool};
/// use seawall::health::{Checks, GrpcCheck};
/// use tonic::body::Body;
/// use tonic::transport::Channel;
///
/// let pool = Pool::new("orders", P2c::new());
/// pool.insert(Endpoint::new("10.0.0.1:50051", Channel::from_static("http://10.0.0.1:50051").connect_lazy()));
/// let orders = GrpcCheck::of("orders.v1.Orders");
/// pool.check(Checks::new(), move |id, channel| orders.ask(id, channel, |bytes| Body::new(Full::new(bytes)))).await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct GrpcCheck {
    question: Bytes,
}

impl GrpcCheck {
    /// How the server is as a whole.
    ///
    /// ```
    /// let check = seawall::health::GrpcCheck::server();
    /// # let _ = check;
    /// ```
    #[must_use]
    pub fn server() -> Self {
        Self::of("")
    }

    /// How one of its services is, by its full name.
    ///
    /// ```
    /// let check = seawall::health::GrpcCheck::of("orders.v1.Orders");
    /// # let _ = check;
    /// ```
    #[must_use]
    pub fn of(service: &str) -> Self {
        Self { question: question(service).into() }
    }

    /// Asks the endpoint of this id through `service`, in a body that `body` makes. A service that is not ready, fails
    /// or refuses has failed.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use http::{Request, Response};
    /// use http_body_util::Full;
    /// use seawall::health::{Finding, GrpcCheck};
    ///
    /// // A server of something else.
    /// let client = tower::service_fn(|_: Request<Full<bytes::Bytes>>| async {
    ///     Ok::<_, std::io::Error>(Response::new(String::from("hello")))
    /// });
    /// assert_eq!(GrpcCheck::server().ask(&"10.0.0.1:80".into(), &client, Full::new).await, Finding::Fail);
    /// # }
    /// ```
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
        let mut request = Request::new(body(self.question.clone()));
        *request.method_mut() = Method::POST;
        *request.version_mut() = Version::HTTP_2;
        *request.uri_mut() = uri(&Scheme::HTTP, id, &PathAndQuery::from_static(PATH));
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(USER_AGENT, HeaderValue::from_static("seawall-health"));
        let service = service.clone();
        async move {
            match answer(service, request, LONGEST).await {
                Some(Answer { status, headers, body, trailers }) if status == http::StatusCode::OK => {
                    finding(code(&headers).or_else(|| code(&trailers)), &body)
                }
                _ => Finding::Fail,
            }
        }
    }
}

/// The status of a call, where it is told.
fn code(headers: &HeaderMap) -> Option<u32> {
    headers.get("grpc-status")?.to_str().ok()?.parse().ok()
}
