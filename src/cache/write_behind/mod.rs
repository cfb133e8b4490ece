//! Changes now, writes later: bounded, coalesced, in batches, in order per key, and accounted for to the last one.
//!
//! ```text
//!   put ──► dirty ──── batch full, or the oldest waited max_delay ────► store call ──► stored
//!    │        ▲                                                             │
//!    │        │  a newer put of the key replaces the value                  ├─ failed: rests (100 ms, doubling), again
//!    ▼        └─────────────────────────────────────────────────────────────┤
//!   read: dirty first, then the cache, then the source                      └─ given up on: a dead letter, handed back
//! ```
//!
//! **Promise.** Reads see a [`put`](WriteBehind::put) at once. The source gets it at least once, per key in order, never two writes of a
//! key at a time. A crash loses at most what is dirty, which is bounded, and nothing that [`flush`](WriteBehind::flush) or
//! [`close`](WriteBehind::close) said was stored. Every change that was accepted is found in the [`Account`].
//!
//! # Examples
//!
//! ```
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! use seawall::cache::write_behind::{Config, Write, WriteBehind};
//! use std::time::Duration;
//!
//! async fn store(batch: Vec<Write<u64, u32>>) -> Result<(), std::io::Error> {
//!     for write in &batch {
//!         // insert into views values (key, value) on conflict do update … where views.seq < seq
//! #       let _ = (write.key(), write.value(), write.seq());
//!     }
//!     Ok(())
//! }
//!
//! let (views, driver) = WriteBehind::new("views", Config::new(), store, |letter| {
//!     eprintln!("not in the database: {letter:?}"); // to a log, a queue, a file
//! });
//! tokio::spawn(driver);
//!
//! for seen in 1..=1000 {
//!     views.put(7, seen).await.unwrap();
//! }
//! let closed = views.close(Duration::from_secs(10)).await;
//! assert_eq!((closed.stored, closed.dead, closed.left.len()), (1, 0, 0));
//! assert_eq!(views.account().coalesced, 999);
//! # }
//! ```
//!
//! Behind a cache, see [`WriteBehind::before`].
//!
//! # Defaults
//!
//! See [`Config`]: 10 000 keys, batches of 100, at most 1 s late, one writer, 20 attempts that back off from 100 ms to 10 s (more
//! than two minutes in all), 10 s for a store call.
//!
//! # What counts
//!
//! | [`Class`](crate::Class) of a result | what becomes of the key |
//! |---|---|
//! | `Success` | written |
//! | `Neutral` | done: the source has newer, and the cache in front forgets the key |
//! | `Transient`, a panic, no answer for the key | again after a back-off, the newest value; at last a dead letter |
//! | `Overload(after)`, a call past its deadline | again, not before `after` |
//! | `Permanent` | a dead letter; if a newer value came meanwhile, that is tried instead |
//!
//! # Events
//!
//! [`Spool`](crate::telemetry::Spool): `Taken` and `Stored` to observers; `Again` at debug, `Dead` and `Lost` as warnings. Who waits for
//! room is `Queued` and `Dequeued`, who is turned away `Refused`.
//!
//! # Order
//!
//! Retries are its own: stand a [circuit breaker](crate::circuit_breaker) or a timeout inside the store function, no
//! [retry](crate::retry).
//!
//! # Memory
//!
//! At most `capacity` keys, each with one value to be written and one being written, and about 200 bytes beside them.
//!
//! # Cancel safety
//!
//! A put dropped before it was ready put nothing. A dropped driver ends the buffer; what is dirty stays readable and in the account.
//!
//! # Not for
//!
//! * Where each change counts (a ledger, an increment): the last value of a key replaces those before it. That wants a log.
//! * What must survive a crash: [flush the key](WriteBehind::flush_key), or write [through](crate::cache::WriteThrough).
//! * Several processes that write the same keys, unless the source compares [`Write::seq`].
//!
//! Sources: Hazelcast's and Coherence's write-behind; Caffeine's write-behind recipe; Kafka Connect's dead letters.

mod account;
mod answers;
mod change;
mod closing;
mod config;
mod dirty;
mod driver;
mod front;
mod handle;
#[cfg(all(test, seawall_shuttle))]
mod models;
mod reads;
mod shared;
mod storing;
#[cfg(test)]
mod twin;
mod write;

pub use self::account::Account;
pub use self::answers::{Answers, Results};
pub use self::config::Config;
pub use self::driver::Driver;
pub use self::front::Front;
pub use self::handle::WriteBehind;
pub use self::write::{Closed, DeadLetter, NotTaken, Pending, Write, WriteError};
