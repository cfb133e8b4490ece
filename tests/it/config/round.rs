//! What is written is read as the same.

use proptest::option::of;
use proptest::prelude::*;
use seawall::Ratio;
use seawall::config::{
    Adaptive, Algorithm, Breaker, Checks, Count, Discovery, Failover, Outliers, Over, Picks, Pool, Retry,
    Share, Span, Spread, Stack, Times,
};
use seawall::rate_limit::Quota;
use std::num::NonZeroU32;
use std::time::Duration;

fn span() -> BoxedStrategy<Span> {
    prop_oneof![any::<u64>(), 0..10_000_000_000u64, (0..10_000u64).prop_map(|ms| ms * 1_000_000)]
        .prop_map(|nanos| Span(Duration::from_nanos(nanos)))
        .boxed()
}

fn ratio() -> impl Strategy<Value = Ratio> {
    (0..=1_000u32, 1..=1_000u32).prop_map(|(parts, whole)| Ratio::of(parts, NonZeroU32::new(whole).unwrap()))
}

fn share() -> impl Strategy<Value = Share> {
    ratio().prop_map(|ratio| Share(ratio.min(Ratio::ONE)))
}

fn count() -> impl Strategy<Value = Count> {
    (1..=u32::MAX).prop_map(|count| Count(NonZeroU32::new(count).unwrap()))
}

fn times() -> impl Strategy<Value = Times> {
    (1_000..=65_000u32).prop_map(|thousandths| {
        serde_json::from_str(&format!("{}", f64::from(thousandths) / 1000.0)).unwrap()
    })
}

fn quota() -> impl Strategy<Value = Quota> {
    let of =
        |(permits, nanos, burst): (u32, u64, u32)| Quota::new(permits, Duration::from_nanos(nanos), burst);
    prop_oneof![
        (1..u32::MAX, 1..1_000_000_000_000u64, 1..u32::MAX)
            .prop_filter_map("a quota", move |parts| of(parts).ok()),
        Just(Quota::unlimited()),
        Just(Quota::deny_all()),
    ]
}

fn breaker() -> BoxedStrategy<Breaker> {
    let over = prop_oneof![count().prop_map(Over::Calls), span().prop_map(Over::Time)];
    let trip = (of(share()), of((share(), span())), of(over), of(any::<u32>()), of(count()));
    let rest = (of(span()), of(times()), of(span()), of(share()), of(count()), of(span()));
    (trip, rest)
        .prop_map(|((failure, slow, over, min_calls, run_of), rest)| {
            let mut breaker = Breaker::default();
            (breaker.failure_ratio, breaker.over, breaker.min_calls, breaker.run_of) =
                (failure, over, min_calls, run_of);
            (breaker.slow_ratio, breaker.slower_than) = slow.unzip();
            (breaker.open_for, breaker.open_factor, breaker.open_cap) = (rest.0, rest.1, rest.2);
            (breaker.open_jitter, breaker.probes, breaker.ramp) = (rest.3, rest.4, rest.5);
            breaker.probes_needed = rest.4.map(|_| Count(NonZeroU32::MIN));
            breaker
        })
        .boxed()
}

fn retry() -> BoxedStrategy<Retry> {
    let spread =
        prop_oneof![Just(Spread::Full), Just(Spread::Equal), Just(Spread::Decorrelated), Just(Spread::None)];
    let waits = (of(count()), of(span()), of(times()), of(span()), of(spread));
    (waits, of(span()), of(span()), of(share()), of(any::<u32>()))
        .prop_map(|(waits, within, patience, budget, reserve)| {
            let mut retry = Retry::default();
            (retry.attempts, retry.backoff, retry.backoff_factor, retry.backoff_cap, retry.jitter) = waits;
            (retry.within, retry.patience, retry.budget, retry.budget_reserve) =
                (within, patience, budget, reserve);
            retry
        })
        .boxed()
}

