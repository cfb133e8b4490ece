//! The script and the deciding types of this crate, over the same random histories: after each step both say the same.
//!
//! The script under test is the very text that is sent in production but for three places: the clock, which is driven, and
//! the real time after which the server forgets a key, which it may only do when the key is full again.

use super::limit::Limit;
use super::limits::Limits;
use super::plan::Plan;
use super::reply::Reply;
use super::script::{Argument, command};
use super::server::RedisServer;
use crate::rate_limit::{
    Algorithm, Decision, FixedWindow, Quota, SlidingWindowCounter, SlidingWindowLog, TokenBucket,
};
use crate::telemetry::Telemetry;
use crate::time::Instant;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::cell::RefCell;
use std::time::Duration;

/// A time like today's in microseconds, and a whole number of windows of each length used here.
const BASE: u64 = 1_764_000_000_000_000;

struct Driven {
    connection: redis::Connection,
    plan: Plan,
    text: String,
    key: u128,
}

impl Driven {
    fn new(server: &RedisServer, limits: Limits) -> Self {
        let plan = Plan::new(&Telemetry::new("twin"), limits);
        let mut text = plan.text.clone();
        for (real, driven) in [
            ("local time = redis.call('TIME')\n", ""),
            ("time[1] * 1000000 + time[2]", "tonumber(ARGV[#ARGV])"),
            ("ceil(life / 1000)", "86400000"),
        ] {
            assert_eq!(text.matches(real).count(), 1, "{real}");
            text = text.replace(real, driven);
        }
        let connection = redis::Client::open(server.url()).unwrap().get_connection().unwrap();
        Self { connection, plan, text, key: 0 }
    }

    /// The replies to a whole history, of a key that was never seen.
    fn run(&mut self, steps: &[(Act, u64)]) -> Vec<Reply> {
        self.key += 1;
        let keys = self.plan.keys(self.key);
        let mut pipeline = redis::pipe();
        for &(act, at) in steps {
            let (verb, cost, taken) = match act {
                Act::Take(cost) => ("take", cost, 0),
                Act::Give(permits) => ("give", permits, BASE + at),
            };
            let mut arguments = self.plan.arguments(verb, cost, cost, 0, taken);
            arguments.push(Argument::Number(BASE + at));
            pipeline.add_command(command(Some(&self.text), "", &keys, &arguments));
        }
        let values: Vec<redis::Value> = pipeline.query(&mut self.connection).unwrap();
        values.iter().map(|value| Reply::read(value).expect("a reply of the script")).collect()
    }
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Take(u32),
    Give(u32),
}

fn rounded_up(duration: Duration) -> Duration {
    Duration::from_micros(u64::try_from(duration.as_nanos().div_ceil(1000)).unwrap())
}

/// In whole microseconds, as the script tells it.
fn in_micros(decision: Decision) -> (Option<Duration>, u32, Duration) {
    let retry = decision.retry_after().map(rounded_up);
    (retry, decision.remaining(), rounded_up(decision.reset_after()))
}

/// What `algorithm` says to the same history.
fn twin<A: Algorithm>(algorithm: &A, steps: &[(Act, u64)]) -> Vec<Decision> {
    let mut state = algorithm.fresh();
    let decide = |&(act, at): &(Act, u64)| {
        let now = Instant::from_nanos(at * 1000);
        match act {
            Act::Take(cost) => algorithm.admit(&mut state, cost, now),
            Act::Give(permits) => {
                algorithm.give_back(&mut state, permits, now);
                algorithm.peek(&state, 0, 0, now)
            }
        }
    };
    steps.iter().map(decide).collect()
}

