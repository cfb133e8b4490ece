//! The drivers under the contract: they call zero, one or many times.

use super::subjects::{PLENTY, lifted};
use super::{Served, Subject};
use crate::tools::{Failed, Probe};
use seawall::circuit_breaker::Trip;
use seawall::deadline::Deadlines;
use seawall::fallback::Of;
use seawall::hedge::{Always, Delay, Hedge};
use seawall::rate_limit::Quota;
use seawall::retry::{Backoff, Plan};
use seawall::telemetry::Telemetry;
use seawall::{
    ByResult, CircuitBreaker, ConcurrencyLimit, Error, Fallback, Policy, RateLimiter, Retry, Throttle,
    Timeout, throttle,
};
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

/// A fallback whose function passes on what it is given.
#[derive(Clone)]
pub(crate) struct FallenBack(Fallback<Of<Pass>>);

type Pass = fn(Result<u32, Error<Failed>>) -> Result<u32, Error<Failed>>;

impl Subject for FallenBack {
    const LAYER: &'static str = "FallbackLayer";
    const EXTRA: usize = 256;

    fn roomy(telemetry: Telemetry) -> Self {
        Self(Fallback::of(telemetry, |outcome| outcome))
    }

    fn layer(&self) -> impl Layer<Probe, Service: Served> + Clone + use<> {
        lifted(self.0.layer())
    }
}

#[derive(Clone)]
pub(crate) struct Throttled(Throttle);

impl Subject for Throttled {
    const LAYER: &'static str = "GateLayer";

    fn roomy(telemetry: Telemetry) -> Self {
        Self(Throttle::new(telemetry, throttle::Config::new()))
    }

    fn layer(&self) -> impl Layer<Probe, Service: Served> + Clone + use<> {
        lifted(self.0.layer())
    }
}

#[derive(Clone)]
pub(crate) struct Hedged(Hedge);

impl Subject for Hedged {
    const LAYER: &'static str = "HedgeLayer";
    const ATTEMPTS: u32 = 2;
    const EXTRA: usize = 384;

    fn roomy(telemetry: Telemetry) -> Self {
        Self(Hedge::new(telemetry, Delay::default().otherwise(Duration::from_secs(1)), Always))
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

/// The whole stack, flat.
#[derive(Clone)]
pub(crate) struct Stacked {
    policy: Policy<CircuitBreaker, RateLimiter, ConcurrencyLimit, ByResult, Retry>,
    breaker: CircuitBreaker,
    bucket: RateLimiter,
    slots: ConcurrencyLimit,
}

impl Stacked {
    fn new(telemetry: Telemetry, limit: u32) -> Self {
        let breaker = CircuitBreaker::new(&telemetry, Trip::run_of(1 << 16));
        let bucket = RateLimiter::new(&telemetry, Quota::per_hour(1).burst(PLENTY));
        let slots = ConcurrencyLimit::new(&telemetry, limit);
        let policy = Policy::new(&telemetry)
            .retry(Retry::new(&telemetry, Plan::new()))
            .breaker(breaker.clone())
            .rate_limit(bucket.clone())
            .concurrency(slots.clone())
            .attempt_timeout(Duration::from_secs(7200));
        Self { policy, breaker, bucket, slots }
    }
}

impl Subject for Stacked {
    const LAYER: &'static str = "Policy";
    const ATTEMPTS: u32 = 2;
    const EXTRA: usize = 384;

    fn roomy(telemetry: Telemetry) -> Self {
        Self::new(telemetry, PLENTY)
    }

    fn narrow(telemetry: Telemetry) -> Option<Self> {
        Some(Self::new(telemetry, 1))
    }

    fn shut(telemetry: Telemetry) -> Option<Self> {
        let stacked = Self::new(telemetry, PLENTY);
        stacked.breaker.force_open();
        Some(stacked)
    }

    fn layer(&self) -> impl Layer<Probe, Service: Served> + Clone + use<> {
        self.policy.clone()
    }

    fn held(&self) -> u64 {
        self.slots.in_flight().into()
    }

    fn spent(&self) -> Option<u64> {
        Some(u64::from(PLENTY - self.bucket.available()))
    }
}

/// The whole stack, with a driver in every slot: the same gates inside.
#[derive(Clone)]
pub(crate) struct Whole(Stacked);

impl Subject for Whole {
    const LAYER: &'static str = "Policy";
    const ATTEMPTS: u32 = 2;
    const EXTRA: usize = 1536;

    fn roomy(telemetry: Telemetry) -> Self {
        Self(Stacked::roomy(telemetry))
    }

    fn narrow(telemetry: Telemetry) -> Option<Self> {
        Stacked::narrow(telemetry).map(Self)
    }

    fn shut(telemetry: Telemetry) -> Option<Self> {
        Stacked::shut(telemetry).map(Self)
    }

    fn layer(&self) -> impl Layer<Probe, Service: Served> + Clone + use<> {
        let pass: Pass = |outcome| outcome;
        self.0
            .policy
            .clone()
            .hedge(Hedge::new("hedge", Delay::default().otherwise(Duration::from_secs(1)), Always))
            .deadline(Deadlines::within("deadline", Duration::from_secs(7200)))
            .fallback(Fallback::of("fallback", pass))
    }

    fn held(&self) -> u64 {
        self.0.held()
    }

    fn spent(&self) -> Option<u64> {
        self.0.spent()
    }
}
