//! A failed call is made again: after a backoff, within a budget, and never after a refusal.
//!
//! ```text
//!             ┌─────────────────────────── wait ◄── token ◄── in time? ◄── a copy? ◄── attempts left?
//!             ▼                                                                              ▲
//!   request ──► ready ──► call ──► Transient, Overload ──────────────────────────────────────┘
//!                              ├─► Success, Neutral, Permanent: the answer
//!                              └─► Rejected further in: the last real result, or the refusal
//! ```
//!
//! # Examples
//!
//! Direct use:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! use seawall::retry::{Plan, Retry};
//!
//! let retry = Retry::new("payments", Plan::new());
//! let mut calls = 0;
//! let answer = retry
//!     .run(|| {
//!         calls += 1;
//!         let answer = if calls < 3 { Err("reset") } else { Ok("paid") };
//!         async move { answer }
//!     })
//!     .await;
//! assert_eq!(answer, Ok("paid"));
//! # }
//! ```
//!
//! As a layer:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use seawall::{LiftLayer, retry::{Plan, Retry}};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! let service = ServiceBuilder::new()
//!     .layer(Retry::new("payments", Plan::new()).layer())
//!     .layer(LiftLayer)
//!     .service(service_fn(|n: u32| async move { Ok::<_, std::io::Error>(n * 2) }));
//! assert_eq!(service.oneshot(21).await.unwrap(), 42);
//! # }
//! ```
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | attempts | 3 | the third try helps, the tenth is load |
//! | backoff | exponential 50 ms, × 2, cap 10 s, full jitter | AWS's measured best; the cap bounds a caller's patience |
//! | [`After`] | `up_to(30 s)` | to come earlier than asked is to be refused again |
//! | within | none | a deadline is the better tool |
//! | budget | 20 % of the requests, 10 a second, at most 100 kept; one per handle | a total outage costs the peer 1.2 times the load, not 3 times |
//!
//! # What counts
//!
//! | an attempt ends as | then |
//! |---|---|
//! | `Success`, `Neutral`, `Permanent` | it is the answer |
//! | `Transient` | again, after the backoff |
//! | `Overload(after)` | again, not before `after`; beyond the plan's patience, not at all |
//! | a refusal from further in | never again: the last real result is the answer; if there is none, the refusal |
//! | an error of the inner service's readiness | never again: the last real result, else this error |
//!
//! The retrying ends, with the last real result as it came, when the first of these says no: the number of
//! attempts, the [`Replay`], the patience, the time, the budget. There is no "exhausted" error.
//!
//! # Events
//!
//! `Retried`, `NotReplayable`, `BudgetExhausted`, `GaveUp`.
//!
//! # Order
//!
//! Outside the gates, so that each attempt asks and is counted and a refusal ends the retrying; inside the
//! deadline, to which every wait shortens itself. Nested retries multiply, 3 around 3 are 9 attempts: retry at
//! one place, or let both draw on one [`RetryBudget`].
//!
//! # Memory
//!
//! A handle is one allocation and a budget of 2 KiB. A call allocates nothing; while another attempt is
//! possible it keeps a copy of the request, and while one is on its way the last result.
//!
//! # Cancel safety
//!
//! Dropped at any point nothing is lost: the token of an attempt that was not made goes back. While it waits,
//! a call holds nothing of the inner service.
//!
//! # Not for
//!
//! Calls that must not happen twice: give a [`Replay`] that says so. A peer that is down for minutes: put a
//! [`circuit_breaker`](crate::circuit_breaker) inside. A slow peer: a timeout inside, or a hedge.

mod backoff;
mod budget;
mod course;
mod future;
mod handle;
mod layer;
#[cfg(all(test, any(seawall_loom, seawall_shuttle)))]
mod models;
mod plan;
mod replay;
mod run;
mod service;
mod spare;
mod tokens;
mod waits;

pub use self::backoff::{Backoff, Jitter};
pub use self::budget::{RetryBudget, Token};
pub(crate) use self::course::{Ended, Step};
pub use self::future::ResponseFuture;
pub use self::handle::{Retry, Terms};
pub use self::layer::RetryLayer;
pub use self::plan::{After, Attempts, Next, Plan, Stop};
pub(crate) use self::replay::may_follow;
pub use self::replay::{Attempt, Cause, Cloned, Replay};
pub use self::run::{Calls, Run};
pub use self::service::RetryService;
pub use self::spare::Spare;
pub use self::tokens::Budget;
