//! Each algorithm against a twin that remembers everything it ever admitted and reckons from that, in 128 bits.

use super::testing::Driven;
use super::{
    Algorithm, Decision, FixedWindow, LeakyBucket, Quota, SlidingWindowCounter, SlidingWindowLog,
    TokenBucket, Verdict,
};
use crate::time::Instant;
use proptest::prelude::*;
use std::fmt::Debug;
use std::time::Duration;

/// Nanoseconds from one call to the next, and the cost: bursts, steps near the rate, idle years.
fn histories(period: u64) -> impl Strategy<Value = Vec<(u64, u32)>> {
    let step = prop_oneof![
        3 => Just(0_u64),
        3 => 0..period.max(1),
        2 => (0..5_u64, any::<bool>()).prop_map(move |(n, less)| (n * period).saturating_sub(u64::from(less))),
        1 => 0..period.saturating_mul(3).max(1),
        1 => Just(3 * 365 * 86_400_000_000_000 / 20),
    ];
    prop::collection::vec((step, prop_oneof![4 => Just(1_u32), 2 => 0..8_u32, 1 => 0..40_u32]), 1..60)
}

/// Rates from one a day to a billion a second.
fn quotas() -> impl Strategy<Value = Quota> {
    let period = prop_oneof![
        Just(1_000_000_000_u64),
        Just(60_000_000_000),
        Just(86_400_000_000_000),
        1..5_000_000_000_u64,
        1..100_u64,
    ];
    let permits = prop_oneof![4 => 1..20_u32, 2 => 1..100_000_u32, 1 => Just(1_000_000_000_u32), 1 => 1..2_000_000_000_u32];
    (permits, period, 1..30_u32)
        .prop_map(|(permits, period, burst)| Quota::per(permits, Duration::from_nanos(period)).burst(burst))
}

/// What a naive twin says: the permits there, as a fraction, and what to wait for.
trait Naive {
    fn admits(&mut self, at: u64, cost: u32) -> Verdict;
    fn remaining(&self, at: u64) -> u32;
}

fn agree<A>(algorithm: A, mut naive: impl Naive, history: &[(u64, u32)]) -> Result<(), TestCaseError>
where
    A: Algorithm<State: Clone + Debug + PartialEq>,
{
    let (mut driven, mut at) = (Driven::new(algorithm), 0_u64);
    for &(step, cost) in history {
        at += step;
        let decision = driven.ask(at, cost);
        let expected = naive.admits(at, cost);
        let same = std::mem::discriminant(&expected) == std::mem::discriminant(&decision.verdict());
        prop_assert!(same, "at {at} for {cost}: {decision:?}, the twin says {expected:?}");
        prop_assert_eq!(decision.remaining(), naive.remaining(at), "at {} for {}", at, cost);
        if decision.reset_after() > Duration::ZERO {
            let full = driven.algorithm.quota().capacity();
            let then = Instant::from_nanos(at) + decision.reset_after();
            let before = Instant::from_nanos(then.as_nanos() - 1);
            let left = |now| driven.algorithm.peek(&driven.state, 0, 0, now);
            prop_assert_eq!(left(then), Decision::admitted(full, 0), "not full when told, at {}", at);
            prop_assert!(left(before).reset_after() > Duration::ZERO, "full before told, at {}", at);
            prop_assert!(driven.algorithm.fresh_from(&driven.state) <= then);
        }
    }
    Ok(())
}

/// The bucket as everyone draws it: a level that fills with time, as a fraction over one denominator.
struct Level {
    // In 1/period permits.
    level: u128,
    at: u64,
    permits: u128,
    period: u128,
    burst: u128,
}

impl Level {
    fn of(quota: Quota) -> Self {
        let (permits, period) = (u128::from(quota.permits()), quota.period().as_nanos());
        let burst = u128::from(quota.capacity());
        Self { level: burst * period, at: 0, permits, period, burst }
    }
}

impl Naive for Level {
    fn admits(&mut self, at: u64, cost: u32) -> Verdict {
        let earned = u128::from(at - self.at) * self.permits;
        (self.level, self.at) = ((self.level + earned).min(self.burst * self.period), at);
        let cost = u128::from(cost);
        if cost > self.burst {
            return Verdict::TooLarge { capacity: 0 };
        }
        match self.level.checked_sub(cost * self.period) {
            Some(level) => self.level = level,
            None => return Verdict::Limited { retry_after: Duration::ZERO },
        }
        Verdict::Admitted
    }

    fn remaining(&self, _: u64) -> u32 {
        (self.level / self.period) as u32
    }
}

/// Whoever was ever admitted, and when: what the windows are reckoned from.
struct Past {
    admitted: Vec<(u64, u32)>,
    limit: u32,
    // In 1/window permits.
    used: fn(&[(u64, u32)], u64, u64) -> u128,
    window: u64,
}

impl Naive for Past {
    fn admits(&mut self, at: u64, cost: u32) -> Verdict {
        let (limit, window) = (u128::from(self.limit), u128::from(self.window));
        if cost > self.limit {
            return Verdict::TooLarge { capacity: 0 };
        }
        if cost > 0
            && (self.used)(&self.admitted, self.window, at) + u128::from(cost) * window > limit * window
        {
            return Verdict::Limited { retry_after: Duration::ZERO };
        }
        self.admitted.push((at, cost));
        Verdict::Admitted
    }

    fn remaining(&self, at: u64) -> u32 {
        let (limit, window) = (u128::from(self.limit), u128::from(self.window));
        ((limit * window).saturating_sub((self.used)(&self.admitted, self.window, at)) / window) as u32
    }
}

