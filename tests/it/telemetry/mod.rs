//! What can be heard.

#[cfg(feature = "metrics")]
mod metrics;
