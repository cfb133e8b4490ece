//! Which attempt is the answer, and which starts another.

use super::{Alive, Attempt, fixed, race};
use crate::retry::{Calls, MS, after};
use crate::tools::{CUTS, Probe, Step, cut};
use proptest::prelude::*;
use seawall::deadline::Deadline;
use seawall::hedge::{Always, Delay, Hedge};
use seawall::retry::RetryBudget;
use seawall::{Class, ConcurrencyLimit, Error, LiftLayer, Reason, Rejected};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use tower::{ServiceBuilder, ServiceExt, service_fn};

#[tokio::test(start_paused = true)]
async fn a_failure_starts_the_next_attempt_at_once_and_the_delay_anew() {
    let script = [(20, Err("1")), (500, Ok("2")), (500, Ok("3"))];
    assert_eq!(race(fixed(100).at_most(2), &script).await, (Ok("2"), vec![0, 20, 120], 520));
}

#[tokio::test(start_paused = true)]
async fn if_all_fail_the_last_real_result_is_the_answer() {
    let script = [(50, Err("1")), (10, Err("2")), (5, Err("3"))];
    assert_eq!(race(fixed(20).at_most(2), &script).await, (Err(Error::Inner("1")), vec![0, 20, 30], 50));
}

/// As [`race`], where "busy" is an overload, "no" permanent and "missing" neutral.
async fn judged(script: &[Attempt]) -> (Result<&'static str, Error<&'static str>>, Vec<u64>, u64) {
    let hedge = fixed(20).at_most(2).classify(|answer: Result<&&str, &&str>| match answer {
        Ok(_) => Class::Success,
        Err(&"busy") => Class::Overload(None),
        Err(&"no") => Class::Permanent,
        Err(&"missing") => Class::Neutral,
        Err(_) => Class::Transient,
    });
    let calls = Calls::start();
    let answer = hedge
        .run(|| {
            let (takes, result) = script[calls.next() as usize];
            async move {
                after(takes).await;
                result
            }
        })
        .await;
    (answer, calls.times(), calls.ms())
}

#[tokio::test(start_paused = true)]
async fn after_an_overload_nobody_hedges_but_those_under_way_go_on() {
    let busy = Err(Error::Inner("busy"));
    assert_eq!(judged(&[(5, Err("busy"))]).await, (busy, vec![0], 5));
    let script = [(100, Ok("primary")), (5, Err("busy"))];
    assert_eq!(judged(&script).await, (Ok("primary"), vec![0, 20], 100));
}

