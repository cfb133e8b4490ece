use super::found::Found;
use super::records::{Addresses, Known, Server, endpoints, soonest};
use super::source::Source;
use crate::balance::Endpoint;
use crate::sync::Mutex;
use hickory_resolver::config::{NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError as Semantic, NetError};
use hickory_resolver::proto::rr::rdata::SRV;
use hickory_resolver::proto::rr::{Name, RData};
use hickory_resolver::{ResolverBuilder, TokioResolver};
use std::collections::BTreeMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// The name system as a source: the addresses of a host, or the servers of a service.
///
/// The answer lives as long as its shortest record says, within the bounds of
/// [`Discovery::ttl_within`](super::Discovery::ttl_within). A failure (`SERVFAIL`, silence, a name that is not there)
/// keeps the last good set; where only one of A and AAAA can be asked, the other one's last answer stands in for it.
///
/// An endpoint is an address, and knows the name that led to it (the target of an SRV record, or the host that was
/// asked for) as its [`host_name`](Endpoint::host_name): that is what a certificate is to be checked against.
///
/// # Examples
///
/// ```no_run
/// # async fn run() {
/// use seawall::balance::{Endpoint, P2c, Pool};
/// use seawall::discover::{Discovery, Dns};
/// use std::net::SocketAddr;
///
/// let pool = Pool::<SocketAddr>::new("orders", P2c::new());
/// let connect = |found: Endpoint<()>| {
///     let address = found.id().as_str().parse().expect("the id of an address is its text");
///     found.with(address)
/// };
/// // A final dot keeps the search list out of it.
/// tokio::spawn(pool.follow(Discovery::new(), Dns::host("orders.default.svc.cluster.local.", 80), connect));
/// pool.ready().await;
/// # }
/// ```
///
/// # Defaults
///
/// | what | default | why |
/// |---|---|---|
/// | [`resolver`](Self::resolver) | the system's, without a cache | a cache would answer with what is to be asked anew |
/// | patience | 2 s, twice | the last good set is there meanwhile |
/// | families | both | [`ipv4`](Self::ipv4) or [`ipv6`](Self::ipv6) keep to one |
#[derive(Clone)]
pub struct Dns {
    question: Question,
    asks: (bool, bool),
    servers: Option<SocketAddr>,
    shared: Arc<Shared>,
}

#[derive(Clone, Debug)]
enum Question {
    Host(Arc<str>, u16),
    Service(Arc<str>),
}

#[derive(Default)]
struct Shared {
    // Guarded: made at the first question.
    resolver: Mutex<Option<TokioResolver>>,
    // Guarded: the last good answers, by the name that was asked for.
    known: Mutex<BTreeMap<String, Known>>,
}

/// Why the name system did not answer.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct DnsError(#[from] NetError);

impl Dns {
    /// The addresses of a host, each with this port. An address as `host` is itself.
    ///
    /// ```
    /// let dns = seawall::discover::Dns::host("orders.internal.", 80);
    /// # let _ = dns;
    /// ```
    #[must_use]
    pub fn host(host: &str, port: u16) -> Self {
        Self::asking(Question::Host(host.into(), port))
    }

    /// The servers of a service, by its SRV records (RFC 2782): the lowest priority is level 0, the next one level 1;
    /// weights are weights. A weight of 0 is chosen seldom, and not drained.
    ///
    /// ```
    /// let dns = seawall::discover::Dns::service("_grpc._tcp.orders.internal.");
    /// # let _ = dns;
    /// ```
    #[must_use]
    #[doc(alias = "SRV")]
    pub fn service(service: &str) -> Self {
        Self::asking(Question::Service(service.into()))
    }

    fn asking(question: Question) -> Self {
        Self { question, asks: (true, true), servers: None, shared: Arc::default() }
    }

    /// IPv4 addresses only.
    ///
    /// ```
    /// let dns = seawall::discover::Dns::host("orders.internal.", 80).ipv4();
    /// # let _ = dns;
    /// ```
    #[must_use]
    pub const fn ipv4(mut self) -> Self {
        self.asks = (true, false);
        self
    }

