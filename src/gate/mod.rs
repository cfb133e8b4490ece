//! Yes or no before a call, and how it went after: the contract that every limit, breaker and shedder keeps.
//!
//! ```text
//!             admit(request, now)                    settle(class, now)   it went so
//!   caller ──────────────────────► gate ──► Permit ─ release()            never handed over
//!                   │                                drop                 abandoned
//!                   └─► Rejected: who, why, when to come back
//! ```
//!
//! A gate decides; a [`Permit`] is the one guard of the family; [`Gated`] is the one tower adaptor. A tuple of
//! gates is a gate: it reads the clock at most once on the way in and once on the way out, and a later
//! gate's refusal gives back what the earlier ones took.
//!
//! # Examples
//!
//! Direct use, two gates as one:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), seawall::Error<std::io::Error>> {
//! use seawall::{ConcurrencyLimit, Gate, RateLimiter, rate_limit::Quota};
//!
//! let gates = (RateLimiter::new("api", Quota::per_second(100)), ConcurrencyLimit::new("db", 16));
//! let answer = gates.run(|| async { Ok::<_, std::io::Error>("answer") }).await?;
//! assert_eq!(answer, "answer");
//! # Ok(())
//! # }
//! ```
//!
//! As a layer:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use seawall::{ConcurrencyLimit, Gate, LiftLayer, RateLimiter, rate_limit::Quota};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! let gates = (RateLimiter::new("api", Quota::per_second(100)), ConcurrencyLimit::new("db", 16));
//! let service = ServiceBuilder::new()
//!     .layer(gates.layer())
//!     .layer(LiftLayer)
//!     .service(service_fn(|n: u32| async move { Ok::<_, std::io::Error>(n * 2) }));
//! assert_eq!(service.oneshot(21).await.unwrap(), 42);
//! # }
//! ```
//!
//! # Cancel safety
//!
//! A future dropped at any poll, and a panic in your code, abandon the permit: slots come back.

mod classified;
mod compose;
mod contract;
mod exempting;
mod fair;
mod future;
mod keyed;
mod layer;
mod line;
mod now;
mod permit;
pub(crate) mod places;
mod queued;
mod rota;
mod run;
mod service;
mod through;
mod verbs;

pub use self::classified::{ByRef, Classified};
pub use self::contract::{Admit, Blocked, Gate};
pub use self::exempting::Exempting;
pub use self::fair::Fair;
pub use self::future::ResponseFuture;
pub(crate) use self::future::verdict;
pub use self::keyed::{By, Evict, Keyed, KeyedPass};
pub(crate) use self::keyed::{Shards, Spot};
pub use self::layer::GateLayer;
pub use self::line::Line;
pub use self::now::Now;
pub use self::permit::Permit;
pub use self::queued::{
    Acquire, Queued, QueuedLayer, QueuedService, ResponseFuture as QueuedFuture, RunQueued,
};
pub use self::run::Run;
pub use self::service::Gated;
pub(crate) use self::service::foreseen;
pub(crate) use self::through::through;
pub(crate) use self::verbs::verbs;
