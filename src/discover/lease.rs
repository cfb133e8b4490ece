use super::registry::Registry;
use crate::balance::{Endpoint, Id};
use crate::clock::Timer;
use crate::time::Instant;
use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

/// One's own place in a [`Registry`]: dropping it leaves; made by [`Registry::join`].
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), seawall::discover::RegistryFull> {
/// use seawall::balance::Endpoint;
/// use seawall::discover::Registry;
/// use std::time::Duration;
///
/// let registry = Registry::new(Duration::from_secs(30), 1_000);
/// let lease = registry.join("orders", Endpoint::new("10.0.0.1:80", ()))?;
/// let task = tokio::spawn(async move { lease.keep().await });
///
/// tokio::time::sleep(Duration::from_secs(3600)).await;
/// assert_eq!(registry.len(), 1);
/// // The task ends, however it ends: so does the lease.
/// task.abort();
/// let _ = task.await;
/// assert_eq!(registry.len(), 0);
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping it leaves the registry"]
pub struct Lease {
    registry: Registry,
    service: Arc<str>,
    endpoint: Endpoint<()>,
    holder: u64,
}

impl Lease {
    pub(super) const fn new(
        registry: Registry,
        service: Arc<str>,
        endpoint: Endpoint<()>,
        holder: u64,
    ) -> Self {
        Self { registry, service, endpoint, holder }
    }

    /// Still here. `false` if the registry gave the place up, or to somebody else: then [join](Registry::join) anew.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), seawall::discover::RegistryFull> {
    /// use seawall::balance::Endpoint;
    /// use seawall::discover::Registry;
    /// use std::time::Duration;
    /// let registry = Registry::new(Duration::from_secs(30), 1_000);
    /// let lease = registry.join("orders", Endpoint::new("a", ()))?;
    /// assert!(lease.beat());
    /// tokio::time::sleep(Duration::from_secs(31)).await;
    /// assert!(registry.is_empty());
    /// assert!(!lease.beat());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn beat(&self) -> bool {
        self.registry.beat(&self.service, self.endpoint.id().as_str(), self.holder)
    }

    /// [Beats](Self::beat) thrice in each expiry as long as it is polled: spawn it beside what it vouches for. It ends
    /// when somebody else announced the same id.
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), seawall::discover::RegistryFull> {
    /// # let registry = seawall::discover::Registry::new(std::time::Duration::from_secs(30), 1_000);
    /// let lease = registry.join("orders", seawall::balance::Endpoint::new("a", ()))?;
    /// lease.keep().await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing is lost but the heartbeats to come.
    pub async fn keep(&self) {
        let mut timer = pin!(Timer::unarmed());
        while self.beat() {
            timer.as_mut().arm(Instant::now() + self.registry.expiry() / 3);
            poll_fn(|cx| timer.as_mut().poll_fired(cx)).await;
        }
    }

    /// What it is known by.
    ///
    /// ```
    /// use seawall::balance::Endpoint;
    /// use seawall::discover::Registry;
    /// use std::time::Duration;
    /// let registry = Registry::new(Duration::from_secs(30), 1_000);
    /// assert_eq!(registry.join("orders", Endpoint::new("a", ()))?.id().as_str(), "a");
    /// # Ok::<_, seawall::discover::RegistryFull>(())
    /// ```
    #[must_use]
    pub const fn id(&self) -> &Id {
        self.endpoint.id()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.registry.take_out(&self.service, self.endpoint.id().as_str(), Some(self.holder));
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("service", &self.service).field("id", self.id()).finish_non_exhaustive()
    }
}