    /// IPv6 addresses only.
    ///
    /// ```
    /// let dns = seawall::discover::Dns::host("orders.internal.", 80).ipv6();
    /// # let _ = dns;
    /// ```
    #[must_use]
    pub const fn ipv6(mut self) -> Self {
        self.asks = (false, true);
        self
    }

    /// Asks this name server, instead of the system's.
    ///
    /// ```
    /// use seawall::discover::Dns;
    /// let dns = Dns::host("orders.service.consul.", 80).server(([127, 0, 0, 1], 8600).into());
    /// # let _ = dns;
    /// ```
    #[must_use]
    pub const fn server(mut self, server: SocketAddr) -> Self {
        self.servers = Some(server);
        self
    }

    /// Asks by this resolver. Turn its cache off (`cache_size = 0`), or it answers again with what it knows.
    ///
    /// ```
    /// # fn run() -> Result<(), hickory_resolver::net::NetError> {
    /// use hickory_resolver::TokioResolver;
    /// use seawall::discover::Dns;
    /// let mut builder = TokioResolver::builder_tokio()?;
    /// builder.options_mut().cache_size = 0;
    /// let dns = Dns::host("orders.internal.", 80).resolver(builder.build()?);
    /// # let _ = dns;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn resolver(self, resolver: TokioResolver) -> Self {
        *self.shared.resolver.lock() = Some(resolver);
        self
    }

    async fn answer(self) -> Result<Found, DnsError> {
        match &self.question {
            Question::Host(host, port) => {
                let endpoint = |address| Endpoint::new(SocketAddr::new(address, *port), ());
                if let Ok(address) = host.parse() {
                    return Ok(found([endpoint(address)], None));
                }
                let Addresses { addresses, ttl } = self.addresses(&self.made()?, Target::Host(host)).await?;
                Ok(found(addresses.into_iter().map(|address| endpoint(address).host(host)), ttl))
            }
            Question::Service(service) => self.servers(&self.made()?, service).await,
        }
    }

    async fn servers(&self, resolver: &TokioResolver, service: &str) -> Result<Found, DnsError> {
        let (records, mut ttl) = records(resolver.srv_lookup(service).await, |data| match data {
            // A target that is the root says that there is no such service here.
            RData::SRV(record) if !record.target.is_root() => Some(record.clone()),
            _ => None,
        })?;
        let addresses = |record: &SRV| {
            let target = Target::Server(record.target.clone());
            Box::pin(self.addresses(resolver, target))
        };
        let answers = together(records.iter().map(addresses).collect()).await;
        let (mut servers, mut error) = (Vec::new(), None);
        let mut known = self.shared.known.lock();
        for (record, answer) in records.iter().zip(answers) {
            let addresses = match answer {
                Ok(answer) => {
                    ttl = soonest(ttl, answer.ttl);
                    answer.addresses
                }
                // One server that cannot be asked for is no reason to lose it, nor to keep the others from changing.
                Err(failed) => {
                    error = Some(failed);
                    known.get(&record.target.to_string()).map(Known::addresses).unwrap_or_default()
                }
            };
            let SRV { priority, weight, port, .. } = *record;
            servers.push(Server { host: record.target.to_string(), priority, weight, port, addresses });
        }
        let targets: Vec<_> = records.iter().map(|record| record.target.to_string()).collect();
        known.retain(|name, _| targets.contains(name));
        drop(known);
        let endpoints = endpoints(&servers);
        match error {
            Some(error) if endpoints.is_empty() => Err(error),
            _ => Ok(found(endpoints, ttl)),
        }
    }

    /// The addresses of one host, with what is known of it where only half can be asked.
    async fn addresses(&self, resolver: &TokioResolver, target: Target<'_>) -> Result<Addresses, DnsError> {
        let ask = |is_v6: bool, asks: bool| {
            let name = target.clone();
            Box::pin(async move {
                if !asks {
                    return Ok(Addresses::default());
                }
                let answer = match (is_v6, name) {
                    (false, Target::Host(name)) => resolver.ipv4_lookup(name).await,
                    (false, Target::Server(name)) => resolver.ipv4_lookup(name).await,
                    (true, Target::Host(name)) => resolver.ipv6_lookup(name).await,
                    (true, Target::Server(name)) => resolver.ipv6_lookup(name).await,
                };
                let (addresses, ttl) = records(answer, RData::ip_addr)?;
                Ok(Addresses { addresses, ttl })
            })
        };
        let mut answers = together(vec![ask(false, self.asks.0), ask(true, self.asks.1)]).await.into_iter();
        let mut answer = || answers.next().unwrap_or_else(|| Ok(Addresses::default()));
        let (v4, v6) = (answer(), answer());
        self.shared.known.lock().entry(target.to_string()).or_default().merge(v4, v6)
    }

    /// The resolver, which is made when it is first needed.
    fn made(&self) -> Result<TokioResolver, DnsError> {
        if let Some(resolver) = self.shared.resolver.lock().clone() {
            return Ok(resolver);
        }
        let mut builder = match self.servers {
            None => TokioResolver::builder_tokio()?,
            Some(server) => only(server),
        };
        sober(builder.options_mut());
        let resolver = builder.build()?;
        Ok(self.shared.resolver.lock().get_or_insert(resolver).clone())
    }
}

