//! Caching that survives a stampede: one load per key, fences that hold, one timeline per entry.
//!
//! ```text
//!   get ──► store ──► fresh ─────────────────────────────────────► value
//!              ├────► stale, allowed ──► one refresh behind ─────► old value, at once
//!              └────► nothing ──► flight ──► one load for all ───► the same value for all
//!
//!   put, invalidate, expire, clear, tags: fences. What began to load before one is never kept after it.
//! ```
//!
//! # Examples
//!
//! ```
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! use seawall::cache::{CacheAside, Lifetime, Memory};
//! use std::time::Duration;
//!
//! let lifetime = Lifetime::of(Duration::from_secs(60))
//!     .stale_while_revalidate(Duration::from_secs(30))
//!     .stale_if_error(Duration::from_secs(3600));
//! let users: CacheAside<u64, String, std::io::Error> =
//!     CacheAside::new("users", Memory::lru(10_000), lifetime);
//! tokio::spawn(users.background());
//!
//! let user = users.get_or_load(&7, || async { Ok(String::from("Ada")) }).await.unwrap();
//! assert_eq!(*user, "Ada");
//! # }
//! ```
//!
//! As a layer, see [`CacheLayer`].
//!
//! # The timeline of one entry
//!
//! ```text
//!  stored            refresh_at   stale point                + stale_while_revalidate      + stale_if_error
//!    ├──── Fresh ────────┼── Early ──┼──────── Revalidate ──────────┼──────── IfError ──────────┼── Gone
//!    │ value             │ value,    │ old value at once,           │ waits for a load; if it   │ waits
//!    │                   │ refreshed │ refreshed behind             │ fails, the old value      │
//! ```
//!
//! # Defaults
//!
//! Of a [`Lifetime`] and of [`Settings`]; there is a table on each page.
//!
//! # What counts
//!
//! A load that fails with `Transient`, `Permanent` or `Overload`, panics or is late keeps the next one away for a while where a
//! stale value is kept; `Neutral` is an answer, and drops the entry. A refusal from within is no failure.
//!
//! # Events
//!
//! [`Lookup`](crate::telemetry::Lookup): hits, stale values by [`Why`], misses, joins, loads by outcome, fences. A hit tells
//! nobody unless an observer is attached.
//!
//! # Order
//!
//! Outside deadline, retry, breaker and limits: what a cache answers costs them nothing. As a layer it never waits for the
//! inner service to be ready on a hit.
//!
//! # Memory
//!
//! The store's bound (see [`Memory`]), and an entry's own 100 bytes or so. While a key loads, a flight; at most 1 024 load and
//! 1 024 wait unless [`Settings`] say otherwise. 10 000 tags; 10 000 keys each that are negative, passed or in doubt.
//!
//! # Cancel safety
//!
//! A caller who leaves is not a failed load. The load goes on with those who still wait, then with a running
//! [`Background`]; without either it is dropped at once.
//!
//! # Not for
//!
//! Counters and balances. Keys' `Hash` and `Eq` and values' destructors must not call the same cache: they may run under a lock.

mod background;
mod backlog;
mod batch;
mod boarding;
mod cache_aside;
mod deck;
mod engine;
mod entry;
#[cfg(feature = "quick-cache")]
mod fast;
mod fences;
mod fifo;
mod flight;
mod freshness;
mod future;
mod handle;
mod landing;
mod layer;
mod leaving;
mod lifetime;
mod load_error;
mod loaded;
mod loads;
mod marks;
mod memory;
#[cfg(all(test, seawall_shuttle))]
mod models;
mod moka;
mod negative;
mod read_through;
mod running;
mod seat;
mod service;
mod settings;
mod source;
mod store;
mod table;
mod tags;
mod tier;
mod turns;
mod wait;
mod wakers;
pub mod write_behind;
mod write_through;

pub use self::background::Background;
pub use self::boarding::Got;
pub use self::cache_aside::CacheAside;
pub use self::entry::{Cached, Entry, Freshness};
#[cfg(feature = "quick-cache")]
pub use self::fast::Fast;
pub use self::fifo::Fifo;
pub use self::future::ResponseFuture;
pub use self::layer::{CacheLayer, Keep};
pub use self::lifetime::{Early, Jitter, Lifetime, Pause};
pub use self::load_error::LoadError;
pub use self::loaded::Loaded;
pub use self::memory::Memory;
pub use self::moka::Moka;
pub use self::negative::Negative;
pub use self::read_through::ReadThrough;
pub use self::service::CacheService;
pub use self::settings::Settings;
pub use self::source::{Batch, Sink, Source};
pub use self::store::Store;
pub use self::tier::{Answering, Fence, Filled, Lease, Notice, Reach, Read, Tier};
pub use self::write_behind::WriteBehind;
pub use self::write_through::WriteThrough;
pub use crate::telemetry::Why;
