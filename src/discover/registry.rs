use super::found::Found;
use super::lease::Lease;
use super::ledger::Ledger;
use super::news::News;
use super::source::Source;
use crate::balance::Endpoint;
use crate::clock::Timer;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};
use crate::time::Instant;
use pin_project_lite::pin_project;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// Who is there, as they say themselves: endpoints announce themselves under the name of their service, and are
/// believed until they leave or are not heard of any more.
///
/// The place where client-side discovery comes together in one process: whatever brings the announcements (a gossip, a
/// handler of `POST /register`, a component in the same program) calls [`announce`](Self::announce) again and again,
/// and pools follow a [`source`](Self::source) of each service. Clones share it; it needs no task of its own.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), seawall::discover::RegistryFull> {
/// use seawall::balance::{Endpoint, P2c, Pool};
/// use seawall::discover::{Discovery, Registry};
/// use std::time::Duration;
///
/// let registry = Registry::new(Duration::from_secs(30), 1_000);
/// let pool = Pool::new("orders", P2c::new());
/// tokio::spawn(pool.follow(Discovery::new(), registry.source("orders"), |found| found.with("its client")));
///
/// registry.announce("orders", Endpoint::new("10.0.0.1:80", ()))?;
/// registry.announce("orders", Endpoint::new("10.0.0.2:80", ()))?;
/// pool.ready().await;
/// assert_eq!(pool.len(), 2);
///
/// // Only one of them is heard of again.
/// tokio::time::sleep(Duration::from_secs(20)).await;
/// registry.announce("orders", Endpoint::new("10.0.0.2:80", ()))?;
/// tokio::time::sleep(Duration::from_secs(11)).await;
/// assert_eq!(pool.len(), 1);
/// # Ok(())
/// # }
/// ```
///
/// # Memory
///
/// One entry for each endpoint, about 200 bytes and its id twice; never more endpoints than the bound, over all
/// services, and a name for each service that has any or is followed.
#[derive(Clone, Debug)]
#[doc(alias = "service discovery")]
#[doc(alias = "heartbeat")]
pub struct Registry(pub(super) Arc<Shared>);

pub(super) struct Shared {
    expiry: Duration,
    most: usize,
    // Guarded: who is there. Never held while user code runs or anybody is woken.
    services: Mutex<Services>,
    news: News,
}

#[derive(Default)]
pub(super) struct Services {
    by_name: BTreeMap<Arc<str>, Service>,
    /// Counts announcements and changes, over all services.
    counted: u64,
}

#[derive(Default)]
struct Service {
    ledger: Ledger,
    /// The number of its last change.
    version: u64,
}

/// What one look at a service saw; version 0 is that nobody is there.
struct Seen {
    version: u64,
    found: Found,
    soonest: Option<Instant>,
}

/// A registry has no room for another endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the registry is full: it holds {most} endpoints")]
pub struct RegistryFull {
    most: usize,
}

impl Registry {
    /// A registry in which an announcement is believed for `expiry`, and which holds at most so many endpoints.
    ///
    /// Thrice the interval at which endpoints announce themselves forgives two that are lost.
    ///
    /// ```
    /// use seawall::discover::Registry;
    /// use std::time::Duration;
    /// let registry = Registry::new(Duration::from_secs(30), 1_000);
    /// assert!(registry.is_empty());
    /// ```
    #[must_use]
    pub fn new(expiry: Duration, most: usize) -> Self {
        Self(Arc::new(Shared { expiry, most, services: Mutex::default(), news: News::default() }))
    }

