//! A balancer under the contract: it has no layer, so it makes itself one.

use super::{Served, Subject};
use crate::tools::Probe;
use seawall::Lift;
use seawall::balance::{Endpoint, PeakEwma, Pool};
use seawall::telemetry::Telemetry;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tower::Layer;
use tower::layer::layer_fn;

const PLENTY: u32 = 1 << 20;

/// A balancer over one endpoint: the probe, whichever was last.
#[derive(Clone)]
pub(crate) struct Balanced {
    pool: Pool<Lift<Probe>>,
    first: Probe,
    limit: u32,
}

impl Balanced {
    fn new(telemetry: Telemetry, limit: u32) -> Self {
        Self { pool: Pool::new(telemetry, PeakEwma::new()), first: Probe::new(), limit }
    }
}

impl Subject for Balanced {
    const LAYER: &'static str = "Balance";
    const EXTRA: usize = 256;

    fn roomy(telemetry: Telemetry) -> Self {
        Self::new(telemetry, PLENTY)
    }

    fn narrow(telemetry: Telemetry) -> Option<Self> {
        Some(Self::new(telemetry, 1))
    }

    fn shut(telemetry: Telemetry) -> Option<Self> {
        Some(Self::new(telemetry, 0))
    }

    fn layer(&self) -> impl Layer<Probe, Service: Served> + Clone + use<> {
        let Self { pool, first, limit } = self.clone();
        let keep = first.clone();
        let over = move |probe| {
            // Kept, so that to drop it is not counted where allocations are.
            let _ = &keep;
            let endpoint = Endpoint::new("probe", Lift::new(probe)).limit(limit);
            // An observer may panic at the news; the endpoint is there all the same.
            let _ = catch_unwind(AssertUnwindSafe(|| pool.insert(endpoint)));
            pool.balance()
        };
        drop(over(first));
        layer_fn(over)
    }

    fn held(&self) -> u64 {
        self.pool.in_flight()
    }
}
