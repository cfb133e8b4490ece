//! Threads that read, leave, panic and fence one key at once, in many orders.
//!
//! A load is three steps of its own, so that whoever polls it may be cut off between any two. It brings the number of
//! fences that had been made when it began, so a value tells how old it is.

use super::{CacheAside, Fifo, Lifetime, Memory, Settings};
use crate::sync::atomic::{AtomicU32, Ordering::SeqCst};
use crate::sync::model::{block_on, check, thread};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

type Cache = CacheAside<u32, u32, &'static str, Fifo<u32, u32>>;

/// Waits for nothing but events: a lost wake-up is a deadlock.
fn cache() -> Cache {
    let settings = Settings::new(Lifetime::forever()).load_deadline(Duration::MAX);
    Cache::new("model", Memory::fifo(8), settings)
}

#[derive(Clone, Default)]
struct Origin(Arc<State>);

#[derive(Default)]
struct State {
    fences: AtomicU32,
    loads: AtomicU32,
    running: AtomicU32,
}

/// A load that runs, until it ends in any way.
struct Running(Arc<State>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, SeqCst);
    }
}

/// Pending once; it wakes from inside its poll, which is when wake-ups get lost.
async fn step() {
    let mut asked = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut asked, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl Origin {
    async fn load(self, ends: fn(u32) -> Result<u32, &'static str>) -> Result<u32, &'static str> {
        let born = self.0.fences.load(SeqCst);
        self.0.loads.fetch_add(1, SeqCst);
        self.0.running.fetch_add(1, SeqCst);
        let _running = Running(Arc::clone(&self.0));
        step().await;
        step().await;
        ends(born)
    }

    fn loads(&self) -> u32 {
        self.0.loads.load(SeqCst)
    }
}

/// What a reader is given; `None` for any error.
type Got = Option<u32>;

fn read(cache: &Cache, origin: &Origin, ends: fn(u32) -> Result<u32, &'static str>) -> Got {
    let origin = origin.clone();
    block_on(cache.get_or_load(&7, move || origin.load(ends))).ok().map(|cached| *cached)
}

fn reader(
    cache: &Cache,
    origin: &Origin,
    ends: fn(u32) -> Result<u32, &'static str>,
) -> thread::JoinHandle<Got> {
    let (cache, origin) = (cache.clone(), origin.clone());
    thread::spawn(move || read(&cache, &origin, ends))
}

/// A caller who polls so often and is dropped then.
fn leaver(cache: &Cache, origin: &Origin, polls: u32) -> thread::JoinHandle<()> {
    let (cache, origin) = (cache.clone(), origin.clone());
    thread::spawn(move || {
        let mut read = pin!(cache.get_or_load(&7, move || origin.load(Ok)));
        for _ in 0..polls {
            if read.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                break;
            }
        }
    })
}

/// Nothing is left behind, whatever has happened.
fn at_rest(cache: &Cache, origin: &Origin) {
    assert_eq!((cache.loading(), origin.0.running.load(SeqCst)), (0, 0));
}

#[test]
fn three_readers_are_one_load() {
    check(|| {
        let (cache, origin) = (cache(), Origin::default());
        let others = [reader(&cache, &origin, Ok), reader(&cache, &origin, Ok)];
        assert_eq!(read(&cache, &origin, Ok), Some(0));
        others.into_iter().for_each(|other| assert_eq!(other.join().unwrap(), Some(0)));
        assert_eq!(origin.loads(), 1);
        at_rest(&cache, &origin);
    });
}

#[test]
fn who_leaves_after_any_poll_strands_nobody() {
    for polls in 0..4 {
        check(move || {
            let (cache, origin) = (cache(), Origin::default());
            let leaver = leaver(&cache, &origin, polls);
            let other = reader(&cache, &origin, Ok);
            assert_eq!(read(&cache, &origin, Ok), Some(0));
            assert_eq!(other.join().unwrap(), Some(0));
            leaver.join().unwrap();
            // One that was left alone was dropped before the next began.
            assert!(origin.loads() <= 2);
            at_rest(&cache, &origin);
        });
    }
}

#[test]
fn who_stays_and_is_never_polled_again_holds_nobody_up() {
    check(|| {
        let (cache, origin) = (cache(), Origin::default());
        let own = origin.clone();
        let mut parked = Box::pin(cache.get_or_load(&7, move || own.load(Ok)));
        assert!(parked.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let other = reader(&cache, &origin, Ok);
        assert_eq!(read(&cache, &origin, Ok), Some(0));
        assert_eq!(other.join().unwrap(), Some(0));
        assert_eq!(origin.loads(), 1);
        drop(parked);
        at_rest(&cache, &origin);
    });
}

#[test]
fn an_error_and_a_panic_go_to_all_who_wait() {
    let failed: fn(u32) -> Result<u32, &'static str> = |_| Err("down");
    // Without the hook, which would write thousands of them.
    let panicked: fn(u32) -> Result<u32, &'static str> = |_| std::panic::resume_unwind(Box::new("as told"));
    for ends in [failed, panicked] {
        check(move || {
            let (cache, origin) = (cache(), Origin::default());
            let other = reader(&cache, &origin, ends);
            assert!(read(&cache, &origin, ends).is_none());
            assert!(other.join().unwrap().is_none());
            assert!((1..=2).contains(&origin.loads()));
            at_rest(&cache, &origin);
            assert_eq!(read(&cache, &origin, Ok), Some(0));
        });
    }
}

#[test]
fn nothing_that_was_fenced_comes_back() {
    for everything in [false, true] {
        check(move || {
            let (cache, origin) = (cache(), Origin::default());
            let others = [reader(&cache, &origin, Ok), reader(&cache, &origin, Ok)];
            origin.0.fences.fetch_add(1, SeqCst);
            if everything {
                cache.clear()
            } else {
                cache.invalidate(&7)
            }
            // A read that begins after the fence returned.
            assert_eq!(read(&cache, &origin, Ok), Some(1));
            others.into_iter().for_each(|other| assert!(other.join().unwrap().is_some()));
            assert_eq!(cache.hit(&7).map(|hit| *hit), Some(1));
            assert!(origin.loads() <= 3);
            at_rest(&cache, &origin);
        });
    }
}

#[test]
fn a_put_outlives_every_load_that_began_before_it() {
    check(|| {
        let (cache, origin) = (cache(), Origin::default());
        let others = [reader(&cache, &origin, Ok), reader(&cache, &origin, Ok)];
        cache.put(&7, 99);
        assert_eq!(read(&cache, &origin, Ok), Some(99));
        others.into_iter().for_each(|other| assert!(other.join().unwrap().is_some()));
        assert_eq!(cache.hit(&7).map(|hit| *hit), Some(99));
        at_rest(&cache, &origin);
    });
}

#[test]
fn more_keys_than_slots_all_get_their_turn() {
    check(|| {
        let settings = Settings::new(Lifetime::forever()).load_deadline(Duration::MAX).max_loads(1);
        let cache = Cache::new("model", Memory::fifo(8), settings);
        let origin = Origin::default();
        let others: Vec<_> = (0..2)
            .map(|key| {
                let (cache, origin) = (cache.clone(), origin.clone());
                thread::spawn(move || block_on(cache.get_or_load(&key, move || origin.load(Ok))).is_ok())
            })
            .collect();
        let leaver = leaver(&cache, &origin, 1);
        others.into_iter().for_each(|other| assert!(other.join().unwrap()));
        leaver.join().unwrap();
        assert_eq!(read(&cache, &origin, Ok), Some(0));
        at_rest(&cache, &origin);
    });
}
