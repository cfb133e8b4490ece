//! Hedges in virtual time.

mod endings;

use crate::retry::{Calls, MS, after, constant};
use seawall::hedge::{Always, Delay, Hedge};
use seawall::retry::{Backoff, Budget, Plan, Retry, RetryBudget};
use seawall::telemetry::{Counters, Telemetry};
use seawall::{Error, LiftLayer, Ratio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use tower::{ServiceBuilder, ServiceExt, service_fn};

/// Alive while an attempt is.
pub(crate) struct Alive(Arc<AtomicU32>);

impl Alive {
    pub(crate) fn new(count: &Arc<AtomicU32>) -> Self {
        count.fetch_add(1, SeqCst);
        Self(count.clone())
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

/// How one attempt goes: so many milliseconds, then this.
pub(crate) type Attempt = (u32, Result<&'static str, &'static str>);

/// The answer of one call whose attempts go by `script`; when they started, when it was over. Nothing is left
/// running.
pub(crate) async fn race(
    hedge: Hedge,
    script: &[Attempt],
) -> (Result<&'static str, Error<&'static str>>, Vec<u64>, u64) {
    let (calls, alive) = (Calls::start(), Arc::default());
    let answer = hedge
        .run(|| {
            let (takes, result) = script[calls.next() as usize];
            let living = Alive::new(&alive);
            async move {
                let _living = living;
                after(takes).await;
                result
            }
        })
        .await;
    assert_eq!(alive.load(SeqCst), 0, "a loser lives on");
    (answer, calls.times(), calls.ms())
}

pub(crate) fn fixed(ms: u32) -> Hedge {
    Hedge::new("hedge", Delay::fixed(ms * MS), Always).budget(None)
}

#[tokio::test(start_paused = true)]
async fn hg_1_a_quick_call_is_left_alone() {
    assert_eq!(race(fixed(1000), &[(5, Ok("a"))]).await, (Ok("a"), vec![0], 5));
}

#[tokio::test(start_paused = true)]
async fn hg_2_each_further_attempt_starts_a_delay_after_the_one_before() {
    let script = [(100, Ok("1")), (100, Ok("2")), (100, Ok("3"))];
    assert_eq!(race(fixed(20).at_most(2), &script).await, (Ok("1"), vec![0, 20, 40], 100));
}

#[tokio::test(start_paused = true)]
async fn hg_3_the_hedge_wins_and_the_first_attempt_is_dropped() {
    let script = [(200, Ok("primary")), (10, Ok("hedge"))];
    assert_eq!(race(fixed(50), &script).await, (Ok("hedge"), vec![0, 50], 60));
}

#[tokio::test(start_paused = true)]
async fn hg_4_a_hedge_that_fails_does_not_win() {
    let script = [(200, Ok("primary")), (10, Err("hedge"))];
    assert_eq!(race(fixed(10), &script).await, (Ok("primary"), vec![0, 10], 200));
}

#[tokio::test(start_paused = true)]
async fn hg_5_without_a_delay_all_start_at_once() {
    let script = [(30, Ok("1")), (20, Ok("2")), (10, Ok("3"))];
    assert_eq!(race(fixed(0).at_most(2), &script).await, (Ok("3"), vec![0, 0, 0], 10));
    // An answer that is there needs no company.
    assert_eq!(race(fixed(0).at_most(2), &[(0, Ok("1")), (9, Ok("2")), (9, Ok("3"))]).await.0, Ok("1"));
}

#[tokio::test(start_paused = true)]
async fn hg_6_the_live_percentile_hedges_never_on_guesswork() {
    let live = Delay::percentile(Ratio::percent(95)).min_samples(20);
    let hedge = Hedge::new("hedge", live, Always);
    // All take long, and are not hedged for want of samples.
    for _ in 0..20 {
        let (_, times, _) = race(hedge.clone(), &[(5, Ok("a"))]).await;
        assert_eq!(times.len(), 1);
    }
    for _ in 0..5 {
        let _ = race(hedge.clone(), &[(5, Ok("a")), (5, Ok("b"))]).await;
    }
    let (answer, times, over) = race(hedge.clone(), &[(200, Ok("slow")), (5, Ok("hedge"))]).await;
    assert_eq!((answer, times.len()), (Ok("hedge"), 2));
    assert!((5..=6).contains(&times[1]) && over <= 11, "{times:?} {over}");
    // A minute later the figures are gone.
    after(61_000).await;
    assert_eq!(race(hedge, &[(200, Ok("slow"))]).await, (Ok("slow"), vec![0], 200));
}

#[tokio::test(start_paused = true)]
async fn before_there_are_figures_there_is_the_delay_given_for_that() {
    let live = Delay::default().otherwise(50 * MS);
    let hedge = || Hedge::new("hedge", live, Always);
    let script = [(200, Ok("primary")), (10, Ok("hedge"))];
    assert_eq!(race(hedge(), &script).await, (Ok("hedge"), vec![0, 50], 60));
}

#[tokio::test(start_paused = true)]
async fn hg_7_an_empty_budget_means_no_hedge() {
    let counters = Arc::new(Counters::default());
    let telemetry = Telemetry::new("hedge").observer(counters.clone());
    let empty = RetryBudget::new(Budget::quota(0));
    let hedge = Hedge::new(telemetry, Delay::fixed(10 * MS), Always).budget(empty);
    assert_eq!(race(hedge, &[(100, Ok("primary"))]).await, (Ok("primary"), vec![0], 100));
    let seen = counters.snapshot();
    assert_eq!((seen.hedged, seen.budget_exhausted), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn hg_8_one_attempt_of_a_retry_is_one_hedged_call() {
    let (calls, hedge) = (Calls::start(), fixed(10));
    let retry = Retry::new("retry", constant(0)).budget(None);
    let answer = retry
        .run_lifted(|| {
            hedge.run(|| {
                calls.next();
                async {
                    after(20).await;
                    Err::<(), _>("failed")
                }
            })
        })
        .await;
    assert_eq!((answer, calls.made()), (Err(Error::Inner("failed")), 6));
}

#[tokio::test(start_paused = true)]
async fn a_tenth_of_the_calls_may_be_hedged_by_default() {
    let counters = Arc::new(Counters::default());
    let telemetry = Telemetry::new("hedge").observer(counters.clone());
    let hedge = Hedge::new(telemetry, Delay::fixed(MS), Always)
        .budget(RetryBudget::new(Budget::ratio(Ratio::percent(10)).reserve(0).hold(10)));
    for _ in 0..1000 {
        let _ = race(hedge.clone(), &[(5, Ok("a")), (5, Ok("b"))]).await;
    }
    assert_eq!(counters.snapshot().hedged, 100);
}

#[tokio::test(start_paused = true)]
async fn one_budget_bounds_the_retries_and_the_hedges_together() {
    let budget = RetryBudget::new(Budget::ratio(Ratio::percent(50)).reserve(0).hold(1000));
    let retry = Retry::new("retry", Plan::new().backoff(Backoff::none())).budget(budget.clone());
    let hedge = fixed(10).budget(budget.withdraw_only());
    let calls = Calls::start();
    for _ in 0..100 {
        let answer = retry
            .run_lifted(|| {
                hedge.run(|| {
                    calls.next();
                    async {
                        after(20).await;
                        Err::<(), _>("failed")
                    }
                })
            })
            .await;
        assert_eq!(answer, Err(Error::Inner("failed")));
    }
    assert_eq!(calls.made(), 150);
}

#[tokio::test(start_paused = true)]
async fn an_ineligible_request_passes_through_without_a_copy() {
    let copies = Arc::new(AtomicU32::new(0));
    let counting = {
        let copies = copies.clone();
        move |text: &&'static str| {
            copies.fetch_add(1, SeqCst);
            Some(*text)
        }
    };
    let gets = |text: &&'static str| text.starts_with("GET");
    let (calls, hedge) = (Calls::start(), Hedge::new("hedge", Delay::fixed(10 * MS), gets).replay(counting));
    let service = ServiceBuilder::new().layer(hedge.layer()).layer(LiftLayer).service(service_fn(|_| {
        calls.next();
        async {
            after(100).await;
            Ok::<_, ()>(())
        }
    }));
    service.clone().oneshot("POST /").await.unwrap();
    assert_eq!((calls.made(), copies.load(SeqCst)), (1, 0));
    service.clone().oneshot("GET /").await.unwrap();
    assert_eq!((calls.made(), copies.load(SeqCst)), (3, 1));
    hedge.set_at_most(0);
    service.oneshot("GET /").await.unwrap();
    assert_eq!((calls.made(), copies.load(SeqCst)), (4, 1));
}