fn stack() -> BoxedStrategy<Stack> {
    let algorithm = prop_oneof![Just(Algorithm::Aimd), Just(Algorithm::Vegas), Just(Algorithm::Gradient)];
    let adaptive =
        (of(algorithm), of(count()), of((count(), count()))).prop_map(|(algorithm, initial, bounds)| {
            let mut adaptive = Adaptive::default();
            (adaptive.algorithm, adaptive.initial) = (algorithm, initial);
            (adaptive.min, adaptive.max) = bounds.map(|(a, b)| (a.min(b), a.max(b))).unzip();
            adaptive
        });
    let parts = (of(span()), of(retry()), of(breaker()), of(quota()), of(span()));
    (parts, of(count()), of(adaptive))
        .prop_map(|((deadline, retry, breaker, quota, attempt), slots, adaptive)| {
            let mut stack = Stack::default();
            (stack.deadline, stack.retry, stack.breaker, stack.rate_limit) =
                (deadline, retry, breaker, quota);
            (stack.attempt_timeout, stack.concurrency) = (attempt, slots);
            stack.adaptive = if slots.is_some() { None } else { adaptive };
            stack
        })
        .boxed()
}

fn pool() -> BoxedStrategy<Pool> {
    let picker =
        prop_oneof![Just(Picks::P2c), Just(Picks::PeakEwma), Just(Picks::Maglev), Just(Picks::Prequal)];
    let outliers =
        (of(any::<u32>()), of(span()), of(any::<bool>()), of(share()), of(span())).prop_map(|said| {
            let mut outliers = Outliers::default();
            (outliers.consecutive, outliers.interval, outliers.success_rate, outliers.most, outliers.slow) =
                said;
            outliers
        });
    let failover = (of(share()), of(share()), of(span())).prop_map(|said| {
        let mut failover = Failover::default();
        (failover.leave_below, failover.return_at, failover.hold) = said;
        failover
    });
    (of(picker), of(any::<bool>()), of(span()), of("[a-z\"\\\\é-]{1,9}"), of(failover), of(outliers))
        .prop_map(|said| {
            let mut pool = Pool::default();
            (pool.picker, pool.strict, pool.slow_start, pool.zone, pool.failover, pool.outliers) = said;
            pool
        })
        .boxed()
}

fn checks() -> BoxedStrategy<(Checks, Discovery)> {
    (of(span()), of(span()), of(count()), of(any::<bool>()))
        .prop_map(|(interval, timeout, count, flag)| {
            let (mut checks, mut discovery) = (Checks::default(), Discovery::default());
            (checks.interval, checks.timeout, checks.fall, checks.unejects) =
                (interval, timeout, count, flag);
            (discovery.every, discovery.stale_for, discovery.allow_empty) = (interval, timeout, flag);
            (checks, discovery)
        })
        .boxed()
}

macro_rules! is_read_as_written {
    ($value:expr, $kind:ty) => {
        let value = $value;
        let text = serde_json::to_string(&value).unwrap();
        let read = serde_json::from_str::<$kind>(&text);
        prop_assert!(read.as_ref().is_ok_and(|read| *read == value), "{} from {:?}: {:?}", text, value, read);
    };
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        stack in stack(),
        pool in pool(),
        (checks, discovery) in checks(),
        ratio in ratio(),
        quota in quota(),
        span in span(),
    ) {
        is_read_as_written!(stack, Stack);
        is_read_as_written!(pool, Pool);
        is_read_as_written!(checks, Checks);
        is_read_as_written!(discovery, Discovery);
        is_read_as_written!(ratio, Ratio);
        is_read_as_written!(quota, Quota);
        is_read_as_written!(span, Span);
    }

    /// Whatever is said, it becomes a config or an error, and nothing panics.
    #[test]
    fn any_document_becomes_a_config(stack in stack(), pool in pool(), (checks, discovery) in checks()) {
        let _ = stack.retry.as_ref().map(|retry| (retry.plan(), retry.budget()));
        let _ = stack.breaker.as_ref().map(Breaker::config);
        let _ = stack.policy("any");
        let _ = (pool.config(), checks.config(), discovery.config());
    }

    #[test]
    fn any_text_is_a_value_or_an_error(text in "[0-9./%a-zµ ]{0,12}") {
        let quoted = serde_json::to_string(&text).unwrap();
        let _ = serde_json::from_str::<Span>(&quoted);
        let _ = serde_json::from_str::<Quota>(&quoted);
        if let Ok(Share(ratio)) = serde_json::from_str(&quoted) {
            prop_assert!(ratio <= Ratio::ONE, "{}", text);
        }
    }
}
