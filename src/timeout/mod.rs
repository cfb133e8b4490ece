//! A call has so much time; then it is dropped, and [`TimedOut`](crate::TimedOut) is the answer.
//!
//! ```text
//!   first poll ──► answer there: that is it; no clock, no timer
//!        └──────► pending: the timer is armed ──► answer: that is it, even at the very instant
//!                                            └──► time up: the call is dropped, then TimedOut
//! ```
//!
//! # Examples
//!
//! Direct use:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! use seawall::{Error, Timeout};
//! use std::time::Duration;
//!
//! let timeout = Timeout::new("payments", Duration::from_secs(2));
//! let late = timeout.run(|| std::future::pending::<Result<(), ()>>()).await;
//! assert!(matches!(late, Err(Error::TimedOut(_))));
//! # }
//! ```
//!
//! As a layer:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use seawall::{LiftLayer, Timeout};
//! use std::time::Duration;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! let service = ServiceBuilder::new()
//!     .layer(Timeout::new("payments", Duration::from_secs(2)).layer())
//!     .layer(LiftLayer)
//!     .service(service_fn(|n: u32| async move { Ok::<_, std::io::Error>(n) }));
//! assert_eq!(service.oneshot(1).await.unwrap(), 1);
//! # }
//! ```
//!
//! # Defaults
//!
//! None: the time is an argument, for there is no sane default.
//!
//! # What counts
//!
//! The time from the first poll of the call to the head of the answer: queues, connects and retries inside it,
//! neither the readiness before it nor the body after it. The limit is the shorter of the time given and what is
//! left of the [`deadline`](crate::deadline) in force. To a classifier further out a timeout is
//! [`Classify::timed_out`](crate::Classify::timed_out), by default `Overload`.
//!
//! # Events
//!
//! `TimedOut`.
//!
//! # Order
//!
//! Innermost, around one attempt, so that it is evidence for breaker and limit: around a breaker it would be an
//! abandoned call, which opens nothing. For the whole request take a [`deadline`](crate::deadline).
//!
//! # Memory
//!
//! One allocation per handle, none per call.
//!
//! # Cancel safety
//!
//! Being dropped by the caller is not a timeout: nothing is counted. A panic inside goes through as a panic.
//! Nothing is spawned, and nothing goes on after the answer.
//!
//! # Not for
//!
//! Work that does not yield: a future that blocks its thread is not interrupted. Streams: give
//! [`per_request`](Timeout::per_request), which answers `None` for them.

mod future;
mod handle;
mod layer;
mod service;
mod watch;

pub use self::future::ResponseFuture;
pub(crate) use self::handle::NEVER;
pub use self::handle::{Every, Limits, Terms, Timeout};
pub use self::layer::TimeoutLayer;
pub use self::service::TimeoutService;
pub(crate) use self::watch::Watch;
pub use crate::lazy::{Lazy, LazyLifted};
