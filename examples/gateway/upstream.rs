//! The way to the backends: one cache for all, and one stack per group of them.
//!
//! ```text
//! cache ► overload guard ► retry(+budget) ► breaker ► balance ─┬► attempt timeout ► backend a
//!                                                     │        ├► attempt timeout ► backend b
//!                           outlier detection, checks ┘        └► attempt timeout ► backend c
//! ```
//!
//! One bad backend is the balancer's business: it is ejected for failing calls (passive), or taken out for failing its
//! health page (active). The breaker is for the group, when there is nobody good left.

use crate::auth::Tenant;
use crate::edge::deadlines;
use crate::upload::{Upload, fault};
use axum::body::Body;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use seawall::balance::{self, Endpoint, LeastConnections, Pool, Tried};
use seawall::circuit_breaker::{Config, OpenFor, State, Trip, Window};
use seawall::concurrency::{Aimd, OverloadGuard};
use seawall::health::{Checks, HttpCheck, Thresholds};
use seawall::http::cache::{self, HttpCache, OriginError};
use seawall::http::{PassDeadline, Replay, ReplayBody, Status};
use seawall::outlier::Outliers;
use seawall::retry::{Backoff, Budget, Plan, RetryBudget};
use seawall::telemetry::Telemetry;
use seawall::{CircuitBreaker, Class, Classify, Error, Lift, Policy, Priority, Ratio, Retry, Timeout};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

pub(crate) type Outgoing = Request<ReplayBody<Upload>>;
type HttpClient = Client<HttpConnector, ReplayBody<Upload>>;
type ClientError = hyper_util::client::legacy::Error;

/// A client for one group: cached, guarded, retried and balanced. Boxed, once, because the type of a whole stack is nothing
/// to write down.
pub(crate) type Upstream = BoxCloneSyncService<Outgoing, Response<Body>, Error<OriginError>>;

/// How long one attempt may take; a backend is at its work for a millisecond.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(600);
/// How many calls a group may have in flight, at most and at least: the guard finds out how many are good for it.
pub(crate) const CALLS: u32 = 48;
const FEWEST: u32 = 24;
/// A call that takes longer than this says that there are too many.
const SLOW: Duration = Duration::from_millis(100);
/// How many may wait for their turn.
pub(crate) const WAITING: u32 = 32;
/// A fifth of the traffic may be retries, two a second beside it, and ten in a burst.
pub(crate) const EXTRA: Ratio = Ratio::percent(20);
pub(crate) const RESERVE: u32 = 2;
pub(crate) const HOLD: u32 = 10;
/// How much the cache holds, in bytes.
const CACHED: u64 = 64 * 1024 * 1024;

/// What all groups share: the client's connections, the cache, and what runs beside the calls.
pub(crate) struct Upstreams {
    client: HttpClient,
    cache: HttpCache,
    beside: JoinSet<()>,
}

/// What can be seen of a group from outside.
#[derive(Clone)]
pub(crate) struct Group {
    pub(crate) name: &'static str,
    breaker: CircuitBreaker,
    endpoints: Arc<dyn Fn() -> Vec<balance::Status> + Send + Sync>,
}

impl Group {
    /// Whether at least one backend would be called.
    pub(crate) fn is_ready(&self) -> bool {
        let open = matches!(self.breaker.state(), State::Open | State::ForcedOpen);
        !open && self.endpoints().iter().any(|endpoint| endpoint.state == balance::State::In)
    }

    /// Whether nothing is wrong with any backend, as far as is known.
    pub(crate) fn is_well(&self) -> bool {
        self.breaker.state() == State::Closed
            && self.endpoints().iter().all(|endpoint| endpoint.state == balance::State::In)
    }

    pub(crate) fn endpoints(&self) -> Vec<balance::Status> {
        (self.endpoints)()
    }
}

impl Upstreams {
    pub(crate) fn new(tell: impl Fn(&str) -> Telemetry) -> Self {
        // What may be cached and for how long is the backends' to say; no client's `no-cache` reaches them.
        let cache = HttpCache::new(tell("cache"), CACHED, cache::Config::new().ignore_reloads());
        let mut beside = JoinSet::new();
        beside.spawn(cache.background());
        Self { client: Client::builder(TokioExecutor::new()).build_http(), cache, beside }
    }

