//! Who is there: endpoints found by asking again and again.
//!
//! ```text
//!   ask ──► a whole set ──► compared by id with what is there: known ones stay, with their service
//!    │                          └─► again after the answer's own time to live, or 30 s
//!    └───► an error, or nobody ──► the last good set stays; again after 1 s, 2 s, 4 s … 30 s
//! ```
//!
//! This module decides when; [`Pool::follow`](crate::balance::Pool::follow) is the future that asks, and any async
//! function is a source.
//!
//! # Examples
//!
//! Names to addresses, by the system's resolver:
//!
//! ```no_run
//! # async fn run() {
//! use seawall::balance::{Endpoint, P2c, Pool};
//! use seawall::discover::{Discovery, Found};
//! use std::net::SocketAddr;
//!
//! let pool = Pool::<SocketAddr>::new("api", P2c::new());
//! let ask = || async {
//!     let addresses = tokio::net::lookup_host("api.internal:80").await?;
//!     Ok::<_, std::io::Error>(Found::from_iter(addresses.map(|address| Endpoint::new(address, ()))))
//! };
//! // Made once for each endpoint that is new.
//! let connect = |found: Endpoint<()>| {
//!     let address = found.id().as_str().parse().expect("the id of an address is its text");
//!     found.with(address)
//! };
//! tokio::spawn(pool.follow(Discovery::new(), ask, connect));
//! pool.ready().await;
//! # }
//! ```
//!
//! # Defaults
//!
//! | what | default | why |
//! |---|---|---|
//! | [`every`](Discovery::every) | 30 s, where the answer says nothing | |
//! | the answer's own time to live | kept within 5 s and 300 s | a zero would ask without end, a day would miss a move |
//! | after a failure | 1 s, doubling to 30 s, ±20 % | |
//! | [`stale_for`](Discovery::stale_for) | for ever | an old set is better than none |
//! | [`allow_empty`](Discovery::allow_empty) | no | an empty answer is far more often a fault than the truth |
//!
//! # Events
//!
//! `EndpointsChanged`; `DiscoveryFailed` for each failure.
//!
//! # Cancel safety
//!
//! Dropped, the pool goes on with what it has.

mod change;
#[cfg(feature = "dns")]
mod dns;
mod file;
mod found;
mod lease;
mod ledger;
mod lines;
mod news;
mod pace;
#[cfg(feature = "dns")]
mod records;
mod registry;
mod source;
mod watch;

pub use self::change::Change;
#[cfg(feature = "dns")]
pub use self::dns::{Dns, DnsError};
pub use self::file::{File, FileError, Looking};
pub(crate) use self::found::Again;
pub use self::found::Found;
pub use self::lease::Lease;
pub use self::lines::{BadLine, lines};
pub use self::pace::Discovery;
pub(crate) use self::pace::Pace;
pub use self::registry::{Listed, Listing, Registry, RegistryFull};
pub use self::source::Source;
pub use self::watch::{Changed, Watch, Watching};
