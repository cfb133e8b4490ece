//! Active health: each endpoint is asked now and then how it is.
//!
//! ```text
//!   every 10 s ± 10 %:  check(endpoint) ──Pass, Fail──► three failures in a row ──► unhealthy
//!                                                        two passes in a row ─────► healthy
//!                                       ──NotServing, Draining──► at once
//! ```
//!
//! This module decides; [`Pool::check`](crate::balance::Pool::check) is the future that runs the checks, and any
//! async function is a check.
//!
//! # Examples
//!
//! ```no_run
//! # async fn run() {
//! use seawall::balance::{Endpoint, P2c, Pool};
//! use seawall::health::{Checks, Finding};
//! use std::net::SocketAddr;
//!
//! let pool = Pool::new("api", P2c::new());
//! let addresses: [SocketAddr; 2] = [([10, 0, 0, 1], 80).into(), ([10, 0, 0, 2], 80).into()];
//! pool.set(addresses.map(|address| Endpoint::new(address, address)));
//!
//! // Whoever accepts a connection is well.
//! pool.check(Checks::new(), |_, &address: &SocketAddr| async move {
//!     match tokio::net::TcpStream::connect(address).await {
//!         Ok(_) => Finding::Pass,
//!         Err(_) => Finding::Fail,
//!     }
//! })
//! .await;
//! # }
//! ```
//!
//! # Ready-made checks
//!
//! | | asks | feature |
//! |---|---|---|
//! | `connect` | whether a TCP connection is accepted | `net` |
//! | `http::HttpCheck` | a path, for a good status; heeds Envoy's headers for degraded and leaving hosts | `http` |
//! | `http::GrpcCheck` | gRPC's health service | `http` |
//!
//! # Defaults
//!
//! | what | default | why |
//! |---|---|---|
//! | [`interval`](Checks::interval) | 10 s from start to start, ±10 % | many checkers do not beat as one |
//! | first check | within the first second | |
//! | [`timeout`](Checks::timeout) | 1 s | a late check has failed, and ends |
//! | [`thresholds`](Checks::thresholds) | 3 to fall, 2 to rise | HAProxy's |
//! | [`unejects`](Checks::unejects) | no | a cheap page often passes while calls fail |
//! | at a time | one per endpoint, 64 in all | |
//!
//! # What counts
//!
//! Unknown is healthy, and the first finding decides alone. Checks never empty a pool: when most are unhealthy, all
//! are used. A passing check does not end an ejection, because a cheap page often passes while calls fail.
//!
//! # Events
//!
//! `EndpointOut` with `Outage::Unhealthy`, and `EndpointIn`.
//!
//! # Not for
//!
//! The only judge: a check says that an endpoint answers checks. [`outlier`](crate::outlier) judges real calls.

mod checks;
#[cfg(feature = "net")]
mod connect;
mod judge;
mod standing;

pub use self::checks::Checks;
#[cfg(feature = "net")]
pub use self::connect::connect;
pub use self::judge::{Finding, Judge, Thresholds};
pub use self::standing::Health;
