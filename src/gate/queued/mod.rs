//! Waiting for a gate instead of being refused by it.
//!
//! ```text
//!               free                        its turn, and a permit
//!   caller ─────────────────────────────────────────────► call
//!      └──► place 1..n, in the gate's own line ───┘
//!            │ all taken: QueueFull, at once
//!            └ too long:  QueueTimeout, at once if it can be known
//! ```
//!
//! The line is the gate's, where it keeps one (a concurrency limit, a rate limit, a breaker): what comes free
//! there wakes the head, and a newcomer who asks the gate directly passes nobody. Over a gate without a line the
//! head asks again when it was told to come back; over a tuple it waits at whichever gate had no room.
//!
//! # Examples
//!
//! ```
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), seawall::Rejected> {
//! use seawall::{ConcurrencyLimit, gate::Queued};
//! use std::time::Duration;
//!
//! let queued = Queued::new("q", ConcurrencyLimit::new("db", 4), 16, Duration::from_millis(100));
//! let permit = queued.acquire().await?;
//! # drop(permit);
//! # Ok(())
//! # }
//! ```
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | places, wait | none: arguments | a hidden queue is hidden latency; an unbounded one hides an outage |
//! | order | FIFO | fair while things go well; LIFO pays only where callers give up, hence `adaptive_lifo` |
//! | `controlled` | off; 5 ms, 100 ms in the paper | *Fail at Scale*, ACM Queue 2015 |
//!
//! # Events
//!
//! `Queued`, `Dequeued`, `Abandoned` and `Refused` (with `QueueFull` or `QueueTimeout`). The gate counts no
//! refusal of one who waits.
//!
//! # Memory
//!
//! A waiter takes at most 48 bytes in the line, which keeps room for as many as ever waited at once, never more
//! than its places. Only a caller who really waits allocates.
//!
//! # Cancel safety
//!
//! A waiter that is dropped leaves its place in constant time, and hands on what was about to be its turn.
//!
//! # Not for
//!
//! A server of HTTP/2 whose streams wait with their bodies unread: those fill the connection's window, and
//! then nobody on it gets on. Keep `places × unread body` below that window, or let the connection have no more
//! streams than the limit; or refuse, which is what gates do by themselves.

mod acquire;
mod arrival;
mod future;
mod handle;
mod layer;
#[cfg(all(test, seawall_shuttle))]
mod models;
mod run;
mod service;
mod waiting;

pub use self::acquire::Acquire;
pub use self::future::ResponseFuture;
pub use self::handle::Queued;
pub use self::layer::QueuedLayer;
pub use self::run::RunQueued;
pub use self::service::QueuedService;
