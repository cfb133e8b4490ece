//! What has no answer worth having gets one after all: a value, a function of the outcome, or another service.
//!
//! ```text
//!   call ──► Success, Neutral ───────────────────────────────────────────────► the answer
//!       └──► Transient, Permanent, Overload, TimedOut, Rejected ──► fallback ──► its answer
//! ```
//!
//! # Examples
//!
//! Direct use:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use seawall::Fallback;
//!
//! let fallback = Fallback::value("prices", Vec::<u32>::new);
//! let prices = fallback.run(|| async { Err::<Vec<u32>, _>("down") }).await;
//! assert_eq!(prices, Ok(vec![]));
//! # }
//! ```
//!
//! As a layer, to another service:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use seawall::{Fallback, Lift, LiftLayer};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! let replica = Lift::new(service_fn(|key: u32| async move { Ok::<_, &str>(key) }));
//! let service = ServiceBuilder::new()
//!     .layer(Fallback::service("replica", replica).layer())
//!     .layer(LiftLayer)
//!     .service(service_fn(|_: u32| async { Err::<u32, _>("down") }));
//! assert_eq!(service.oneshot(7).await, Ok(7));
//! # }
//! ```
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | on | what [lacks](Why::is_lacking) an answer | a caller wants an answer, whatever the reason that there is none |
//!
//! # What counts
//!
//! `Transient`, `Permanent`, `Overload`, a timeout **and every refusal** are replaced; `Success` and `Neutral`
//! pass. The fallback's own result is the answer and is not replaced again; only its refusal never replaces a
//! real result. An error of the inner service's readiness passes.
//!
//! # Events
//!
//! `FellBack`.
//!
//! # Order
//!
//! Outermost: it sees the refusals of everything inside.
//!
//! # Memory
//!
//! One allocation per handle. A call keeps a copy of its request only for another service.
//!
//! # Cancel safety
//!
//! Dropped at any point, whichever call is under way is dropped.
//!
//! # Not for
//!
//! Hiding errors that somebody should see: count `FellBack`. Stale answers: that is a cache.

mod future;
mod handle;
mod instead;
mod layer;
mod over;
mod service;
mod why;

pub use self::future::ResponseFuture;
pub use self::handle::{Fallback, Terms};
pub use self::instead::{Instead, Of, Over, Turn, Value};
pub use self::layer::FallbackLayer;
pub use self::over::Standing;
pub use self::service::FallbackService;
pub use self::why::Why;
