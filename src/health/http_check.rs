use super::judge::Finding;
use super::whole::{Answer, answer};
use crate::balance::Id;
use http::header::{HOST, HeaderMap, HeaderValue, USER_AGENT};
use http::uri::{PathAndQuery, Scheme};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body::Body;
use std::future::Future;
use std::ops::RangeInclusive;
use tower_service::Service;

/// An HTTP page that says how an endpoint is, asked for through any client that is a tower service.
///
/// The request goes to `http://<id><path>`, where the id is a `host:port`, and to the bare path where it is not: a
/// service that is connected already knows where it goes.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use http::uri::PathAndQuery;
/// use seawall::balance::{Endpoint, P2c, Pool};
/// use seawall::health::{Checks, HttpCheck};
/// # use http::{Request, Response};
/// # let client = tower::service_fn(|request: Request<String>| async move {
/// #     assert_eq!(request.uri(), "http://10.0.0.1:80/health");
/// #     Ok::<_, std::io::Error>(Response::new(String::new()))
/// # });
///
/// let pool = Pool::new("api", P2c::new());
/// pool.set([Endpoint::new("10.0.0.1:80", client)]);
/// let page = HttpCheck::get(PathAndQuery::from_static("/health"));
/// tokio::spawn(pool.check(Checks::new(), move |id, client| page.ask(id, client)));
/// # tokio::time::sleep(std::time::Duration::from_secs(2)).await;
/// # }
/// ```
///
/// # Defaults
///
/// | what | default | why |
/// |---|---|---|
/// | [`expect`](Self::expect) | 200 to 299 | |
/// | `x-envoy-degraded` in the answer | [`Finding::Degraded`] | Envoy's word for it |
/// | `x-envoy-immediate-health-check-fail` | [`Finding::Draining`] | what Envoy says when it is about to leave |
/// | the body | read to its end, up to 64 KiB, and ignored | so that the connection serves again |
#[derive(Clone, Debug)]
pub struct HttpCheck {
    method: Method,
    scheme: Scheme,
    path: PathAndQuery,
    host: Option<HeaderValue>,
    expected: (u16, u16),
}

/// A longer page is let go of, with its connection.
const LONGEST: usize = 64 << 10;

impl HttpCheck {
    /// Asks for this page by `GET`.
    ///
    /// ```
    /// use http::uri::PathAndQuery;
    /// use seawall::health::HttpCheck;
    /// let page = HttpCheck::get(PathAndQuery::from_static("/health?deep"));
    /// # let _ = page;
    /// ```
    #[must_use]
    pub const fn get(path: PathAndQuery) -> Self {
        Self { method: Method::GET, scheme: Scheme::HTTP, path, host: None, expected: (200, 299) }
    }

    /// Asks by `HEAD`, for the head alone.
    ///
    /// ```
    /// use http::uri::PathAndQuery;
    /// use seawall::health::HttpCheck;
    /// let page = HttpCheck::head(PathAndQuery::from_static("/health"));
    /// # let _ = page;
    /// ```
    #[must_use]
    pub const fn head(path: PathAndQuery) -> Self {
        Self { method: Method::HEAD, scheme: Scheme::HTTP, path, host: None, expected: (200, 299) }
    }

    /// Asks over `https`.
    ///
    /// ```
    /// use http::uri::PathAndQuery;
    /// use seawall::health::HttpCheck;
    /// let page = HttpCheck::get(PathAndQuery::from_static("/health")).https();
    /// # let _ = page;
    /// ```
    #[must_use]
    pub fn https(mut self) -> Self {
        self.scheme = Scheme::HTTPS;
        self
    }

