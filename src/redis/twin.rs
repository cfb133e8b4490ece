//! The script and the deciding types of this crate, over the same random histories: after each step both say the same.
//!
//! The script under test is the very text that is sent in production but for two places: the clock, which is driven, and the
//! real time after which the server forgets a key, which it may only do when the key is full again.

use super::driven::{BASE, Driven, Step};
use super::limits::Limits;
use super::questions::Permits;
use super::reply::Reply;
use super::script::Act;
use super::server::RedisServer;
use crate::rate_limit::remote::Rule;
use crate::rate_limit::{
    Algorithm, Decision, FixedWindow, Quota, SlidingWindowCounter, SlidingWindowLog, TokenBucket,
};
use crate::time::Instant;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::cell::RefCell;
use std::time::Duration;

fn rounded_up(duration: Duration) -> Duration {
    Duration::from_micros(u64::try_from(duration.as_nanos().div_ceil(1000)).unwrap())
}

/// Wait, permits left and time to full, in whole microseconds as the script tells them.
type Told = (Option<Duration>, u32, Duration);

fn told(decision: Decision) -> Told {
    let retry = decision.retry_after().map(rounded_up);
    (retry, decision.remaining(), rounded_up(decision.reset_after()))
}

/// What `algorithm` says to the same history.
fn twin<A: Algorithm>(algorithm: &A, steps: &[(Step, u64)]) -> Vec<Told> {
    let mut state = algorithm.fresh();
    let decide = |&(step, at): &(Step, u64)| {
        let now = Instant::from_nanos(at * 1000);
        match step {
            Step::Take(cost) => return told(algorithm.admit(&mut state, cost, now)),
            Step::Peek(cost) => return told(algorithm.peek(&state, cost, 0, now)),
            Step::Charge(cost) => {
                let wait = Some(algorithm.charge(&mut state, cost, now)).filter(|wait| !wait.is_zero());
                let (_, left, reset) = told(algorithm.peek(&state, 0, 0, now));
                return (wait.map(rounded_up), left, reset);
            }
            Step::Give(permits, ago) => {
                // The script always looks at the present windows; a charge of nothing rolls them here.
                algorithm.charge(&mut state, 0, now);
                algorithm.give_back(&mut state, permits, Instant::from_nanos((at - ago.min(at)) * 1000));
            }
            Step::Reset => state = algorithm.fresh(),
        }
        told(algorithm.peek(&state, 0, 0, now))
    };
    steps.iter().map(decide).collect()
}

/// Histories of some five hundred steps, whose gaps go with the `scale` of the limit, in microseconds. Answers the first
/// difference.
fn compared<A: Algorithm>(driven: Driven, algorithm: &A, scale: u64) -> Result<(), TestCaseError> {
    let capacity = driven.plan.questions.capacity;
    let driven = RefCell::new(driven);
    let gap = prop_oneof![2 => Just(0), 2 => 0..=3_u64, 8 => 0..=scale, 1 => 0..=scale * 40];
    let step = prop_oneof![
        24 => Just(Step::Take(1)),
        12 => (0..=capacity).prop_map(Step::Take),
        4 => (0..=capacity).prop_map(Step::Peek),
        3 => (1..=capacity, prop_oneof![Just(0), 0..=scale * 4]).prop_map(|(permits, ago)| Step::Give(permits, ago)),
        2 => (1..=capacity * 3).prop_map(Step::Charge),
        1 => Just(Step::Reset),
    ];
    let histories = proptest::collection::vec((step, gap), 400..600);
    let config = Config { cases: 12, failure_persistence: None, max_shrink_iters: 0, ..Config::default() };
    // The same histories each time: what they notice today they notice tomorrow.
    let chance = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let run = TestRunner::new_with_rng(config, chance).run(&histories, |history| {
        let mut now = 0;
        let timed = history.iter().map(|&(step, gap)| {
            now += gap;
            (step, now)
        });
        let steps: Vec<_> = timed.collect();
        let (seen, meant) = (driven.borrow_mut().run(&steps), twin(algorithm, &steps));
        for (index, (seen, meant)) in seen.iter().zip(&meant).enumerate() {
            if let Step::Take(cost) = steps[index].0 {
                let granted = if meant.0.is_none() { cost } else { 0 };
                prop_assert_eq!(seen.granted, granted, "step {}: {:?}", index, &steps[..=index]);
            }
            prop_assert_eq!(told(seen.decision), *meant, "step {}: {:?}", index, &steps[..=index]);
        }
        Ok(())
    });
    run.map_err(|error| TestCaseError::fail(error.to_string().lines().take(4).collect::<String>()))
}

fn agree<A: Algorithm>(limits: impl Into<Limits>, algorithm: &A, scale: u64) {
    let Some(server) = RedisServer::start(&[]) else { return };
    compared(Driven::new(&server, limits.into()), algorithm, scale).unwrap();
}

