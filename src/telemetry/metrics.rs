//! Forwards events to the `metrics` facade.

use super::{Event, Kind, Lookup, Observe, Spool, What};
use crate::circuit_breaker::{State, Turn};
use crate::error::Reason;
use crate::name::Name;
use crate::sync::Mutex;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use std::collections::BTreeMap;

/// Forwards events to the [`metrics`](::metrics) facade, and so to whatever exporter the program has installed.
///
/// Give it to each instance that is to be measured; [`Telemetry::observer`](super::Telemetry::observer).
///
/// # Examples
///
/// ```
/// use seawall::ConcurrencyLimit;
/// use seawall::telemetry::{Metrics, Telemetry};
/// use std::sync::Arc;
///
/// let metrics = Arc::new(Metrics::new());
/// let limit = ConcurrencyLimit::new(Telemetry::new("db").observer(metrics.clone()), 16);
/// # drop(limit);
/// ```
///
/// # Events
///
/// Every instrument carries `name`, the instance, and `kind`. Never a key, a URL or an address.
///
/// | instrument | unit | attributes beyond those |
/// |---|---|---|
/// | `seawall.calls` counter | calls | `outcome` = ok, failed, rejected, timed_out, cancelled, fallback |
/// | `seawall.rejections` counter | calls | `reason` |
/// | `seawall.attempts` counter | attempts beyond the first | `cause` = retry, hedge; `number` = 2, 3+ |
/// | `seawall.retries_stopped` counter | calls | `reason` = not_replayable, budget, gave_up |
/// | `seawall.retry_budget.balance` gauge, when it was last asked | tokens | |
/// | `seawall.circuit_breaker.state` gauge | 1 on the state it is in, 0 on the rest | `state` |
/// | `seawall.circuit_breaker.transitions` counter | transitions | `from`, `to`, `reason` |
/// | `seawall.concurrency.limit` gauge, once it was changed | calls | |
/// | `seawall.concurrency.in_flight`, `.queued` gauges | calls | |
/// | `seawall.concurrency.queue.duration` histogram | seconds | |
/// | `seawall.rate_limiting.permits` counter | permits | `result` = granted, denied |
/// | `seawall.discovery.failures` counter | questions | |
/// | `seawall.spool.queued` gauge | dirty keys | |
/// | `seawall.spool.writes` counter | keys | `outcome` = stored, again, dead, lost, coalesced |
/// | `seawall.health.checks` counter | checks | `result` = pass, fail, degraded, not_serving, draining |
/// | `seawall.endpoint.changes` counter | endpoints | `change` = added, removed, out, in |
/// | `seawall.cache.lookups` counter | lookups | `result` = hit, stale, miss, joined, negative |
/// | `seawall.cache.stale` counter | lookups | `why` = revalidating, slow, failed, timed_out, refused, throttled |
/// | `seawall.cache.load.duration` histogram | seconds | `outcome` = ok, failed, panicked, timed_out, refused, abandoned |
/// | `seawall.cache.fences` counter | fences | |
#[derive(Debug, Default)]
pub struct Metrics {
    // The last state told of each circuit, so that a transition knows where it came from. A circuit is closed
    // until it says otherwise.
    circuits: Mutex<BTreeMap<Name, State>>,
}

impl Metrics {
    /// An observer that forwards, and tells the recorder installed by now what the instruments are.
    ///
    /// ```
    /// let metrics = seawall::telemetry::Metrics::new();
    /// # let _ = metrics;
    /// ```
    #[must_use]
    pub fn new() -> Self {
        describe();
        Self::default()
    }

    #[cold]
    fn turned(&self, name: Name, kind: &'static str, turn: Turn) {
        let Some(to) = turn.state() else { return };
        let from = self.circuits.lock().insert(name, to).unwrap_or(State::Closed);
        let name = name.as_str();
        for state in State::ALL {
            let is = if state == to { 1.0 } else { 0.0 };
            gauge!("seawall.circuit_breaker.state", "name" => name, "kind" => kind, "state" => state.as_str()).set(is);
        }
        counter!(
            "seawall.circuit_breaker.transitions",
            "name" => name, "kind" => kind, "from" => from.as_str(), "to" => to.as_str(), "reason" => reason(&turn)
        )
        .increment(1);
    }
}

