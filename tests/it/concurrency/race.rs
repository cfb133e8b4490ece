//! Threads take, give back and resize at once: the number in flight never exceeds the largest limit that was in
//! force, and comes back to zero.

use seawall::ConcurrencyLimit;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

#[test]
fn the_limit_is_hard_under_any_number_of_threads() {
    let limit = ConcurrencyLimit::new("db", 4);
    let (running, most) = (AtomicU32::new(0), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20_000 {
                    if let Ok(permit) = limit.try_acquire_many(2) {
                        most.fetch_max(running.fetch_add(2, SeqCst) + 2, SeqCst);
                        running.fetch_sub(2, SeqCst);
                        drop(permit);
                    }
                }
            });
        }
        scope.spawn(|| {
            for n in 0..10_000 {
                limit.set_limit(2 + n % 4);
            }
        });
    });
    assert!(most.into_inner() <= 5);
    assert_eq!(limit.in_flight(), 0);
}
