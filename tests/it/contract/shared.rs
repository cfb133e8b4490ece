//! A limiter that many processes share, in an outage of its store: each decides alone, and no socket is touched.

use super::subjects::lifted;
use super::{Served, Subject};
use crate::tools::Probe;
use seawall::rate_limit::Quota;
use seawall::redis::{Limits, SharedRateLimiter, Store, WhenAway};
use seawall::telemetry::Telemetry;
use std::time::Duration;
use tower::Layer;

#[derive(Clone)]
pub(crate) struct SharedAlone(SharedRateLimiter);

impl SharedAlone {
    fn of(telemetry: Telemetry, permits: u32) -> Self {
        let store = Store::new("store", redis::Client::open("redis://127.0.0.1:1/").unwrap());
        store.breaker().force_open();
        let quota = Quota::per(permits, Duration::from_secs(365 * 24 * 3600));
        let limits = Limits::of(quota).when_away(WhenAway::Local { nodes: 1 }).local_keys(64);
        Self(SharedRateLimiter::new(telemetry, store, limits))
    }
}

impl Subject for SharedAlone {
    const LAYER: &'static str = "SharedRateLimitLayer";
    const EXTRA: usize = 256;

    fn roomy(telemetry: Telemetry) -> Self {
        Self::of(telemetry, 1 << 20)
    }

    fn narrow(telemetry: Telemetry) -> Option<Self> {
        Some(Self::of(telemetry, 1))
    }

    fn layer(&self) -> impl Layer<Probe, Service: Served> + Clone + use<> {
        lifted(self.0.layer(|_: &u32| "all"))
    }
}
