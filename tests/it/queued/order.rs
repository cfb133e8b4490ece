//! Whose turn it is.

use super::{Waiter, at, fill, ms};
use seawall::gate::Queued;
use seawall::{ConcurrencyLimit, Instant, Reason};

#[tokio::test(start_paused = true)]
async fn permits_that_come_back_go_to_the_waiters_in_their_order() {
    let limit = ConcurrencyLimit::new("db", 1);
    let queued = Queued::new("q", limit.clone(), 5, ms(1000));
    let held = fill(&limit);
    let [mut a, b, mut c] = [(); 3].map(|()| Waiter::waits(queued.acquire()));
    drop(b);
    drop(held);
    c.still_waits();
    let permit = a.goes();
    c.still_waits();
    drop(permit);
    drop(c.goes());
}

#[tokio::test(start_paused = true)]
async fn a_lifo_queue_serves_the_newest_first() {
    let limit = ConcurrencyLimit::new("db", 1);
    let queued = Queued::new("q", limit.clone(), 5, ms(1000)).lifo();
    let held = fill(&limit);
    let [mut a, b, mut c] = [(); 3].map(|()| Waiter::waits(queued.acquire()));
    drop(b);
    drop(held);
    assert_eq!((a.wakes(), c.wakes()), (0, 1));
    a.still_waits();
    let permit = c.goes();
    a.still_waits();
    drop(permit);
    drop(a.goes());
}

#[tokio::test(start_paused = true)]
async fn a_full_lifo_queue_refuses_the_newcomer() {
    let limit = ConcurrencyLimit::new("db", 0);
    let queued = Queued::new("q", limit, 1, ms(1000)).lifo();
    let mut old = Waiter::waits(queued.acquire());
    assert_eq!(queued.acquire().await.unwrap_err().reason(), Reason::QueueFull);
    old.still_waits();
}

#[tokio::test(start_paused = true)]
async fn while_somebody_waits_no_newcomer_passes() {
    let limit = ConcurrencyLimit::new("db", 1);
    let queued = Queued::new("q", limit.clone(), 5, ms(1000));
    let held = fill(&limit);
    let mut first = Waiter::waits(queued.acquire());
    drop(held);
    assert_eq!(limit.available(), 1);
    assert_eq!(limit.try_acquire().unwrap_err().reason(), Reason::LimitReached);
    let mut second = Waiter::waits(queued.acquire());
    let permit = first.goes();
    drop(permit);
    drop(second.goes());
}

