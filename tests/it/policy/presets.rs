//! Stacks ready made: their numbers, and their types.

use crate::tools::{Failed, Probe, Step};
use seawall::policy::{Client, Server};
use seawall::{Error, Instant, Policy, Reason, Retry};
use std::time::Duration;
use tower::{Layer, ServiceExt};

const PATIENCE: Duration = Duration::from_secs(2);

#[track_caller]
fn assert_shows(printed: &str, numbers: &[&str]) {
    for number in numbers {
        assert!(printed.contains(number), "{number} is not in {printed}");
    }
}

#[test]
fn a_client_prints_its_numbers() {
    let printed = format!("{:?}", Policy::client("payments", PATIENCE));
    assert_shows(&printed, &["rest: Some(2s)", "attempt_timeout: Every(Some(1s))", "attempts: 3"]);
    assert_shows(
        &printed,
        &["Ratio(20%)", "reserve: 10", "hold: 100", "base: 50ms", "factor: 2.0", "cap: Some(10s)"],
    );
    assert_shows(&printed, &["50%", "min_calls: 20", "limit: 100", "min: 5", "max: 1000"]);
    assert_shows(&printed, &["rate_limit: None"]);
}

#[test]
fn a_server_prints_its_numbers() {
    let printed = format!("{:?}", Policy::server("api", PATIENCE));
    assert_shows(&printed, &["rest: Some(2s)", "attempt_timeout: Every(Some(2s))", "retry: Once"]);
    assert_shows(&printed, &["rate_limit: None", "breaker: ()", "limit: 100", "tolerance: 1.5"]);
}

#[test]
fn a_part_that_is_switched_off_changes_no_type() {
    let client: Client = Policy::client("payments", PATIENCE)
        .breaker(None)
        .concurrency(None)
        .retry(Retry::off())
        .attempt_timeout(None);
    let server: Server = Policy::server("api", PATIENCE).concurrency(None).attempt_timeout(None);
    assert_shows(&format!("{client:?} {server:?}"), &["breaker: None", "concurrency: None", "attempts: 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_client_gives_a_hanging_first_attempt_a_second_one() {
    let probe = Probe::script([Step::Never, Step::Answer { pend: 0 }]);
    let before = Instant::now();
    assert_eq!(Policy::client("payments", PATIENCE).layer(probe.clone()).oneshot(7).await, Ok(7));
    let took = Instant::now() - before;
    assert!(took >= PATIENCE / 2 && took < PATIENCE, "{took:?}");
    assert_eq!(probe.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_client_stops_calling_a_peer_that_is_down() {
    let probe = Probe::always(Step::Fail { pend: 0 });
    let service = Policy::client("payments", PATIENCE).layer(probe.clone());
    for _ in 0..50 {
        assert!(service.clone().oneshot(1).await.is_err());
    }
    let refused = service.oneshot(1).await.unwrap_err();
    assert_eq!(refused.rejected().map(|rejected| rejected.reason()), Some(Reason::CircuitOpen));
    assert!(probe.calls() < 25, "{} calls of a peer that is down", probe.calls());
}

#[tokio::test(start_paused = true)]
async fn a_server_works_once_and_for_nobody_who_has_left() {
    let failing = Probe::always(Step::Fail { pend: 0 });
    let service = Policy::server("api", PATIENCE).layer(failing.clone());
    assert_eq!(service.oneshot(1).await, Err(Error::Inner(Failed)));
    assert_eq!(failing.calls(), 1);
    let hanging = Probe::always(Step::Never);
    let before = Instant::now();
    let late = Policy::server("api", PATIENCE).layer(hanging.clone()).oneshot(1).await;
    assert!(matches!(late, Err(Error::TimedOut(_))), "{late:?}");
    assert_eq!((Instant::now() - before, hanging.in_flight()), (PATIENCE, 0));
}
