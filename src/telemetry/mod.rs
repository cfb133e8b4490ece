//! What can be heard of an instance: events, counters, `tracing`.
//!
//! ```text
//!   decision ──► Event ──► tracing    transitions WARN or INFO, refusals DEBUG, admissions nothing
//!                    └───► Observe    everything, if somebody listens
//! ```
//!
//! An event is told after the decision, under no lock. Nothing is built when nobody listens.
//!
//! # Examples
//!
//! ```
//! use seawall::ConcurrencyLimit;
//! use seawall::telemetry::{Counters, Telemetry};
//! use std::sync::Arc;
//!
//! let counters = Arc::new(Counters::default());
//! let limit = ConcurrencyLimit::new(Telemetry::new("db").observer(counters.clone()), 16);
//! drop(limit.try_acquire());
//! assert_eq!(counters.snapshot().abandoned, 1);
//! ```

mod cache;
mod counters;
mod event;
#[cfg(feature = "metrics")]
mod metrics;
mod observe;
mod trace;

pub use self::cache::{Lookup, Outcome, Why};
pub use self::counters::{Counters, Snapshot};
pub use self::event::{Event, Kind, Outage, Spool, What};
#[cfg(feature = "metrics")]
pub use self::metrics::Metrics;
pub use self::observe::{Observe, Telemetry};
