//! What is told of checks, and what may be one.

use parking_lot::Mutex;
use seawall::balance::{Endpoint, Pool, RoundRobin};
use seawall::health::{Checks, Finding};
use seawall::telemetry::{Counters, Event, Observe, Telemetry, What};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<(Finding, Duration)>>>);

impl Observe for Heard {
    fn observe(&self, event: &Event) {
        if let What::Checked { endpoint, finding, took } = event.what {
            assert_eq!(endpoint, 1);
            self.0.lock().push((finding, took));
        }
    }
}

async fn heard<R: Into<Finding>>(check: impl AsyncFn() -> R + Clone) -> Vec<(Finding, Duration)> {
    let heard = Heard::default();
    let pool = Pool::new(Telemetry::new("pool").observer(heard.clone()), RoundRobin::new());
    pool.insert(Endpoint::new("a", ()));
    let checking = pool.check(Checks::new(), |_, ()| {
        let check = check.clone();
        async move { check().await }
    });
    assert!(timeout(Duration::from_secs(5), checking).await.is_err());
    heard.0.lock().clone()
}

const MS: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn each_check_is_told_with_what_it_found_and_how_long_it_took() {
    let took = |millis| Duration::from_millis(millis);
    let slow = async || {
        assert!(timeout(30 * MS, pending::<()>()).await.is_err());
        Finding::Pass
    };
    assert_eq!(heard(slow).await, [(Finding::Pass, took(30))]);
    assert_eq!(heard(async || Finding::Draining).await, [(Finding::Draining, took(0))]);
    let late = heard(async || pending::<Finding>().await).await;
    assert_eq!(late.len(), 1);
    assert!(late[0].0 == Finding::Fail && (1000 * MS..1003 * MS).contains(&late[0].1), "{late:?}");
}

#[tokio::test(start_paused = true)]
async fn a_result_and_a_bool_are_findings() {
    assert_eq!(heard(async || "7".parse::<u8>()).await[0].0, Finding::Pass);
    assert_eq!(heard(async || "x".parse::<u8>()).await[0].0, Finding::Fail);
    assert_eq!(heard(async || true).await[0].0, Finding::Pass);
}

#[tokio::test(start_paused = true)]
async fn passes_and_failures_are_counted() {
    let counters = Arc::new(Counters::default());
    let pool = Pool::new(Telemetry::new("pool").observer(counters.clone()), RoundRobin::new());
    pool.set(["a", "b", "c"].map(|id| Endpoint::new(id, id)));
    let checking = pool.check(Checks::new(), |_, &id| async move { id != "b" });
    assert!(timeout(Duration::from_secs(5), checking).await.is_err());
    let seen = counters.snapshot();
    assert_eq!((seen.checks_passed, seen.checks_failed, seen.endpoints_out), (2, 1, 1));
}