#[tokio::test(start_paused = true)]
async fn a_permanent_and_a_neutral_answer_win() {
    for answer in ["no", "missing"] {
        let script = [(100, Ok("primary")), (5, Err(answer))];
        assert_eq!(judged(&script).await, (Err(Error::Inner(answer)), vec![0, 20], 25));
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_hedge_neither_wins_nor_ends_anything_and_costs_no_token() {
    let (calls, budget) = (Calls::start(), RetryBudget::default());
    let limit = ConcurrencyLimit::new("limit", 1);
    let hedge = fixed(10).at_most(3).budget(budget.clone());
    let service = ServiceBuilder::new().layer(hedge.layer()).layer(limit.layer()).layer(LiftLayer).service(
        service_fn(|()| {
            calls.next();
            async {
                after(100).await;
                Ok::<_, ()>("primary")
            }
        }),
    );
    assert_eq!(service.oneshot(()).await, Ok("primary"));
    assert_eq!((calls.made(), calls.ms(), budget.available(), limit.in_flight()), (1, 100, 100, 0));
}

#[tokio::test(start_paused = true)]
async fn a_refused_first_attempt_is_the_answer_at_once() {
    let calls = Calls::start();
    let refused = Rejected::new("gate", Reason::CircuitOpen);
    let answer = fixed(10)
        .run_lifted(|| {
            calls.next();
            async move { Err::<(), Error<()>>(refused.into()) }
        })
        .await;
    assert_eq!((answer, calls.made(), calls.ms()), (Err(Error::Rejected(refused)), 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_hides_no_real_result() {
    let refused = Rejected::new("gate", Reason::CircuitOpen);
    let calls = Calls::start();
    let answer = fixed(10)
        .run_lifted(|| {
            let n = calls.next();
            async move {
                match n {
                    0 => {
                        after(30).await;
                        Err::<(), _>(Error::Inner("its own"))
                    }
                    _ => Err(refused.into()),
                }
            }
        })
        .await;
    assert_eq!((answer, calls.ms()), (Err(Error::Inner("its own")), 30));
}

#[tokio::test(start_paused = true)]
async fn without_figures_not_even_a_failure_is_hedged() {
    for takes in [0, 5] {
        let live = Hedge::new("hedge", Delay::default(), Always);
        assert_eq!(race(live, &[(takes, Err("1"))]).await.1, [0]);
        let guess = Hedge::new("hedge", Delay::default().otherwise(100 * MS), Always);
        let script = [(takes, Err("1")), (5, Ok("2"))];
        assert_eq!(race(guess, &script).await.1, [0, u64::from(takes)]);
    }
}

#[tokio::test(start_paused = true)]
async fn no_further_attempt_starts_at_the_deadline() {
    let script = [(100, Ok("primary")), (5, Ok("hedge"))];
    let due = |ms: u32| Deadline::within(ms * MS).scope(race(fixed(20), &script));
    assert_eq!(due(20).await, (Ok("primary"), vec![0], 100));
    assert_eq!(due(21).await, (Ok("hedge"), vec![0, 20], 25));
}

#[tokio::test(start_paused = true)]
async fn a_hedge_takes_its_token_exactly_when_it_is_handed_over() {
    for polls in 0..CUTS {
        let budget = RetryBudget::default();
        let probe = Probe::holding(9, Step::Answer { pend: 4 });
        let hedge = Hedge::new("hedge", Delay::fixed(std::time::Duration::ZERO), Always)
            .at_most(2)
            .budget(budget.clone());
        let service = ServiceBuilder::new().layer(hedge.layer()).layer(LiftLayer).service(probe.clone());
        let _ = cut(service.oneshot(1), polls).await;
        assert_eq!(probe.in_flight(), 0);
        let beside = probe.calls().saturating_sub(1);
        assert_eq!(budget.available(), 100 - beside, "dropped after poll {polls}");
    }
}

#[tokio::test(start_paused = true)]
async fn neither_the_response_nor_the_error_need_be_cloned_or_sent() {
    struct Own(std::rc::Rc<()>);
    let calls = Calls::start();
    let answer = fixed(10)
        .run(|| {
            let n = calls.next();
            async move {
                after(if n == 0 { 500 } else { 5 }).await;
                if n == 0 { Err(Own(std::rc::Rc::default())) } else { Ok(Own(std::rc::Rc::default())) }
            }
        })
        .await;
    assert!(answer.is_ok_and(|own| std::rc::Rc::strong_count(&own.0) == 1));
}

/// What must come of a race, from the list of all attempts: simulated event by event.
fn expected(script: &[(u32, bool)], delay: u32, at_most: usize) -> (Option<usize>, Vec<u32>, u32) {
    let mut starts = vec![0u32];
    let mut ended = vec![false; script.len()];
    let (mut now, mut latest) = (0u32, 0u32);
    loop {
        let next_end = (0..starts.len()).filter(|i| !ended[*i]).map(|i| (starts[i] + script[i].0, i)).min();
        let next_start = (starts.len() <= at_most).then_some(latest + delay);
        match (next_end, next_start) {
            (Some((at, i)), start) if start.is_none_or(|start| at <= start) => {
                now = at;
                ended[i] = true;
                if script[i].1 {
                    return (Some(i), starts, now);
                }
                if starts.len() <= at_most {
                    starts.push(now);
                    latest = now;
                }
            }
            (_, Some(start)) => {
                now = start;
                starts.push(now);
                latest = now;
            }
            (_, None) => return (None, starts, now),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn twin_a_race_goes_as_its_events_say(
        // Odd and even times, so that no two events fall together.
        script in prop::collection::vec((0u32..60, any::<bool>()), 5),
        delay in 1u32..30,
        at_most in 0u32..5,
    ) {
        let script: Vec<_> = script.iter().enumerate().map(|(i, (t, ok))| (t * 7 * 32 + 1 + i as u32, *ok)).collect();
        let delay = delay * 7 * 32 + 64;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let (calls, alive) = (runtime.block_on(async { Calls::start() }), Arc::default());
        let answer = runtime.block_on(fixed(delay).at_most(at_most).run(|| {
            let n = calls.next() as usize;
            let (takes, ok) = script[n];
            let living = Alive::new(&alive);
            async move {
                let _living = living;
                after(takes).await;
                if ok { Ok(n) } else { Err(n) }
            }
        }));
        let (winner, starts, over) = expected(&script, delay, at_most as usize);
        prop_assert_eq!(calls.times(), starts.into_iter().map(u64::from).collect::<Vec<_>>());
        prop_assert_eq!(answer.ok(), winner);
        prop_assert_eq!(runtime.block_on(async { calls.ms() }), u64::from(over));
        prop_assert_eq!(alive.load(SeqCst), 0);
    }
}
