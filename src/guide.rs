//! The guides, as they stand in `docs/`; every snippet in them is compiled and run.

#[doc = include_str!("../README.md")]
pub mod readme {}

#[doc = include_str!("../docs/choosing.md")]
pub mod choosing {}

#[doc = include_str!("../docs/rate_limit.md")]
pub mod rate_limit {}

#[doc = include_str!("../docs/circuit_breaker.md")]
pub mod circuit_breaker {}

#[doc = include_str!("../docs/balance.md")]
pub mod balance {}
#[doc = include_str!("../docs/http_cache.md")]
pub mod http_cache {}

#[doc = include_str!("../docs/cache.md")]
#[cfg(feature = "cache")]
pub mod cache {}

#[doc = include_str!("../docs/order.md")]
pub mod order {}

#[doc = include_str!("../docs/migration.md")]
pub mod migration {}

#[doc = include_str!("../docs/errors.md")]
pub mod errors {}

#[doc = include_str!("../docs/classes.md")]
pub mod classes {}

#[doc = include_str!("../docs/redis.md")]
#[cfg(feature = "redis")]
pub mod redis {}

#[doc = include_str!("../docs/discovery.md")]
#[cfg(all(feature = "dns", feature = "http", feature = "net"))]
pub mod discovery {}

#[doc = include_str!("../docs/testing.md")]
pub mod testing {}

#[doc = include_str!("../docs/why.md")]
pub mod why {}

#[doc = include_str!("../docs/sizing.md")]
pub mod sizing {}

#[doc = include_str!("../docs/performance.md")]
pub mod performance {}

#[doc = include_str!("../docs/telemetry.md")]
pub mod telemetry {}

#[doc = include_str!("../docs/configuration.md")]
#[cfg(feature = "serde")]
pub mod configuration {}
