//! A limit on calls in flight that finds itself.
//!
//! ```text
//!   admit ──► slot, and the time        settle(Success) ──► sample ┐
//!                                       settle(Overload) ─► drop   ├─► window: mean rtt, most in flight, drops
//!                                       anything else ────► slot   ┘      │ 100 ms and 10 outcomes
//!                                                                        └─► algorithm ──► limit
//! ```
//!
//! # Examples
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use seawall::LiftLayer;
//! use seawall::concurrency::{AdaptiveLimit, Gradient};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! let limit = AdaptiveLimit::new("search", Gradient::new());
//! let service = ServiceBuilder::new()
//!     .layer(limit.layer())
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
//! | algorithm | none: an argument | AIMD needs clear signs of overload, Vegas a stable peer, Gradient bears slow drift |
//! | window | 100 ms, 10 outcomes | means, not single lucky calls; ten cuts a second at most |
//!
//! # What counts
//!
//! | `Success` | `Overload`, a timeout too | `Neutral`, `Transient`, `Permanent`, abandoned, released |
//! |---|---|---|
//! | a sample | a drop: shrinks | not counted; the slot comes back |
//!
//! While less than half of the limit is in use, nothing grows: the callers set the pace then, not the peer.
//!
//! # Events
//!
//! `Refused`, `LimitChanged`, `Probing`; per call `Admitted`, `Settled`, `Released`, `Abandoned`.
//!
//! # Memory
//!
//! Eight parts of a window, each on cache lines of its own: 1 KiB, and the algorithm, at most 128 bytes.
//!
//! # Not for
//!
//! A peer whose limit you know: then a [`ConcurrencyLimit`](super::ConcurrencyLimit) is exact from the first
//! call. Nor calls of very different cost through one limit: their mean says nothing.

mod aimd;
mod algorithm;
mod control;
mod gradient;
mod handle;
mod moving;
mod probe;
mod vegas;
mod window;

pub use self::aimd::Aimd;
pub use self::algorithm::{Advice, Algorithm, Reading};
pub use self::gradient::Gradient;
pub use self::handle::{AdaptiveLimit, AdaptiveSnapshot, Flight};
pub use self::vegas::Vegas;
