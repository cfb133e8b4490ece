//! Rate limits through their handles.

mod handle;
mod keyed;
mod leased;
mod memory;
mod threads;

use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread;

/// The sum of what `threads` threads count, all let go at once.
pub(crate) fn together(threads: u32, count: impl Fn(u32) -> u32 + Sync) -> u32 {
    let (start, sum) = (Barrier::new(threads as usize), AtomicU32::new(0));
    thread::scope(|scope| {
        for thread in 0..threads {
            let (start, sum, count) = (&start, &sum, &count);
            scope.spawn(move || {
                start.wait();
                sum.fetch_add(count(thread), Relaxed);
            });
        }
    });
    sum.into_inner()
}
