//! A whole request must be over by then: an absolute time, kept by everything inside.
//!
//! ```text
//!   request ──► over already? ──► Rejected, the peer untouched
//!          └──► call, with the deadline in force ──► every wait inside shortens itself, or is not begun
//!                                               └──► over: the call is dropped, then TimedOut
//! ```
//!
//! # Examples
//!
//! Direct use:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! use seawall::{Error, deadline::Deadlines, retry::{Plan, Retry}};
//! use std::time::Duration;
//!
//! let deadlines = Deadlines::within("api", Duration::from_secs(1));
//! let retry = Retry::new("db", Plan::new().attempts(1000));
//! let answer = deadlines.run_lifted(|| retry.run(|| async { Err::<(), _>("down") })).await;
//! assert_eq!(answer, Err(Error::Inner("down"))); // the last real result, within the second
//! # }
//! ```
//!
//! As a layer:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use seawall::{LiftLayer, deadline::{Deadline, Deadlines}};
//! use std::time::Duration;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! let service = ServiceBuilder::new()
//!     .layer(Deadlines::within("api", Duration::from_secs(1)).layer())
//!     .layer(LiftLayer)
//!     .service(service_fn(|()| async { Ok::<_, ()>(Deadline::current().is_some()) }));
//! assert_eq!(service.oneshot(()).await, Ok(true));
//! # }
//! ```
//!
//! # Defaults
//!
//! None: the time is an argument, for there is no sane default.
//!
//! # What counts
//!
//! The time from the call on. The earliest of all deadlines in force wins: an inner scope can only shorten. A
//! request whose deadline is over before its call is refused, with reason `Deadline`; one that was handed over
//! ends as [`TimedOut`](crate::TimedOut).
//!
//! # Events
//!
//! `Refused`, `TimedOut`.
//!
//! # Order
//!
//! Outside the retry, so that all attempts and all waits between them have it in common; a
//! [`timeout`](crate::timeout) for each attempt goes innermost.
//!
//! # Memory
//!
//! One allocation per handle, none per call.
//!
//! # Cancel safety
//!
//! Being dropped by the caller is not a timeout: nothing is counted. Nothing goes on after the answer.
//!
//! # Not for
//!
//! Work in a spawned task: the scope does not follow `spawn`, take [`Deadline::current`] along by hand.

#[cfg(feature = "cache")]
pub(crate) mod alone;
mod current;
mod future;
mod handle;
mod layer;
mod point;
mod scope;
mod service;

pub use self::future::ResponseFuture;
pub use self::handle::{Deadlines, Due, Terms, Within};
pub use self::layer::DeadlineLayer;
pub use self::point::Deadline;
pub use self::scope::Scope;
pub(crate) use self::scope::{in_force, is_over};
pub use self::service::DeadlineService;
