//! The published scenarios of Netflix concurrency-limits, in the words of this crate. Each test names its source; where the
//! outcome differs it says why.

use seawall::concurrency::{Advice, Aimd, Algorithm, Gradient, Reading, Shares, Vegas};
use seawall::deadline::Deadline;
use seawall::gate::Queued;
use seawall::{ConcurrencyLimit, Gate, Instant, Priority, Ratio, Reason};
use std::time::Duration;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn after(algorithm: &mut impl Algorithm, millis: u64, in_flight: u32, dropped: bool) -> u32 {
    let advice = algorithm.update(Reading { rtt: Some(ms(millis)), in_flight, dropped }, Instant::ZERO);
    assert!(matches!(advice, Advice::Limit(_)));
    advice.limit()
}

/// `VegasLimitTest.create`: at a limit of ten the thresholds are three and six.
fn vegas() -> Vegas {
    Vegas::new().between(1, 20).initial(10)
}

/// `VegasLimitTest.initialLimit`, `increaseLimit`.
#[test]
fn vegas_grows_while_the_peer_has_no_queue() {
    let mut limit = vegas();
    assert_eq!(limit.limit() as u32, 10);
    assert_eq!(after(&mut limit, 10, 10, false), 10);
    assert_eq!(after(&mut limit, 10, 11, false), 16);
}

/// `VegasLimitTest.decreaseLimit`.
#[test]
fn vegas_shrinks_when_the_peer_has_a_queue() {
    let mut limit = vegas();
    assert_eq!(after(&mut limit, 10, 10, false), 10);
    assert_eq!(after(&mut limit, 50, 11, false), 9);
}

/// `VegasLimitTest.noChangeIfWithinThresholds`.
#[test]
fn vegas_holds_between_its_thresholds() {
    let mut limit = vegas();
    assert_eq!(after(&mut limit, 10, 10, false), 10);
    assert_eq!(after(&mut limit, 14, 14, false), 10);
}

/// `VegasLimitTest.decreaseSmoothing`, with this crate's step: half of each step is taken.
#[test]
fn vegas_takes_smoothed_steps() {
    let mut limit = Vegas::new().between(1, 200).initial(100).smoothing(seawall::Ratio::percent(50));
    assert_eq!(after(&mut limit, 10, 100, false), 100);
    assert_eq!(after(&mut limit, 20, 100, false), 99);
    assert_eq!(after(&mut limit, 20, 100, false), 98);
}

/// `AIMDLimitTest.testDefault`, `increaseOnSuccess`, `decreaseOnDrops`, `successOverflow`.
#[test]
fn aimd_adds_one_and_takes_a_tenth() {
    let aimd = || Aimd::new().between(5, 11).initial(10);
    assert_eq!(aimd().limit() as u32, 10);
    assert_eq!(after(&mut aimd(), 1, 10, false), 11);
    assert_eq!(after(&mut aimd(), 1, 1, true), 9);
    let mut full = aimd();
    assert_eq!([1, 2, 3].map(|_| after(&mut full, 1, 10, false)), [11, 11, 11]);
}

/// Gradient2, as its documentation has it: a time that stays within the tolerance lets the limit grow by the queue it
/// allows; a jump beyond brings it down, by at most half a step. Unlike there, a drop shrinks it.
#[test]
fn gradient_grows_by_its_queue_and_shrinks_with_a_jump() {
    let mut limit = Gradient::new().between(1, 200).initial(50);
    let grown = after(&mut limit, 10, 50, false);
    assert!(grown == 50 || grown == 51);
    for _ in 0..20 {
        after(&mut limit, 10, 60, false);
    }
    let (before, jump) = (limit.limit() as u32, after(&mut limit, 100, 60, false));
    assert!(jump < before && jump >= before * 9 / 10, "{before} to {jump}");
    assert!(after(&mut limit, 10, 60, true) < jump);
}

