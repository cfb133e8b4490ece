//! A server whose capacity is known, behind an adaptive limit, in discrete time.
//!
//! It has workers that take `WORK` for a call, and a queue of its own: with twenty workers it answers 2000 calls a second, and
//! a limit of 20 is all it can use. Callers come at a steady rate, whatever happens.

use seawall::concurrency::AdaptiveLimit;
use seawall::gate::Permit;
use seawall::{Class, Instant};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

pub(super) const MICROS: u64 = 1000;
pub(super) const WORK: u64 = 10_000 * MICROS;
pub(super) const SECOND: u64 = 1_000_000 * MICROS;

/// Workers by the time at which each is free.
pub(super) struct Server {
    pub(super) free_at: Vec<u64>,
    /// Calls that wait beyond this many are turned away.
    pub(super) queue: usize,
}

impl Server {
    pub(super) fn new(workers: usize, queue: usize) -> Self {
        Self { free_at: vec![0; workers], queue }
    }

    pub(super) fn resize(&mut self, workers: usize) {
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
pub(super) struct Span {
    limits: Vec<u32>,
    times: Vec<u64>,
    pub(super) served: u64,
}

impl Span {
    pub(super) fn p99(&mut self) -> u64 {
        self.times.sort_unstable();
        self.times[self.times.len() * 99 / 100]
    }

    #[track_caller]
    pub(super) fn limit_is_in(&self, range: RangeInclusive<u32>) {
        let outside: std::collections::BTreeSet<_> =
            self.limits.iter().filter(|limit| !range.contains(limit)).collect();
        assert!(outside.is_empty(), "limits outside {range:?}: {outside:?}");
    }
}

pub(super) struct Run<'a> {
    limit: &'a AdaptiveLimit,
    pub(super) server: Server,
    pub(super) now: u64,
    pub(super) gap: u64,
    calls: BTreeMap<(u64, u64), (Permit<&'a AdaptiveLimit>, u64, Class)>,
    number: u64,
}

impl<'a> Run<'a> {
    pub(super) const fn new(limit: &'a AdaptiveLimit, server: Server, per_second: u64) -> Self {
        Self { limit, server, now: 0, gap: SECOND / per_second, calls: BTreeMap::new(), number: 0 }
    }

    /// All that is at work takes so much longer.
    pub(super) fn stand_still(&mut self, nanos: u64) {
        self.now += nanos;
        self.server.free_at.iter_mut().for_each(|free| *free += nanos);
        let calls = std::mem::take(&mut self.calls);
        self.calls = calls.into_iter().map(|((ends, n), call)| ((ends + nanos, n), call)).collect();
    }

    /// Lets so many milliseconds pass.
    pub(super) fn run(&mut self, millis: u64) -> Span {
        self.run_with(millis, |_| WORK)
    }

    pub(super) fn run_with(&mut self, millis: u64, work: impl Fn(u64) -> u64) -> Span {
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
