//! The whole stack as one value.

mod drivers;
mod histories;
mod order;
mod presets;
mod timeouts;
mod wrong_orders;

use seawall::rate_limit::Quota;
use seawall::retry::{Backoff, Plan, Retry};
use seawall::{ConcurrencyLimit, RateLimiter};

/// Three attempts without a wait between them.
fn at_once(attempts: u32) -> Retry {
    Retry::new("retry", Plan::new().attempts(attempts).backoff(Backoff::none()))
}

/// A bucket of `burst` that refills so slowly that it may be counted.
fn bucket(burst: u32) -> RateLimiter {
    RateLimiter::new("bucket", Quota::per_hour(1).burst(burst))
}

fn slots(limit: u32) -> ConcurrencyLimit {
    ConcurrencyLimit::new("slots", limit)
}
