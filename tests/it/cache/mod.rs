//! Caches: one load per key, fences that hold, one timeline per entry.

#![expect(
    clippy::disallowed_methods,
    reason = "the time is paused, and tests spawn what the library does not"
)]

mod fences;
mod flights;
mod layer;
mod origin;
mod stores;
mod through;
mod timeline;
mod twin;

use self::origin::Origin;
use seawall::cache::{CacheAside, Jitter, Lifetime, Memory, Pause, Settings};
use std::time::Duration;

pub(crate) type Cache = CacheAside<u32, u32, &'static str>;
pub(crate) type Terms = Settings<u32, u32, &'static str>;

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A second fresh, half a second served while it is loaded anew, five seconds in place of an error.
const fn lifetime() -> Lifetime {
    Lifetime::of(ms(1000))
        .jitter(Jitter::off())
        .stale_while_revalidate(ms(500))
        .stale_if_error(ms(5000))
        .throttle(Pause::fixed(ms(100)))
}

fn cache(settings: impl Into<Terms>) -> Cache {
    Cache::new("users", Memory::lru(1000), settings)
}

fn with_background(settings: impl Into<Terms>) -> Cache {
    let cache = cache(settings);
    tokio::spawn(cache.background());
    cache
}

/// Lets spawned tasks go as far as they can without the time moving.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

async fn pass(time: Duration) {
    settle().await;
    tokio::time::advance(time).await;
    settle().await;
}
