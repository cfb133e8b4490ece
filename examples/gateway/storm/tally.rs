//! What came of a load.

use http::{HeaderMap, Method, StatusCode};
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) sent: u64,
    pub(crate) by_status: BTreeMap<u16, u64>,
    /// Of those, the POSTs.
    pub(crate) posts: BTreeMap<u16, u64>,
    /// Answers from the cache, fresh or stale, and of those the stale ones.
    pub(crate) cached: u64,
    pub(crate) stale: u64,
    /// Answers of 429 that do not say when to come back.
    pub(crate) mute: u64,
    /// Answers that lost the request's id.
    pub(crate) nameless: u64,
    /// Of what was not answered from the cache.
    pub(crate) by_backend: BTreeMap<String, u64>,
    latencies: Vec<Duration>,
}

impl Tally {
    pub(crate) fn status(&self, status: u16) -> u64 {
        self.by_status.get(&status).copied().unwrap_or(0)
    }

    /// All that is not 200, 429, 503 or 504.
    pub(crate) fn other(&self) -> u64 {
        self.sent - [200, 429, 503, 504].iter().map(|status| self.status(*status)).sum::<u64>()
    }

    pub(crate) fn all_served(&self) -> bool {
        self.sent > 0 && self.status(200) == self.sent
    }

    /// How many were served, in percent.
    pub(crate) fn served(&self) -> f64 {
        100.0 * self.status(200) as f64 / self.sent.max(1) as f64
    }

    /// How many of the requests that may be sent twice were served, in percent.
    pub(crate) fn repeatable_served(&self) -> f64 {
        let posts: u64 = self.posts.values().sum();
        let served = self.status(200) - self.posts.get(&200).copied().unwrap_or(0);
        100.0 * served as f64 / (self.sent - posts).max(1) as f64
    }

    /// The latency that so many percent stayed below.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).copied().unwrap_or_default()
    }

    pub(crate) fn count(
        &mut self,
        method: &Method,
        status: StatusCode,
        headers: &HeaderMap,
        latency: Duration,
    ) {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
        let status = status.as_u16();
        self.sent += 1;
        *self.by_status.entry(status).or_default() += 1;
        if *method == Method::POST {
            *self.posts.entry(status).or_default() += 1;
        }
        let stale = text("cache-status").ends_with("detail=stale-if-error");
        let cached = stale || text("cache-status").contains("; hit");
        self.stale += u64::from(stale);
        self.cached += u64::from(cached);
        self.mute += u64::from(status == 429 && text("retry-after").is_empty());
        self.nameless += u64::from(text("x-request-id").is_empty());
        if !cached && !text("x-backend").is_empty() {
            *self.by_backend.entry(text("x-backend").to_owned()).or_default() += 1;
        }
        self.latencies.push(latency);
    }
}
