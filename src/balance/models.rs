//! An endpoint whose one seat threads reserve at once.

use super::live::Live;
use crate::sync::atomic::{AtomicU32, Ordering::SeqCst};
use crate::sync::model::{check, thread};
use std::sync::Arc;

#[test]
fn a_seat_is_never_taken_twice_and_always_by_somebody() {
    check(|| {
        let (live, seated) =
            (Arc::new(Live::new(0, crate::time::Instant::ZERO, false)), Arc::new(AtomicU32::new(0)));
        let sit = |live: &Live, seated: &AtomicU32| {
            let reserved = live.reserve(1).is_some();
            if reserved {
                assert_eq!(seated.fetch_add(1, SeqCst), 0);
                seated.fetch_sub(1, SeqCst);
                live.give_back();
            }
            reserved
        };
        let other = thread::spawn({
            let (live, seated) = (Arc::clone(&live), Arc::clone(&seated));
            move || sit(&live, &seated)
        });
        let mine = sit(&live, &seated);
        assert!(mine | other.join().unwrap());
        assert_eq!(live.in_flight(), 0);
    });
}
