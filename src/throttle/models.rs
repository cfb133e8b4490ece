//! A window that threads count in at once.

use super::window::Window;
use crate::Instant;
use crate::sync::model::{check, thread};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn calls_of_two_threads_are_all_counted_in_a_slice_that_both_begin() {
    check(|| {
        let window = Arc::new(Window::new(Duration::from_secs(20)));
        let slice = window.slice(Instant::from_nanos(90_000_000_000));
        let other = thread::spawn({
            let window = Arc::clone(&window);
            move || {
                let counted = window.request(slice);
                window.accept(counted);
            }
        });
        let counted = window.request(slice);
        window.take_back(counted);
        other.join().unwrap();
        assert_eq!(window.counts(slice), (1, 1));
    });
}
