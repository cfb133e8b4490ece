//! A cache before the buffer: it is told what a put and a write mean for it.

use super::*;
use seawall::Class;
use seawall::cache::write_behind::{Config, WriteBehind};
use seawall::cache::{CacheAside, Jitter, Lifetime, Memory, Negative, ReadThrough, Settings};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

type Cache = CacheAside<u32, u32, &'static str>;

fn cache() -> Cache {
    let settings = Settings::new(Lifetime::of(1000 * MS).jitter(Jitter::off()));
    Cache::new("front", Memory::lru(100), settings.negative(Negative::ttl(500 * MS)))
}

const fn config() -> Config {
    Config::new().batch(1)
}

#[tokio::test(start_paused = true)]
async fn what_was_written_is_kept_for_a_whole_life() {
    let store = Source::default().slow(50 * MS, |_| Ok(()));
    let (buffer, driver) = WriteBehind::before(cache(), "front", config(), store, |_| ());
    tokio::spawn(driver);
    buffer.put(1, 1).await.unwrap();
    let dirty = buffer.hit(&1).unwrap();
    assert_eq!((*dirty, dirty.age()), (1, Duration::ZERO));
    assert!(buffer.front().hit(&1).is_none(), "the source does not have it yet");
    buffer.flush().await.unwrap();
    assert!(buffer.is_empty());
    let kept = buffer.hit(&1).unwrap();
    assert!(kept.is_same(&dirty), "the value has not been copied");
    wait(999 * MS).await;
    assert_eq!(buffer.hit(&1).unwrap().age(), 999 * MS);
    wait(MS).await;
    assert!(buffer.hit(&1).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_removal_answers_nothing_while_it_waits_and_when_it_is_written() {
    let (buffer, driver) = WriteBehind::before(cache(), "front", config(), Source::default().store(), |_| ());
    let find = || async { Ok::<_, &str>(Some(9)) };
    assert_eq!(*buffer.get_or_find(&1, find).await.unwrap().unwrap(), 9);
    buffer.try_remove(1).unwrap();
    assert!(buffer.hit(&1).is_none());
    assert!(buffer.get_or_find(&1, find).await.unwrap().is_none());
    tokio::spawn(driver);
    buffer.flush().await.unwrap();
    assert!(buffer.pending(&1).is_none());
    assert!(buffer.get_or_find(&1, find).await.unwrap().is_none(), "known to be nothing");
    wait(501 * MS).await;
    assert_eq!(*buffer.get_or_find(&1, find).await.unwrap().unwrap(), 9);
}

#[tokio::test(start_paused = true)]
async fn replaced_while_it_was_being_stored_it_is_never_kept() {
    let (buffer, driver) =
        WriteBehind::before(cache(), "front", config(), Source::default().slow(50 * MS, |_| Ok(())), |_| ());
    tokio::spawn(driver);
    buffer.put(2, 1).await.unwrap();
    wait(10 * MS).await;
    buffer.put(2, 2).await.unwrap();
    wait(60 * MS).await;
    assert!(buffer.front().peek(&2).is_none() && *buffer.hit(&2).unwrap() == 2);
    buffer.flush().await.unwrap();
    assert_eq!(*buffer.front().hit(&2).unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn fenced_while_it_was_being_stored_the_source_is_asked() {
    for everything in [false, true] {
        let store = Source::default().slow(50 * MS, |_| Ok(()));
        let (buffer, driver) = WriteBehind::before(cache(), "front", config(), store, |_| ());
        tokio::spawn(driver);
        buffer.put(3, 1).await.unwrap();
        wait(10 * MS).await;
        if everything {
            buffer.front().clear();
        } else {
            buffer.invalidate(&3);
        }
        assert_eq!(buffer.pending(&3).unwrap().value(), Some(&1), "what is dirty stays");
        buffer.flush().await.unwrap();
        assert!(buffer.hit(&3).is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_out_or_given_up_on_is_asked_of_the_source() {
    let store = |_: Vec<Write<u32, u32>>| async { Err("no such table") };
    let (buffer, driver) = WriteBehind::before(cache(), "front", config(), store, |_| ());
    let load = || async { Ok::<_, &str>(7) };
    buffer.front().put(&4, 1);
    buffer.try_put(4, 2).unwrap();
    assert_eq!(buffer.discard(&4).unwrap().value(), Some(&2));
    assert_eq!(buffer.get_or_find(&4, load).await.unwrap().as_deref(), Some(&7));
    tokio::spawn(driver.classify(|_| Class::Permanent));
    buffer.put(4, 3).await.unwrap();
    buffer.flush().await.unwrap();
    assert_eq!(buffer.account().dead, 1);
    assert_eq!(buffer.get_or_find(&4, load).await.unwrap().as_deref(), Some(&7));
}

/// The reader asked before there was a put, its load began after it: what that brings is gone when the key is.
#[tokio::test(start_paused = true)]
async fn a_load_that_slipped_in_before_a_put_outlives_no_write() {
    let row = Arc::new(AtomicU32::new(1));
    let load = {
        let row = Arc::clone(&row);
        move |_: u32| {
            let row = Arc::clone(&row);
            async move {
                let seen = row.load(SeqCst);
                wait(30 * MS).await;
                Ok::<_, &str>(seen)
            }
        }
    };
    let store = {
        let row = Arc::clone(&row);
        move |batch: Vec<Write<u32, u32>>| {
            let row = Arc::clone(&row);
            async move {
                wait(100 * MS).await;
                row.store(batch.last().and_then(|write| write.value().copied()).unwrap_or(0), SeqCst);
                Ok::<_, &str>(())
            }
        }
    };
    let reads = ReadThrough::new("rows", Memory::lru(100), Lifetime::forever(), load);
    let (buffer, driver) = WriteBehind::before(reads, "rows", config(), store, |_| ());
    tokio::spawn(driver);
    buffer.put(1, 2).await.unwrap();
    // Past the buffer, as a reader would be who had asked it just before.
    assert_eq!(*buffer.front().get(&1).await.unwrap().unwrap(), 1);
    assert_eq!(*buffer.get(&1).await.unwrap().unwrap(), 2);
    buffer.invalidate(&1);
    assert_eq!(*buffer.front().get(&1).await.unwrap().unwrap(), 1);
    buffer.flush().await.unwrap();
    assert_eq!(*buffer.get(&1).await.unwrap().unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_driver_is_the_background_of_the_cache_too() {
    let loads = Arc::new(AtomicU32::new(0));
    let load = {
        let loads = Arc::clone(&loads);
        move |_: u32| {
            let loads = Arc::clone(&loads);
            async move { Ok::<_, &str>(loads.fetch_add(1, SeqCst)) }
        }
    };
    let lifetime = Lifetime::of(100 * MS).jitter(Jitter::off()).stale_while_revalidate(1000 * MS);
    let reads = ReadThrough::new("rows", Memory::lru(100), lifetime, load);
    let (buffer, driver) = WriteBehind::before(reads, "rows", config(), Source::default().store(), |_| ());
    let driver = tokio::spawn(driver);
    assert_eq!(*buffer.get(&1).await.unwrap().unwrap(), 0);
    wait(500 * MS).await;
    assert_eq!(*buffer.hit(&1).unwrap(), 0, "stale, and refreshed behind");
    wait(MS).await;
    assert_eq!((*buffer.hit(&1).unwrap(), loads.load(SeqCst)), (1, 2));
    drop(buffer);
    driver.await.unwrap();
}
