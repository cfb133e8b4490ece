//! Adaptive limits before a server whose capacity is known, in discrete time.
//!
//! The server has workers that take `WORK` for a call, and a queue of its own: with twenty workers it answers 2000
//! calls a second, and a limit of 20 is all it can use. Callers come at a steady rate, whatever happens.

use seawall::concurrency::{AdaptiveLimit, Aimd, Gradient, Vegas};
use seawall::gate::Permit;
use seawall::{Class, Instant};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

const MICROS: u64 = 1000;
const WORK: u64 = 10_000 * MICROS;
const SECOND: u64 = 1_000_000 * MICROS;

/// Workers by the time at which each is free.
struct Server {
    free_at: Vec<u64>,
    /// Calls that wait beyond this many are turned away.
    queue: usize,
}

impl Server {
    fn new(workers: usize, queue: usize) -> Self {
        Self { free_at: vec![0; workers], queue }
    }

    fn resize(&mut self, workers: usize) {
        // The longest busy leave.
        self.free_at.sort_unstable();
        self.free_at.resize(workers, 0);
    }

    /// When a call that comes now will have been answered; `None` if it is turned away.
    fn serve(&mut self, now: u64, work: u64, waiting: usize) -> Option<u64> {
        let worker = self.free_at.iter_mut().min()?;
        if *worker > now && waiting >= self.queue {
            return None;
        }
        *worker = now.max(*worker) + work;
        Some(*worker)
    }
}

/// What happened in a span of the run.
#[derive(Default)]
struct Span {
    limits: Vec<u32>,
    times: Vec<u64>,
    served: u64,
}

impl Span {
    fn p99(&mut self) -> u64 {
        self.times.sort_unstable();
        self.times[self.times.len() * 99 / 100]
    }

    #[track_caller]
    fn limit_is_in(&self, range: RangeInclusive<u32>) {
        let outside: std::collections::BTreeSet<_> =
            self.limits.iter().filter(|limit| !range.contains(limit)).collect();
        assert!(outside.is_empty(), "limits outside {range:?}: {outside:?}");
    }
}

struct Run<'a> {
    limit: &'a AdaptiveLimit,
    server: Server,
    now: u64,
    gap: u64,
    calls: BTreeMap<(u64, u64), (Permit<&'a AdaptiveLimit>, u64, Class)>,
    number: u64,
}

impl<'a> Run<'a> {
    const fn new(limit: &'a AdaptiveLimit, server: Server, per_second: u64) -> Self {
        Self { limit, server, now: 0, gap: SECOND / per_second, calls: BTreeMap::new(), number: 0 }
    }

    /// Lets so many milliseconds pass.
    fn run(&mut self, millis: u64) -> Span {
        self.run_with(millis, |_| WORK)
    }

    fn run_with(&mut self, millis: u64, work: impl Fn(u64) -> u64) -> Span {
        let (mut span, end) = (Span::default(), self.now + millis * 1000 * MICROS);
        while self.now < end {
            while let Some(entry) = self.calls.first_entry()
                && entry.key().0 <= self.now
            {
                let ((ended, _), (permit, began, class)) = entry.remove_entry();
                permit.settle_at(class, Instant::from_nanos(ended));
                if class == Class::Success {
                    span.times.push(ended - began);
                    span.served += 1;
                }
                span.limits.push(self.limit.limit());
            }
            self.number += 1;
            if let Ok(permit) = self.limit.try_acquire_at(Instant::from_nanos(self.now)) {
                let busy = self.server.free_at.iter().filter(|free| **free > self.now).count();
                let waiting = self.calls.len().saturating_sub(busy);
                let (ended, class) = match self.server.serve(self.now, work(self.number), waiting) {
                    Some(ended) => (ended, Class::Success),
                    None => (self.now + 100 * MICROS, Class::Overload(None)),
                };
                self.calls.insert((ended, self.number), (permit, self.now, class));
            }
            self.now += self.gap;
        }
        span
    }
}

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
