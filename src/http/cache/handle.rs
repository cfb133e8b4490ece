use super::config::Config;
use super::key::{Address, Key};
use super::prefixes::Prefixes;
use super::service::HttpCacheService;
use super::stored::{Failure, Held};
use super::variants::Variants;
use crate::cache::{Background, CacheAside, Cached, Lifetime, Memory, Moka, Settings};
use crate::chance::Chance;
use crate::class::Class;
use crate::telemetry::Telemetry;
use http::header::{CONTENT_LOCATION, HeaderName, LOCATION};
use http::{HeaderMap, Uri};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tower_layer::Layer;

/// Keeps answers of an origin as RFC 9111 allows, and answers from them: a gateway's edge, or a client's memory.
///
/// It is the layer; clones and services share what is kept. See the [module](super).
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use axum::body::Body;
/// use http::{Request, Response};
/// use seawall::LiftLayer;
/// use seawall::http::cache::{Config, HttpCache};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// let cache = HttpCache::new("edge", 64 * 1024 * 1024, Config::new());
/// tokio::spawn(cache.background());
///
/// let origin = service_fn(|_: Request<Body>| async {
///     let answer = Response::builder().header("cache-control", "max-age=60").body(Body::from("hello"));
///     Ok::<_, std::io::Error>(answer.unwrap())
/// });
/// let service = ServiceBuilder::new().layer(cache.clone()).layer(LiftLayer).service(origin);
///
/// let ask = || Request::get("http://shop.example/").body(Body::empty()).unwrap();
/// let first = service.clone().oneshot(ask()).await.unwrap();
/// assert_eq!(first.headers()["cache-status"], "seawall; fwd=uri-miss; fwd-status=200; stored");
/// let second = service.oneshot(ask()).await.unwrap();
/// assert_eq!(second.headers()["cache-status"], "seawall; hit; ttl=60");
/// # }
/// ```
#[derive(Clone)]
pub struct HttpCache(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) kept: CacheAside<Key, Held, Failure>,
    pub(super) config: Config,
    pub(super) variants: Variants,
    pub(super) prefixes: Prefixes,
    pub(super) seed: u64,
}

impl HttpCache {
    /// A cache of at most `capacity` bytes of answers, headers included.
    ///
    /// ```
    /// use seawall::http::cache::{Config, HttpCache};
    /// let cache = HttpCache::new("edge", 64 * 1024 * 1024, Config::new());
    /// # drop(cache);
    /// ```
    #[must_use]
    pub fn new(telemetry: impl Into<Telemetry>, capacity: u64, config: Config) -> Self {
        let classify =
            |failure: &Failure| if failure.authoritative { Class::Neutral } else { Class::Transient };
        let settings = Settings::new(Lifetime::of(Duration::ZERO))
            .weigh(|_, held: &Held| held.weight())
            .classify(classify)
            .load_deadline(config.load_deadline);
        Self(Arc::new(Inner {
            kept: CacheAside::new(telemetry, Memory::lfu(capacity), settings),
            config,
            variants: Variants::default(),
            prefixes: Prefixes::default(),
            seed: Chance::new().draw(),
        }))
    }

    /// What nobody waits for: spawn it. Without it a stale answer is refreshed by the first who asks for it.
    ///
    /// ```no_run
    /// # async fn run(cache: seawall::http::cache::HttpCache) {
    /// tokio::spawn(cache.background());
    /// # }
    /// ```
    pub fn background(&self) -> impl Future<Output = ()> + Send + use<> {
        let background: Background<Key, Held, Failure, Moka<Key, Held>> = self.0.kept.background();
        background
    }

    /// Forgets every answer of an address: `http://host/path?query`, as requests name it.
    ///
    /// ```
    /// # let cache = seawall::http::cache::HttpCache::new("edge", 1 << 20, seawall::http::cache::Config::new());
    /// cache.purge(&"http://shop.example/prices".parse().unwrap());
    /// ```
    pub fn purge(&self, uri: &Uri) {
        self.0.each(uri, |key| self.0.kept.invalidate(key));
    }

    /// Makes every answer of an address stale from now on: its stale windows begin.
    ///
    /// ```
    /// # let cache = seawall::http::cache::HttpCache::new("edge", 1 << 20, seawall::http::cache::Config::new());
    /// cache.soft_purge(&"http://shop.example/prices".parse().unwrap());
    /// ```
    pub fn soft_purge(&self, uri: &Uri) {
        if let Some(address) = Address::of(uri, &HeaderMap::new()) {
            let primary = address.key(self.0.seed);
            for key in self.0.variants.keys(primary).iter().chain([&primary]) {
                self.0.kept.expire(key);
            }
        }
    }

