//! Over a gate that keeps no line.

use super::{Waiter, at, ms};
use seawall::gate::{Admit, Gate, Now, Queued};
use seawall::{Class, Instant, Reason, Rejected};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// Shut until a given time; it may or may not say until when.
#[derive(Debug)]
struct Shut {
    until: AtomicU64,
    says_when: bool,
    asked: AtomicU32,
}

impl Shut {
    fn new(after: std::time::Duration, says_when: bool) -> Self {
        let until = AtomicU64::new((Instant::now() + after).as_nanos());
        Self { until, says_when, asked: AtomicU32::new(0) }
    }
}

impl Gate for Shut {
    type Pass = ();
    fn settle(&self, (): (), _: Class, _: &mut Now) {}
    fn release(&self, (): ()) {}
    fn abandon(&self, (): ()) {}
}

impl<Req: ?Sized> Admit<Req> for Shut {
    fn admit(&self, _: &Req, now: &mut Now) -> Result<(), Rejected> {
        self.asked.fetch_add(1, Relaxed);
        let left = Instant::from_nanos(self.until.load(Relaxed)) - now.get();
        let rejected = Rejected::new("shut", Reason::Throttled);
        match left.is_zero() {
            true => Ok(()),
            false if self.says_when => Err(rejected.retry_in(left)),
            false => Err(rejected),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_head_asks_again_when_it_was_told_to_and_not_before() {
    let queued = Queued::new("q", Shut::new(ms(300), true), 5, ms(1000));
    let start = Instant::now();
    let mut waiter = Waiter::waits(queued.acquire());
    at(start, 100).await;
    waiter.still_waits();
    waiter.still_waits();
    assert_eq!(queued.gate().asked.load(Relaxed), 1);
    let permit = waiter.future.as_mut().await.unwrap();
    assert_eq!(Instant::now() - start, ms(300));
    drop(permit);
}

#[tokio::test(start_paused = true)]
async fn only_the_head_asks() {
    let queued = Queued::new("q", Shut::new(ms(300), true), 5, ms(1000));
    let (mut first, mut second) = (Waiter::waits(queued.acquire()), Waiter::waits(queued.acquire()));
    assert_eq!(queued.gate().asked.load(Relaxed), 1);
    drop(first.future.as_mut().await.unwrap());
    drop(first);
    drop(second.goes());
}

#[tokio::test(start_paused = true)]
async fn without_a_time_to_come_back_its_refusal_stands() {
    let queued = Queued::new("q", Shut::new(ms(300), false), 5, ms(1000));
    let refused = queued.acquire().await.unwrap_err();
    assert_eq!((refused.by().as_str(), refused.reason()), ("shut", Reason::Throttled));
}

#[tokio::test(start_paused = true)]
async fn a_wait_known_to_be_too_long_is_refused_on_arrival() {
    let queued = Queued::new("q", Shut::new(ms(300), true), 5, ms(200));
    let start = Instant::now();
    let refused = queued.acquire().await.unwrap_err();
    assert_eq!((refused.reason(), refused.retry_after()), (Reason::QueueTimeout, Some(ms(300))));
    assert_eq!(Instant::now(), start);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_tells_when_its_head_goes() {
    let queued = Queued::new("q", Shut::new(ms(300), true), 1, ms(1000));
    let start = Instant::now();
    let _head = Waiter::waits(queued.acquire());
    at(start, 100).await;
    let refused = queued.acquire().await.unwrap_err();
    assert_eq!((refused.reason(), refused.retry_after()), (Reason::QueueFull, Some(ms(200))));
}