/// `SimpleLimiterTest.useLimiterCapacityUntilTotalLimit`, `testReleaseLimit`.
#[test]
fn a_full_limit_refuses_and_what_comes_back_is_free() {
    let limit = ConcurrencyLimit::new("api", 10);
    let mut held: Vec<_> = (0..10).map(|_| limit.try_acquire().unwrap()).collect();
    assert_eq!(limit.try_acquire().unwrap_err().reason(), Reason::LimitReached);
    drop(held.pop());
    assert_eq!(limit.in_flight(), 9);
    assert!(limit.try_acquire().is_ok());
}

/// `AbstractPartitionedLimiterTest.rejectOnceAllLimitsReached`, `limitAllocatedToBins`. A partition there may exceed the
/// total for its own guarantee (`exceedTotalLimitForUnusedBin`); here the total is hard, and the share of the less
/// important is a ceiling instead.
#[test]
fn batch_leaves_room_for_live() {
    let limit = ConcurrencyLimit::new("api", 10);
    let shares = Shares::new().share(Priority::Sheddable, Ratio::percent(30));
    let by_class = limit.by_priority(shares, |class: &Priority| *class);
    let mut held = Vec::new();
    let mut goes = |class: Priority| {
        let admitted = seawall::gate::Admit::admit(&by_class, &class, &mut seawall::gate::Now::lazy());
        admitted.map(|pass| held.push(pass)).map_err(|rejected| rejected.reason())
    };
    assert_eq!((0..3).map(|_| goes(Priority::Sheddable)).collect::<Vec<_>>(), [Ok(()); 3]);
    assert_eq!(goes(Priority::Sheddable), Err(Reason::Priority));
    assert_eq!((0..7).map(|_| goes(Priority::CriticalPlus)).collect::<Vec<_>>(), [Ok(()); 7]);
    assert_eq!(goes(Priority::CriticalPlus), Err(Reason::LimitReached));
    // `setLimitReservesBusy`: a share is one of the limit in force.
    limit.set_limit(40);
    assert_eq!(goes(Priority::Sheddable), Ok(()));
    held.into_iter().for_each(|pass| by_class.abandon(pass));
    assert_eq!(limit.in_flight(), 0);
}

/// `AbstractPartitionedLimiterTest.testBypassSimpleLimiter`.
#[test]
fn who_bypasses_is_not_counted() {
    let limit = ConcurrencyLimit::new("api", 10);
    let gate = limit.clone().exempt(|path: &&str| path.contains("admin"));
    let admit = |path| seawall::gate::Admit::admit(&gate, &path, &mut seawall::gate::Now::lazy());
    let requests: Vec<_> = (0..5).map(|_| admit("request").unwrap()).collect();
    let admins: Vec<_> = (0..15).map(|_| admit("admin").unwrap()).collect();
    assert_eq!(limit.in_flight(), 5);
    let more: Vec<_> = (0..5).map(|_| admit("request").unwrap()).collect();
    assert!(admit("request").is_err());
    requests.into_iter().chain(admins).chain(more).for_each(|pass| gate.abandon(pass));
    assert_eq!(limit.in_flight(), 0);
}

/// `LifoBlockingLimiterTest`'s: four at a time, ten may wait for a second.
fn lifo(limit: &ConcurrencyLimit) -> Queued<ConcurrencyLimit> {
    Queued::new("q", limit.clone(), 10, ms(1000)).lifo()
}

/// `LifoBlockingLimiterTest.blockWhenFullAndTimeout`, `unblockWhenFullBeforeTimeout`; `BlockingLimiterTest.testTimeout`.
#[tokio::test(start_paused = true)]
async fn a_full_limit_is_waited_for_and_for_no_longer() {
    let limit = ConcurrencyLimit::new("db", 4);
    let (queue, start) = (lifo(&limit), Instant::now());
    let mut held: Vec<_> = (0..4).map(|_| limit.try_acquire().unwrap()).collect();
    assert_eq!(queue.acquire().await.unwrap_err().reason(), Reason::QueueTimeout);
    assert_eq!(Instant::now() - start, ms(1000));
    let comes_back = async {
        // Nobody gives anything back before.
        let never = Queued::new("timer", ConcurrencyLimit::new("never", 0), 1, ms(250));
        assert!(never.acquire().await.is_err());
        drop(held.pop());
    };
    let (admitted, ()) = tokio::join!(queue.acquire(), comes_back);
    assert!(admitted.is_ok());
    assert_eq!(Instant::now() - start, ms(1250));
}