fn count(past: &[(u64, u32)], counts: impl Fn(u64) -> bool) -> u128 {
    past.iter().filter(|&&(at, _)| counts(at)).map(|&(_, cost)| u128::from(cost)).sum()
}

fn fixed(past: &[(u64, u32)], window: u64, now: u64) -> u128 {
    count(past, |at| at / window == now / window) * u128::from(window)
}

fn log(past: &[(u64, u32)], window: u64, now: u64) -> u128 {
    count(past, |at| at + window > now) * u128::from(window)
}

fn counter(past: &[(u64, u32)], window: u64, now: u64) -> u128 {
    let current = now / window;
    let previous = count(past, |at| at / window + 1 == current);
    previous * u128::from(window - now % window)
        + count(past, |at| at / window == current) * u128::from(window)
}

fn exact(quota: &Quota) -> bool {
    u128::from(TokenBucket::new(*quota).pace.cost) * u128::from(quota.permits())
        == u128::from(TokenBucket::new(*quota).pace.scale) * quota.period().as_nanos()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_bucket_agrees_with_a_level_that_fills(
        (quota, history) in quotas().prop_filter("an exact tick", exact).prop_flat_map(|quota| {
            let period = (quota.period().as_nanos() as u64 / u64::from(quota.permits())).max(1);
            (Just(quota), histories(period))
        }),
    ) {
        agree(TokenBucket::new(quota), Level::of(quota), &history)?;
        agree(LeakyBucket::meter(quota), Level::of(quota), &history)?;
    }

    #[test]
    fn a_rounded_bucket_is_never_faster_than_the_exact_one(
        (quota, history) in quotas().prop_flat_map(|quota| {
            let period = (quota.period().as_nanos() as u64 / u64::from(quota.permits())).max(1);
            (Just(quota), histories(period))
        }),
    ) {
        let (mut bucket, mut at) = (Driven::new(TokenBucket::new(quota)), 0);
        let mut admitted: Vec<(u64, u32)> = Vec::new();
        for (step, cost) in history {
            at += step;
            if bucket.ask(at, cost).is_admitted() {
                admitted.push((at, cost));
            }
        }
        // In every interval, from each admission to each later one.
        for (i, &(from, _)) in admitted.iter().enumerate() {
            let mut sum = 0_u128;
            for &(to, cost) in &admitted[i..] {
                sum += u128::from(cost);
                let earned = u128::from(to - from) * u128::from(quota.permits());
                let period = quota.period().as_nanos();
                prop_assert!((sum * period) <= u128::from(quota.capacity()) * period + earned);
            }
        }
    }

    #[test]
    fn clocks_that_jump_credit_nothing(quota in quotas(), jumps in prop::collection::vec((0..10_000_000_000_u64, 1..4_u32), 1..60)) {
        let mut bucket = Driven::new(TokenBucket::new(quota));
        let (mut sum, mut least, mut most) = (0_u128, u64::MAX, 0);
        for (at, cost) in jumps {
            let decision = bucket.algorithm.admit(&mut bucket.state, cost, Instant::from_nanos(at));
            (least, most) = (least.min(at), most.max(at));
            if decision.is_admitted() {
                sum += u128::from(cost);
            }
            let earned = u128::from(most - least) * u128::from(quota.permits());
            prop_assert!(sum * quota.period().as_nanos() <= u128::from(quota.capacity()) * quota.period().as_nanos() + earned);
        }
    }

    #[test]
    fn no_input_panics(permits in any::<u32>(), period in any::<u64>(), burst in any::<u32>(), calls in prop::collection::vec((any::<u64>(), any::<u32>()), 1..20)) {
        let quota = Quota::per(permits, Duration::from_nanos(period)).burst(burst);
        let (limit, window) = (permits, Duration::from_nanos(period));
        fn all<A: Algorithm>(algorithm: A, calls: &[(u64, u32)]) {
            let mut state = algorithm.fresh();
            for &(at, cost) in calls {
                let now = Instant::from_nanos(at);
                let _ = algorithm.admit(&mut state, cost, now);
                let _ = algorithm.peek(&state, cost, at, now);
                algorithm.give_back(&mut state, cost / 2, now);
                algorithm.charge(&mut state, cost, now);
                let _ = algorithm.fresh_from(&state);
                for carry in [super::Carry::Keep, super::Carry::Proportional, super::Carry::Additive] {
                    state = algorithm.carry(&algorithm, &state, carry, now);
                }
            }
        }
        all(TokenBucket::new(quota), &calls);
        all(LeakyBucket::shaper(quota, burst / 2), &calls);
        all(FixedWindow::new(limit, window), &calls);
        all(FixedWindow::new(limit, window).from_first_call(), &calls);
        all(FixedWindow::new(limit, window).anchored(Instant::from_nanos(calls[0].0)), &calls);
        all(SlidingWindowCounter::new(limit, window), &calls);
        all(SlidingWindowLog::new(limit, window), &calls);
    }

    #[test]
    fn the_windows_agree_with_the_list_of_all_that_was_admitted(
        (limit, window, history) in (1..30_u32, prop_oneof![1..100_u64, Just(60_000_000_000_u64)])
            .prop_flat_map(|(limit, window)| (Just(limit), Just(window), histories((window / u64::from(limit)).max(1)))),
    ) {
        let past = |used| Past { admitted: Vec::new(), limit, used, window };
        let length = Duration::from_nanos(window);
        agree(FixedWindow::new(limit, length), past(fixed), &history)?;
        agree(SlidingWindowLog::new(limit, length), past(log), &history)?;
        agree(SlidingWindowCounter::new(limit, length), past(counter), &history)?;
    }
}
