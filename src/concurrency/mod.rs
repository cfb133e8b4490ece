//! At most so many calls at a time.
//!
//! ```text
//!             a slot is free            answered, failed, dropped
//!   caller ────────────────────► call ──────────────────────────► the slot comes back
//!      └──► full: LimitReached, at once
//! ```
//!
//! [`ConcurrencyLimit`] has a fixed number of slots; [`AdaptiveLimit`] finds the number itself. Both refuse; to
//! wait, put a [`Queued`](crate::gate::Queued) before them.
//!
//! # Examples
//!
//! Direct use:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), seawall::Error<std::io::Error>> {
//! use seawall::ConcurrencyLimit;
//!
//! let limit = ConcurrencyLimit::new("db", 16);
//! let answer = limit.run(|| async { Ok::<_, std::io::Error>("row") }).await?;
//! assert_eq!(answer, "row");
//! # Ok(())
//! # }
//! ```
//!
//! As a layer, with a queue before it:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use seawall::{ConcurrencyLimit, LiftLayer, gate::Queued};
//! use std::time::Duration;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! let queued = Queued::new("db", ConcurrencyLimit::new("db", 16), 32, Duration::from_millis(100));
//! let service = ServiceBuilder::new()
//!     .layer(queued.layer())
//!     .layer(LiftLayer)
//!     .service(service_fn(|n: u32| async move { Ok::<_, ()>(n) }));
//! assert_eq!(service.oneshot(1).await, Ok(1));
//! # }
//! ```
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | limit | none: an argument | rate × time of a call (Little's law), from your own numbers |
//! | queue | none | a hidden queue is hidden latency |
//! | algorithm | none: an argument | see [`AdaptiveLimit::new`] |
//!
//! # What counts
//!
//! For a fixed limit nothing but being in flight. For an adaptive one: `Success` is a sample, `Overload` a drop,
//! all else gives its slot back and says nothing.
//!
//! # Events
//!
//! `Refused` and `LimitChanged`; per call `Admitted`, `Settled`, `Released`, `Abandoned`; adaptive limits `Probing`.
//!
//! # Order
//!
//! Inside retries, breakers and rate limits, around the attempt's timeout: what is refused here has cost nothing, and a
//! slot is held only while a call runs.
//!
//! # Memory
//!
//! A fixed limit: 384 bytes, most of them the padding that keeps its one hot word away from everything else, and 48 for its
//! line. A call holds 4 bytes. Only a caller who waits allocates.
//!
//! # Cancel safety
//!
//! However a call ends, dropped and panicked included, its slots come back exactly once.
//!
//! # Not for
//!
//! Limiting a rate: sixteen calls at a time may be a hundred or a hundred thousand a second. See
//! [`rate_limit`](crate::rate_limit).

mod adaptive;
mod by_priority;
mod guard;
mod handle;
mod limit;
#[cfg(all(test, any(seawall_loom, seawall_shuttle)))]
mod models;
mod share;
mod shares;
mod shed;
mod slots;
mod weighing;

pub use self::adaptive::{
    AdaptiveLimit, AdaptiveSnapshot, Advice, Aimd, Algorithm, Flight, Gradient, Reading, Vegas,
};
pub use self::by_priority::ByPriority;
pub use self::guard::OverloadGuard;
pub use self::handle::{ConcurrencyLimit, Held};
pub use self::limit::Limit;
pub use self::shares::Shares;
pub use self::shed::{ResponseFuture, Shed, ShedLayer, Shedding};
pub use self::weighing::Weighing;
