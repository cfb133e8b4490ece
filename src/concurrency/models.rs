//! A limit that threads take from, wait for and change at once.

use super::ConcurrencyLimit;
use crate::gate::Queued;
use crate::sync::atomic::{AtomicU32, Ordering::SeqCst};
use crate::sync::model::{block_on, check, thread};
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
