//! Settings from outside: files, environment, a control plane, through serde.
//!
//! Each document here is a plain value of optional fields, to stand inside your own settings. What is not said is the
//! default of the thing that it sets; what is said is checked as it is read. Values are written as people write them:
//! `"250ms"`, `"100/s burst 20"`, `"50%"`.
//!
//! # Examples
//!
//! ```
//! use seawall::config;
//!
//! #[derive(serde::Deserialize)]
//! struct Settings {
//!     payments: config::Stack,
//! }
//!
//! let settings: Settings = serde_json::from_str(r#"{
//!     "payments": {
//!         "deadline": "2s",
//!         "attempt_timeout": "800ms",
//!         "retry": { "attempts": 3, "backoff": "50ms", "budget": "20%" },
//!         "breaker": { "failure_ratio": "50%", "over": "30s", "min_calls": 20 },
//!         "rate_limit": "100/s burst 20",
//!         "concurrency": 64
//!     }
//! }"#)?;
//! let policy = settings.payments.policy("payments");
//! # let _ = policy;
//! # Ok::<_, serde_json::Error>(())
//! ```
//!
//! What is wrong is named, with what stood there and what may:
//!
//! ```
//! use seawall::config::Breaker;
//!
//! let error = serde_json::from_str::<Breaker>(r#"{ "failure_ratio": "120%" }"#).unwrap_err();
//! assert!(error.to_string().starts_with(
//!     r#"`failure_ratio` is "120%"; it may be a share up to the whole, as "50%" or "1/3""#
//! ));
//! ```
//!
//! # Which
//!
//! | document | sets |
//! |---|---|
//! | [`Stack`] | a whole [`Policy`](crate::Policy) |
//! | [`Breaker`] | [`circuit_breaker::Config`](crate::circuit_breaker::Config) |
//! | [`Retry`] | [`retry::Plan`](crate::retry::Plan) and [`Budget`](crate::retry::Budget) |
//! | [`Adaptive`] | [`Aimd`](crate::concurrency::Aimd), [`Vegas`](crate::concurrency::Vegas) or [`Gradient`](crate::concurrency::Gradient) |
//! | [`Pool`] | [`balance::Config`](crate::balance::Config) |
//! | [`Outliers`], [`Failover`], [`Checks`], [`Discovery`] | those of the same names |
//! | `Lifetime` (with the feature `cache`) | `cache::Lifetime` |
//!
//! The configs themselves read by the same documents; [`Quota`](crate::rate_limit::Quota) and [`Ratio`](crate::Ratio) are
//! text, and [`Span`] is a duration as text.
//!
//! # Not for
//!
//! * Formats that do not say what they hold (bincode, postcard): a value may be text or a number.
//! * Settings that change while the program runs, by themselves: read anew, and give the new values to the handles
//!   (`set_quota`, `set_plan`, `set_limit`).

mod balance;
mod breaker;
#[cfg(feature = "cache")]
mod cache;
mod document;
mod limits;
mod retry;
mod said;
mod scalars;
mod stack;

pub use self::balance::{Checks, Discovery, Failover, Outliers, Picks, Pool};
pub use self::breaker::{Breaker, Over};
#[cfg(feature = "cache")]
pub use self::cache::Lifetime;
pub use self::limits::{Adaptive, Algorithm};
pub use self::retry::{Retry, Spread};
pub use self::scalars::{Count, Share, Span, Times};
pub use self::stack::{ConfiguredPolicy, Stack};