const SECOND: u64 = 1_000_000;
const MINUTE: Duration = Duration::from_secs(60);

const fn fixed(limit: u32, window: Duration) -> Rule {
    Rule::FixedWindow { limit, window }
}

const fn counter(limit: u32, window: Duration) -> Rule {
    Rule::SlidingWindowCounter { limit, window }
}

const fn log(limit: u32, window: Duration) -> Rule {
    Rule::SlidingWindowLog { limit, window }
}

#[test]
fn token_buckets_decide_alike() {
    for (quota, scale) in [
        (Quota::per_second(10).burst(5), SECOND / 5),
        (Quota::per_second(3), SECOND / 2),
        (Quota::per(7, Duration::from_millis(13)).burst(20), 4000),
        (Quota::per_hour(700_000).burst(40), 9000),
        (Quota::per(1, Duration::from_secs(86_400)), 40_000 * SECOND),
    ] {
        agree(quota, &TokenBucket::new(quota), scale);
    }
}

#[test]
fn fixed_windows_decide_alike() {
    agree(fixed(10, MINUTE), &FixedWindow::new(10, MINUTE), 9 * SECOND);
}

#[test]
fn sliding_counters_decide_alike() {
    for (limit, window, scale) in [(10, MINUTE, 9 * SECOND), (97, Duration::from_millis(250), 6000)] {
        agree(counter(limit, window), &SlidingWindowCounter::new(limit, window), scale);
    }
}

#[test]
fn sliding_logs_decide_alike() {
    let window = Duration::from_secs(10);
    agree(log(7, window), &SlidingWindowLog::new(7, window), 2 * SECOND);
}

#[test]
fn several_limits_decide_alike_all_or_nothing() {
    let quotas = [Quota::per_second(10).burst(4), Quota::per_minute(30).burst(9)];
    agree(Limits::of(quotas[0]).and(quotas[1]), &quotas.map(TokenBucket::new), SECOND / 2);
    let limits = Limits::of(quotas[0]).and(fixed(12, MINUTE)).and(counter(15, MINUTE)).and(log(9, MINUTE));
    let algorithms = (
        TokenBucket::new(quotas[0]),
        FixedWindow::new(12, MINUTE),
        SlidingWindowCounter::new(15, MINUTE),
        SlidingWindowLog::new(9, MINUTE),
    );
    agree(limits, &algorithms, 4 * SECOND);
}

#[test]
fn more_limits_than_there_are_names_in_the_language_decide_alike() {
    let quotas: [Quota; 15] = std::array::from_fn(|n| Quota::per_minute(30 + n as u32).burst(9));
    let limits = quotas.iter().skip(1).fold(Limits::of(quotas[0]), |limits, &quota| limits.and(quota));
    agree(limits, &quotas.map(TokenBucket::new), SECOND / 2);
}

#[test]
fn a_script_that_is_a_little_wrong_is_noticed() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let bucket = Rule::TokenBucket(Quota::per_second(3).burst(5));
    let mutations = [
        (bucket, "", ""), // nothing is wrong, and nothing is found
        (fixed(10, MINUTE), "", ""),
        (counter(10, MINUTE), "", ""),
        (log(7, MINUTE), "", ""),
        (bucket, "ceil(over / l1_q)", "floor(over / l1_q)"),
        (bucket, "(l1_now - last) * l1_q", "(l1_now - last) * (l1_q + 1)"),
        (bucket, "max(0, l1_debt - n * l1_p)", "l1_debt - n * l1_p"),
        (bucket, "over > 0", "over > 1"),
        (fixed(10, MINUTE), "(l1_window - window)", "(l1_window - window + 1)"),
        (fixed(10, MINUTE), "l1_used + cost - l1_cap", "l1_used + cost - l1_cap - 1"),
        (fixed(10, MINUTE), "== l1_window then l1_used", "<= l1_window then l1_used"),
        (counter(10, MINUTE), "l1_prev = cur", "l1_prev = 0"),
        (counter(10, MINUTE), "(l1_cap - l1_cur - cost) * l1_p", "(l1_cap - l1_cur - cost + 1) * l1_p"),
        (counter(10, MINUTE), "(l1_cap - cost) * l1_p", "(l1_cap - cost + 1) * l1_p"),
        (log(7, MINUTE), "at + l1_p <= l1_at", "at + l1_p + 1000000 <= l1_at"),
        (log(7, MINUTE), "held + n", "n"),
        (log(7, MINUTE), "entered >= at", "entered > at"),
    ];
    for (rule, right, wrong) in mutations {
        let mut driven = Driven::new(&server, rule.into());
        let found = |act| driven.plan.questions.scripts.of(act).whole.contains(right);
        assert!(found(Act::Take) || found(Act::Give), "{right} is not there");
        driven.mutation = (right != wrong).then_some((right, wrong));
        let compared = match rule {
            Rule::TokenBucket(quota) => compared(driven, &TokenBucket::new(quota), SECOND / 3),
            Rule::FixedWindow { limit, window } => {
                compared(driven, &FixedWindow::new(limit, window), 9 * SECOND)
            }
            Rule::SlidingWindowCounter { limit, window } => {
                compared(driven, &SlidingWindowCounter::new(limit, window), 9 * SECOND)
            }
            Rule::SlidingWindowLog { limit, window } => {
                compared(driven, &SlidingWindowLog::new(limit, window), 9 * SECOND)
            }
        };
        assert_eq!(compared.is_err(), right != wrong, "{wrong}: {compared:?}");
    }
}

