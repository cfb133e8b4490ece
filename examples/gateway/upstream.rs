//! The way to the backends: one stack per group of them.
//!
//! ```text
//! retry(+budget) ► bulkhead ► balance ─┬► breaker ► attempt timeout ► backend a
//!                                      ├► breaker ► attempt timeout ► backend b
//!                                      └► breaker ► attempt timeout ► backend c
//! ```

use axum::body::{Body, Bytes};
use http::uri::{Authority, Scheme};
use http::{HeaderName, Request, Response, Uri};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use seawall::balance::{Endpoint, LeastConnections, Pool, Tried};
use seawall::circuit_breaker::{Config, OpenFor, State, Trip};
use seawall::http::{DeadlineHeaders, PassDeadline, Replay, ReplayBody, Status};
use seawall::retry::{Backoff, Budget, Plan, RetryBudget};
use seawall::telemetry::Telemetry;
use seawall::{CircuitBreaker, ConcurrencyLimit, Error, Lift, Policy, Ratio, Retry};
use std::net::SocketAddr;
use std::time::Duration;
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, service_fn};

pub(crate) type ClientError = hyper_util::client::legacy::Error;
pub(crate) type Outgoing = Request<ReplayBody<Full<Bytes>>>;
pub(crate) type Answer = Response<Body>;

/// A client for one group: each call is retried, balanced and guarded, and can be refused. Boxed, once, because
/// the type of a whole stack is nothing to write down.
pub(crate) type Upstream = BoxCloneSyncService<Outgoing, Answer, Error<ClientError>>;

/// How long one attempt may take; a backend is at its work for a millisecond.
pub(crate) const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(600);
/// How long a whole call may take, attempts and waits and all, however patient its client.
const LONGEST: Duration = Duration::from_secs(3);
/// How many calls a group may have in flight: what is beyond it would only wait, and take the edge's slots.
pub(crate) const BULKHEAD: u32 = 48;
/// A fifth of the traffic may be retries, two a second beside it, and ten in a burst.
pub(crate) const EXTRA: Ratio = Ratio::percent(20);
pub(crate) const RESERVE: u32 = 2;
pub(crate) const HOLD: u32 = 10;

/// What can be seen of a group from outside.
#[derive(Clone)]
pub(crate) struct Group {
    pub(crate) name: &'static str,
    circuits: Vec<CircuitBreaker>,
}

impl Group {
    /// Whether at least one backend would be called.
    pub(crate) fn is_ready(&self) -> bool {
        self.circuits.iter().any(|circuit| !matches!(circuit.state(), State::Open | State::ForcedOpen))
    }

    /// Whether nothing is wrong with any backend, as far as is known.
    pub(crate) fn is_well(&self) -> bool {
        self.circuits.iter().all(|circuit| circuit.state() == State::Closed)
    }
}

/// The stack for the group `name` of these backends. `tell` makes the telemetry of an instance.
pub(crate) fn group(
    name: &'static str,
    backends: &[(&'static str, SocketAddr)],
    tell: impl Fn(String) -> Telemetry,
) -> (Group, Upstream) {
    let client: Client<HttpConnector, ReplayBody<Full<Bytes>>> =
        Client::builder(TokioExecutor::new()).build_http();
    let pool = Pool::new(tell(name.to_owned()), LeastConnections::new());
    let mut circuits = Vec::new();
    let mut endpoints = Vec::new();
    for &(backend, address) in backends {
        let telemetry = tell(format!("{name}/{backend}"));
        let config = Config::new()
            .trip(Trip::run_of(3).or(Trip::ratio(Ratio::percent(50)).min_calls(20)))
            .open_for(OpenFor::exponential(Duration::from_millis(200)).cap(Duration::from_millis(400)));
        let circuit = CircuitBreaker::new(&telemetry, config);
        // A slow answer is evidence, so the timeout stands inside the breaker.
        let guarded = Policy::new(&telemetry)
            .breaker(circuit.clone())
            .attempt_timeout(ATTEMPT_TIMEOUT)
            .classifier(Status::new())
            .lifted()
            .layer(
                PassDeadline::new(&telemetry, deadlines())
                    .layer(Lift::new(instance(client.clone(), address))),
            );
        endpoints.push(Endpoint::new(address.to_string(), guarded).foresee(circuit.clone()));
        circuits.push(circuit);
    }
    pool.set(endpoints);

    let replay = Replay::new().idempotency_key().never_sent(|error: &ClientError| error.is_connect());
    let balance = pool
        .balance()
        .classifier(Status::new())
        .tried(|request: &Outgoing| request.extensions().get::<Tried>())
        .spare(move |request: &Outgoing| copy(&replay, request));
    let budget = RetryBudget::new(Budget::ratio(EXTRA).reserve(RESERVE).hold(HOLD));
    let backoff = Backoff::exponential(Duration::from_millis(5)).cap(Duration::from_millis(50));
    let retry =
        Retry::new(tell(name.to_owned()), Plan::new().backoff(backoff)).budget(budget).replayer(replay);
    let upstream = Policy::new(tell(name.to_owned()))
        .retry(retry)
        .concurrency(ConcurrencyLimit::new(tell(name.to_owned()), BULKHEAD))
        .classifier(Status::new())
        .lifted()
        .layer(balance);
    (Group { name, circuits }, BoxCloneSyncService::new(upstream))
}

/// How clients say how long they will wait, and backends hear how much of it is left.
pub(crate) fn deadlines() -> DeadlineHeaders {
    DeadlineHeaders::new().millis(HeaderName::from_static("x-request-timeout-ms")).at_most(LONGEST)
}

/// One backend as a service: the same client for all, which keeps connections to each.
fn instance(
    client: Client<HttpConnector, ReplayBody<Full<Bytes>>>,
    address: SocketAddr,
) -> impl Service<Outgoing, Response = Answer, Error = ClientError, Future: Send> + Clone + Send + Sync + 'static
{
    let authority = Authority::try_from(address.to_string()).expect("an address is an authority");
    service_fn(move |mut request: Outgoing| {
        let mut to = std::mem::take(request.uri_mut()).into_parts();
        to.scheme = Some(Scheme::HTTP);
        to.authority = Some(authority.clone());
        *request.uri_mut() = Uri::from_parts(to).expect("a path, a scheme and an authority");
        let call = client.request(request);
        async move { Ok(call.await?.map(Body::new)) }
    })
}

fn copy<N: seawall::http::NeverSent<ClientError>>(
    replay: &Replay<N>,
    request: &Outgoing,
) -> Option<Outgoing> {
    seawall::retry::Replay::<Outgoing, Answer, ClientError>::replay(replay, request)
}
