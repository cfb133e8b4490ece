//! The drivers under the contract: they call zero, one or many times.

use super::subjects::lifted;
use super::{Served, Subject};
use crate::tools::Probe;
use seawall::deadline::Deadlines;
use seawall::retry::{Backoff, Plan};
use seawall::telemetry::Telemetry;
use seawall::{Retry, Timeout};
use std::time::Duration;
use tower::Layer;

#[derive(Clone)]
pub(crate) struct Retried(Retry);

impl Subject for Retried {
    const LAYER: &'static str = "RetryLayer";
    const ATTEMPTS: u32 = 2;
    const EXTRA: usize = 256;

    fn roomy(telemetry: Telemetry) -> Self {
        Self(Retry::new(telemetry, Plan::new()))
    }

    fn layer(&self) -> impl Layer<Probe, Service: Served> + Clone + use<> {
        lifted(self.0.layer())
    }
}

/// A retry that does not wait.
#[derive(Clone)]
pub(crate) struct RetriedAtOnce(Retry);

impl Subject for RetriedAtOnce {
    const LAYER: &'static str = "RetryLayer";
    const ATTEMPTS: u32 = 2;
    const EXTRA: usize = 256;

    fn roomy(telemetry: Telemetry) -> Self {
        Self(Retry::new(telemetry, Plan::new().backoff(Backoff::none())))
    }

    fn layer(&self) -> impl Layer<Probe, Service: Served> + Clone + use<> {
        lifted(self.0.layer())
    }
}

#[derive(Clone)]
pub(crate) struct Timed(Timeout);

impl Subject for Timed {
    const LAYER: &'static str = "TimeoutLayer";
    const EXTRA: usize = 256;

    fn roomy(telemetry: Telemetry) -> Self {
        Self(Timeout::new(telemetry, Duration::from_secs(7200)))
    }

    fn layer(&self) -> impl Layer<Probe, Service: Served> + Clone + use<> {
        lifted(self.0.layer())
    }
}

#[derive(Clone)]
pub(crate) struct Due(Deadlines);

impl Subject for Due {
    const LAYER: &'static str = "DeadlineLayer";
    const EXTRA: usize = 256;

    fn roomy(telemetry: Telemetry) -> Self {
        Self(Deadlines::within(telemetry, Duration::from_secs(7200)))
    }

    fn layer(&self) -> impl Layer<Probe, Service: Served> + Clone + use<> {
        lifted(self.0.layer())
    }
}
