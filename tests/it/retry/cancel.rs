//! Dropped anywhere, nothing is lost.

use super::constant;
use crate::tools::{CUTS, Probe, Step, cut};
use seawall::retry::{Retry, RetryBudget};
use seawall::{Error, LiftLayer};
use tower::{ServiceBuilder, ServiceExt};

#[tokio::test(start_paused = true)]
async fn a_token_is_spent_exactly_by_the_further_attempts_made() {
    for polls in 0..CUTS {
        let budget = RetryBudget::default();
        let probe = Probe::script([Step::Fail { pend: 1 }, Step::Fail { pend: 1 }, Step::Answer { pend: 1 }]);
        let retry = Retry::new("retry", constant(1)).budget(budget.clone());
        let service = ServiceBuilder::new().layer(retry.layer()).layer(LiftLayer).service(probe.clone());
        let ended = cut(service.oneshot(1), polls).await;
        assert_eq!(probe.in_flight(), 0);
        assert_eq!(budget.available(), 100 - probe.calls().saturating_sub(1), "dropped after poll {polls}");
        assert_eq!(ended == Some(Ok(1)), probe.calls() == 3 && polls >= 6, "{ended:?} after {polls}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_readiness_gives_the_token_back() {
    let budget = RetryBudget::default();
    let retry = Retry::new("retry", constant(1)).budget(budget.clone());
    let service = ServiceBuilder::new().layer(retry.layer()).layer(LiftLayer).service(Probe::broken());
    assert!(matches!(service.oneshot(1).await, Err(Error::Inner(_))));
    assert_eq!(budget.available(), 100);
}
