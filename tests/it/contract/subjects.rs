//! The services under the contract, one short block each.

pub(crate) use super::balanced::Balanced;
pub(crate) use super::cached::Uncached;
pub(crate) use super::drivers::*;
pub(crate) use super::shared::SharedAlone;
use super::{Served, Subject};
use crate::tools::Probe;
use seawall::circuit_breaker::{Config, Probes, Trip};
use seawall::concurrency::{AdaptiveLimit, Aimd, ByPriority, OverloadGuard, Shed};
use seawall::gate::{Exempting, Fair, Queued};
use seawall::rate_limit::{KeyedRateLimiter, LeasedRateLimiter, Quota};
use seawall::telemetry::Telemetry;
use seawall::{CircuitBreaker, ConcurrencyLimit, Gate, LiftLayer, Priority, RateLimiter};
use std::time::Duration;
use tower::Layer;
use tower::layer::util::Stack;

pub(crate) const PLENTY: u32 = 1 << 20;

/// Long enough for nothing to come back during a test.
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// `layer` over the one that lifts.
pub(crate) const fn lifted<L>(layer: L) -> Stack<LiftLayer, L> {
    Stack::new(LiftLayer, layer)
}

#[derive(Clone)]
pub(crate) struct Lifted;

impl Subject for Lifted {
    const LAYER: &'static str = "LiftLayer";
    const EXTRA: usize = 0;

    fn roomy(_: Telemetry) -> Self {
        Self
    }

    fn layer(&self) -> impl Layer<Probe, Service: Served> + Clone + use<> {
        LiftLayer
    }
}

#[derive(Clone)]
pub(crate) struct Limited(ConcurrencyLimit);

impl Subject for Limited {
    const LAYER: &'static str = "GateLayer";

    fn roomy(telemetry: Telemetry) -> Self {
        Self(ConcurrencyLimit::new(telemetry, PLENTY))
    }

    fn narrow(telemetry: Telemetry) -> Option<Self> {
        Some(Self(ConcurrencyLimit::new(telemetry, 1)))
    }

    fn layer(&self) -> impl Layer<Probe, Service: Served> + Clone + use<> {
        lifted(ConcurrencyLimit::layer(&self.0))
    }

    fn held(&self) -> u64 {
        self.0.in_flight().into()
    }
}

#[derive(Clone)]
pub(crate) struct Metered(RateLimiter, u32);

impl Metered {
    fn of(telemetry: Telemetry, quota: u32) -> Self {
        Self(RateLimiter::new(telemetry, Quota::per(quota, YEAR)), quota)
    }
}

impl Subject for Metered {
    const LAYER: &'static str = "GateLayer";

    fn roomy(telemetry: Telemetry) -> Self {
        Self::of(telemetry, PLENTY)
    }

    fn narrow(telemetry: Telemetry) -> Option<Self> {
        Some(Self::of(telemetry, 1))
    }

    fn layer(&self) -> impl Layer<Probe, Service: Served> + Clone + use<> {
        lifted(RateLimiter::layer(&self.0))
    }

    fn spent(&self) -> Option<u64> {
        Some((self.1 - self.0.available()).into())
    }
}

/// A limiter for each key; all calls of the suite have the same.
#[derive(Clone)]
pub(crate) struct MeteredByKey(KeyedRateLimiter, u32);

impl MeteredByKey {
    fn of(telemetry: Telemetry, quota: u32) -> Self {
        Self(KeyedRateLimiter::new(telemetry, Quota::per(quota, YEAR), 100), quota)
    }
}

impl Subject for MeteredByKey {
    const LAYER: &'static str = "GateLayer";
    const EXTRA: usize = 96;

    fn roomy(telemetry: Telemetry) -> Self {
        Self::of(telemetry, PLENTY)
    }

    fn narrow(telemetry: Telemetry) -> Option<Self> {
        Some(Self::of(telemetry, 1))
    }

    fn layer(&self) -> impl Layer<Probe, Service: Served> + Clone + use<> {
        lifted(self.0.by(|_: &u32| "key").layer())
    }