    /// Forgets every answer that the origin tagged so, by `Surrogate-Key` or `Cache-Tag`.
    ///
    /// ```
    /// # let cache = seawall::http::cache::HttpCache::new("edge", 1 << 20, seawall::http::cache::Config::new());
    /// cache.purge_tag("product-7");
    /// ```
    pub fn purge_tag(&self, tag: &str) {
        self.0.kept.invalidate_tag(tag);
    }

    /// Makes every answer with this tag stale from now on.
    ///
    /// ```
    /// # let cache = seawall::http::cache::HttpCache::new("edge", 1 << 20, seawall::http::cache::Config::new());
    /// cache.soft_purge_tag("prices");
    /// ```
    pub fn soft_purge_tag(&self, tag: &str) {
        self.0.kept.expire_tag(tag);
    }

    /// Forgets every answer whose address begins so: `http://host/path/`. Nothing is scanned; 64 such prefixes are
    /// remembered, and the next one purges everything.
    ///
    /// ```
    /// # let cache = seawall::http::cache::HttpCache::new("edge", 1 << 20, seawall::http::cache::Config::new());
    /// cache.purge_prefix("http://shop.example/images/");
    /// ```
    pub fn purge_prefix(&self, prefix: &str) {
        if !self.0.prefixes.purge(prefix.to_owned()) {
            self.0.kept.clear();
        }
    }

    /// Forgets everything.
    ///
    /// ```
    /// # let cache = seawall::http::cache::HttpCache::new("edge", 1 << 20, seawall::http::cache::Config::new());
    /// cache.clear();
    /// ```
    pub fn clear(&self) {
        self.0.kept.clear();
    }

    /// How many answers are kept, roughly.
    ///
    /// ```
    /// # let cache = seawall::http::cache::HttpCache::new("edge", 1 << 20, seawall::http::cache::Config::new());
    /// assert_eq!(cache.len(), 0);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.kept.len()
    }

    /// Whether none is kept, roughly.
    ///
    /// ```
    /// # let cache = seawall::http::cache::HttpCache::new("edge", 1 << 20, seawall::http::cache::Config::new());
    /// assert!(cache.is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.kept.is_empty()
    }
}

impl Inner {
    /// The key under which an answer to this request is, or is going to be.
    pub(super) fn key(&self, primary: Key, headers: &HeaderMap) -> Option<Key> {
        let (key, gone) = self.variants.key(self.seed, primary, headers, self.config.variants)?;
        gone.iter().for_each(|key| self.kept.invalidate(key));
        Some(key)
    }

    /// Whether what was loaded is purged since.
    pub(super) fn is_purged(&self, cached: &Cached<Held>) -> bool {
        cached.stored().is_some_and(|stored| self.prefixes.has_purged(&stored.address, stored.number))
    }

    fn each(&self, uri: &Uri, with: impl Fn(&Key)) {
        if let Some(address) = Address::of(uri, &HeaderMap::new()) {
            let primary = address.key(self.seed);
            let variants = self.variants.forget(primary);
            variants.iter().chain([&primary]).for_each(with);
        }
    }

    /// An unsafe request went well: what it may have changed is forgotten (RFC 9111, 4.4).
    pub(super) fn changed(&self, address: &str, answer: &HeaderMap) {
        let forget = |uri: &Uri| self.each(uri, |key| self.kept.invalidate(key));
        let Ok(own) = address.parse::<Uri>() else { return };
        forget(&own);
        for name in [LOCATION, CONTENT_LOCATION] {
            if let Some(uri) = told(&own, answer, &name) {
                forget(&uri);
            }
        }
    }
}

/// The address that a field names, if it is of the same origin.
fn told(own: &Uri, answer: &HeaderMap, name: &HeaderName) -> Option<Uri> {
    let named: Uri = answer.get(name)?.to_str().ok()?.parse().ok()?;
    if named.authority().is_some() {
        let none = HeaderMap::new();
        let is_own = Address::of(&named, &none)?.is_of_same_origin(&Address::of(own, &none)?);
        return is_own.then_some(named);
    }
    let mut parts = own.clone().into_parts();
    parts.path_and_query = named.path_and_query().cloned();
    Uri::from_parts(parts).ok()
}

impl<S> Layer<S> for HttpCache {
    type Service = HttpCacheService<S>;

    fn layer(&self, inner: S) -> HttpCacheService<S> {
        HttpCacheService::new(Arc::clone(&self.0), inner)
    }
}

impl fmt::Debug for HttpCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpCache")
            .field("config", &self.0.config)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
