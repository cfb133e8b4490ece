//! What many processes share, kept in Redis or Valkey: limits, and a second tier of a cache.
//!
//! ```text
//!               ┌ still refused ──────────────────────────► no      no trip
//!   call ──► key┼ leased here ────────────────────────────► yes     no trip
//!               ├ store away: open, closed or a local share ► …     no trip
//!               └ timeout ► breaker ► one script in the store ► yes or no, by the store's clock
//! ```
//!
//! # Examples
//!
//! Direct use:
//!
//! ```no_run
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use seawall::rate_limit::Quota;
//! use seawall::redis::{Limits, SharedRateLimiter, Store, WhenAway};
//!
//! let store = Store::new("limits", redis::Client::open("redis://127.0.0.1/")?);
//! let limits = Limits::of(Quota::per_minute(60)).when_away(WhenAway::Local { nodes: 4 });
//! let limiter = SharedRateLimiter::new("per user", store, limits);
//! let grant = limiter.try_acquire("alice").await?;
//! println!("{:?}", grant.decision());
//! # Ok(())
//! # }
//! ```
//!
//! As a layer:
//!
//! ```no_run
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use seawall::LiftLayer;
//! use seawall::rate_limit::Quota;
//! use seawall::redis::{SharedRateLimiter, Store};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! let store = Store::new("limits", redis::Client::open("redis://127.0.0.1/")?);
//! let limiter = SharedRateLimiter::new("per user", store, Quota::per_minute(60));
//! let service = ServiceBuilder::new()
//!     .layer(limiter.layer(|request: &(u64, &str)| request.0.to_le_bytes()))
//!     .layer(LiftLayer)
//!     .service(service_fn(|(_, text)| async move { Ok::<_, std::io::Error>(text) }));
//! assert_eq!(service.oneshot((7, "hello")).await?, "hello");
//! # Ok(())
//! # }
//! ```
//!
//! # Defaults
//!
//! Those of the [`Store`], of the [`Limits`] and of [what is done while the store is away](WhenAway) stand on their pages.
//! The [guide](crate::guide::redis) says when to share a limit and when not, and what happens in each failure.
//!
//! # What counts
//!
//! An admission takes its permits, and how the call goes changes nothing. Refusals are free, and write nothing in the store.
//! What failed at the store counts in the circuit around it, see [`Store`].
//!
//! # Events
//!
//! `Refused`; to an observer also `Admitted` and `Released`. The store's circuit tells its transitions under the store's name.
//!
//! # Order
//!
//! Where a [rate limit](crate::rate_limit) stands: after the circuit breaker of the service, before the concurrency limit. Limits
//! with other keys, such as one for each user and one for all, are two limiters: the narrow one first.
//!
//! # Memory
//!
//! See [`SharedRateLimiter`].
//!
//! # Cancel safety
//!
//! A check that is dropped may or may not have taken its permits; a lost reply is never asked for again.
//!
//! # Not for
//!
//! A limit that protects this process, or one peer from it: a [limiter](crate::RateLimiter) within the process answers in
//! nanoseconds and has no failure modes. Divide the quota by the number of processes, unless their shares differ much.
//!
//! # Sources
//!
//! GCRA in a script: redis-cell and throttle. The weighted pair of windows: Cloudflare, 2017.

mod asking;
mod codec;
mod denied;
mod dial;
#[cfg(test)]
mod driven;
mod fences;
mod frame;
mod future;
mod grant;
mod handle;
mod layer;
mod leases;
mod limits;
mod line;
mod listen;
mod local;
mod notice;
mod operator;
mod pending;
mod plan;
mod questions;
mod remote;
mod reply;
mod script;
#[cfg(test)]
#[expect(dead_code, reason = "the tests here need no more of it than that it runs")]
#[path = "../../examples/tools/redis_server.rs"]
mod server;
mod service;
mod shelf;
mod store;
mod terms;
mod tier;
#[cfg(test)]
mod twin;
mod wait;

pub use self::codec::{Codec, Json};
pub use self::dial::Server;
pub use self::future::ResponseFuture;
pub use self::grant::Grant;
pub use self::handle::SharedRateLimiter;
pub use self::layer::SharedRateLimitLayer;
pub use self::limits::{Limits, WhenAway};
pub use self::service::SharedRateLimit;
pub use self::store::{Store, Unavailable};
pub use self::tier::RedisTier;