impl Observe for Metrics {
    fn observe(&self, event: &Event) {
        let (name, kind) = (event.name.as_str(), event.kind.as_str());
        let call = |outcome: &'static str| {
            counter!("seawall.calls", "name" => name, "kind" => kind, "outcome" => outcome).increment(1);
        };
        let permits = |result: &'static str, permits: u32| {
            if event.kind == Kind::RateLimiter {
                let counter = counter!("seawall.rate_limiting.permits", "name" => name, "kind" => kind, "result" => result);
                counter.increment(permits.into());
            }
        };
        // Each admission ends in one of three ways, so what goes up comes down.
        let in_flight = |by: f64| {
            if matches!(event.kind, Kind::ConcurrencyLimit | Kind::AdaptiveLimit) {
                gauge!("seawall.concurrency.in_flight", "name" => name, "kind" => kind).increment(by);
            }
        };
        let queued = || gauge!("seawall.concurrency.queued", "name" => name, "kind" => kind);
        let further = |cause: &'static str, attempt: u32| {
            let number = if attempt <= 2 { "2" } else { "3+" };
            counter!("seawall.attempts", "name" => name, "kind" => kind, "cause" => cause, "number" => number)
                .increment(1);
        };
        let stopped = |reason: &'static str| {
            counter!("seawall.retries_stopped", "name" => name, "kind" => kind, "reason" => reason)
                .increment(1);
        };
        let endpoints = |change: &'static str, endpoints: u32| {
            if endpoints > 0 {
                let counter =
                    counter!("seawall.endpoint.changes", "name" => name, "kind" => kind, "change" => change);
                counter.increment(endpoints.into());
            }
        };
        match event.what {
            What::Admitted { cost } => {
                permits("granted", cost);
                in_flight(1.0);
            }
            What::Refused(rejected) => {
                permits("denied", 1);
                call("rejected");
                let reason = slug(rejected.reason());
                counter!("seawall.rejections", "name" => name, "kind" => kind, "reason" => reason)
                    .increment(1);
            }
            What::Settled(class) => {
                in_flight(-1.0);
                call(if class.is_failure() { "failed" } else { "ok" });
            }
            What::Released => in_flight(-1.0),
            What::Abandoned => {
                in_flight(-1.0);
                call("cancelled");
            }
            What::Queued => queued().increment(1.0),
            What::Dequeued { waited } => {
                queued().decrement(1.0);
                histogram!("seawall.concurrency.queue.duration", "name" => name, "kind" => kind)
                    .record(waited);
            }
            What::LimitChanged { to, .. } => {
                gauge!("seawall.concurrency.limit", "name" => name, "kind" => kind).set(to);
            }
            What::Retried { attempt, .. } => further("retry", attempt),
            What::Hedged { attempt } => further("hedge", attempt),
            What::FellBack => call("fallback"),
            What::NotReplayable => stopped("not_replayable"),
            What::BudgetExhausted => stopped("budget"),
            What::BudgetLeft { tokens } => {
                gauge!("seawall.retry_budget.balance", "name" => name, "kind" => kind).set(tokens);
            }
            What::GaveUp { .. } => stopped("gave_up"),
            What::TimedOut { .. } => call("timed_out"),
            What::Circuit(turn) => self.turned(event.name, kind, turn),
            What::EndpointsChanged { added, removed, .. } => {
                endpoints("added", added);
                endpoints("removed", removed);
            }
            What::DiscoveryFailed { .. } => {
                counter!("seawall.discovery.failures", "name" => name, "kind" => kind).increment(1);
            }
            What::Cache(lookup) => looked_up(name, kind, lookup),
            What::Checked { finding, .. } => {
                let result = finding.as_str();
                counter!("seawall.health.checks", "name" => name, "kind" => kind, "result" => result)
                    .increment(1);
            }
            What::EndpointOut { .. } => endpoints("out", 1),
            What::EndpointIn { .. } => endpoints("in", 1),
            What::Spool(spool) => spooled(name, kind, spool),
            What::Probing { .. } | What::QuotaChanged { .. } => {}
        }
    }
}

fn looked_up(name: &'static str, kind: &'static str, lookup: Lookup) {
    let count = |result: &'static str| {
        counter!("seawall.cache.lookups", "name" => name, "kind" => kind, "result" => result).increment(1);
    };
    match lookup {
        Lookup::Hit => count("hit"),
        Lookup::NegativeHit => count("negative"),
        Lookup::Stale(why) => {
            count("stale");
            counter!("seawall.cache.stale", "name" => name, "kind" => kind, "why" => why.as_str())
                .increment(1);
        }
        Lookup::Missed => count("miss"),
        Lookup::Joined => count("joined"),
        Lookup::Loaded { outcome, took } => {
            let outcome = outcome.as_str();
            histogram!("seawall.cache.load.duration", "name" => name, "kind" => kind, "outcome" => outcome)
                .record(took);
        }
        Lookup::Fenced => counter!("seawall.cache.fences", "name" => name, "kind" => kind).increment(1),
    }
}

