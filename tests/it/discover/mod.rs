//! Who is there.

mod changes;
#[cfg(feature = "dns")]
mod dns;
mod file;
#[cfg(feature = "dns")]
pub(crate) mod names;
mod registry;
mod watch;

use seawall::balance::{Endpoint, Pool, RoundRobin};
use seawall::discover::{Discovery, Source};
use seawall::telemetry::{Counters, Telemetry};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// A pool that follows a source as long as time is given to it.
struct Followed {
    pool: Pool<()>,
    counters: Arc<Counters>,
    following: Pin<Box<dyn Future<Output = std::convert::Infallible>>>,
}

impl Followed {
    fn new(source: impl Source + 'static, rules: Discovery) -> Self {
        let counters = Arc::new(Counters::default());
        let pool = Pool::new(Telemetry::new("pool").observer(counters.clone()), RoundRobin::new());
        let following = Box::pin(pool.follow(rules, source, |found| found));
        Self { pool, counters, following }
    }

    async fn run(&mut self, time: Duration) -> Vec<String> {
        assert!(timeout(time, &mut self.following).await.is_err());
        self.ids()
    }

    async fn run_seconds(&mut self, seconds: u64) -> Vec<String> {
        self.run(Duration::from_secs(seconds)).await
    }

    /// On a real clock: runs until the endpoints are these.
    #[cfg(feature = "dns")]
    async fn until(&mut self, ids: &[&str]) {
        self.until_that(|followed| followed.ids() == ids).await;
    }

    #[cfg(feature = "dns")]
    async fn until_that(&mut self, is: impl Fn(&Self) -> bool) {
        let begin = seawall::Instant::now();
        while !is(self) {
            self.run(Duration::from_millis(5)).await;
            let waited = seawall::Instant::now() - begin;
            assert!(waited < Duration::from_secs(20), "{:?}, {:?}", self.ids(), self.counters.snapshot());
        }
    }

    fn ids(&self) -> Vec<String> {
        self.pool.endpoints().iter().map(|endpoint| endpoint.id.to_string()).collect()
    }

    fn failures(&self) -> u64 {
        self.counters.snapshot().discovery_failures
    }
}

fn endpoint(id: &str) -> Endpoint<()> {
    Endpoint::new(id, ())
}
