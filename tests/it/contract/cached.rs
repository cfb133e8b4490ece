use super::{Served, Subject};
use crate::tools::{Failed, Probe};
use seawall::cache::{CacheAside, Lifetime, Memory};
use seawall::telemetry::Telemetry;
use tower::Layer;

/// What the suite asks twice it means twice, so nothing has a key: the way straight through. What is kept and joined
/// has tests of its own.
#[derive(Clone)]
pub(crate) struct Uncached(CacheAside<u32, u32, Failed>);

impl Subject for Uncached {
    const LAYER: &'static str = "CacheLayer";
    const EXTRA: usize = 512;

    fn roomy(telemetry: Telemetry) -> Self {
        Self(CacheAside::new(telemetry, Memory::lru(1), Lifetime::forever()))
    }

    fn layer(&self) -> impl Layer<Probe, Service: Served> + Clone + use<> {
        super::subjects::lifted(self.0.layer(|_: &u32| None))
    }
}
