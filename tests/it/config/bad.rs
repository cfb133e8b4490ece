//! What is wrong is named: the field, what stands there, and what may.

use seawall::config::{
    Adaptive, Breaker, Checks, Discovery, Failover, Lifetime, Outliers, Pool, Retry, Stack,
};
use serde::de::DeserializeOwned;
use std::fmt::Debug;

fn refused<T: DeserializeOwned + Debug>(text: &str) -> String {
    serde_json::from_str::<T>(text).expect_err(text).to_string()
}

const DURATION: &str = r#"it may be a duration up to 584 years, as "250ms", "1.5s" or "2min""#;
const SHARE: &str = r#"it may be a share up to the whole, as "50%" or "1/3""#;
const COUNT: &str = "it may be a whole number from 1 to 4294967295";

#[test]
fn a_bad_value_is_named_with_its_field_and_what_may_stand_there() {
    let checks = |value: &str| refused::<Checks>(&format!(r#"{{ "interval": {value} }}"#));
    for (value, said) in [
        ("5", "5"),
        ("-5", "-5"),
        ("0.5", "0.5"),
        ("true", "true"),
        ("null", "nothing"),
        ("[1, [2]]", "a list"),
        (r#"{ "a": { "b": 1 } }"#, "a table"),
        (r#""5""#, r#""5""#),
        (r#""""#, r#""""#),
        (r#""s""#, r#""s""#),
        (r#""-5s""#, r#""-5s""#),
        (r#""5 parsecs""#, r#""5 parsecs""#),
        (r#""600y""#, r#""600y""#),
        (r#""300000d""#, r#""300000d""#),
        (r#""1e3s""#, r#""1e3s""#),
    ] {
        let error = checks(value);
        assert!(error.starts_with(&format!("`interval` is {said}; {DURATION} at line 1 column ")), "{error}");
    }
    let share = |value: &str| refused::<Failover>(&format!(r#"{{ "leave_below": {value} }}"#));
    for value in
        [r#""101%""#, r#""4/3""#, r#""1/0""#, r#""-1%""#, r#""50""#, r#""%""#, r#""1.123456%""#, "50", "0.5"]
    {
        let error = share(value);
        assert!(error.starts_with(&format!("`leave_below` is {value}; {SHARE} at ")), "{error}");
    }
    for value in ["0", "-1", "1.5", "4294967296", r#""3""#] {
        let error = refused::<Checks>(&format!(r#"{{ "fall": {value} }}"#));
        assert!(error.starts_with(&format!("`fall` is {value}; {COUNT} at ")), "{error}");
    }
}

#[test]
fn each_kind_of_field_says_what_it_may_be() {
    for (error, starts) in [
        (
            refused::<Stack>(r#"{ "rate_limit": "100" }"#),
            r#"`rate_limit` is "100"; it may be a quota, as "100/s", "#,
        ),
        (refused::<Pool>(r#"{ "picker": "best" }"#), r#"`picker` is "best"; it may be "p2c", "peak_ewma", "#),
        (refused::<Pool>(r#"{ "strict": "yes" }"#), r#"`strict` is "yes"; it may be true or false"#),
        (refused::<Pool>(r#"{ "zone": "" }"#), r#"`zone` is ""; it may be text that is not empty"#),
        (refused::<Retry>(r#"{ "jitter": "some" }"#), r#"`jitter` is "some"; it may be "full", "#),
        (
            refused::<Retry>(r#"{ "backoff_factor": 0.5 }"#),
            "`backoff_factor` is 0.5; it may be a number from 1 to 65, ",
        ),
        (
            refused::<Retry>(r#"{ "backoff_factor": 66 }"#),
            "`backoff_factor` is 66; it may be a number from 1 to 65, ",
        ),
        (
            refused::<Breaker>(r#"{ "over": "long" }"#),
            r#"`over` is "long"; it may be a duration, as "30s", or a number"#,
        ),
        (
            refused::<Breaker>(r#"{ "min_calls": -1 }"#),
            "`min_calls` is -1; it may be a whole number from 0 to 4294967295",
        ),
        (refused::<Adaptive>(r#"{ "algorithm": "magic" }"#), r#"`algorithm` is "magic"; it may be "aimd", "#),
    ] {
        assert!(error.starts_with(starts), "{error}");
    }
}

#[test]
fn what_does_not_fit_together_is_refused() {
    for (error, starts) in [
        (
            refused::<Breaker>(r#"{ "slow_ratio": "50%" }"#),
            "`slower_than` is nothing; it may be a duration, ",
        ),
        (refused::<Breaker>(r#"{ "slower_than": "1s" }"#), "`slow_ratio` is nothing; it may be a share, "),
        (
            refused::<Breaker>(r#"{ "probes": 3, "probes_needed": 5 }"#),
            "`probes_needed` is 5; it may be a whole number ",
        ),
        (refused::<Breaker>(r#"{ "probes_needed": 4 }"#), "`probes_needed` is 4; it may be a whole number "),
        (
            refused::<Adaptive>(r#"{ "min": 10, "max": 5 }"#),
            "`max` is 5; it may be a whole number not below that of `min`",
        ),
        (
            refused::<Adaptive>(r#"{ "algorithm": "vegas", "slow": "1s" }"#),
            "`slow` is set; it may be there where ",
        ),
        (
            refused::<Stack>(r#"{ "concurrency": 5, "adaptive": {} }"#),
            "`adaptive` is set; it may be there where ",
        ),
        (
            refused::<Pool>(r#"{ "panic": "0%", "fail_in_panic": true }"#),
            "`fail_in_panic` is true; it may be true where ",
        ),
        (refused::<Pool>(r#"{ "overprovision": "99%" }"#), "`overprovision` is 99%; it may be a ratio from "),
        (
            refused::<Discovery>(r#"{ "shortest_ttl": "2s", "longest_ttl": "1s" }"#),
            "`longest_ttl` is 1s; it may be a ",
        ),
        (refused::<Lifetime>("{}"), "`ttl` is nothing; it may be a duration, "),
    ] {
        assert!(error.starts_with(starts), "{error}");
    }
}

#[test]
fn an_unknown_field_one_said_twice_and_another_kind_of_thing_are_refused() {
    let error = refused::<Retry>(r#"{ "attemps": 3 }"#);
    assert!(error.starts_with("unknown field `attemps`, expected one of `attempts`, `backoff`, "), "{error}");
    let error = refused::<Stack>(r#"{ "breaker": { "probes": 3, "color": 1 } }"#);
    assert!(error.starts_with("unknown field `color`, expected one of `failure_ratio`, "), "{error}");
    let error = refused::<Checks>(r#"{ "fall": 3, "fall": 2 }"#);
    assert!(error.starts_with("duplicate field `fall`"), "{error}");
    let error = refused::<Outliers>("[]");
    assert!(
        error.starts_with("invalid type: sequence, expected a table of consecutive, interval, "),
        "{error}"
    );
    let error = refused::<Stack>(r#"{ "retry": 3 }"#);
    assert!(error.starts_with("invalid type: integer `3`, expected a table of attempts, "), "{error}");
}

#[test]
fn a_bad_value_alone_is_named_by_what_it_is() {
    use seawall::Ratio;
    use seawall::config::Span;
    use seawall::rate_limit::Quota;
    assert!(refused::<Span>("5").starts_with(&format!("`duration` is 5; {DURATION}")));
    assert!(
        refused::<Ratio>(r#""half""#)
            .starts_with(r#"`ratio` is "half"; it may be a ratio, as "50%", "12.5%" or "1/3""#)
    );
    assert!(refused::<Quota>("100").starts_with("`quota` is 100; it may be a quota, as "));
}
