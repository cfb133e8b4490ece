//! One layer over a bare service, beside the layer of the same kind that people use.

use crate::{Bare, Visit, serve};
use seawall::circuit_breaker::Config;
use seawall::retry::Plan;
use seawall::{CircuitBreaker, ConcurrencyLimit, Lift, Retry, Timeout};
use std::time::Duration;
use tower::Layer;
use tower_resilience::bulkhead::BulkheadLayer;
use tower_resilience::circuitbreaker::CircuitBreakerLayer;
use tower_resilience::retry::RetryLayer;
use tower_resilience::timelimiter::TimeLimiterLayer;

pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const PLENTY: u32 = u32::MAX / 2;
pub(crate) const SLOTS: u32 = 1 << 16;

pub(crate) fn rows(visit: &mut impl Visit) {
    visit.row("service", "bare", || serve(Bare));
    visit.row("service", "seawall Lift", || serve(Lift::new(Bare)));

    let limit = ConcurrencyLimit::new("db", SLOTS).layer();
    visit.row("concurrency layer", "seawall", || serve(limit.layer(Lift::new(Bare))));
    let tower = tower::limit::GlobalConcurrencyLimitLayer::new(SLOTS as usize);
    visit.row("concurrency layer", "tower", || serve(tower.layer(Bare)));
    let resilience = BulkheadLayer::builder().max_concurrent_calls(SLOTS as usize).reject_when_full();
    let resilience = resilience.build().unwrap().layer(Bare);
    visit.row("concurrency layer", "tower-resilience", || serve(resilience.clone()));

    let breaker = CircuitBreaker::new("db", Config::default()).layer();
    visit.row("breaker layer", "seawall", || serve(breaker.layer(Lift::new(Bare))));
    let resilience = CircuitBreakerLayer::standard().build().unwrap().layer(Bare);
    visit.row("breaker layer", "tower-resilience", || serve(resilience.clone()));

    let timeout = Timeout::new("db", MINUTE).layer();
    visit.row("timeout layer", "seawall", || serve(timeout.layer(Lift::new(Bare))));
    let tower = tower::timeout::TimeoutLayer::new(MINUTE);
    visit.row("timeout layer", "tower", || serve(tower.layer(Bare)));
    let resilience = TimeLimiterLayer::builder().timeout_duration(MINUTE).build();
    visit.row("timeout layer", "tower-resilience", || serve(resilience.layer(Bare)));

    let retry = Retry::new("db", Plan::new()).layer();
    visit.row("retry layer", "seawall", || serve(retry.layer(Lift::new(Bare))));
    let tower = tower::retry::RetryLayer::new(Twice(2));
    visit.row("retry layer", "tower", || serve(tower.layer(Bare)));
    let resilience = RetryLayer::<u64, u64, crate::Never>::exponential_backoff().build();
    visit.row("retry layer", "tower-resilience", || serve(resilience.layer(Bare)));
}

/// tower's documentation's own policy: so many attempts.
#[derive(Clone, Copy)]
pub(crate) struct Twice(pub(crate) usize);

impl<Res, E> tower::retry::Policy<u64, Res, E> for Twice {
    type Future = std::future::Ready<()>;

    fn retry(&mut self, _: &mut u64, result: &mut Result<Res, E>) -> Option<Self::Future> {
        if result.is_ok() || self.0 == 0 {
            return None;
        }
        self.0 -= 1;
        Some(std::future::ready(()))
    }

    fn clone_request(&mut self, request: &u64) -> Option<u64> {
        Some(*request)
    }
}