    /// Names this host to the server, where it serves several. Without it the client names the one in the id.
    ///
    /// ```
    /// use http::header::HeaderValue;
    /// use http::uri::PathAndQuery;
    /// use seawall::health::HttpCheck;
    /// let page = HttpCheck::get(PathAndQuery::from_static("/health")).host(HeaderValue::from_static("api.internal"));
    /// # let _ = page;
    /// ```
    #[must_use]
    pub fn host(mut self, host: HeaderValue) -> Self {
        self.host = Some(host);
        self
    }

    /// Which answers are good ones.
    ///
    /// ```
    /// use http::uri::PathAndQuery;
    /// use seawall::health::HttpCheck;
    /// let page = HttpCheck::get(PathAndQuery::from_static("/")).expect(200..=399);
    /// # let _ = page;
    /// ```
    #[must_use]
    pub const fn expect(mut self, statuses: RangeInclusive<u16>) -> Self {
        self.expected = (*statuses.start(), *statuses.end());
        self
    }

    /// Asks the endpoint of this id through `service`. A service that is not ready, fails or refuses has failed.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use http::uri::PathAndQuery;
    /// use http::{Request, Response};
    /// use seawall::health::{Finding, HttpCheck};
    ///
    /// let client = tower::service_fn(|_: Request<String>| async {
    ///     Ok::<_, std::io::Error>(Response::builder().status(503).body(String::new()).unwrap())
    /// });
    /// let page = HttpCheck::get(PathAndQuery::from_static("/health"));
    /// assert_eq!(page.ask(&"10.0.0.1:80".into(), &client).await, Finding::Fail);
    /// # }
    /// ```
    pub fn ask<S, B, R>(&self, id: &Id, service: &S) -> impl Future<Output = Finding> + use<S, B, R>
    where
        S: Service<Request<B>, Response = Response<R>> + Clone,
        B: Default,
        R: Body,
    {
        let request = self.request(id).map(|()| B::default());
        let (check, service) = (self.clone(), service.clone());
        async move {
            match answer(service, request, LONGEST).await {
                Some(Answer { status, headers, .. }) => check.finding(status, &headers),
                None => Finding::Fail,
            }
        }
    }

    /// The request alone, for a client that is no such service.
    ///
    /// ```
    /// use http::uri::PathAndQuery;
    /// use seawall::health::HttpCheck;
    /// let request = HttpCheck::get(PathAndQuery::from_static("/health")).request(&"10.0.0.1:80".into());
    /// assert_eq!(request.uri(), "http://10.0.0.1:80/health");
    /// ```
    #[must_use]
    pub fn request(&self, id: &Id) -> Request<()> {
        let mut request = Request::new(());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri(&self.scheme, id, &self.path);
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static("seawall-health"));
        if let Some(host) = &self.host {
            request.headers_mut().insert(HOST, host.clone());
        }
        request
    }

    /// What the head of an answer says.
    ///
    /// ```
    /// use http::uri::PathAndQuery;
    /// use http::{HeaderMap, StatusCode};
    /// use seawall::health::{Finding, HttpCheck};
    /// let page = HttpCheck::get(PathAndQuery::from_static("/health"));
    /// assert_eq!(page.finding(StatusCode::OK, &HeaderMap::new()), Finding::Pass);
    /// ```
    #[must_use]
    pub fn finding(&self, status: StatusCode, headers: &HeaderMap) -> Finding {
        let (from, to) = self.expected;
        if headers.contains_key("x-envoy-immediate-health-check-fail") {
            Finding::Draining
        } else if !(from..=to).contains(&status.as_u16()) {
            Finding::Fail
        } else if headers.contains_key("x-envoy-degraded") {
            Finding::Degraded
        } else {
            Finding::Pass
        }
    }
}

/// Where an endpoint is asked: by its id, if that names a host.
pub(super) fn uri(scheme: &Scheme, id: &Id, path: &PathAndQuery) -> Uri {
    let there = Uri::builder().scheme(scheme.clone()).authority(id.as_str()).path_and_query(path.clone());
    there.build().unwrap_or_else(|_| Uri::from(path.clone()))
}
