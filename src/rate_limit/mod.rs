//! At most so many calls in a span of time; one too many is refused at once, with the time to come back.
//!
//! ```text
//!                    now, cost                     ┌ Admitted   remaining, reset after
//!   call ──► limiter ─────────► algorithm(state) ──┤ Limited    retry after: exactly then, not a nanosecond sooner
//!                │                                 └ TooLarge   never: it costs more than fits
//!                └ one word (or a lock), one reading of the clock
//! ```
//!
//! # Examples
//!
//! Direct use:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), seawall::Error<std::io::Error>> {
//! use seawall::{RateLimiter, rate_limit::Quota};
//!
//! let limiter = RateLimiter::new("api", Quota::per_second(100).burst(20));
//! let answer = limiter.run(|| async { Ok::<_, std::io::Error>("answer") }).await?;
//! assert_eq!(answer, "answer");
//! # Ok(())
//! # }
//! ```
//!
//! As a layer; each user has a quota of his own:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use seawall::{Gate, LiftLayer, rate_limit::{KeyedRateLimiter, Quota}};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! let per_user = KeyedRateLimiter::new("per user", Quota::per_minute(60), 100_000);
//! let service = ServiceBuilder::new()
//!     .layer(per_user.by(|request: &(u64, &str)| request.0).layer())
//!     .layer(LiftLayer)
//!     .service(service_fn(|(_, text)| async move { Ok::<_, std::io::Error>(text) }));
//! assert_eq!(service.oneshot((7, "hello")).await.unwrap(), "hello");
//! # }
//! ```
//!
//! Several limits at once, all or nothing:
//!
//! ```
//! use seawall::RateLimiter;
//! use seawall::rate_limit::{Quota, TokenBucket};
//!
//! let limiter = RateLimiter::with("api", [Quota::per_second(10), Quota::per_minute(100)].map(TokenBucket::new));
//! assert!(limiter.check().is_ok());
//! ```
//!
//! # Which one
//!
//! | | admits | state | take it for |
//! |---|---|---|---|
//! | [`TokenBucket`] | a steady rate, and a burst after idleness | one word | nearly everything |
//! | [`LeakyBucket`] | the same; as a shaper, calls evenly spaced | one word | a peer that cannot bear bursts |
//! | [`SlidingWindowCounter`] | about so many in any window | three numbers | "so many a minute" without a boundary |
//! | [`SlidingWindowLog`] | exactly so many in any window | 16 bytes a permit | small limits that must be exact |
//! | [`FixedWindow`] | so many from boundary to boundary, twice that around one | two numbers | quotas told to people: "a thousand a day" |
//!
//! A [`Booking`] gives out permits ahead of time and takes them back; a [`Heeding`] limit on the client's side heeds what the
//! server says of its own. A limiter that many threads use at once costs less as a [`LeasedRateLimiter`]; one with a limit for each key is a
//! [`KeyedRateLimiter`].
//!
//! # Defaults
//!
//! | what | default | why |
//! |---|---|---|
//! | rate | none: an argument | nobody but you knows it |
//! | [burst](Quota::burst) | the permits of one period | who was idle for a period may use what it allows |
//! | a new limiter | full | a restart should not refuse; [`holding(0)`](RateLimiter::holding) if it starts often |
//! | [a change of quota](Carry) | what is left stays | no reset and no gift |
//! | [no room for a key](WhenFull) | newcomers share one bucket | a flood of new keys shuts nobody out altogether |
//!
//! # What counts
//!
//! An admission takes its permits, and how the call goes changes nothing. A permit
//! [released](crate::gate::Permit::release), because a gate or a service further in refused, gives them back; one that is dropped does
//! not. Refusals are free.
//!
//! # Events
//!
//! `Refused` and `QuotaChanged`; to an observer also `Admitted`, `Settled`, `Released` and `Abandoned`.
//!
//! # Order
//!
//! After the circuit breaker, so that an open circuit spends no quota, and before the concurrency limit. A limit per key stands
//! before the one that all share: who is over his own costs the others nothing. To wait instead of being refused, put a
//! [`Queued`](crate::gate::Queued) over it.
//!
//! # Memory
//!
//! A few hundred bytes for a limiter; 16 bytes for each of a keyed limiter's `max_keys`, from the start and for good. A
//! decision allocates nothing.
//!
//! # Cancel safety
//!
//! A call that is dropped has spent its permits, unless it was never handed over.
//!
//! # Not for
//!
//! Holding down how many calls run at a time: a slow peer fills up at any rate, and [`ConcurrencyLimit`](crate::ConcurrencyLimit)
//! is what it needs. Sharing a limit between processes: each has its own, so divide the quota by their number, or keep it in a store
//! that they share (`redis::SharedRateLimiter`, feature `redis`).
//!
//! # Sources
//!
//! The generic cell rate algorithm: ITU-T I.371 (1996). The log and the counter: "How we built rate limiting capable of scaling to
//! millions of domains" (Cloudflare, 2017).

mod algorithm;
mod ask;
mod booking;
mod by_cost;
mod by_key;
mod config;
mod decision;
mod fingerprint;
mod fixed_window;
mod handle;
mod heed;
mod heeding;
mod keyed;
mod leaky_bucket;
mod leased;
mod leases;
mod line;
#[cfg(all(test, seawall_loom))]
mod models;
mod pace;
mod parse;
mod quota;
#[cfg(feature = "http")]
mod quoted;
pub mod remote;
mod reservation;
mod share;
mod sliding_window_counter;
mod sliding_window_log;
mod table;
#[cfg(test)]
mod testing;
mod together;
mod token_bucket;
#[cfg(test)]
mod twin;
mod word;

pub use self::algorithm::{Algorithm, Carry};
pub use self::booking::{Booked, Booking, Slot};
pub use self::by_cost::ByCost;
pub use self::by_key::{ByKey, Common, Cost, Keys, Lent, One, Quotas};
pub use self::decision::{Decision, Verdict};
pub use self::fixed_window::{FixedWindow, Used};
pub use self::handle::{RateLimiter, Taken};
pub use self::heeding::{Heard, Heeding};
pub use self::keyed::{KeyedRateLimiter, TakenByKey, WhenFull};
pub use self::leaky_bucket::LeakyBucket;
pub use self::leased::{Leased, LeasedRateLimiter};
pub use self::quota::{Quota, QuotaError};
pub use self::reservation::Reservation;
pub use self::share::{Cell, Locked, Share};
pub use self::sliding_window_counter::{Counted, SlidingWindowCounter};
pub use self::sliding_window_log::{Log, SlidingWindowLog};
pub use self::together::Named;
pub use self::token_bucket::{FullAt, TokenBucket};
pub use self::word::Word;