/// `LifoBlockingLimiterTest.rejectWhenBacklogSizeReached`, `adaptWhenLimitIncreases`, `adaptWhenLimitDecreases`.
#[tokio::test(start_paused = true)]
async fn a_full_backlog_refuses_at_once_and_a_changed_limit_holds_at_once() {
    let limit = ConcurrencyLimit::new("db", 4);
    let (queue, start) = (lifo(&limit), Instant::now());
    let mut held: Vec<_> = (0..4).map(|_| limit.try_acquire().unwrap()).collect();
    let waiting = futures_of(10, || queue.acquire());
    let full = async {
        assert_eq!(queue.acquire().await.unwrap_err().reason(), Reason::QueueFull);
        assert_eq!(Instant::now(), start);
    };
    let (outcomes, ()) = tokio::join!(waiting, full);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(r) if r.reason() == Reason::QueueTimeout)));

    limit.set_limit(5);
    let then = Instant::now();
    drop(queue.acquire().await.unwrap());
    assert_eq!(Instant::now(), then);
    limit.set_limit(3);
    drop(held.pop());
    assert_eq!(queue.acquire().await.unwrap_err().reason(), Reason::QueueTimeout);
}

/// `LifoBlockingLimiterTest.verifyFifoOrder`, which verifies that it is the reverse.
#[tokio::test(start_paused = true)]
async fn the_newest_goes_first() {
    let limit = ConcurrencyLimit::new("db", 4);
    let queue = lifo(&limit);
    let held: Vec<_> = (0..4).map(|_| limit.try_acquire().unwrap()).collect();
    let served = std::cell::RefCell::new(Vec::new());
    let call = async |number| {
        let permit = queue.acquire().await.unwrap();
        served.borrow_mut().push(number);
        drop(permit);
    };
    tokio::join!(call(0), call(1), call(2), call(3), call(4), async { drop(held) });
    assert_eq!(served.into_inner(), [4, 3, 2, 1, 0]);
}

/// `LifoBlockingLimiterTest.timeoutAcquireRaceCondition`: a permit that comes back while waiters time out is not lost.
#[tokio::test(start_paused = true)]
async fn a_permit_that_comes_back_as_waiters_time_out_is_not_lost() {
    let limit = ConcurrencyLimit::new("db", 4);
    let queue = Queued::new("q", limit.clone(), 1000, ms(10)).lifo();
    let _three: Vec<_> = (0..3).map(|_| limit.try_acquire().unwrap()).collect();
    for _ in 0..10 {
        let last = std::cell::Cell::new(Some(limit.try_acquire().unwrap()));
        futures_of(10, || async {
            // The first whose time is up gives the last permit back, to whoever times out just then.
            if queue.acquire().await.is_err() {
                drop(last.take());
            }
        })
        .await;
        assert_eq!((limit.in_flight(), queue.waiting()), (3, 0));
    }
}

/// `DeadlineLimiterTest`: whoever waits, waits until the deadline.
#[tokio::test(start_paused = true)]
async fn a_wait_ends_with_the_callers_deadline() {
    let (queue, start) = (lifo(&ConcurrencyLimit::new("db", 0)), Instant::now());
    let refused = Deadline::within(ms(500)).scope(queue.acquire()).await.unwrap_err();
    assert_eq!((refused.reason(), Instant::now() - start), (Reason::Deadline, ms(500)));
}

/// So many futures at once.
async fn futures_of<F: Future>(count: usize, make: impl Fn() -> F) -> Vec<F::Output> {
    let mut running: Vec<_> = (0..count).map(|_| Some(Box::pin(make()))).collect();
    let mut outputs = Vec::new();
    std::future::poll_fn(|cx| {
        for slot in &mut running {
            if let Some(future) = slot
                && let std::task::Poll::Ready(output) = future.as_mut().poll(cx)
            {
                outputs.push(output);
                *slot = None;
            }
        }
        if running.iter().all(Option::is_none) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    outputs
}