    /// The stack for the group `name` of these backends.
    pub(crate) fn group(
        &mut self,
        name: &'static str,
        backends: &[SocketAddr],
        tell: impl Fn(&str) -> Telemetry,
    ) -> (Group, Upstream) {
        let telemetry = tell(name);
        let pool = Pool::new(&telemetry, balance::Config::new(LeastConnections::new()).outliers(outliers()));
        // A slow answer is evidence against the backend, so the timeout stands inside the balancer. A streamed upload
        // takes as long as its client.
        let timeout = Timeout::per_request(&telemetry, |request: &Outgoing| {
            request.body().is_replayable().then_some(ATTEMPT_TIMEOUT)
        });
        let inside =
            ServiceBuilder::new().layer(timeout.layer()).layer(PassDeadline::new(&telemetry, deadlines()));
        pool.set(backends.iter().map(|&address| {
            let backend = Lift::new(instance(self.client.clone(), address));
            Endpoint::new(address, inside.service(backend))
        }));
        self.check(&pool);

        let replay = Replay::new().idempotency_key().never_sent(|error: &ClientError| error.is_connect());
        let budget = RetryBudget::new(Budget::ratio(EXTRA).reserve(RESERVE).hold(HOLD));
        let backoff = Backoff::exponential(Duration::from_millis(5)).cap(Duration::from_millis(50));
        let retry = Retry::new(&telemetry, Plan::new().backoff(backoff)).budget(budget).replayer(replay);
        let config = Config::new()
            .trip(Trip::ratio(Ratio::percent(50)).over(Window::calls(40)).min_calls(20))
            .open_for(OpenFor::exponential(Duration::from_millis(200)).cap(Duration::from_millis(400)));
        let breaker = CircuitBreaker::new(&telemetry, config);
        let aimd = Aimd::new().initial(CALLS).between(FEWEST, CALLS).slow(SLOW);
        let guard = OverloadGuard::new(&telemetry, aimd, WAITING);

        let tried =
            pool.balance().classify(judge).tried(|request: &Outgoing| request.extensions().get::<Tried>());
        let upstream = ServiceBuilder::new()
            .layer(self.cache.clone())
            .layer(guard.by(priority, |_| false).layer().classify(judge))
            .layer(Policy::new(&telemetry).retry(retry).breaker(breaker.clone()).classify(judge).lifted())
            .service(tried)
            .map_response(|answer| answer.map(Body::new));
        let endpoints = Arc::new(move || pool.endpoints());
        let group = Group { name, breaker, endpoints };
        (group, BoxCloneSyncService::new(upstream))
    }

    /// Asks each backend for its health page; in real life every few seconds.
    fn check<S: Clone + Send + Sync + 'static>(&mut self, pool: &Pool<S>) {
        let page = HttpCheck::get(PathAndQuery::from_static("/health"));
        let checks = Checks::new().interval(Duration::from_millis(100)).thresholds(Thresholds::new(2, 1));
        let client = self.client.clone();
        let checking = pool.check(checks, move |id, _| page.ask(id, &client));
        self.beside.spawn(async move { match checking.await {} });
    }
}

/// Three failures in a row are enough, and half of a group may be out at a time; in real life for half a minute and longer.
const fn outliers() -> Outliers {
    Outliers::new()
        .consecutive(3)
        .most(Ratio::percent(50))
        .times(Duration::from_millis(500), Duration::from_secs(2))
}

/// What an answer says about who gave it. A body that broke off is its client's doing.
fn judge(result: Result<&Response<Body>, &ClientError>) -> Class {
    match result {
        Err(error) if fault(error).is_some() => Class::Neutral,
        result => Status::new().classify(result),
    }
}

fn priority(request: &Outgoing) -> Priority {
    request.extensions().get::<Tenant>().map_or(Priority::Sheddable, |tenant| tenant.priority)
}

/// One backend as a service: the same client for all, which keeps connections to each.
fn instance(
    client: HttpClient,
    address: SocketAddr,
) -> impl Service<Outgoing, Response = Response<Body>, Error = ClientError, Future: Send>
+ Clone
+ Send
+ Sync
+ 'static {
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