    /// The endpoint is there, as told, from now on until it is not heard of for the expiry: the first announcement
    /// and every heartbeat. Another weight, level, zone or limit than before is news for who follows.
    ///
    /// ```
    /// use seawall::balance::Endpoint;
    /// use seawall::discover::Registry;
    /// use std::time::Duration;
    /// let registry = Registry::new(Duration::from_secs(30), 1);
    /// registry.announce("orders", Endpoint::new("a", ()))?;
    /// registry.announce("orders", Endpoint::new("a", ()).weight(2))?;
    /// assert!(registry.announce("orders", Endpoint::new("b", ())).is_err());
    /// # Ok::<_, seawall::discover::RegistryFull>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`RegistryFull`] if it is a new one and there is no room.
    pub fn announce(&self, service: &str, endpoint: Endpoint<()>) -> Result<(), RegistryFull> {
        self.put(service, endpoint).map(|_| ())
    }

    /// Announces it until the lease is dropped, or not [renewed](Lease::beat) in time.
    ///
    /// ```
    /// use seawall::balance::Endpoint;
    /// use seawall::discover::Registry;
    /// use std::time::Duration;
    /// let registry = Registry::new(Duration::from_secs(30), 1_000);
    /// let lease = registry.join("orders", Endpoint::new("a", ()))?;
    /// assert_eq!(registry.found("orders").len(), 1);
    /// drop(lease);
    /// assert!(registry.is_empty());
    /// # Ok::<_, seawall::discover::RegistryFull>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`RegistryFull`] if there is no room.
    pub fn join(&self, service: &str, endpoint: Endpoint<()>) -> Result<Lease, RegistryFull> {
        let holder = self.put(service, endpoint.clone())?;
        Ok(Lease::new(self.clone(), service.into(), endpoint, holder))
    }

    /// The endpoint leaves; `false` if there is none of this id.
    ///
    /// ```
    /// use seawall::balance::Endpoint;
    /// use seawall::discover::Registry;
    /// use std::time::Duration;
    /// let registry = Registry::new(Duration::from_secs(30), 1_000);
    /// registry.announce("orders", Endpoint::new("a", ()))?;
    /// assert!(registry.leave("orders", "a"));
    /// assert!(!registry.leave("orders", "a"));
    /// # Ok::<_, seawall::discover::RegistryFull>(())
    /// ```
    #[expect(clippy::must_use_candidate, reason = "that it is gone is enough to know for most")]
    pub fn leave(&self, service: &str, id: &str) -> bool {
        self.take_out(service, id, None)
    }

    /// Who is there now, in the order of ids.
    ///
    /// ```
    /// use seawall::discover::Registry;
    /// use std::time::Duration;
    /// assert!(Registry::new(Duration::from_secs(30), 1_000).found("orders").is_empty());
    /// ```
    #[must_use]
    pub fn found(&self, service: &str) -> Found {
        self.look(service).found
    }

