//! Adaptive limits before a [`server`](super::server) whose capacity is known.

use super::server::{Run, SECOND, Server, WORK};
use seawall::concurrency::{AdaptiveLimit, Aimd, Gradient, Vegas};

/// Three times the load: Vegas lets a welcome queue of a few calls stand at the server, and no more.
#[test]
fn vegas_finds_the_capacity_within_thirty_windows_and_stays_there() {
    for initial in [5, 20, 100] {
        let limit = AdaptiveLimit::new("server", Vegas::new().initial(initial));
        // The baseline is learnt at leisure; then come too many.
        Run::new(&limit, Server::new(20, usize::MAX), 500).run(1000);
        let mut run = Run::new(&limit, Server::new(20, usize::MAX), 6000);
        run.now = SECOND;
        run.run(if initial > 50 { 10_000 } else { 3000 });
        let mut steady = run.run(20_000);
        steady.limit_is_in(10..=34);
        assert!(steady.p99() <= 2 * WORK, "{} ns", steady.p99());
        assert!(steady.served >= 20 * 1800, "{} served", steady.served);
    }
}

#[test]
fn vegas_follows_a_capacity_that_halves_and_doubles() {
    let limit = AdaptiveLimit::new("server", Vegas::new());
    let mut run = Run::new(&limit, Server::new(20, usize::MAX), 6000);
    run.server.resize(40);
    run.gap = SECOND / 1000;
    run.run(1000);
    run.gap = SECOND / 12_000;
    for (workers, range) in [(40, 36..=60), (20, 16..=34), (10, 7..=22), (40, 36..=60)] {
        run.server.resize(workers);
        run.run(4000);
        let mut settled = run.run(4000);
        settled.limit_is_in(range);
        assert!(settled.p99() <= 3 * WORK, "{workers} workers: {} ns", settled.p99());
        assert!(settled.served >= workers as u64 * 100 * 4 * 9 / 10, "{workers}: {}", settled.served);
    }
}

#[test]
fn one_fast_call_does_not_bring_the_limit_down() {
    let limit = AdaptiveLimit::new("server", Vegas::new());
    let mut run = Run::new(&limit, Server::new(20, usize::MAX), 1000);
    run.run(1000);
    run.gap = SECOND / 6000;
    run.run(4000);
    // Each thousandth call takes a thousandth of the time.
    let lucky = run.run_with(10_000, |number| if number % 1000 == 0 { WORK / 1000 } else { WORK });
    lucky.limit_is_in(10..=34);
}

#[test]
fn aimd_stays_between_the_queue_of_the_server_and_a_tenth_below() {
    let limit = AdaptiveLimit::new("server", Aimd::new());
    // Twenty at work and twenty waiting: the 41st is turned away.
    let mut run = Run::new(&limit, Server::new(20, 20), 8000);
    run.run(5000);
    let mut steady = run.run(20_000);
    steady.limit_is_in(34..=43);
    assert!(steady.p99() <= 21 * WORK / 10, "{} ns", steady.p99());
    assert!(steady.served >= 20 * 1950, "{} served", steady.served);
}

/// Each thousandth call takes a thousandth of the time.
#[test]
fn one_fast_call_moves_neither_aimd_nor_gradient() {
    for (limit, least) in
        [(AdaptiveLimit::new("server", Aimd::new()), 30), (AdaptiveLimit::new("server", Gradient::new()), 20)]
    {
        let mut run = Run::new(&limit, Server::new(20, 20), 1000);
        run.run(5000);
        run.gap = SECOND / 6000;
        run.run(5000);
        let lucky = run.run_with(10_000, |number| if number % 1000 == 0 { WORK / 1000 } else { WORK });
        lucky.limit_is_in(least..=45);
        assert!(lucky.served >= 10 * 1900, "{} served", lucky.served);
    }
}

/// The server turns away whom its queue, as long as its workers are many, has no room for.
#[test]
fn aimd_follows_a_capacity_that_halves_and_doubles() {
    let limit = AdaptiveLimit::new("server", Aimd::new());
    let mut run = Run::new(&limit, Server::new(40, 40), 12_000);
    for (workers, range) in [(40, 70..=83), (20, 34..=43), (10, 16..=23), (40, 70..=83)] {
        run.server.resize(workers);
        run.server.queue = workers;
        // One more a window, ten windows a second: from 20 to 80 takes six seconds.
        run.run(8000);
        let mut settled = run.run(4000);
        settled.limit_is_in(range);
        assert!(settled.p99() <= 21 * WORK / 10, "{workers} workers: {} ns", settled.p99());
        assert!(settled.served >= workers as u64 * 100 * 4 * 9 / 10, "{workers}: {}", settled.served);
    }
}

#[test]
fn gradient_follows_a_capacity_that_halves_and_doubles() {
    let limit = AdaptiveLimit::new("server", Gradient::new().between(5, 200));
    let mut run = Run::new(&limit, Server::new(40, usize::MAX), 1000);
    run.run(10_000);
    run.gap = SECOND / 12_000;
    for workers in [40, 20, 10, 40] {
        run.server.resize(workers);
        run.run(4000);
        let mut settled = run.run(4000);
        settled.limit_is_in(workers as u32 * 3 / 4..=workers as u32 * 3);
        assert!(settled.p99() <= 3 * WORK, "{workers} workers: {} ns", settled.p99());
        assert!(settled.served >= workers as u64 * 100 * 4 * 9 / 10, "{workers}: {}", settled.served);
    }
}

#[test]
fn gradient_holds_calls_within_its_tolerance() {
    let limit = AdaptiveLimit::new("server", Gradient::new());
    let mut run = Run::new(&limit, Server::new(20, usize::MAX), 1000);
    run.run(10_000);
    run.gap = SECOND / 6000;
    run.run(3000);
    let mut loaded = run.run(10_000);
    loaded.limit_is_in(20..=45);
    assert!(loaded.p99() <= 5 * WORK / 2, "{} ns", loaded.p99());
    assert!(loaded.served >= 10 * 1950, "{} served", loaded.served);
}