    fn spent(&self) -> Option<u64> {
        Some((self.1 - self.0.available("key")).into())
    }
}

/// A limiter with a lease for each thread.
#[derive(Clone)]
pub(crate) struct MeteredByLease(LeasedRateLimiter, u32);

impl MeteredByLease {
    fn of(telemetry: Telemetry, quota: u32) -> Self {
        Self(LeasedRateLimiter::with_slots(telemetry, Quota::per(quota, YEAR), 2), quota)
    }
}

impl Subject for MeteredByLease {
    const LAYER: &'static str = "GateLayer";

    fn roomy(telemetry: Telemetry) -> Self {
        Self::of(telemetry, PLENTY)
    }

    fn narrow(telemetry: Telemetry) -> Option<Self> {
        Some(Self::of(telemetry, 1))
    }

    fn layer(&self) -> impl Layer<Probe, Service: Served> + Clone + use<> {
        lifted(self.0.layer())
    }

    fn spent(&self) -> Option<u64> {
        Some((self.1 - self.0.available()).into())
    }
}

#[derive(Clone)]
pub(crate) struct Broken(CircuitBreaker);

impl Subject for Broken {
    const LAYER: &'static str = "GateLayer";

    fn roomy(telemetry: Telemetry) -> Self {
        Self(CircuitBreaker::new(telemetry, Trip::run_of(5)))
    }

    fn narrow(telemetry: Telemetry) -> Option<Self> {
        // Half-open, with one probe.
        let breaker = CircuitBreaker::new(telemetry, Config::new().probes(Probes::of(1)));
        breaker.open_for(YEAR);
        breaker.probe_now();
        Some(Self(breaker))
    }

    fn shut(telemetry: Telemetry) -> Option<Self> {
        let breaker = CircuitBreaker::new(telemetry, Config::new());
        breaker.open_for(YEAR);
        Some(Self(breaker))
    }

    fn layer(&self) -> impl Layer<Probe, Service: Served> + Clone + use<> {
        lifted(CircuitBreaker::layer(&self.0))
    }

    fn held(&self) -> u64 {
        self.0.snapshot().probing.into()
    }
}

/// A gate that is switched off by its value.
#[derive(Clone)]
pub(crate) struct Off;

impl Subject for Off {
    const LAYER: &'static str = "GateLayer";

    fn roomy(_: Telemetry) -> Self {
        Self
    }

    fn layer(&self) -> impl Layer<Probe, Service: Served> + Clone + use<> {
        lifted(None::<ConcurrencyLimit>.layer())
    }
}

/// Several gates as one; when the last refuses, the others have theirs back.
#[derive(Clone)]
pub(crate) struct Fused {
    outer: ConcurrencyLimit,
    limiter: RateLimiter,
    inner: ConcurrencyLimit,
}

impl Fused {
    fn of(telemetry: &Telemetry, slots: u32) -> Self {
        Self {
            outer: ConcurrencyLimit::new(telemetry, PLENTY),
            limiter: RateLimiter::new(telemetry, Quota::per(PLENTY, YEAR)),
            inner: ConcurrencyLimit::new(telemetry, slots),
        }
    }
}

impl Subject for Fused {
    const LAYER: &'static str = "GateLayer";
    const EXTRA: usize = 192;

    fn roomy(telemetry: Telemetry) -> Self {
        Self::of(&telemetry, PLENTY)
    }

    fn narrow(telemetry: Telemetry) -> Option<Self> {
        Some(Self::of(&telemetry, 1))
    }

    fn layer(&self) -> impl Layer<Probe, Service: Served> + Clone + use<> {
        let off = None::<ConcurrencyLimit>;
        lifted((self.outer.clone(), off, self.limiter.clone(), self.inner.clone()).layer())
    }

    fn held(&self) -> u64 {
        u64::from(self.outer.in_flight()) + u64::from(self.inner.in_flight())
    }

    fn spent(&self) -> Option<u64> {
        Some((PLENTY - self.limiter.available()).into())
    }
}

/// A queue before a gate.
#[derive(Clone)]
pub(crate) struct Queueing(Queued<ConcurrencyLimit>);

