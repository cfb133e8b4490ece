//! The whole stack as one value, in the one right order.
//!
//! ```text
//! fallback ► cache ► deadline ► retry(+budget) ► hedge ► breaker ► rate limit ► concurrency ► attempt timeout ► service
//!                                    ▲                      │           │            │              │
//!                                    └───── attempts ───────┴─ a refusal from here ends the call ───┘ a timeout is
//!                                                                                       evidence for those left of it
//! ```
//!
//! # Examples
//!
//! Direct use, around any call:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), seawall::Error<std::io::Error>> {
//! use seawall::circuit_breaker::Trip;
//! use seawall::rate_limit::Quota;
//! use seawall::retry::{Plan, Retry};
//! use seawall::{CircuitBreaker, ConcurrencyLimit, Policy, RateLimiter};
//! use std::time::Duration;
//!
//! let policy = Policy::new("payments")
//!     .retry(Retry::new("payments", Plan::new()))
//!     .breaker(CircuitBreaker::new("payments", Trip::run_of(5)))
//!     .rate_limit(RateLimiter::new("payments", Quota::per_second(100)))
//!     .concurrency(ConcurrencyLimit::new("payments", 32))
//!     .attempt_timeout(Duration::from_millis(800));
//!
//! let answer = policy.run(|| async { Ok::<_, std::io::Error>("paid") }).await?;
//! assert_eq!(answer, "paid");
//! # Ok(())
//! # }
//! ```
//!
//! As a layer around any tower service; the error is lifted by itself:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use seawall::retry::{Plan, Retry};
//! use seawall::{ConcurrencyLimit, Policy};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! let policy = Policy::new("db").retry(Retry::new("db", Plan::new())).concurrency(ConcurrencyLimit::new("db", 8));
//! let service = ServiceBuilder::new()
//!     .layer(policy)
//!     .service(service_fn(|n: u32| async move { Ok::<_, std::io::Error>(n + 1) }));
//! assert_eq!(service.oneshot(1).await.unwrap(), 2);
//! # }
//! ```
//!
//! # Defaults
//!
//! Every slot is empty: a new policy does nothing, and what does nothing costs nothing. [`Policy::client`] and
//! [`Policy::server`] fill them with numbers, and say why those.
//!
//! Each slot can be switched off by a value, so that a configuration changes no type: `None` for a gate and for the
//! attempt timeout, [`Retry::off`](crate::Retry::off), [`Hedge::off`](crate::hedge::Hedge::off),
//! [`Deadlines::off`](crate::deadline::Deadlines::off), [`Fallback::off`](crate::Fallback::off).
//!
//! # What counts
//!
//! One classifier judges for all slots; see [`Class`](crate::Class). Each attempt asks the gates and is counted by them; a refusal is
//! counted by nobody.
//!
//! # Events
//!
//! Those of its slots, by their own names, and [`TimedOut`](crate::telemetry::What::TimedOut) by the policy's.
//!
//! # Order
//!
//! The one above, whatever order the slots are filled in. The fallback sees every refusal; the deadline bounds all attempts and waits
//! together; one attempt of the retry is one hedged call. Retry and hedge are outside the gates, so each attempt asks; the breaker stands
//! before the limits, so an open circuit spends no quota; the attempt timeout is innermost, so a slow answer is evidence.
//!
//! # Memory
//!
//! One `Arc` for retry, gates and timeout, one clone of it per call in flight, and they are one flat future. Hedge, deadline and fallback
//! cost one more each, and a future around it, where they are filled.
//!
//! # Cancel safety
//!
//! A call dropped at any point gives back its slots and a budget token that was not used.
//!
//! # Not for
//!
//! Another order, or two of one kind: stack the layers of the primitives yourself. They are the same decisions.

mod around;
mod future;
mod handle;
mod presets;
mod repeat;
mod service;
mod shared;

pub use self::around::{Around, Between, Judged, Stack};
pub use self::future::ResponseFuture;
pub use self::handle::{Pointer, Policy, Slots, Static};
pub use self::presets::{Client, Server};
pub use self::repeat::{Once, Repeat};
pub use self::service::{Calls, LiftedPolicy, PolicyService};
pub use self::shared::{Inside, Outside, Parts, PerRequest, Shared, Unlimited};
