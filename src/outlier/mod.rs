//! Passive health: endpoints that fail real calls are left out for a while.
//!
//! ```text
//!   settled calls ──► run of failures ──────────────► ejected 30 s, then 60 s, … at most 300 s
//!                └──► each interval: success rate ──►    │ never more than 10 % of them, never the last
//!                                                        └─► back, with clean counters
//! ```
//!
//! This module decides; a pool that is given [`Outliers`] counts and ejects.
//!
//! # Examples
//!
//! ```
//! use seawall::Class;
//! use seawall::balance::{Config, Endpoint, Pool, RoundRobin, State};
//! use seawall::outlier::Outliers;
//!
//! let pool = Pool::new("api", Config::new(RoundRobin::new()).outliers(Outliers::new().consecutive(3)));
//! pool.set(["a", "b"].map(|id| Endpoint::new(id, ())));
//! for _ in 0..6 {
//!     let ticket = pool.pick().unwrap();
//!     let class = if ticket.id().as_str() == "a" { Class::Transient } else { Class::Success };
//!     ticket.settle(class);
//! }
//! assert!(matches!(pool.endpoints()[0].state, State::Ejected { .. }));
//! ```
//!
//! # Defaults
//!
//! | what | default | why |
//! |---|---|---|
//! | [`consecutive`](Outliers::consecutive) | 5 | Envoy's; finds what fails outright, at once |
//! | [`success_rate`](Outliers::success_rate) | 1.9 σ below the mean and 10 points, of 100 calls, of 5 endpoints | finds what fails now and then; the points keep tiny deviations in |
//! | [`failure_share`](Outliers::failure_share) | off | finds several bad ones at once, which a deviation cannot |
//! | [`interval`](Outliers::interval) | 10 s | |
//! | [`most`](Outliers::most) | 10 %, at least one | the rest must carry the load |
//! | [`times`](Outliers::times) | 30 s, growing to 300 s | |
//!
//! # What counts
//!
//! `Success` ends a run; `Transient`, `Permanent` and `Overload` lengthen it; `Neutral` and abandoned calls do not
//! count, unless they were [`slow`](Outliers::slow).
//!
//! # Events
//!
//! `EndpointOut` with `Outage::Ejected`, and `EndpointIn`.
//!
//! # Memory
//!
//! Four words an endpoint.
//!
//! # Not for
//!
//! A whole upstream that is down: that is a circuit breaker. If too many endpoints are out, the pool panics and
//! uses them all.

mod cap;
mod config;
mod ejection;
mod sweep;

pub(crate) use self::cap::may_eject;
pub use self::config::Outliers;
pub(crate) use self::ejection::Ejection;
pub(crate) use self::sweep::{Counted, outliers};