impl Subject for Queueing {
    const LAYER: &'static str = "QueuedLayer";
    const EXTRA: usize = 256;

    fn roomy(telemetry: Telemetry) -> Self {
        Self(Queued::new(&telemetry, ConcurrencyLimit::new(&telemetry, PLENTY), 8, Duration::from_secs(1)))
    }

    fn narrow(telemetry: Telemetry) -> Option<Self> {
        let limit = ConcurrencyLimit::new(&telemetry, 1);
        Some(Self(Queued::new(&telemetry, limit, 0, Duration::from_secs(1))))
    }

    fn layer(&self) -> impl Layer<Probe, Service: Served> + Clone + use<> {
        lifted(self.0.layer())
    }

    fn held(&self) -> u64 {
        u64::from(self.0.gate().in_flight()) + self.0.waiting() as u64
    }
}

/// A queue in which tenants take turns.
#[derive(Clone)]
pub(crate) struct TakingTurns(Queued<Fair<ConcurrencyLimit, fn(&u32) -> u32>>);

impl TakingTurns {
    fn of(telemetry: &Telemetry, slots: u32, places: u32) -> Self {
        let limit = ConcurrencyLimit::new(telemetry, slots);
        Self(Queued::new(
            telemetry,
            limit.fair((|n| n % 2) as fn(&u32) -> u32),
            places,
            Duration::from_secs(1),
        ))
    }
}

impl Subject for TakingTurns {
    const LAYER: &'static str = "QueuedLayer";
    const EXTRA: usize = 256;

    fn roomy(telemetry: Telemetry) -> Self {
        Self::of(&telemetry, PLENTY, 8)
    }

    fn narrow(telemetry: Telemetry) -> Option<Self> {
        Some(Self::of(&telemetry, 1, 0))
    }

    fn layer(&self) -> impl Layer<Probe, Service: Served> + Clone + use<> {
        lifted(self.0.layer())
    }

    fn held(&self) -> u64 {
        u64::from(self.0.gate().gate().in_flight()) + self.0.waiting() as u64
    }
}

type By<T> = fn(&u32) -> T;
type Tenants = Fair<ByPriority<AdaptiveLimit, By<Priority>>, By<u32>>;

/// All that protects a server, put together: an adaptive limit, classes, tenants, exemptions and a controlled queue.
#[derive(Clone)]
pub(crate) struct Guarded {
    guard: OverloadGuard,
    queued: Queued<Exempting<Tenants, By<bool>>>,
}

impl Guarded {
    fn of(telemetry: Telemetry, slots: u32, places: u32) -> Self {
        let guard = OverloadGuard::new(telemetry, Aimd::new().between(slots, slots), places);
        let tenant: By<u32> = |n| n % 2;
        let priority: By<Priority> = |_| Priority::Critical;
        let exempt: By<bool> = |n| *n == u32::MAX;
        let queued = guard.by_tenant(tenant, priority, exempt);
        Self { guard, queued }
    }
}

impl Subject for Guarded {
    const LAYER: &'static str = "QueuedLayer";
    const EXTRA: usize = 256;

    fn roomy(telemetry: Telemetry) -> Self {
        Self::of(telemetry, PLENTY, 8)
    }

    fn narrow(telemetry: Telemetry) -> Option<Self> {
        Some(Self::of(telemetry, 1, 0))
    }

    fn layer(&self) -> impl Layer<Probe, Service: Served> + Clone + use<> {
        lifted(self.queued.layer())
    }

    fn held(&self) -> u64 {
        u64::from(self.guard.limit().in_flight()) + self.queued.waiting() as u64
    }
}

/// A shedder of what is not ready.
#[derive(Clone)]
pub(crate) struct Shedding(Shed);

impl Subject for Shedding {
    const LAYER: &'static str = "ShedLayer";
    const SHEDS: bool = true;

    fn roomy(telemetry: Telemetry) -> Self {
        Self(Shed::new(telemetry))
    }

    fn layer(&self) -> impl Layer<Probe, Service: Served> + Clone + use<> {
        lifted(self.0.layer())
    }
}
