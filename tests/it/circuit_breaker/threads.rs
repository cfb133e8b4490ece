//! Many threads on one breaker: counts are exact, and never are more probes out than may be.

use super::*;
use seawall::circuit_breaker::Window;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread::scope;

#[test]
fn no_success_is_lost_and_none_counts_twice() {
    for window in [Window::calls(65_536), Window::time(s(1e6))] {
        let breaker = CircuitBreaker::new("a", Trip::ratio(Ratio::percent(101)).over(window));
        let now = Instant::ZERO;
        scope(|scope| {
            for thread in 0..4 {
                let breaker = &breaker;
                scope.spawn(move || {
                    for call in 0..2_000 {
                        let class = if call % 100 == thread { F } else { S };
                        breaker.try_acquire_at(now).unwrap().settle_at(class, now);
                        if call % 500 == thread {
                            let _ = breaker.snapshot_at(now);
                        }
                    }
                });
            }
        });
        let seen = breaker.snapshot_at(now);
        assert_eq!((seen.failures, seen.successes), (80, 7_920));
    }
}

#[test]
fn never_more_probes_are_out_than_may_be() {
    let breaker = CircuitBreaker::new("a", plain(Trip::run_of(1)).probes(Probes::of(3).need(2)));
    let now = Instant::ZERO;
    let (out, most) = (AtomicU32::new(0), AtomicU32::new(0));
    breaker.open_for_at(Duration::ZERO, now);
    let held = breaker.try_acquire_at(now).unwrap();
    scope(|scope| {
        for thread in 0..4 {
            let (breaker, out, most) = (&breaker, &out, &most);
            scope.spawn(move || {
                for call in 0..2_000 {
                    let Ok(probe) = breaker.try_acquire_at(now) else { continue };
                    most.fetch_max(out.fetch_add(1, SeqCst) + 1, SeqCst);
                    out.fetch_sub(1, SeqCst);
                    match (call + thread) % 3 {
                        0 => probe.release(),
                        1 => drop(probe),
                        _ => probe.settle_at(N, now),
                    }
                }
            });
        }
    });
    // One slot was held all the time, so two were left.
    assert!(most.load(SeqCst) <= 2);
    assert_eq!(breaker.snapshot_at(now).probing, 1);
    drop(held);
    for _ in 0..2 {
        breaker.try_acquire_at(now).unwrap().settle_at(S, now);
    }
    assert_eq!(breaker.state(), State::Closed);
}

/// A breaker needs no runtime.
#[test]
fn plain_threads_may_use_it() {
    let breaker = CircuitBreaker::new("a", Trip::run_of(2));
    let permits = [(); 2].map(|()| breaker.try_acquire_owned().unwrap());
    for permit in permits {
        std::thread::spawn(move || permit.settle(F)).join().unwrap();
    }
    assert_eq!(breaker.state(), State::Open);
}