#[tokio::test(start_paused = true)]
async fn a_heavy_waiter_at_the_head_is_not_passed_by_light_ones() {
    let limit = ConcurrencyLimit::new("db", 4);
    let queued = Queued::new("q", limit.weighing(|weight: &u32| *weight), 5, ms(1000));
    let held = limit.try_acquire_many(2).unwrap();
    let heavy = tokio::spawn({
        let queued = queued.clone();
        async move { queued.acquire_for(4).await.map(|permit| permit.settle(seawall::Class::Success)) }
    });
    tokio::task::yield_now().await;
    let light = tokio::spawn({
        let queued = queued.clone();
        async move { queued.acquire_for(1).await.map(|permit| permit.settle(seawall::Class::Success)) }
    });
    tokio::task::yield_now().await;
    assert_eq!((queued.waiting(), limit.in_flight()), (2, 2));
    drop(held);
    heavy.await.unwrap().unwrap();
    light.await.unwrap().unwrap();
    assert_eq!(limit.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_can_never_fit_is_refused_at_once() {
    let limit = ConcurrencyLimit::new("db", 4);
    let queued = Queued::new("q", limit.weighing(|weight: &u32| *weight), 5, ms(1000));
    let held = fill(&limit);
    let refused = queued.acquire_for(5).await.unwrap_err();
    assert_eq!((refused.by().as_str(), refused.reason()), ("db", Reason::TooLarge));
    let waiting = queued.acquire_for(4);
    tokio::pin!(waiting);
    assert!(futures_poll(waiting.as_mut()).is_pending());
    limit.set_limit(3);
    let refused = waiting.await.unwrap_err();
    assert_eq!(refused.reason(), Reason::TooLarge);
    drop(held);
}

fn futures_poll<F: Future>(future: std::pin::Pin<&mut F>) -> std::task::Poll<F::Output> {
    future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
}

#[tokio::test(start_paused = true)]
async fn growing_lets_the_first_waiter_in_at_once() {
    let limit = ConcurrencyLimit::new("db", 4);
    let queued = Queued::new("q", limit.clone(), 5, ms(1000));
    let held = fill(&limit);
    let [mut a, mut b, mut c] = [(); 3].map(|()| Waiter::waits(queued.acquire()));
    limit.set_limit(5);
    assert_eq!((a.wakes(), b.wakes(), c.wakes()), (1, 0, 0));
    let permit = a.goes();
    b.still_waits();
    c.still_waits();
    assert_eq!(limit.in_flight(), 5);
    drop((held, permit));
}

#[tokio::test(start_paused = true)]
async fn a_waiter_is_woken_at_most_twice_however_many_wait() {
    let limit = ConcurrencyLimit::new("db", 4);
    let queued = Queued::new("q", limit.clone(), 500, ms(1000));
    let mut held = fill(&limit);
    let mut waiters: Vec<_> = (0..500).map(|_| Waiter::waits(queued.acquire())).collect();
    for (next, waiter) in waiters.iter_mut().enumerate() {
        // The oldest call ends; now and then all four do.
        if next % 50 == 0 {
            held.clear();
        } else if !held.is_empty() {
            drop(held.remove(0));
        }
        held.push(waiter.goes());
    }
    let wakes: Vec<_> = waiters.iter().map(Waiter::wakes).collect();
    assert!(wakes.iter().all(|wakes| (1..=2).contains(wakes)), "{wakes:?}");
    drop(held);
    assert_eq!((limit.in_flight(), queued.waiting()), (0, 0));
}

/// CC-22.
#[tokio::test(start_paused = true)]
async fn a_standing_queue_shortens_the_wait_and_turns_round() {
    for (adaptive, served) in [(false, "b"), (true, "c")] {
        let limit = ConcurrencyLimit::new("db", 1);
        let mut queued = Queued::new("q", limit.clone(), 5, ms(1000)).controlled(ms(5), ms(100));
        if adaptive {
            queued = queued.adaptive_lifo();
        }
        let (start, held) = (Instant::now(), fill(&limit));
        let mut a = Waiter::waits(queued.acquire());
        at(start, 50).await;
        let mut b = Waiter::waits(queued.acquire());
        at(start, 100).await;
        let std::task::Poll::Ready(Err(refused)) = a.poll() else { panic!("the interval is up") };
        assert_eq!(refused.reason(), Reason::QueueTimeout);
        at(start, 101).await;
        let mut c = Waiter::waits(queued.acquire());
        at(start, 103).await;
        drop(held);
        let permit = if served == "b" { b.goes() } else { c.goes() };
        if adaptive {
            at(start, 149).await;
            b.still_waits();
            at(start, 150).await;
            assert!(b.poll().is_ready());
        } else {
            at(start, 105).await;
            c.still_waits();
            at(start, 106).await;
            assert!(c.poll().is_ready());
        }
        drop(permit);
    }
}

/// A queue turns round while it stands: the head that was woken before passes the turn on.
#[tokio::test(start_paused = true)]
async fn a_turn_that_moved_away_from_a_woken_waiter_is_not_lost() {
    let limit = ConcurrencyLimit::new("db", 1);
    let queued = Queued::new("q", limit.clone(), 5, ms(1000)).adaptive_lifo();
    let (start, held) = (Instant::now(), fill(&limit));
    let mut old = Waiter::waits(queued.acquire());
    at(start, 50).await;
    let mut new = Waiter::waits(queued.acquire());
    at(start, 100).await;
    drop(held);
    assert_eq!((old.wakes(), new.wakes()), (1, 0));
    at(start, 101).await;
    old.still_waits();
    assert_eq!(new.wakes(), 1);
    drop(new.goes());
}
