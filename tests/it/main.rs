//! One binary; a file per behaviour, a folder per family.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too, which clippy does not see here")]

mod balance;
mod cache;
mod circuit_breaker;
mod concurrency;
#[cfg(feature = "serde")]
mod config;
mod contract;
mod deadline;
mod discover;
mod fallback;
mod gate;
mod hash;
mod health;
mod hedge;
#[cfg(feature = "http")]
mod http;
mod keyed;
mod laws;
mod policy;
mod queued;
mod rate_limit;
mod redis;
mod retry;
mod telemetry;
mod throttle;
mod timeout;
mod tools;
#[cfg(feature = "cache")]
mod write_behind;
