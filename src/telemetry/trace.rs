//! The only file that names `tracing`.

use super::{Event, Kind, Lookup, Outcome, Spool, What};
use crate::circuit_breaker::Turn;
use crate::name::Name;
use std::fmt;
use tracing::level_filters::{LevelFilter, STATIC_MAX_LEVEL};

/// Whether any subscriber hears of what is told quietly, such as a refusal.
#[inline]
pub(super) fn hears_quiet() -> bool {
    STATIC_MAX_LEVEL >= LevelFilter::DEBUG && LevelFilter::current() >= LevelFilter::DEBUG
}

/// Logs what somebody reading logs in an outage wants: transitions and changes loud, refusals quiet,
/// admissions not at all.
pub(super) fn event(event: &Event) {
    // `tracing` wants the target as a constant.
    match event.kind {
        Kind::RateLimiter => log!("seawall::rate_limit", event),
        Kind::CircuitBreaker => log!("seawall::circuit_breaker", event),
        Kind::ConcurrencyLimit | Kind::AdaptiveLimit | Kind::Shed => log!("seawall::concurrency", event),
        Kind::Queue | Kind::Keyed => log!("seawall::gate", event),
        Kind::Retry => log!("seawall::retry", event),
        Kind::Hedge => log!("seawall::hedge", event),
        Kind::Timeout => log!("seawall::timeout", event),
        Kind::Deadline => log!("seawall::deadline", event),
        Kind::Fallback => log!("seawall::fallback", event),
        Kind::Throttle => log!("seawall::throttle", event),
        Kind::Balance => log!("seawall::balance", event),
        Kind::Cache => log!("seawall::cache", event),
        Kind::WriteBehind => log!("seawall::cache", event),
    }
}

/// Logs what a foreign error says of itself.
pub(super) fn why(name: Name, kind: Kind, why: &dyn fmt::Debug) {
    let (name, kind) = (name.as_str(), kind.as_str());
    tracing::warn!(target: "seawall::discover", name, kind, error = ?why, "the source of endpoints failed");
}

macro_rules! log {
    ($target:literal, $event:expr) => {{
        let (name, kind) = ($event.name.as_str(), $event.kind.as_str());
        match &$event.what {
            What::Admitted { .. } | What::Settled(_) | What::Released | What::Abandoned => {}
            What::Queued | What::Dequeued { .. } | What::BudgetLeft { .. } | What::Checked { .. } => {}
            What::Cache(Lookup::Loaded { outcome, took })
                if !matches!(outcome, Outcome::Ok | Outcome::Abandoned) =>
            {
                tracing::debug!(target: $target, name, kind, outcome = outcome.as_str(), ?took, "load failed");
            }
            What::Cache(_) => {}
            What::Refused(rejected) => tracing::debug!(
                target: $target, name, kind,
                reason = rejected.reason().as_str(), retry_after = ?rejected.retry_after(), "refused"
            ),
            What::Probing { limit } => tracing::debug!(target: $target, name, kind, limit, "probing"),
            // An adaptive limit moves ten times a second.
            What::LimitChanged { from, to } if $event.kind == Kind::AdaptiveLimit => {
                tracing::debug!(target: $target, name, kind, from, to, "limit changed");
            }
            What::LimitChanged { from, to } => tracing::info!(target: $target, name, kind, from, to, "limit changed"),
            What::QuotaChanged { from, to } => tracing::info!(target: $target, name, kind, %from, %to, "quota changed"),
            What::DiscoveryFailed { failures, retry } => {
                tracing::warn!(target: $target, name, kind, failures, ?retry, "discovery failed");
            }
            What::EndpointsChanged { added, removed, repeated } => tracing::info!(
                target: $target, name, kind, added, removed, repeated, "endpoints changed"
            ),
            What::EndpointOut { endpoint, why, rest } => tracing::warn!(
                target: $target, name, kind, endpoint, why = why.as_str(), ?rest, "endpoint out"
            ),
            What::EndpointIn { endpoint } => tracing::info!(target: $target, name, kind, endpoint, "endpoint in"),
            What::Retried { attempt, wait } => tracing::debug!(target: $target, name, kind, attempt, ?wait, "retrying"),
            What::Hedged { attempt } => tracing::debug!(target: $target, name, kind, attempt, "hedging"),
            What::FellBack => tracing::debug!(target: $target, name, kind, "fell back"),
            What::NotReplayable => tracing::debug!(target: $target, name, kind, "not replayable"),
            What::BudgetExhausted => tracing::debug!(target: $target, name, kind, "retry budget exhausted"),
            What::GaveUp { attempts } => tracing::debug!(target: $target, name, kind, attempts, "gave up"),
            What::Circuit(turn) => match turn {
                Turn::Opened { cause, period, failures, slow, recorded } => tracing::warn!(
                    target: $target, name, kind,
                    reason = cause.as_str(), ?period, failures, slow, recorded, "circuit opened"
                ),
                Turn::HalfOpened => tracing::info!(target: $target, name, kind, "circuit half-open"),
                Turn::Ramping => tracing::info!(target: $target, name, kind, "circuit ramping"),
                Turn::Closed => tracing::info!(target: $target, name, kind, "circuit closed"),
                Turn::Forced(state) => {
                    tracing::warn!(target: $target, name, kind, state = state.as_str(), "circuit forced");
                }
                Turn::Reset => tracing::info!(target: $target, name, kind, "circuit reset"),
                Turn::WouldOpen { cause } => {
                    tracing::warn!(target: $target, name, kind, reason = cause.as_str(), "circuit would open");
                }
            },
            What::Spool(Spool::Taken { .. } | Spool::Stored { .. }) => {}
            What::Spool(Spool::Again { keys }) => tracing::debug!(target: $target, name, kind, keys, "not written"),
            What::Spool(Spool::Dead { attempts }) => {
                tracing::warn!(target: $target, name, kind, attempts, "given up on a write");
            }
            What::Spool(Spool::Lost { keys }) => {
                tracing::warn!(target: $target, name, kind, keys, "nobody writes any more");
            }
            What::TimedOut { after } => tracing::debug!(target: $target, name, kind, ?after, "timed out"),
        }
    }};
}
use log;
