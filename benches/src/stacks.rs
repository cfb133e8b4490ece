//! Five policies over a bare service: timeout, concurrency, rate, breaker, retry.

use crate::layers::{MINUTE, PLENTY, SLOTS, Twice};
use crate::{Bare, Never, Visit, serve, unexpected};
use seawall::circuit_breaker::{Config, Trip, Window};
use seawall::gate::{Classified, Gated};
use seawall::rate_limit::Quota;
use seawall::retry::Plan;
use seawall::{
    ByResult, CircuitBreaker, ConcurrencyLimit, Gate, Lift, Policy, RateLimiter, Ratio, Retry, Timeout,
};
use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::LazyLock;
use tower::{Layer, Service, ServiceBuilder};
use tower_resilience::bulkhead::BulkheadLayer;
use tower_resilience::circuitbreaker::CircuitBreakerLayer;
use tower_resilience::ratelimiter::RateLimiterLayer;
use tower_resilience::retry::RetryLayer;
use tower_resilience::timelimiter::TimeLimiterLayer;

const GROUP: &str = "five-policy stack";

type Gates = (CircuitBreaker, RateLimiter, ConcurrencyLimit);

fn gates() -> Gates {
    (
        CircuitBreaker::new("db", Config::default()),
        RateLimiter::new("api", Quota::per_second(PLENTY)),
        ConcurrencyLimit::new("db", SLOTS),
    )
}

static GATES: LazyLock<Classified<Gates, ByResult>> = LazyLock::new(|| gates().classify(ByResult));

/// All five slots filled.
macro_rules! policy {
    ($breaker:expr, $limiter:expr, $limit:expr) => {
        Policy::new("db")
            .retry(Retry::new("db", Plan::new()))
            .breaker($breaker)
            .rate_limit($limiter)
            .concurrency($limit)
            .attempt_timeout(MINUTE)
    };
}

type Stack = Policy<CircuitBreaker, RateLimiter, ConcurrencyLimit, ByResult, Retry>;

static POLICY: LazyLock<Stack> = LazyLock::new(|| {
    let (breaker, limiter, limit) = gates();
    policy!(breaker, limiter, limit)
});

pub(crate) fn rows(visit: &mut impl Visit) {
    let (breaker, limiter, limit) = gates();
    let policy = policy!(breaker, limiter, limit);
    visit.row(GROUP, "seawall Policy", || serve(policy.layer(Bare)));
    visit.row(GROUP, "seawall Policy, run(..)", || {
        || {
            let answer = crate::ended(policy.run(|| std::future::ready(Ok::<_, Never>(black_box(7_u64)))));
            let Ok(answer) = answer else { unexpected("an error") };
            black_box(answer);
        }
    });
    let (_, limiter, limit) = gates();
    let breaker = CircuitBreaker::new("db", Trip::ratio(Ratio::percent(50)).over(Window::calls(100)));
    let policy = policy!(breaker, limiter, limit);
    visit.row(GROUP, "seawall Policy, breaker over the last 100 calls", || serve(policy.layer(Bare)));
    visit.row(GROUP, "seawall Policy, 'static", || serve(POLICY.fixed(Bare)));

    let retry = Retry::new("db", Plan::new()).layer();
    let timeout = Timeout::new("db", MINUTE).layer();

    let fused = gates().layer();
    visit.row(GROUP, "seawall, gates fused", || {
        serve(retry.layer(fused.layer(timeout.layer(Lift::new(Bare)))))
    });
    visit.row(GROUP, "seawall, 'static gates", || {
        serve(retry.layer(Gated::new(timeout.layer(Lift::new(Bare)), &*GATES)))
    });
    let (breaker, limiter, limit) = gates();
    let (breaker, limiter, limit) = (breaker.layer(), limiter.layer(), limit.layer());
    visit.row(GROUP, "seawall, five layers", || {
        serve(retry.layer(breaker.layer(limiter.layer(limit.layer(timeout.layer(Lift::new(Bare)))))))
    });

    let tower = ServiceBuilder::new()
        .retry(Twice(2))
        .layer(tower::limit::GlobalConcurrencyLimitLayer::new(SLOTS as usize))
        .timeout(MINUTE)
        .service(Bare);
    // It has no breaker, and its rate limit cannot be shared.
    visit.row(GROUP, "tower: retry, concurrency, timeout", || serve(tower.clone()));

    let resilience = ServiceBuilder::new()
        .layer(RetryLayer::exponential_backoff().build())
        .layer(CircuitBreakerLayer::standard().build().unwrap())
        .layer(RateLimiterLayer::per_second(PLENTY as usize).build().unwrap())
        .layer(
            BulkheadLayer::builder().max_concurrent_calls(SLOTS as usize).reject_when_full().build().unwrap(),
        )
        .layer(TimeLimiterLayer::builder().timeout_duration(MINUTE).build())
        .service(Bare);
    visit.row(GROUP, "tower-resilience", || serve(resilience.clone()));

    let by_hand = ByHand::new();
    visit.row(GROUP, "by hand: governor, recloser, Semaphore, timeout", || {
        || {
            let answer = crate::ended(by_hand.call(black_box(7)));
            let Some(answer) = answer else { unexpected("no answer") };
            black_box(answer);
        }
    });
}

/// What a careful user writes today: the best crate for each policy, called in the right order, in one function.
struct ByHand {
    breaker: recloser::AsyncRecloser,
    limiter: governor::DefaultDirectRateLimiter,
    slots: tokio::sync::Semaphore,
}

impl ByHand {
    fn new() -> Self {
        Self {
            breaker: recloser::Recloser::custom().closed_len(100).build().into(),
            limiter: governor::RateLimiter::direct(governor::Quota::per_second(NonZeroU32::MAX)),
            slots: tokio::sync::Semaphore::new(SLOTS as usize),
        }
    }

    async fn call(&self, request: u64) -> Option<u64> {
        for _ in 0..3 {
            self.limiter.check().ok()?;
            let _slot = self.slots.try_acquire().ok()?;
            let attempt = async {
                match tokio::time::timeout(MINUTE, Bare.call(request)).await {
                    Ok(answer) => answer.map_err(Some),
                    Err(_) => Err(None::<Never>),
                }
            };
            match self.breaker.call(attempt).await {
                Ok(answer) => return Some(answer),
                Err(recloser::Error::Rejected) => return None,
                Err(recloser::Error::Inner(_)) => {}
            }
        }
        None
    }
}
