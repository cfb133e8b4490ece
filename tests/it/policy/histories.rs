//! Any history: the budget is never exceeded, and nothing begins after the deadline.

use crate::retry::{Calls, MS, after};
use proptest::prelude::*;
use seawall::deadline::Deadlines;
use seawall::hedge::{Always, Delay, Hedge};
use seawall::retry::{Backoff, Budget, Jitter, Plan, Retry, RetryBudget};
use seawall::{Class, Error, Policy, Ratio};
use std::cell::Cell;
use std::time::Duration;

/// How one attempt goes: after so long, as what.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    takes: u32,
    class: Class,
}

fn attempt() -> impl Strategy<Value = Attempt> {
    let class = prop_oneof![
        3 => Just(Class::Transient),
        1 => Just(Class::Success),
        1 => Just(Class::Overload(None)),
        1 => (0u64..80).prop_map(|ms| Class::Overload(Some(Duration::from_millis(ms)))),
        1 => Just(Class::Permanent),
    ];
    (0u32..60, class).prop_map(|(takes, class)| Attempt { takes, class })
}

fn plan() -> impl Strategy<Value = Plan> {
    (1u32..6, 0u32..50, any::<bool>(), any::<u64>()).prop_map(|(attempts, base, jittered, seed)| {
        let jitter = if jittered { Jitter::full() } else { Jitter::none() };
        Plan::new().attempts(attempts).backoff(Backoff::exponential(base * MS).jitter(jitter).seeded(seed))
    })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

fn judge(result: Result<&(), &Class>) -> Class {
    result.err().copied().unwrap_or(Class::Success)
}

/// Answers as the script says; beyond its end, and for ever, a failure.
async fn answers(script: &[Attempt], n: u64) -> Result<(), Class> {
    let attempt = script.get(n as usize).copied().unwrap_or(Attempt { takes: 7, class: Class::Transient });
    after(attempt.takes).await;
    if attempt.class == Class::Success { Ok(()) } else { Err(attempt.class) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_retry_of_a_hedge_of_a_retry_keeps_to_the_deadline(
        script in prop::collection::vec(attempt(), 0..40),
        plans in (plan(), plan()),
        hedged in any::<bool>(),
        limit in 1u32..300,
    ) {
        let calls = runtime().block_on(async {
            let calls = Calls::start();
            let hedge = Hedge::new("hedge", Delay::fixed(10 * MS), Always).at_most(u32::from(hedged)).budget(None);
            let inner = Policy::new("inner")
                .retry(Retry::new("inner", plans.1).budget(None))
                .hedge(hedge)
                .classify(judge);
            let outer = Retry::new("outer", plans.0).budget(None).classify(judge);
            let deadlines = Deadlines::within("deadline", limit * MS);
            let _ = deadlines
                .run_lifted(|| outer.run_lifted(|| inner.run(|| answers(&script, calls.next()))))
                .await;
            prop_assert!(calls.ms() <= u64::from(limit), "it was over at {}", calls.ms());
            Ok(calls)
        })?;
        // The first call needs no time to begin; every other was begun while there was some left.
        prop_assert!(calls.times().iter().all(|at| *at < u64::from(limit)), "{:?}", calls.times());
    }

    #[test]
    fn attempts_never_exceed_the_budget_in_any_history(
        // Pauses before each request, and how its attempts go.
        history in prop::collection::vec((0u32..400, prop::collection::vec(attempt(), 0..6)), 1..60),
        plan in plan(),
        percent in 0u32..100,
        reserve in 0u32..5,
        hold in 0u32..8,
        hedged in any::<bool>(),
    ) {
        let (made, seconds) = runtime().block_on(async {
            let calls = Calls::start();
            let budget = RetryBudget::new(Budget::ratio(Ratio::percent(percent)).reserve(reserve).hold(hold));
            let hedge = Hedge::new("hedge", Delay::fixed(10 * MS), Always)
                .at_most(2 * u32::from(hedged))
                .budget(budget.withdraw_only());
            let policy = Policy::new("policy")
                .retry(Retry::new("retry", plan).budget(budget))
                .hedge(hedge)
                .classify(judge);
            for (pause, script) in &history {
                after(*pause).await;
                let made = Cell::new(0);
                let _ = policy
                    .run(|| {
                        calls.next();
                        answers(script, made.replace(made.get() + 1))
                    })
                    .await;
            }
            (calls.made() as f64, calls.ms() as f64 / 1000.0)
        });
        // Retries ≤ ratio · requests + reserve · seconds + hold, retries and hedges together.
        let requests = history.len() as f64;
        let bound = [f64::from(percent) / 100.0 * requests, f64::from(reserve) * seconds, f64::from(hold)];
        let (extra, bound) = (made - requests, bound.into_iter().sum::<f64>());
        prop_assert!(extra <= bound + 1e-9, "{extra} further attempts, {bound} allowed");
    }
}

#[test]
fn a_history_without_a_budget_is_bounded_by_the_attempts_alone() {
    let calls = runtime().block_on(async {
        let calls = Calls::start();
        let three = |name| Retry::new(name, Plan::new().backoff(Backoff::none())).budget(None);
        let (outer, inner) = (three("outer"), three("inner"));
        let answer = outer.run_lifted(|| inner.run(|| answers(&[], calls.next()))).await;
        assert_eq!(answer, Err(Error::Inner(Class::Transient)));
        calls
    });
    assert_eq!(calls.made(), 9);
}
