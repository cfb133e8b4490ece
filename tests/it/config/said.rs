//! What a document says is what its config is.

use seawall::config::{self, ConfiguredPolicy, Stack};
use seawall::{
    Class, Ratio, Reason, balance, cache, circuit_breaker, concurrency, discover, health, outlier, retry,
};
use std::time::Duration;

fn read<T: serde::de::DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).unwrap()
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_breaker() {
    use circuit_breaker::{Config, OpenFor, Probes, Ramp, Trip, Window};
    let by = |text: &str| read::<Config>(text);
    assert_eq!(by("{}"), Config::new());
    let ratio = |percent| Trip::ratio(Ratio::percent(percent));
    assert_eq!(by(r#"{ "failure_ratio": "30%" }"#), Config::from(ratio(30)));
    assert_eq!(by(r#"{ "min_calls": 5 }"#), Config::from(ratio(50).min_calls(5)));
    assert_eq!(by(r#"{ "run_of": 5 }"#), Config::from(Trip::run_of(5)));
    let slow = Trip::slow(seconds(4), Ratio::percent(80)).over(Window::calls(100)).min_calls(10);
    assert_eq!(
        by(
            r#"{ "failure_ratio": "30%", "slow_ratio": "80%", "slower_than": "4s", "over": 100, "min_calls": 10, "run_of": 7 }"#
        ),
        Config::new().trip(ratio(30).over(Window::calls(100)).min_calls(10).or(slow).or(Trip::run_of(7)))
    );
    let open_for = OpenFor::exponential(seconds(2)).jitter(Ratio::ZERO).factor(1.5).cap(seconds(20));
    assert_eq!(
        by(
            r#"{ "open_for": "2s", "open_factor": 1.5, "open_cap": "20s", "open_jitter": "0%", "probes": 5, "probes_needed": 4, "ramp": "10s" }"#
        ),
        Config::new().open_for(open_for).probes(Probes::of(5).need(4)).ramp(Ramp::over(seconds(10)))
    );
    assert_eq!(
        by(r#"{ "probes": 3 }"#),
        Config::new().probes(Probes::of(3).need(2)),
        "most of them, as by default"
    );
}

#[test]
fn a_retry() {
    use retry::{After, Backoff, Budget, Jitter, Plan};
    assert_eq!(read::<Plan>("{}"), Plan::new());
    let backoff = Backoff::exponential(Duration::from_millis(20)).cap(seconds(1)).jitter(Jitter::equal());
    assert_eq!(
        read::<Plan>(
            r#"{ "attempts": 4, "backoff": "20ms", "backoff_factor": 1.5, "backoff_cap": "1s", "jitter": "equal", "within": "3s", "patience": "2s" }"#
        ),
        Plan::new()
            .attempts(4)
            .backoff(backoff.factor("3/2".parse_ratio()))
            .within(seconds(3))
            .after(After::up_to(seconds(2)))
    );
    let budget = |text: &str| read::<config::Retry>(text).budget();
    assert_eq!(budget("{}"), Budget::default());
    assert_eq!(
        budget(r#"{ "budget": "10%", "budget_reserve": 3 }"#),
        Budget::ratio(Ratio::percent(10)).reserve(3)
    );
}

trait ParseRatio {
    fn parse_ratio(&self) -> Ratio;
}

impl ParseRatio for str {
    fn parse_ratio(&self) -> Ratio {
        read(&format!("{self:?}"))
    }
}

#[test]
fn a_pool_and_what_is_around_it() {
    assert_eq!(read::<outlier::Outliers>("{}"), outlier::Outliers::new());
    assert_eq!(
        read::<outlier::Outliers>(
            r#"{ "consecutive": 3, "interval": "5s", "success_rate": false, "failure_share": "85%", "most": "30%", "base": "10s", "slow": "2s" }"#
        ),
        outlier::Outliers::new()
            .consecutive(3)
            .interval(seconds(5))
            .no_success_rate()
            .failure_share(Ratio::percent(85), 50, 5)
            .most(Ratio::percent(30))
            .times(seconds(10), seconds(300))
            .slow(seconds(2))
    );
    let failover = balance::Failover::new().leave_below(Ratio::percent(40)).return_at(Ratio::percent(90));
    assert_eq!(
        read::<balance::Failover>(r#"{ "leave_below": "40%", "return_at": "90%", "hold": "5min" }"#),
        failover.hold(seconds(300))
    );
    assert_eq!(
        read::<health::Checks>(r#"{ "interval": "5s", "timeout": "500ms", "fall": 2, "unejects": true }"#),
        health::Checks::new()
            .interval(seconds(5))
            .timeout(Duration::from_millis(500))
            .thresholds(health::Thresholds::new(2, 2))
            .unejects()
    );
    assert_eq!(
        read::<discover::Discovery>(
            r#"{ "every": "1min", "shortest_ttl": "1s", "stale_for": "1h", "allow_empty": true }"#
        ),
        discover::Discovery::new()
            .every(seconds(60))
            .ttl_within(seconds(1), seconds(300))
            .stale_for(seconds(3600))
            .allow_empty()
    );
    // A picker has no equality; what it prints it is.
    let printed = |config: &balance::Config| format!("{config:?}");
    let by = |text: &str| printed(&read(text));
    assert_eq!(by("{}"), printed(&balance::Config::new(balance::P2c::new())));
    let outliers = outlier::Outliers::new().consecutive(2);
    let config = balance::Config::new(balance::Hashed::maglev())
        .strict()
        .panic(Ratio::percent(30))
        .fail_in_panic()
        .overprovision(Ratio::percent(150))
        .require_affinity()
        .slow_start(balance::SlowStart::over(seconds(30)))
        .zoning(balance::Zoning::of("eu-a"))
        .failover(balance::Failover::new())
        .outliers(outliers);
    assert_eq!(
        by(
            r#"{ "picker": "maglev", "strict": true, "panic": "30%", "fail_in_panic": true, "overprovision": "150%", "require_affinity": true, "slow_start": "30s", "zone": "eu-a", "failover": {}, "outliers": { "consecutive": 2 } }"#
        ),
        printed(&config)
    );
    assert_eq!(by(r#"{ "strict": false, "fail_in_panic": false }"#), by("{}"));
}

#[test]
fn every_picker_has_a_word() {
    use balance::{
        Hashed, LeastConnections, P2c, PeakEwma, Picker, Prequal, Random, Reported, RoundRobin,
        WeightedRandom, WeightedRoundRobin,
    };
    for (word, picker) in [
        ("p2c", Picker::from(P2c::new())),
        ("peak_ewma", PeakEwma::new().into()),
        ("least_connections", LeastConnections::new().into()),
        ("round_robin", RoundRobin::new().into()),
        ("weighted_round_robin", WeightedRoundRobin::new().into()),
        ("random", Random.into()),
        ("weighted_random", WeightedRandom.into()),
        ("maglev", Hashed::maglev().into()),
        ("ring", Hashed::ring().into()),
        ("rendezvous", Hashed::rendezvous().into()),
        ("reported", Reported::new().into()),
        ("prequal", Prequal::new().into()),
    ] {
        let config: balance::Config = read(&format!(r#"{{ "picker": "{word}" }}"#));
        assert_eq!(format!("{config:?}"), format!("{:?}", balance::Config::new(picker)), "{word}");
    }
}

#[test]
fn a_lifetime() {
    use cache::{Early, Jitter, Lifetime};
    assert_eq!(read::<Lifetime>(r#"{ "ttl": "5min" }"#), Lifetime::of(seconds(300)));
    let lifetime = Lifetime::of(seconds(300))
        .jitter(Jitter::shorter(Ratio::percent(20)))
        .early(Early::at(Ratio::percent(90)));
    assert_eq!(
        read::<Lifetime>(
            r#"{ "ttl": "5min", "jitter": "20%", "early": "90%", "stale_while_revalidate": "1min", "stale_if_error": "1h" }"#
        ),
        lifetime.stale_while_revalidate(seconds(60)).stale_if_error(seconds(3600))
    );
}

#[test]
fn an_adaptive_limit_makes_room_for_what_is_said() {
    let limit = |text: &str| read::<config::Adaptive>(text).limit("api").limit();
    assert_eq!(limit("{}"), 100);
    assert_eq!(limit(r#"{ "initial": 7 }"#), 7);
    assert_eq!(limit(r#"{ "max": 3 }"#), 3);
    assert_eq!(limit(r#"{ "min": 2000 }"#), 2000);
    for algorithm in ["aimd", "vegas", "gradient"] {
        assert_eq!(limit(&format!(r#"{{ "algorithm": "{algorithm}", "initial": 50 }}"#)), 50);
    }
    let _: concurrency::AdaptiveLimit = read::<config::Adaptive>(r#"{ "slow": "1s" }"#).limit("api");
}

async fn outcome(policy: &ConfiguredPolicy) -> Result<u32, Reason> {
    let result = policy.run(|| async { Err::<u32, _>(std::io::Error::other("down")) }).await;
    result.map_err(|error| error.rejected().map_or(Reason::Closed, |rejected| rejected.reason()))
}

#[tokio::test(start_paused = true)]
async fn each_part_of_a_stack_is_there_when_it_is_said_and_only_then() {
    let none = Stack::default().policy("none");
    for _ in 0..100 {
        assert_eq!(outcome(&none).await, Err(Reason::Closed), "nobody refuses");
    }
    let quota = read::<Stack>(r#"{ "rate_limit": "2/s" }"#).policy("quota");
    assert!(quota.run(|| async { Ok::<_, std::io::Error>(1) }).await.is_ok());
    assert!(quota.run(|| async { Ok::<_, std::io::Error>(1) }).await.is_ok());
    assert_eq!(outcome(&quota).await, Err(Reason::RateLimited));
    let breaker = read::<Stack>(r#"{ "breaker": { "run_of": 3 } }"#).policy("breaker");
    for _ in 0..3 {
        assert_eq!(outcome(&breaker).await, Err(Reason::Closed));
    }
    assert_eq!(outcome(&breaker).await, Err(Reason::CircuitOpen));
    let (calls, retry) =
        (std::cell::Cell::new(0), read::<Stack>(r#"{ "retry": { "attempts": 4 } }"#).policy("retry"));
    let failing = || {
        calls.set(calls.get() + 1);
        async { Err::<u32, _>(std::io::Error::other("down")) }
    };
    assert!(retry.run(failing).await.is_err());
    assert_eq!(calls.get(), 4);
    let hung = || std::future::pending::<Result<u32, std::io::Error>>();
    for text in [r#"{ "deadline": "2s" }"#, r#"{ "attempt_timeout": "2s" }"#] {
        let begin = seawall::Instant::now();
        assert!(read::<Stack>(text).policy("late").run(hung).await.is_err(), "{text}");
        assert_eq!(seawall::Instant::now() - begin, seconds(2), "{text}");
    }
    for text in [r#"{ "concurrency": 1 }"#, r#"{ "adaptive": { "min": 1, "max": 1, "initial": 1 } }"#] {
        let policy = read::<Stack>(text).policy("slots");
        let held = policy.run(hung);
        let mut held = std::pin::pin!(held);
        assert!(tokio::time::timeout(seconds(1), &mut held).await.is_err());
        let refused = outcome(&policy).await.unwrap_err();
        assert_ne!(refused, Reason::Closed, "{text}");
    }
    let _ = Class::Success;
}
