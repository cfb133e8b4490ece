//! How many wait, and for how long.

use super::{Waiter, at, fill, ms};
use seawall::deadline::Deadline;
use seawall::gate::Queued;
use seawall::{ConcurrencyLimit, Instant, Reason};
use std::task::Poll;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn a_waiter_goes_in_when_a_permit_comes_back() {
    let limit = ConcurrencyLimit::new("db", 2);
    let queued = Queued::new("q", limit.clone(), 5, ms(1000));
    let (start, held) =
        (Instant::now(), [limit.try_acquire_owned().unwrap(), limit.try_acquire_owned().unwrap()]);
    let waiter = tokio::spawn({
        let queued = queued.clone();
        async move { queued.acquire().await.map(|_| Instant::now()) }
    });
    tokio::spawn(async move {
        seawall_sleep(ms(200)).await;
        drop(held);
    });
    assert_eq!(waiter.await.unwrap().unwrap() - start, ms(200));
}

async fn seawall_sleep(duration: Duration) {
    // A waiter on a limit of 0 is a timer.
    let never = Queued::new("timer", ConcurrencyLimit::new("never", 0), 1, duration);
    assert!(never.acquire().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_with_its_limit() {
    let limit = ConcurrencyLimit::new("db", 2);
    let queued = Queued::new("q", limit.clone(), 5, ms(20));
    let (start, held) = (Instant::now(), fill(&limit));
    let refused = queued.acquire().await.unwrap_err();
    assert_eq!((refused.by().as_str(), refused.reason()), ("q", Reason::QueueTimeout));
    assert_eq!(Instant::now() - start, ms(20));
    assert_eq!(queued.waiting(), 0);
    drop(held);
}

/// Whose time was up is told: the queue's, or the caller's.
#[tokio::test(start_paused = true)]
async fn a_wait_that_ends_with_the_deadline_says_so() {
    let queued = Queued::new("q", ConcurrencyLimit::new("db", 0), 5, ms(20));
    for (deadline, reason, after) in [(10, Reason::Deadline, 10), (30, Reason::QueueTimeout, 20)] {
        let start = Instant::now();
        let refused = Deadline::within(ms(deadline)).scope(queued.acquire()).await.unwrap_err();
        assert_eq!((refused.by().as_str(), refused.reason()), ("q", reason));
        assert_eq!(Instant::now() - start, ms(after));
    }
    // One that is over leaves no time to wait at all.
    let refused = Deadline::within(Duration::ZERO).scope(queued.acquire()).await.unwrap_err();
    assert_eq!((refused.reason(), queued.waiting()), (Reason::Deadline, 0));
}

#[tokio::test(start_paused = true)]
async fn the_shortest_wait_passes_a_free_gate() {
    for wait in [Duration::ZERO, Duration::from_nanos(1)] {
        let queued = Queued::new("q", ConcurrencyLimit::new("db", 1), 5, wait);
        assert!(queued.acquire().await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn no_time_to_wait_is_refused_without_a_timer() {
    let queued = Queued::new("q", ConcurrencyLimit::new("db", 0), 5, Duration::ZERO);
    let (_, first) = Waiter::arrive(queued.acquire());
    assert!(matches!(first, Poll::Ready(Err(refused)) if refused.reason() == Reason::QueueTimeout));
}

/// CC-9.
#[tokio::test(start_paused = true)]
async fn ten_wait_and_the_eleventh_is_refused_at_once() {
    let limit = ConcurrencyLimit::new("db", 4);
    let queued = Queued::new("q", limit.clone(), 10, ms(1000));
    let (start, held) = (Instant::now(), fill(&limit));
    let mut waiters: Vec<_> = (0..10).map(|_| Waiter::waits(queued.acquire())).collect();
    assert_eq!(queued.acquire().await.unwrap_err().reason(), Reason::QueueFull);
    assert_eq!(Instant::now(), start);
    at(start, 999).await;
    waiters.iter_mut().for_each(Waiter::still_waits);
    at(start, 1000).await;
    for waiter in &mut waiters {
        assert!(
            matches!(waiter.poll(), Poll::Ready(Err(refused)) if refused.reason() == Reason::QueueTimeout)
        );
    }
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn without_places_it_refuses_like_the_gate() {
    let queued = Queued::new("q", ConcurrencyLimit::new("db", 0), 0, ms(1000));
    let refused = queued.acquire().await.unwrap_err();
    assert_eq!((refused.by().as_str(), refused.reason()), ("db", Reason::LimitReached));
}

#[tokio::test(start_paused = true)]
async fn a_permit_handed_over_beats_the_timeout_of_the_same_poll() {
    let limit = ConcurrencyLimit::new("db", 1);
    let queued = Queued::new("q", limit.clone(), 5, ms(20));
    let (start, held) = (Instant::now(), fill(&limit));
    let mut waiter = Waiter::waits(queued.acquire());
    at(start, 20).await;
    drop(held);
    drop(waiter.goes());
}

#[tokio::test(start_paused = true)]
async fn a_changed_wait_is_for_newcomers_and_fewer_places_throw_nobody_out() {
    let limit = ConcurrencyLimit::new("db", 0);
    let queued = Queued::new("q", limit, 5, ms(1000));
    let start = Instant::now();
    let [mut old, _other] = [(); 2].map(|()| Waiter::waits(queued.acquire()));
    queued.set_max_wait(ms(10));
    queued.set_places(3);
    let mut new = Waiter::waits(queued.acquire());
    queued.set_places(1);
    assert_eq!(queued.acquire().await.unwrap_err().reason(), Reason::QueueFull);
    at(start, 10).await;
    assert!(new.poll().is_ready());
    old.still_waits();
    assert_eq!(queued.waiting(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_endless_wait_neither_panics_nor_wraps() {
    let limit = ConcurrencyLimit::new("db", 1);
    let queued = Queued::new("q", limit.clone(), 5, Duration::MAX);
    let held = fill(&limit);
    let mut waiter = Waiter::waits(queued.acquire());
    drop(held);
    drop(waiter.goes());
}
