//! Events become instruments, and what goes up comes down.

use metrics_exporter_prometheus::PrometheusBuilder;
use seawall::circuit_breaker::Trip;
use seawall::rate_limit::Quota;
use seawall::retry::{Backoff, Budget, Plan, Retry, RetryBudget};
use seawall::telemetry::{Metrics, Telemetry};
use seawall::{CircuitBreaker, Class, ConcurrencyLimit, RateLimiter, Ratio};
use std::sync::Arc;

/// What an exporter shows after `act`, whose instances are called by the telemetry it is given.
fn shown(act: impl FnOnce(Telemetry)) -> Vec<String> {
    let recorder = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, || act(Telemetry::new("db").observer(Arc::new(Metrics::new()))));
    recorder.handle().render().lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

#[track_caller]
fn has(shown: &[String], name: &str, labels: &[&str], value: &str) {
    let found = shown.iter().any(|line| {
        line.split_once(['{', ' ']).is_some_and(|(shown, _)| shown == name)
            && labels.iter().all(|label| line.contains(label))
            && line.rsplit(' ').next() == Some(value)
    });
    assert!(found, "no {name} {labels:?} {value} in {shown:#?}");
}

#[test]
fn calls_are_counted_by_how_they_ended_and_the_gauge_comes_back_down() {
    let shown = shown(|telemetry| {
        let limit = ConcurrencyLimit::new(telemetry, 4);
        let ends = [Class::Success, Class::Neutral, Class::Transient]
            .map(|class| (limit.try_acquire().unwrap(), class));
        let full = limit.try_acquire().unwrap();
        assert!(limit.try_acquire().is_err());
        drop(full);
        limit.try_acquire().unwrap().release();
        for (permit, class) in ends {
            permit.settle(class);
        }
        limit.set_limit(7);
    });
    let kind = "kind=\"concurrency_limit\"";
    for (outcome, calls) in [("ok", "2"), ("failed", "1"), ("rejected", "1"), ("cancelled", "1")] {
        has(&shown, "seawall_calls", &["name=\"db\"", kind, &format!("outcome=\"{outcome}\"")], calls);
    }
    has(&shown, "seawall_rejections", &["reason=\"limit_reached\""], "1");
    has(&shown, "seawall_concurrency_in_flight", &[kind], "0");
    has(&shown, "seawall_concurrency_limit", &[kind], "7");
}

#[test]
fn permits_are_counted_by_what_they_cost() {
    let shown = shown(|telemetry| {
        let limiter = RateLimiter::new(telemetry, Quota::per_hour(10));
        drop(limiter.try_acquire_many(8));
        drop(limiter.try_acquire_many(8));
    });
    has(&shown, "seawall_rate_limiting_permits", &["result=\"granted\""], "8");
    has(&shown, "seawall_rate_limiting_permits", &["result=\"denied\""], "1");
}

#[test]
fn a_circuit_is_in_one_state_at_a_time() {
    let shown = shown(|telemetry| {
        let breaker = CircuitBreaker::new(telemetry, Trip::run_of(1));
        breaker.try_acquire().unwrap().settle(Class::Transient);
        breaker.force_closed();
    });
    let transition = "seawall_circuit_breaker_transitions";
    has(&shown, transition, &["from=\"closed\"", "to=\"open\"", "reason=\"run\""], "1");
    has(&shown, transition, &["from=\"open\"", "to=\"forced_closed\"", "reason=\"hand\""], "1");
    has(&shown, "seawall_circuit_breaker_state", &["state=\"forced_closed\""], "1");
    for state in ["open", "closed", "half_open"] {
        has(&shown, "seawall_circuit_breaker_state", &[&format!("state=\"{state}\"")], "0");
    }
}

#[test]
fn further_attempts_are_counted_by_their_number() {
    let shown = shown(|telemetry| {
        let retry = Retry::new(telemetry, Plan::new().attempts(4).backoff(Backoff::none()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        assert!(runtime.block_on(retry.run(|| async { Err::<(), _>("reset") })).is_err());
    });
    has(&shown, "seawall_attempts", &["cause=\"retry\"", "number=\"2\""], "1");
    has(&shown, "seawall_attempts", &["cause=\"retry\"", "number=\"3+\""], "2");
    has(&shown, "seawall_retries_stopped", &["reason=\"gave_up\""], "1");
}

#[test]
fn the_balance_of_a_budget_is_what_was_left_when_it_was_last_asked() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let shown = shown(|telemetry| {
        let budget = RetryBudget::new(Budget::ratio(Ratio::percent(0)).reserve(1).hold(5));
        let plan = Plan::new().attempts(3).backoff(Backoff::none());
        let retry = Retry::new(telemetry, plan).budget(budget);
        let failed = runtime.block_on(retry.run(|| async { Err::<(), _>("down") }));
        assert!(failed.is_err());
    });
    has(&shown, "seawall_retry_budget_balance", &["name=\"db\"", "kind=\"retry\""], "3");
}
