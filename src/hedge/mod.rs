//! A call that takes too long gets company: a further attempt beside it, and the first acceptable answer wins.
//!
//! ```text
//!   first attempt  ──────────────────────────────────── (straggles) ──► dropped
//!                  │ delay │
//!   second attempt         └──────► acceptable ──► the answer
//! ```
//!
//! The idea and the cost of it are Dean and Barroso's (*The Tail at Scale*): a hedge after the 95th percentile
//! costs 5 % more load and takes most of the tail away.
//!
//! # Examples
//!
//! Direct use:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! use seawall::hedge::{Always, Delay, Hedge};
//! use std::sync::atomic::{AtomicU32, Ordering};
//! use std::time::Duration;
//!
//! let hedge = Hedge::new("search", Delay::fixed(Duration::from_millis(20)), Always);
//! let calls = AtomicU32::new(0);
//! let answer = hedge
//!     .run(|| async {
//!         if calls.fetch_add(1, Ordering::Relaxed) == 0 {
//!             std::future::pending::<()>().await;
//!         }
//!         Ok::<_, ()>("found")
//!     })
//!     .await;
//! assert_eq!(answer, Ok("found"));
//! # }
//! ```
//!
//! As a layer:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use seawall::LiftLayer;
//! use seawall::hedge::{Delay, Hedge};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! let reads = |request: &String| request.starts_with("GET ");
//! let service = ServiceBuilder::new()
//!     .layer(Hedge::new("search", Delay::default(), reads).layer())
//!     .layer(LiftLayer)
//!     .service(service_fn(|request: String| async move { Ok::<_, ()>(request.len()) }));
//! assert_eq!(service.oneshot("GET /".to_owned()).await, Ok(5));
//! # }
//! ```
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | delay | an argument; [`Delay::default`] is the live 95th percentile, 100 samples, between 1 ms and 1 s | 5 % more load for the tail; never on guesswork |
//! | further attempts | 1 | the second helps, the third is load |
//! | budget | 10 % of the requests, 1 a second, at most 10 kept; one per handle | when everything is slow, hedges are the last thing needed |
//! | eligible | none: an argument | only you know what may happen twice |
//!
//! # What counts
//!
//! | an attempt ends as | then |
//! |---|---|
//! | `Success`, `Neutral`, `Permanent` | it is the answer; the others are dropped before it is handed on |
//! | `Transient` | the next attempt starts at once; the others go on |
//! | `Overload` | no further attempt; the others go on |
//! | a refusal from further in | no further attempt; the others go on |
//!
//! If all have ended and none can start: the last real result; if there is none, the first refusal. No further
//! attempt starts without a token, without a copy of the request, or at the deadline.
//!
//! # Events
//!
//! `Hedged`, `BudgetExhausted`.
//!
//! # Order
//!
//! Inside the retry, of which one attempt is one hedged call, and outside the gates, so that each attempt asks
//! and is counted. Below a retry with the same budget, give [`RetryBudget::withdraw_only`](crate::RetryBudget::withdraw_only).
//!
//! # Memory
//!
//! One allocation per handle, of 4 KiB with a live delay, and a budget of 2 KiB. A call allocates nothing until
//! it is hedged, then one box for each further attempt; it keeps one copy of the request while one is possible.
//!
//! # Cancel safety
//!
//! Dropped at any point, all attempts are dropped, and their permits end as abandoned. Nothing is spawned.
//!
//! # Not for
//!
//! Calls that fail: that is a [`retry`](crate::retry). A peer that is slow because it is overloaded: the budget
//! bounds the harm, a [`circuit_breaker`](crate::circuit_breaker) by slow calls ends it.

mod delay;
mod further;
mod future;
mod handle;
mod layer;
mod race;
mod run;
mod service;
mod sketch;

pub use self::delay::Delay;
pub use self::future::ResponseFuture;
pub use self::handle::{Always, Eligible, Hedge, Terms};
pub use self::layer::HedgeLayer;
pub use self::run::Run;
pub use self::service::HedgeService;
