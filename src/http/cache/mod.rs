//! Keeps an origin's answers as HTTP allows, and answers from them: RFC 9111, 5861 and 9211.
//!
//! ```text
//!  request ─► fresh? ───────────────────────────────────────────► stored answer, Age, Cache-Status: hit
//!               │ stale, within stale-while-revalidate ─────────► stored answer at once; one question to the origin behind it
//!               ▼
//!            one load for all who ask ─► origin ─┬─ 200 ────────► stored if it may be; to all
//!                                                ├─ 304 ────────► stored headers renewed, body kept
//!                                                ├─ 5xx, down ──► stale-if-error: stored answer; else what there is
//!                                                └─ not storable► to the one who asked; the others ask for themselves
//! ```
//!
//! The first client reads a 200 while it is being stored; who joined waits for the whole.
//!
//! # Examples
//!
//! See [`HttpCache`]; the example `gateway` puts it before its backends, and the
//! [guide](crate::guide::http_cache) tells what to send from the origin.
//!
//! # Defaults
//!
//! See [`Config`]. What may be stored and for how long is asked of the crate `http-cache-semantics`, which is given cleaned input only;
//! time is this crate's own clock from then on.
//!
//! # What counts
//!
//! An error for stale-if-error is a 500, 502, 503, 504, a refusal or a timeout further in, and a transport error. Not one: 404, 410,
//! 429, which are passed on; 404 and 410 also replace what is stored.
//!
//! # Events
//!
//! Those of the [cache](crate::cache): hits, loads, stale answers and why.
//!
//! # Order
//!
//! Outermost of what talks to the origin: before rate limits, breaker, retry and balancer, so that an answer from here costs
//! none of them. Behind authentication.
//!
//! # Memory
//!
//! The capacity, in bytes of answers; 10 000 addresses with variants; 64 purged prefixes. While answers are loaded, at most the largest body
//! for each, and 1 024 of them at a time.
//!
//! # Cancel safety
//!
//! A request dropped at any point, and a body dropped before its end, leave the load to those who wait for it, then to the background;
//! without one it ends there, and nothing is stored.
//!
//! # Not for
//!
//! * Parts of documents: requests with `Range` go straight through.
//! * Answers larger than the limit: they pass by, and say so.
//! * A second tier that processes share: this is one process's memory.
//!
//! Sources: RFC 9110, 9111, 5861, 9211; Varnish's hit-for-miss; Squid's collapsed forwarding.

mod body;
mod config;
mod directives;
mod future;
mod handle;
mod key;
mod load;
mod passage;
mod prefixes;
mod rules;
mod service;
mod stored;
mod through;
mod variants;
mod visit;

pub use self::body::CacheBody;
pub use self::config::Config;
pub use self::future::ResponseFuture;
pub use self::handle::HttpCache;
pub use self::service::HttpCacheService;
pub use self::stored::OriginError;
