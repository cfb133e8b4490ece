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

mod background;
mod backlog;
mod batch;
mod boarding;
mod cache_aside;
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
mod lifetime;
mod load_error;
mod loaded;
mod loads;
mod marks;
mod memory;
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
