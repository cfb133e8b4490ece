//! Active health: each endpoint is asked now and then how it is.
//!
//! ```text
//!   every 10 s ± 10 %:  check(endpoint) ──Pass, Fail──► three failures in a row ──► unhealthy
//!                                                        two passes in a row ─────► healthy
//!                                       ──NotServing, Draining──► at once
//! ```
//!
//! This module decides; [`Pool::check`](crate::balance::Pool::check) is the future that runs the checks. Any async
//! function of a [`Finding`], a `Result` or a `bool` is a check, and there are ready-made ones:
//!
//! | | asks | feature |
//! |---|---|---|
//! | `HttpCheck` | a page, through any tower service over `http`; heeds Envoy's headers | `http` |
//! | `GrpcCheck` | the health service of gRPC, likewise | `http` |
//! | `tcp` | whether a connection is accepted | `net` |
//!
//! # Examples
//!
//! ```no_run
//! # async fn run() {
//! use seawall::balance::{Endpoint, P2c, Pool};
//! use seawall::health::Checks;
//! use std::net::SocketAddr;
//!
//! let pool = Pool::new("api", P2c::new());
//! let addresses: [SocketAddr; 2] = [([10, 0, 0, 1], 80).into(), ([10, 0, 0, 2], 80).into()];
//! pool.set(addresses.map(|address| Endpoint::new(address, address)));
//!
//! // Whoever accepts a connection is well.
//! pool.check(Checks::new(), |_, &address| tokio::net::TcpStream::connect(address)).await;
//! # }
//! ```
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
//! are used. A passing check does not end an ejection, because a cheap page often passes while calls fail. It does end
//! the rest after a connection that failed, because it has just made one.
//!
//! # Events
//!
//! `EndpointOut` with `Outage::Unhealthy`, and `EndpointIn`; to observers also `Checked` for each check.
//!
//! # Not for
//!
//! The only judge: a check says that an endpoint answers checks. [`outlier`](crate::outlier) judges real calls.

mod checks;
#[cfg(feature = "http")]
mod grpc_check;
#[cfg(feature = "http")]
mod grpc_health;
#[cfg(feature = "http")]
mod http_check;
mod judge;
mod standing;
#[cfg(feature = "net")]
mod tcp;
#[cfg(feature = "http")]
mod whole;

pub use self::checks::Checks;
#[cfg(feature = "http")]
pub use self::grpc_check::GrpcCheck;
#[cfg(feature = "http")]
pub use self::http_check::HttpCheck;
pub use self::judge::{Finding, Judge, Thresholds};
pub use self::standing::Health;
#[cfg(feature = "net")]
pub use self::tcp::tcp;