/// What became of changes that are written later.
fn spooled(name: &'static str, kind: &'static str, spool: Spool) {
    let queued =
        |dirty: u64| gauge!("seawall.spool.queued", "name" => name, "kind" => kind).set(dirty as f64);
    let writes = |outcome: &'static str, keys: u64| {
        counter!("seawall.spool.writes", "name" => name, "kind" => kind, "outcome" => outcome)
            .increment(keys);
    };
    match spool {
        Spool::Taken { coalesced, dirty } => {
            queued(dirty);
            writes("coalesced", coalesced.into());
        }
        Spool::Stored { keys, dirty } => {
            queued(dirty);
            writes("stored", keys.into());
        }
        Spool::Again { keys } => writes("again", keys.into()),
        Spool::Dead { .. } => writes("dead", 1),
        Spool::Lost { keys } => writes("lost", keys),
    }
}

/// Why a circuit changed its state.
const fn reason(turn: &Turn) -> &'static str {
    match turn {
        Turn::Opened { cause, .. } | Turn::WouldOpen { cause } => cause.as_str(),
        Turn::HalfOpened | Turn::Ramping => "time",
        Turn::Closed => "recovered",
        Turn::Forced(_) | Turn::Reset => "hand",
    }
}

/// A reason as an attribute: one word, stable.
const fn slug(reason: Reason) -> &'static str {
    match reason {
        Reason::RateLimited => "rate_limited",
        Reason::TooLarge => "too_large",
        Reason::KeysFull => "keys_full",
        Reason::CircuitOpen => "circuit_open",
        Reason::ProbesTaken => "probes_taken",
        Reason::Ramping => "ramping",
        Reason::ForcedOpen => "forced_open",
        Reason::LimitReached => "limit_reached",
        Reason::Priority => "priority",
        Reason::NotReady => "not_ready",
        Reason::Throttled => "throttled",
        Reason::QueueFull => "queue_full",
        Reason::QueueTimeout => "queue_timeout",
        Reason::Deadline => "deadline",
        Reason::StoreUnavailable => "store_unavailable",
        Reason::NoKey => "no_key",
        Reason::NoEndpoint => "no_endpoint",
        Reason::EndpointsOut => "endpoints_out",
        Reason::EndpointsTried => "endpoints_tried",
        Reason::EndpointsFull => "endpoints_full",
        Reason::EndpointAway => "endpoint_away",
        Reason::Draining => "draining",
        Reason::Reentrant => "reentrant",
        Reason::Closed => "closed",
    }
}

fn describe() {
    describe_counter!("seawall.calls", Unit::Count, "Calls by how they ended");
    describe_counter!("seawall.rejections", Unit::Count, "Calls refused, by reason");
    describe_counter!("seawall.attempts", Unit::Count, "Attempts beyond the first");
    describe_counter!(
        "seawall.retries_stopped",
        Unit::Count,
        "Failed calls that were not made again, by reason"
    );
    describe_gauge!(
        "seawall.retry_budget.balance",
        Unit::Count,
        "Tokens left in the budget of retries, when it was last asked for one"
    );
    describe_gauge!(
        "seawall.circuit_breaker.state",
        Unit::Count,
        "1 on the state the circuit is in, 0 on the rest"
    );
    describe_counter!("seawall.circuit_breaker.transitions", Unit::Count, "Changes of a circuit's state");
    describe_gauge!("seawall.concurrency.limit", Unit::Count, "The limit, since it was last changed");
    describe_gauge!("seawall.concurrency.in_flight", Unit::Count, "Calls in flight");
    describe_gauge!("seawall.concurrency.queued", Unit::Count, "Callers waiting");
    describe_histogram!("seawall.concurrency.queue.duration", Unit::Seconds, "How long callers waited");
    describe_counter!("seawall.rate_limiting.permits", Unit::Count, "Permits granted, and calls denied");
    describe_counter!("seawall.cache.lookups", Unit::Count, "What callers of a cache got");
    describe_counter!("seawall.cache.stale", Unit::Count, "Stale values given, by reason");
    describe_histogram!("seawall.cache.load.duration", Unit::Seconds, "How long loads took");
    describe_counter!("seawall.cache.fences", Unit::Count, "Puts, invalidations and expiries");
    describe_gauge!("seawall.spool.queued", Unit::Count, "Keys that are to be written");
    describe_counter!("seawall.spool.writes", Unit::Count, "Keys written later, by what became of them");
    describe_counter!("seawall.health.checks", Unit::Count, "Checks of endpoints, by what they found");
    describe_counter!(
        "seawall.endpoint.changes",
        Unit::Count,
        "Endpoints that came, left, failed or recovered"
    );
    describe_counter!(
        "seawall.discovery.failures",
        Unit::Count,
        "Questions to a source of endpoints that failed"
    );
}