/// Random histories of some five hundred steps, whose gaps go with the `scale` of the limit, in microseconds.
fn agree<A: Algorithm>(limits: impl Into<Limits>, algorithm: &A, scale: u64, gives: bool) {
    let Some(server) = RedisServer::start(&[]) else { return };
    let limits = limits.into();
    let capacity = limits.capacity();
    let driven = RefCell::new(Driven::new(&server, limits));
    let gap = prop_oneof![2 => Just(0), 2 => 0..=3_u64, 8 => 0..=scale, 1 => 0..=scale * 40];
    let act = prop_oneof![
        12 => Just(Act::Take(1)),
        6 => (0..=capacity).prop_map(Act::Take),
        1 => (1..=capacity).prop_map(move |n| if gives { Act::Give(n) } else { Act::Take(n) }),
    ];
    let histories = proptest::collection::vec((act, gap), 400..600);
    let mut runner = TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
    let run = runner.run(&histories, |history| {
        let mut now = 0;
        let steps: Vec<_> = history
            .iter()
            .map(|&(act, gap)| {
                now += gap;
                (act, now)
            })
            .collect();
        let (seen, meant) = (driven.borrow_mut().run(&steps), twin(algorithm, &steps));
        for (index, (seen, meant)) in seen.iter().zip(&meant).enumerate() {
            let granted =
                if let (Act::Take(cost), true) = (steps[index].0, meant.is_admitted()) { cost } else { 0 };
            if matches!(steps[index].0, Act::Take(_)) {
                prop_assert_eq!(seen.granted, granted, "step {}: {:?}", index, &steps[..=index]);
            }
            prop_assert_eq!(
                in_micros(seen.decision),
                in_micros(*meant),
                "step {}: {:?}",
                index,
                &steps[..=index]
            );
        }
        Ok(())
    });
    run.unwrap();
}

const SECOND: u64 = 1_000_000;

#[test]
fn token_buckets_decide_alike() {
    for (quota, scale) in [
        (Quota::per_second(10).burst(5), SECOND / 5),
        (Quota::per_second(3), SECOND / 2),
        (Quota::per(7, Duration::from_millis(13)).burst(20), 4000),
        (Quota::per_hour(700_000).burst(40), 9000),
        (Quota::per(1, Duration::from_secs(86_400)), 40_000 * SECOND),
    ] {
        agree(quota, &TokenBucket::new(quota), scale, true);
    }
}

#[test]
fn fixed_windows_decide_alike() {
    let window = Duration::from_secs(60);
    agree(Limit::fixed_window(10, window), &FixedWindow::new(10, window), 9 * SECOND, true);
}

#[test]
fn sliding_counters_decide_alike() {
    for (limit, window, scale) in
        [(10, Duration::from_secs(60), 9 * SECOND), (97, Duration::from_millis(250), 6000)]
    {
        let counter = SlidingWindowCounter::new(limit, window);
        agree(Limit::sliding_counter(limit, window), &counter, scale, true);
    }
}

#[test]
fn sliding_logs_decide_alike() {
    let window = Duration::from_secs(10);
    agree(Limit::sliding_log(7, window), &SlidingWindowLog::new(7, window), 2 * SECOND, false);
}

#[test]
fn several_limits_decide_alike_all_or_nothing() {
    let quotas = [Quota::per_second(10).burst(4), Quota::per_minute(30).burst(9)];
    agree(Limits::of(quotas[0]).and(quotas[1]), &quotas.map(TokenBucket::new), SECOND / 2, true);
}

/// What one call is answered: permits granted, and how long to wait in microseconds.
fn ask(driven: &mut Driven, at: u64, cost: u32) -> (u32, Option<Duration>) {
    driven.key -= 1; // the same key again
    let reply = driven.run(&[(Act::Take(cost), at)])[0];
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

    for limit in [
        Limit::fixed_window(1, Duration::from_secs(60)),
        Limit::sliding_counter(1, Duration::from_secs(60)),
        Limit::sliding_log(1, Duration::from_secs(60)),
    ] {
        let mut driven = Driven::new(&server, Limits::of(limit).prefix(format!("{limit:?}")));
        driven.key = 1;
        assert_eq!(ask(&mut driven, at, 1).0, 1, "{limit:?}");
        assert_eq!(ask(&mut driven, at - SECOND, 1).0, 0, "{limit:?}: the newest counts");
        assert_eq!(ask(&mut driven, SECOND, 1).0, 1, "{limit:?}: for ever blocked");
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
fn what_was_admitted_elsewhere_is_paid_as_far_as_there_is_anything() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let driven = Driven::new(&server, Quota::per_hour(10).into());
    let ask = |cost: u32, owed: u32| {
        let mut connection = redis::Client::open(server.url()).unwrap().get_connection().unwrap();
        let arguments = driven.plan.arguments("take", cost, cost, owed, 0);
        let value = command(Some(&driven.plan.text), "", &driven.plan.keys(1), &arguments);
        Reply::read(&value.query(&mut connection).unwrap()).unwrap()
    };
    assert_eq!(ask(3, 4).decision.remaining(), 3);
    let refused = ask(1, 7);
    assert_eq!((refused.granted, refused.decision.remaining()), (0, 0), "a debt beyond nothing is none");
    assert!(refused.decision.retry_after() <= Some(Duration::from_secs(360)));
}
