//! A limit that threads take from, wait for and change at once.

use super::{AdaptiveLimit, Aimd, ConcurrencyLimit};
use crate::class::Class;
use crate::gate::Queued;
use crate::sync::atomic::{AtomicU32, Ordering::SeqCst};
use crate::sync::model::{block_on, check, thread};
use crate::time::Instant;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn one_slot_never_has_two_holders() {
    check(|| {
        let limit = ConcurrencyLimit::new("model", 1);
        let holders = Arc::new(AtomicU32::new(0));
        let take = |limit: ConcurrencyLimit, holders: Arc<AtomicU32>| {
            if let Ok(permit) = limit.try_acquire() {
                assert_eq!(holders.fetch_add(1, SeqCst), 0);
                holders.fetch_sub(1, SeqCst);
                drop(permit);
            }
        };
        let other = thread::spawn({
            let (limit, holders) = (limit.clone(), holders.clone());
            move || take(limit, holders)
        });
        take(limit.clone(), holders);
        other.join().unwrap();
        assert_eq!(limit.in_flight(), 0);
    });
}

/// A queue whose waits never end by time, so that a lost wake-up is a deadlock.
fn queue(limit: &ConcurrencyLimit) -> Queued<ConcurrencyLimit> {
    Queued::new("model", limit.clone(), 2, Duration::MAX)
}

// Not under loom, which takes `SeqCst` for `AcqRel`, as its documentation says: free-then-look against
// enter-then-ask rests on the one order of all four. Shuttle keeps that order, and tries the interleavings.
#[cfg(seawall_shuttle)]
#[test]
fn a_slot_that_comes_back_wakes_who_waits() {
    check(|| {
        let limit = ConcurrencyLimit::new("model", 1);
        let queue = queue(&limit);
        let held = limit.try_acquire_owned().unwrap();
        let holder = thread::spawn(move || drop(held));
        drop(block_on(queue.acquire()).unwrap());
        holder.join().unwrap();
        assert_eq!((limit.in_flight(), queue.waiting()), (0, 0));
    });
}

#[cfg(seawall_shuttle)]
#[test]
fn a_limit_that_grows_wakes_who_waits() {
    check(|| {
        let limit = ConcurrencyLimit::new("model", 0);
        let queue = queue(&limit);
        let grower = thread::spawn({
            let limit = limit.clone();
            move || limit.set_limit(1)
        });
        drop(block_on(queue.acquire()).unwrap());
        grower.join().unwrap();
        assert_eq!((limit.in_flight(), queue.waiting()), (0, 0));
    });
}

#[test]
fn who_leaves_the_line_passes_the_turn_on() {
    check(|| {
        let limit = ConcurrencyLimit::new("model", 1);
        let queue = queue(&limit);
        let held = limit.try_acquire_owned().unwrap();
        let waiter = thread::spawn({
            let queue = queue.clone();
            move || drop(block_on(queue.acquire()).unwrap())
        });
        // Enters the line, or finds a slot, and leaves at once.
        {
            let mut leaver = std::pin::pin!(queue.acquire());
            let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
            let _ = leaver.as_mut().poll(&mut cx);
        }
        drop(held);
        waiter.join().unwrap();
        assert_eq!((limit.in_flight(), queue.waiting()), (0, 0));
    });
}

const fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

/// An adaptive limit of two that has nine drops in its window, 99 ms old: the next outcome closes it.
fn about_to_close() -> AdaptiveLimit {
    let limit = AdaptiveLimit::new("model", Aimd::new().between(1, 2).initial(2));
    for _ in 0..9 {
        limit.try_acquire_at(at(1)).unwrap().settle_at(Class::Overload(None), at(2));
    }
    limit
}

/// Of two outcomes that find the window over, one closes it, once, and the other is in that window or in the next.
#[test]
fn a_window_closes_once_and_no_outcome_is_lost() {
    check(|| {
        let limit = about_to_close();
        let end = |limit: &AdaptiveLimit| {
            if let Ok(permit) = limit.try_acquire_at(at(1)) {
                permit.settle_at(Class::Overload(None), at(101));
            }
        };
        let other = thread::spawn({
            let limit = limit.clone();
            move || end(&limit)
        });
        end(&limit);
        other.join().unwrap();
        let seen = limit.snapshot();
        assert_eq!((seen.windows, seen.limit, seen.in_flight), (1, 1, 0));
        assert_eq!(seen.estimate, 1.0);
    });
}

/// A window that closes shrinks the limit under a call that is being admitted: it is admitted by the limit before, or
/// refused by the one after, and what it took comes back.
#[test]
fn a_limit_that_shrinks_by_itself_is_hard() {
    check(|| {
        let limit = about_to_close();
        let held = limit.try_acquire_at(at(1)).unwrap();
        let other = thread::spawn({
            let limit = limit.clone();
            move || drop(limit.try_acquire_at(at(101)))
        });
        held.settle_at(Class::Overload(None), at(101));
        other.join().unwrap();
        let seen = limit.snapshot();
        assert_eq!((seen.windows, seen.limit, seen.in_flight, seen.debt), (1, 1, 0, 0));
    });
}

/// Bounds that grow wake who waits, whoever sets them.
#[cfg(seawall_shuttle)]
#[test]
fn bounds_that_grow_wake_who_waits() {
    check(|| {
        let limit = AdaptiveLimit::new("model", Aimd::new().between(1, 1).initial(1));
        let held = limit.try_acquire_at(at(1)).unwrap();
        let queue = Queued::new("model", limit.clone(), 2, Duration::MAX);
        let grower = thread::spawn({
            let limit = limit.clone();
            move || limit.set_bounds(2, 2)
        });
        drop(block_on(queue.acquire()).unwrap());
        grower.join().unwrap();
        drop(held);
        assert_eq!((limit.in_flight(), queue.waiting()), (0, 0));
    });
}
