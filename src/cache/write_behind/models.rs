//! A buffer that threads put into, wait for, flush and close at once.

use super::{Config, Write, WriteBehind};
use crate::sync::Mutex;
use crate::sync::model::{block_on, check, thread};
use std::sync::Arc;
use std::time::Duration;

/// Waits for nothing but events: a lost wake-up is a deadlock.
fn config() -> Config {
    Config::new().batch(1).max_delay(Duration::MAX).write_deadline(Duration::MAX)
}

type Source = Arc<Mutex<Vec<(u32, u64)>>>;

fn store(
    source: &Source,
) -> impl FnMut(Vec<Write<u32, u32>>) -> std::future::Ready<Result<(), ()>> + Send + 'static {
    let source = Arc::clone(source);
    move |batch| {
        source.lock().extend(batch.iter().map(|write| (*write.key(), write.seq())));
        std::future::ready(Ok(()))
    }
}

#[test]
fn what_two_threads_put_is_all_written_before_the_driver_ends() {
    check(|| {
        let source = Source::default();
        let (buffer, driver) = WriteBehind::new("model", config(), store(&source), |_| ());
        let writer = thread::spawn(move || block_on(driver));
        let other = thread::spawn({
            let buffer = buffer.clone();
            move || buffer.try_put(1, 1).unwrap()
        });
        buffer.try_put(2, 2).unwrap();
        other.join().unwrap();
        drop(buffer);
        writer.join().unwrap();
        let mut keys: Vec<_> = source.lock().iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        assert_eq!(keys, [1, 2]);
    });
}

#[test]
fn the_last_put_of_a_key_is_the_last_write_of_it() {
    check(|| {
        let source = Source::default();
        let (buffer, driver) = WriteBehind::new("model", config().writers(2), store(&source), |_| ());
        let writer = thread::spawn(move || block_on(driver));
        for value in 0..3 {
            buffer.try_put(1, value).unwrap();
        }
        let account = buffer.account();
        assert_eq!(account.accepted, 3);
        drop(buffer);
        writer.join().unwrap();
        let writes = source.lock().clone();
        assert!(writes.is_sorted_by_key(|(_, seq)| *seq), "{writes:?}");
        assert_eq!(writes.last().map(|(_, seq)| *seq), Some(3));
    });
}

#[test]
fn room_that_comes_free_wakes_who_waits_for_it() {
    check(|| {
        let source = Source::default();
        let (buffer, driver) = WriteBehind::new("model", config().capacity(1), store(&source), |_| ());
        let writer = thread::spawn(move || block_on(driver));
        let other = thread::spawn({
            let buffer = buffer.clone();
            move || block_on(buffer.put(1, 1)).unwrap()
        });
        block_on(buffer.put(2, 2)).unwrap();
        block_on(buffer.put(3, 3)).unwrap();
        other.join().unwrap();
        drop(buffer);
        writer.join().unwrap();
        assert_eq!(source.lock().len(), 3);
    });
}

#[test]
fn a_flush_returns_when_what_was_put_before_it_is_written() {
    check(|| {
        let source = Source::default();
        let (buffer, driver) = WriteBehind::new("model", config().batch(10), store(&source), |_| ());
        let writer = thread::spawn(move || block_on(driver));
        buffer.try_put(1, 1).unwrap();
        block_on(buffer.flush()).unwrap();
        assert_eq!(*source.lock(), [(1, 1)]);
        drop(buffer);
        writer.join().unwrap();
    });
}

#[test]
fn a_driver_that_goes_leaves_nobody_waiting() {
    check(|| {
        let source = Source::default();
        let (buffer, driver) =
            WriteBehind::new("model", config().capacity(1).batch(10), store(&source), |_| ());
        buffer.try_put(1, 1).unwrap();
        let waiter = thread::spawn({
            let buffer = buffer.clone();
            move || block_on(buffer.put(2, 2))
        });
        let flusher = thread::spawn({
            let buffer = buffer.clone();
            move || block_on(buffer.flush())
        });
        drop(driver);
        assert!(waiter.join().unwrap().is_err());
        assert!(flusher.join().unwrap().is_err());
        let account = buffer.account();
        assert_eq!((account.accepted, account.pending), (1, 1));
    });
}