/// A host that is asked for: by the user's own name, or by the one in a record.
#[derive(Clone)]
enum Target<'a> {
    Host(&'a str),
    Server(Name),
}

impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(name) => f.write_str(name),
            Self::Server(name) => name.fmt(f),
        }
    }
}

fn only(server: SocketAddr) -> ResolverBuilder<TokioRuntimeProvider> {
    let mut name_server = NameServerConfig::udp_and_tcp(server.ip());
    for connection in &mut name_server.connections {
        connection.port = server.port();
    }
    let config = ResolverConfig::from_name_servers(vec![name_server]);
    TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
}

/// No cache of its own, and no long patience.
const fn sober(options: &mut ResolverOpts) {
    options.cache_size = 0;
    options.timeout = Duration::from_secs(2);
    options.attempts = 1;
}

/// The records that `wanted` picks out, and how long they live. That there are none is an answer.
fn records<T>(
    answer: Result<Lookup, NetError>,
    wanted: impl Fn(&RData) -> Option<T>,
) -> Result<(Vec<T>, Option<Duration>), DnsError> {
    match answer {
        Ok(lookup) => {
            let ttl = lookup.answers().iter().map(|record| record.ttl).min();
            let records = lookup.answers().iter().filter_map(|record| wanted(&record.data)).collect();
            Ok((records, ttl.map(|ttl| Duration::from_secs(ttl.into()))))
        }
        Err(NetError::Dns(Semantic::NoRecordsFound(none))) => {
            let ttl = none.negative_ttl.unwrap_or_default();
            Ok((Vec::new(), Some(Duration::from_secs(ttl.into()))))
        }
        Err(error) => Err(error.into()),
    }
}

fn found(endpoints: impl IntoIterator<Item = Endpoint<()>>, ttl: Option<Duration>) -> Found {
    let found = Found::from_iter(endpoints);
    match ttl {
        Some(ttl) => found.ttl(ttl),
        None => found,
    }
}

/// What all of them give, each polled until it is done.
async fn together<F: Future>(mut futures: Vec<Pin<Box<F>>>) -> Vec<F::Output> {
    let mut outputs: Vec<_> = futures.iter().map(|_| None).collect();
    poll_fn(|cx| {
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let Poll::Ready(done) = future.as_mut().poll(cx)
            {
                *output = Some(done);
            }
        }
        if outputs.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    outputs.into_iter().flatten().collect()
}

impl Source for Dns {
    type Error = DnsError;
    /// Boxed: one allocation for each question of the name system.
    type Asking = Pin<Box<dyn Future<Output = Result<Found, DnsError>> + Send>>;

    fn ask(&mut self) -> Self::Asking {
        Box::pin(self.clone().answer())
    }
}

impl fmt::Debug for Dns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dns").field("question", &self.question).finish_non_exhaustive()
    }
}
