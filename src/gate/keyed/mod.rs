//! A gate for each key, in a table that is bounded.
//!
//! ```text
//!   key ──► hash ──► shard ──► its gate ──► yes or no
//!                      │ unknown: a free place, or that of a gate nobody could tell from a new one
//!                      └ no place: KeysFull
//! ```
//!
//! # Examples
//!
//! Two calls at a time for each tenant, directly:
//!
//! ```
//! use seawall::{ConcurrencyLimit, gate::Keyed};
//!
//! let per_tenant = Keyed::new("tenants", 10_000, |_: &u64| ConcurrencyLimit::new("tenants", 2));
//! let permit = per_tenant.try_acquire(&7)?;
//! # drop(permit);
//! # Ok::<(), seawall::Rejected>(())
//! ```
//!
//! As a layer, before a limit that all tenants share:
//!
//! ```
//! use seawall::{ConcurrencyLimit, Gate, gate::Keyed};
//!
//! let per_tenant = Keyed::new("tenants", 10_000, |_: &u64| ConcurrencyLimit::new("tenants", 2));
//! let gates = (per_tenant.by(|request: &(u64, &str)| request.0), ConcurrencyLimit::new("db", 16));
//! let layer = gates.layer();
//! # let _ = layer;
//! ```
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | capacity | none: an argument | whoever chooses the keys chooses the memory, unless you do |
//!
//! # Events
//!
//! `Refused` with `KeysFull`; everything else comes from the keys' gates.
//!
//! # Memory
//!
//! The key itself, its gate, and at most 48 bytes beside them: hash, pointer and count, and up to three slots of four
//! bytes, twice of that while a table grows. Nothing is freed by time and no task runs: a place is
//! taken from a key that may go when another wants it. At first 2048 keys are looked at for one, then all of them; if
//! that was in vain, nobody looks at all of them again for 50 ns a key (5 ms for a hundred thousand), so that a flood
//! of new keys before a table full of keys in use costs little.
//!
//! # Not for
//!
//! Keys that an attacker can make up at will, such as addresses of IPv6 one by one: they fill the table, and then
//! it refuses honest newcomers. Key by what is hard to come by: an account, a /64.

mod evict;
mod gate;
mod handle;
#[cfg(all(test, any(seawall_loom, seawall_shuttle)))]
mod models;
mod shards;
mod table;

pub use self::evict::Evict;
pub use self::gate::{By, KeyedPass};
pub use self::handle::Keyed;
pub(crate) use self::shards::{Shards, Spot};
