//! Resilience for Rust services: **standalone primitives** that any code can call, and **tower layers** over the
//! very same primitives, for axum, tonic, hyper and reqwest.
//!
//! In the middle of an outage a service behind seawall stays fast, fair and honest; on a quiet day it costs
//! next to nothing: no allocation, at most two clock readings, no task of its own.
//!
//! # A first example
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use seawall::circuit_breaker::Trip;
//! use seawall::rate_limit::Quota;
//! use seawall::retry::{Plan, Retry};
//! use seawall::{CircuitBreaker, ConcurrencyLimit, Error, Policy, RateLimiter};
//! use std::time::Duration;
//!
//! let policy = Policy::new("payments")
//!     .retry(Retry::new("payments", Plan::new()))
//!     .breaker(CircuitBreaker::new("payments", Trip::run_of(5)))
//!     .rate_limit(RateLimiter::new("payments", Quota::per_second(100)))
//!     .concurrency(ConcurrencyLimit::new("payments", 32))
//!     .attempt_timeout(Duration::from_millis(800));
//!
//! match policy.run(|| async { Ok::<_, std::io::Error>(42) }).await {
//!     Ok(receipt) => assert_eq!(receipt, 42),
//!     Err(Error::Rejected(refusal)) => println!("never sent: {refusal}"),
//!     Err(Error::TimedOut(late)) => println!("sent, outcome unknown: {late}"),
//!     Err(Error::Inner(error)) => println!("sent, failed: {error}"),
//! }
//! # }
//! ```
//!
//! The same value is a layer: `ServiceBuilder::new().layer(policy).service(client)`.
//!
//! # The idea
//!
//! **Decide, share, adapt.** Every primitive is first a value that *decides*, given the time. Then a handle
//! that many tasks *share*. Then, perhaps, a layer that *adapts* it to tower.
//!
//! ```text
//!  adapts    Layer, Service, Future              names tower             decides nothing
//!  shares    CircuitBreaker, RateLimiter, …      Arc, atomics, clock     decides nothing
//!  decides   Circuit, TokenBucket, Plan, …       (state, input, now) →   no clock, lock, async, log, chance
//! ```
//!
//! | family | what it does | its members |
//! |---|---|---|
//! | [gates](gate) | say yes or no before a call, and hear how it went | [`rate_limit`], [`circuit_breaker`], [`concurrency`], [`throttle`]; [`Queued`](gate::Queued) waits for them, [`Keyed`](gate::Keyed) has one for each key |
//! | drivers | call zero, one or many times | [`retry`], [`hedge`], [`timeout`], [`deadline`], [`fallback`], `cache`, and `http::cache` by the rules of HTTP |
//! | pickers | choose one of many | [`balance`] with [`health`], [`outlier`] and [`discover`]; [`hash`] |
//! | spools | write later what need not be written now | `cache::WriteBehind` |
//! | stacks | all of it in the right order | [`policy`] |
//!
//! # What one result says
//!
//! A classifier tells the [`Class`] of each result, and every primitive reads the same table:
//!
//! | `Class` | breaker | retry | example |
//! |---|---|---|---|
//! | `Success` | success | done | 200 |
//! | `Neutral` | not counted | done | 404 |
//! | `Transient` | failure | again, after backoff | reset, 502 |
//! | `Permanent` | failure | done | 501 |
//! | `Overload(after)` | failure | again, not before `after` | 429, 503, a timeout |
//!
//! A refusal by one of our own is never evidence, and never hides an answer.
//!
//! # The order of a stack
//!
//! ```text
//! fallback ► cache ► deadline ► retry(+budget) ► hedge ► breaker ► rate limit ► concurrency ► attempt timeout ► balance ► service
//! ```
//!
//! [`Policy`] keeps it from the fallback to the attempt timeout, whatever order its slots are filled in;
//! [`Policy::client`] and [`Policy::server`] fill them with numbers.
//!
//! # Features
//!
//! None is on by default; each only adds a dependency and changes no behaviour.
//!
//! | feature | gives |
//! |---|---|
//! | `cache` | `cache`: one load per key, stale answers while the source is down, changes that are written later; over moka |
//! | `quick-cache` | a faster store for it |
//! | `http-cache` | `http::cache`: the shared cache of HTTP by its RFCs, for the edge of a gateway |
//! | `dns` | discovery by the name system |
//! | `http` | `http`: classifiers for HTTP and gRPC, refusals as answers, client keys, replay of idempotent requests |
//! | `metrics` | forwards events to the `metrics` facade |
//! | `net` | a health check that connects over TCP |
//! | `redis` | `redis`: limits and a cache tier that many processes share, over Redis or Valkey |
//! | `serde` | `config`: settings from files and elsewhere, as people write them |

#![cfg_attr(docsrs, feature(doc_cfg))]

mod chance;
mod class;
mod clock;
mod error;
mod human;
mod lazy;
mod lift;
mod name;
mod priority;
mod ratio;
mod stats;
mod stripe;
mod sync;
mod time;

pub mod balance;
#[cfg(feature = "cache")]
pub mod cache;
pub mod circuit_breaker;
pub mod concurrency;
#[cfg(feature = "serde")]
pub mod config;
pub mod deadline;
pub mod discover;
pub mod fallback;
pub mod gate;
#[cfg(any(doc, doctest))]
pub mod guide;
pub mod hash;
pub mod health;
pub mod hedge;
#[cfg(feature = "http")]
pub mod http;
pub mod outlier;
pub mod policy;
pub mod rate_limit;
#[cfg(feature = "redis")]
pub mod redis;
pub mod retry;
pub mod telemetry;
pub mod throttle;
pub mod timeout;

pub use crate::chance::Chance;
pub use crate::circuit_breaker::CircuitBreaker;
pub use crate::class::{ByResult, Class, Classify};
pub use crate::concurrency::ConcurrencyLimit;
pub use crate::error::{Error, Fault, Reason, Rejected, Seen, TimedOut};
pub use crate::fallback::Fallback;
pub use crate::gate::Gate;
pub use crate::lift::{Lift, LiftLayer, ResponseFuture as LiftFuture};
pub use crate::name::Name;
pub use crate::policy::Policy;
pub use crate::priority::{Prioritized, Priority};
pub use crate::rate_limit::{KeyedRateLimiter, RateLimiter};
pub use crate::ratio::Ratio;
pub use crate::retry::{Retry, RetryBudget};
pub use crate::throttle::Throttle;
pub use crate::time::Instant;
pub use crate::timeout::Timeout;
