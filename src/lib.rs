//! Resilience for Rust services: standalone primitives, and tower layers over the very same primitives.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod chance;
mod class;
mod clock;
mod error;
mod lazy;
mod lift;
mod name;
mod ratio;
mod stats;
mod stripe;
mod sync;
mod time;

pub mod balance;
pub mod circuit_breaker;
pub mod concurrency;
pub mod deadline;
pub mod gate;
#[cfg(feature = "http")]
pub mod http;
pub mod rate_limit;
pub mod retry;
pub mod telemetry;
pub mod timeout;

pub use crate::chance::Chance;
pub use crate::circuit_breaker::CircuitBreaker;
pub use crate::class::{ByResult, Class, Classify};
pub use crate::concurrency::ConcurrencyLimit;
pub use crate::error::{Error, Fault, Reason, Rejected, Seen, TimedOut};
pub use crate::gate::Gate;
pub use crate::lift::{Lift, LiftLayer, ResponseFuture as LiftFuture};
pub use crate::name::Name;
pub use crate::rate_limit::{KeyedRateLimiter, RateLimiter};
pub use crate::ratio::Ratio;
pub use crate::retry::{Retry, RetryBudget};
pub use crate::time::Instant;
pub use crate::timeout::Timeout;