    /// How many are there now, over all services.
    ///
    /// ```
    /// use seawall::discover::Registry;
    /// use std::time::Duration;
    /// assert_eq!(Registry::new(Duration::from_secs(30), 1_000).len(), 0);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        let mut services = self.0.services.lock();
        services.expire(Instant::now());
        services.len()
    }

    /// Whether nobody is there.
    ///
    /// ```
    /// use seawall::discover::Registry;
    /// use std::time::Duration;
    /// assert!(Registry::new(Duration::from_secs(30), 1_000).is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A service as a source. Each source hears of every change; before the first announcement it waits.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), seawall::discover::RegistryFull> {
    /// use seawall::balance::Endpoint;
    /// use seawall::discover::{Registry, Source};
    /// use std::time::Duration;
    /// let registry = Registry::new(Duration::from_secs(30), 1_000);
    /// registry.announce("orders", Endpoint::new("a", ()))?;
    /// let Ok(found) = registry.source("orders").ask().await;
    /// assert_eq!(found.len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn source(&self, service: &str) -> Listing {
        Listing { registry: self.clone(), service: service.into(), heard: Arc::default() }
    }

    pub(super) fn expiry(&self) -> Duration {
        self.0.expiry
    }

    /// Announces it, and says who holds it now.
    fn put(&self, service: &str, endpoint: Endpoint<()>) -> Result<u64, RegistryFull> {
        let now = Instant::now();
        let mut services = self.0.services.lock();
        let known = services.by_name.get(service);
        if !known.is_some_and(|known| known.ledger.contains(endpoint.id().as_str())) {
            if services.len() >= self.0.most {
                services.expire(now);
            }
            if services.len() >= self.0.most {
                return Err(RegistryFull { most: self.0.most });
            }
        }
        services.counted += 1;
        let counted = services.counted;
        let known = services.by_name.entry(service.into()).or_default();
        let news = known.ledger.announce(endpoint, counted, now + self.0.expiry);
        if news {
            known.version = counted;
        }
        drop(services);
        if news {
            self.0.news.tell();
        }
        Ok(counted)
    }

    /// `holder` is still there; `false` if it is not known any more.
    pub(super) fn beat(&self, service: &str, id: &str, holder: u64) -> bool {
        let until = Instant::now() + self.0.expiry;
        let mut services = self.0.services.lock();
        let known = services.by_name.get_mut(service);
        known.is_some_and(|known| known.ledger.beat(id, holder, until))
    }

    pub(super) fn take_out(&self, service: &str, id: &str, holder: Option<u64>) -> bool {
        let mut services = self.0.services.lock();
        let Some(known) = services.by_name.get_mut(service) else {
            return false;
        };
        let news = known.ledger.leave(id, holder);
        if news {
            services.renew(service);
        }
        drop(services);
        if news {
            self.0.news.tell();
        }
        news
    }

    fn look(&self, service: &str) -> Seen {
        let mut services = self.0.services.lock();
        if services.by_name.get_mut(service).is_some_and(|known| known.ledger.expire(Instant::now())) {
            services.renew(service);
        }
        let nobody = || Seen { version: 0, found: Found::from_iter([]).live(), soonest: None };
        services.by_name.get(service).map_or_else(nobody, |known| Seen {
            version: known.version,
            found: known.ledger.found(),
            soonest: known.ledger.soonest(),
        })
    }
}

impl Services {
    fn len(&self) -> usize {
        self.by_name.values().map(|service| service.ledger.len()).sum()
    }

    /// The service has changed. Nothing is kept of one without anybody: names may be many.
    fn renew(&mut self, service: &str) {
        self.counted += 1;
        if let Some(known) = self.by_name.get_mut(service) {
            known.version = self.counted;
            if known.ledger.len() == 0 {
                self.by_name.remove(service);
            }
        }
    }

    fn expire(&mut self, now: Instant) {
        let counted = &mut self.counted;
        self.by_name.retain(|_, service| {
            if service.ledger.expire(now) {
                *counted += 1;
                service.version = *counted;
            }
            service.ledger.len() > 0
        });
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("expiry", &self.expiry)
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}

/// A service of a [`Registry`] as a source; made by [`Registry::source`].
#[derive(Debug)]
pub struct Listing {
    registry: Registry,
    service: Arc<str>,
    /// The number of the last change that was answered.
    heard: Arc<AtomicU64>,
}

impl Source for Listing {
    type Error = Infallible;
    type Asking = Listed;

    fn ask(&mut self) -> Listed {
        let (registry, service) = (self.registry.clone(), Arc::clone(&self.service));
        Listed { registry, service, heard: Arc::clone(&self.heard), timer: Timer::unarmed() }
    }
}

pin_project! {
    /// The next change of a service in a [`Registry`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Listed {
        registry: Registry,
        service: Arc<str>,
        heard: Arc<AtomicU64>,
        #[pin]
        timer: Timer,
    }
}

impl Future for Listed {
    type Output = Result<Found, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        // Before the look, so that nothing is missed in between.
        this.registry.0.news.wait(cx.waker());
        loop {
            let seen = this.registry.look(this.service);
            if this.heard.swap(seen.version, Relaxed) != seen.version {
                return Poll::Ready(Ok(seen.found));
            }
            this.timer.as_mut().arm(seen.soonest.unwrap_or(Instant::MAX));
            if this.timer.as_mut().poll_fired(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}
