//! What is taken for the time of an unloaded call, over minutes: it neither drifts nor pins the limit.

use super::server::{MICROS, Run, SECOND, Server, WORK};
use seawall::concurrency::{AdaptiveLimit, Aimd, Gradient, Vegas};

const WORKERS: usize = 10;
/// Calls a second.
const CAPACITY: u64 = 1000;

fn run(limit: &AdaptiveLimit, per_second: u64) -> Run<'_> {
    Run::new(limit, Server::new(WORKERS, usize::MAX), per_second)
}

const fn load(run: &mut Run<'_>, per_second: u64) {
    run.gap = SECOND / per_second;
}

fn by_reference() -> [AdaptiveLimit; 2] {
    [AdaptiveLimit::new("vegas", Vegas::new()), AdaptiveLimit::new("gradient", Gradient::new())]
}

fn all(from: u32) -> [AdaptiveLimit; 3] {
    [
        AdaptiveLimit::new("aimd", Aimd::new().between(1, 200).initial(from)),
        AdaptiveLimit::new("vegas", Vegas::new().between(1, 200).initial(from)),
        AdaptiveLimit::new("gradient", Gradient::new().between(1, 200).initial(from)),
    ]
}

/// Without probes the mean of Gradient follows the jam: in four minutes the limit is at its largest.
#[test]
fn a_jam_of_four_minutes_is_not_learnt_as_the_normal_state() {
    for limit in by_reference() {
        let mut run = run(&limit, 300);
        run.run(10_000);
        load(&mut run, 3 * CAPACITY);
        run.run(210_000);
        let mut last = run.run(30_000);
        let seen = limit.snapshot();
        last.limit_is_in(5..=2 * WORKERS as u32 + 6);
        assert!(last.p99() <= 5 * WORK / 2, "{} ns, {seen:?}", last.p99());
        assert!(last.served >= 30 * CAPACITY * 98 / 100, "{} served, {seen:?}", last.served);
    }
}

/// Each probe sees the peer at half the limit, so the error is a quarter less each half minute.
#[test]
fn born_into_a_jam_a_limit_of_ten_times_the_capacity_is_near_it_within_five_minutes() {
    for limit in [
        AdaptiveLimit::new("vegas", Vegas::new().initial(100)),
        AdaptiveLimit::new("gradient", Gradient::new().initial(100)),
    ] {
        let mut run = run(&limit, 3 * CAPACITY);
        run.run(300_000);
        let mut last = run.run(30_000);
        let seen = limit.snapshot();
        last.limit_is_in(5..=3 * WORKERS as u32);
        assert!(last.p99() <= 3 * WORK, "{} ns, {seen:?}", last.p99());
    }
}

#[test]
fn a_peer_that_is_slower_for_good_is_believed_within_a_minute() {
    for limit in by_reference() {
        let mut run = run(&limit, 300);
        run.run(10_000);
        load(&mut run, CAPACITY);
        run.run(10_000);
        run.run_with(60_000, |_| 3 * WORK);
        let last = run.run_with(20_000, |_| 3 * WORK);
        assert!(
            last.served >= 20 * CAPACITY / 3 * 95 / 100,
            "{} served, {:?}",
            last.served,
            limit.snapshot()
        );
    }
}

/// One call in ten misses a cache; then one in two, then one in ten again. No call is ever as slow as the mean says.
#[test]
fn calls_of_two_kinds_whose_mix_shifts_do_not_pin_the_limit() {
    // Scattered, or who is admitted and who misses would keep step.
    let scattered = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let mix = |misses: u64| move |n: u64| if scattered(n) % 10 < misses { 5 * WORK } else { WORK / 10 };
    for limit in by_reference() {
        let mut run = run(&limit, 300);
        run.run_with(10_000, mix(1));
        load(&mut run, 3 * CAPACITY);
        run.run_with(10_000, mix(1));
        for misses in [5, 1] {
            run.run_with(60_000, mix(misses));
            let last = run.run_with(20_000, mix(misses));
            // The mean is half a millisecond a hit and five a miss, by parts.
            let capacity = WORKERS as u64 * SECOND / (misses * WORK / 2 + (10 - misses) * WORK / 100);
            assert!(
                // Vegas goes by its fastest window, and so pays for the spread.
                last.served >= 20 * capacity.min(3 * CAPACITY) * 75 / 100,
                "{misses}: {} served of {capacity} a second, {:?}",
                last.served,
                limit.snapshot()
            );
        }
    }
}

/// A call in twenty takes forty times as long, for a minute. All pay for it while it lasts, and nobody afterwards.
#[test]
fn a_slow_tenant_is_forgotten() {
    for limit in all(20) {
        let mut run = run(&limit, 300);
        run.server.queue = WORKERS;
        run.run(10_000);
        load(&mut run, 2 * CAPACITY);
        run.run(20_000);
        run.run_with(60_000, |n| if n % 20 == 0 { 40 * WORK } else { WORK });
        run.run(35_000);
        let mut after = run.run(20_000);
        let seen = limit.snapshot();
        assert!(after.served >= 20 * CAPACITY * 95 / 100, "{} served, {seen:?}", after.served);
        assert!(after.p99() <= 3 * WORK, "{} ns, {seen:?}", after.p99());
    }
}

#[test]
fn a_burst_after_an_idle_night_is_served_and_held() {
    for limit in all(20) {
        let mut run = run(&limit, 300);
        run.server.queue = WORKERS;
        run.run(10_000);
        load(&mut run, 2 * CAPACITY);
        run.run(20_000);
        run.now += 8 * 3600 * SECOND;
        let mut first = run.run(1000);
        assert!(first.served >= CAPACITY * 85 / 100, "{} served in the first second", first.served);
        assert!(first.p99() <= 4 * WORK, "{} ns in the first second", first.p99());
        let mut then = run.run(10_000);
        let seen = limit.snapshot();
        assert!(then.served >= 10 * CAPACITY * 95 / 100, "{} served, {seen:?}", then.served);
        assert!(then.p99() <= 3 * WORK, "{} ns, {seen:?}", then.p99());
    }
}

#[test]
fn a_limit_of_one_grows_out_of_it() {
    for limit in all(1) {
        let mut run = run(&limit, 2 * CAPACITY);
        run.server.queue = WORKERS;
        run.run(15_000);
        let after = run.run(10_000);
        assert!(after.served >= 10 * CAPACITY * 95 / 100, "{} served, {:?}", after.served, limit.snapshot());
    }
}

/// A virtual machine that stood still: the calls of that moment took an hour, all others what they take.
#[test]
fn an_hour_in_which_nothing_ran_is_one_window_like_another() {
    for limit in all(20) {
        let mut run = run(&limit, 300);
        run.server.queue = WORKERS;
        run.run(20_000);
        load(&mut run, 2 * CAPACITY);
        run.run(20_000);
        run.stand_still(3600 * SECOND);
        run.run(2000);
        let mut after = run.run(10_000);
        let seen = limit.snapshot();
        assert!(after.served >= 10 * CAPACITY * 95 / 100, "{} served, {seen:?}", after.served);
        assert!(after.p99() <= 3 * WORK + 10 * MICROS, "{} ns, {seen:?}", after.p99());
    }
}