/// What one call is answered: permits granted, and how long to wait in microseconds.
fn ask(driven: &mut Driven, at: u64, cost: u32) -> (u32, Option<Duration>) {
    driven.key -= 1; // the same key again
    let reply = driven.run(&[(Step::Take(cost), at)])[0];
    (reply.granted, reply.decision.retry_after())
}

#[test]
fn a_clock_that_was_set_back_credits_nothing_and_blocks_no_longer_than_two_fills() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let mut driven = Driven::new(&server, Quota::per_second(1).burst(5).into());
    driven.key = 1;
    let at = 3600 * SECOND;
    assert_eq!(ask(&mut driven, at, 5), (5, None));
    // A little: time stands still until it is there again.
    let refused = (0, Some(Duration::from_secs(3)));
    assert_eq!(ask(&mut driven, at - 2 * SECOND, 1), refused);
    assert_eq!(ask(&mut driven, at - 2 * SECOND, 1), refused, "a refusal wrote something");
    // An hour: the debt stays, the time does not.
    assert_eq!(ask(&mut driven, SECOND, 1), (0, Some(Duration::from_secs(1))));
    assert_eq!(ask(&mut driven, 2 * SECOND, 1), (1, None));

    for rule in [fixed(1, MINUTE), counter(1, MINUTE), log(1, MINUTE)] {
        let mut driven = Driven::new(&server, rule.into());
        let _: () = redis::cmd("FLUSHALL").query(&mut driven.connection).unwrap();
        driven.key = 1;
        assert_eq!(ask(&mut driven, at, 1).0, 1, "{rule:?}");
        assert_eq!(ask(&mut driven, at - SECOND, 1).0, 0, "{rule:?}: the newest counts");
        assert_eq!(ask(&mut driven, SECOND, 1).0, 1, "{rule:?}: for ever blocked");
    }
}

#[test]
fn another_quota_goes_on_with_what_was_used() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let mut old = Driven::new(&server, Quota::per_hour(100).into());
    old.key = 1;
    assert_eq!(ask(&mut old, 0, 60).0, 60);
    let mut new = Driven::new(&server, Quota::per_hour(200).into());
    new.key = 1;
    assert_eq!(ask(&mut new, 0, 141).0, 0);
    assert_eq!(ask(&mut new, 0, 140).0, 140);
}

#[test]
fn another_rule_of_the_same_name_starts_afresh() {
    let Some(server) = RedisServer::start(&[]) else { return };
    for rule in [fixed(3, MINUTE), counter(3, MINUTE), log(3, MINUTE), Quota::per_minute(3).into()] {
        let mut driven = Driven::new(&server, rule.into());
        driven.key = 1;
        assert_eq!(ask(&mut driven, 0, 3).0, 3, "{rule:?}");
        assert_eq!(ask(&mut driven, 0, 1).0, 0, "{rule:?}");
    }
}

#[test]
fn what_was_admitted_elsewhere_is_paid_as_far_as_there_is_anything() {
    let Some(server) = RedisServer::start(&[]) else { return };
    for rule in
        [Quota::per_hour(10).into(), fixed(10, MINUTE * 60), counter(10, MINUTE * 60), log(10, MINUTE * 60)]
    {
        let mut driven = Driven::new(&server, Limits::of(rule));
        let _: () = redis::cmd("FLUSHALL").query(&mut driven.connection).unwrap();
        let mut pay = |cost: u32, owed: u32| {
            let (questions, permits) = (&driven.plan.questions, Permits { owed, ..Permits::of(cost) });
            let mut command = questions.command("EVAL", &driven.text(Act::Pay), "{1", permits);
            command.arg((BASE as f64).to_le_bytes().as_slice());
            let value = command.query(&mut driven.connection).unwrap();
            Reply::read(&value, |_, one| one).unwrap()
        };
        assert_eq!(pay(3, 4).decision.remaining(), 3, "{rule:?}");
        let refused = pay(1, 7);
        assert_eq!((refused.granted, refused.decision.remaining()), (0, 0), "a debt beyond nothing is none");
        assert!(refused.decision.retry_after() <= Some(Duration::from_secs(7200)), "{rule:?}");
    }
}
