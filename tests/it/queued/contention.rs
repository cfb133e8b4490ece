//! Sixteen tasks on two workers, all after the same few slots: nobody waits for ever, nobody is overtaken, and the limit
//! holds.

use seawall::concurrency::Shares;
use seawall::gate::{Admit, Queued};
use seawall::{ConcurrencyLimit, Gate, Priority};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::task::Poll;
use std::time::Duration;
use tokio::task::{JoinSet, yield_now};

const TASKS: u32 = 16;
const CALLS: u32 = 500;

/// What all tasks have seen together.
#[derive(Default)]
struct Seen {
    running: AtomicU32,
    most: AtomicU32,
    admitted: AtomicU32,
    waited: AtomicU32,
    /// The largest number that were admitted while one waited.
    overtaken: AtomicU32,
}

/// Sixteen tasks, each of which makes its calls one after the other; patience is endless, so a lost wake-up hangs.
async fn contend<G>(queued: Queued<G>) -> Arc<Seen>
where
    G: Admit<u32> + Clone + Send + Sync + 'static,
    G::Pass: Send,
{
    let (seen, mut tasks) = (Arc::new(Seen::default()), JoinSet::new());
    for task in 0..TASKS {
        let (queued, seen) = (queued.clone(), Arc::clone(&seen));
        tasks.spawn(async move {
            for _ in 0..CALLS {
                let mut acquire = pin!(queued.acquire_for(task));
                let permit = match poll_fn(|cx| Poll::Ready(acquire.as_mut().poll(cx))).await {
                    Poll::Ready(permit) => permit,
                    Poll::Pending => {
                        let before = seen.admitted.load(SeqCst);
                        let permit = acquire.await;
                        seen.waited.fetch_add(1, SeqCst);
                        seen.overtaken.fetch_max(seen.admitted.load(SeqCst) - before, SeqCst);
                        permit
                    }
                }
                .expect("endless patience");
                seen.admitted.fetch_add(1, SeqCst);
                seen.most.fetch_max(seen.running.fetch_add(1, SeqCst) + 1, SeqCst);
                yield_now().await;
                seen.running.fetch_sub(1, SeqCst);
                drop(permit);
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no task panics");
    }
    seen
}

fn assert_all_served(seen: &Seen, slots: u32) {
    assert_eq!(seen.admitted.load(SeqCst), TASKS * CALLS);
    assert_eq!((seen.running.load(SeqCst), seen.most.load(SeqCst)), (0, slots));
    let waited = seen.waited.load(SeqCst);
    assert!(waited > CALLS, "hardly anybody had to wait: {waited}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_tasks_are_served_in_order() {
    let limit = ConcurrencyLimit::new("db", 1);
    let seen = contend(Queued::new("q", limit.clone(), TASKS, Duration::MAX)).await;
    assert_all_served(&seen, 1);
    // Each of the others was ahead once. It counts itself while it holds the only slot, so nobody is counted late.
    let overtaken = seen.overtaken.load(SeqCst);
    assert!(overtaken < TASKS, "{overtaken} were admitted while one waited");
    assert_eq!((limit.in_flight(), limit.available()), (0, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_tasks_of_five_tenants_are_served() {
    let limit = ConcurrencyLimit::new("db", 3);
    let fair = limit.clone().fair(|task: &u32| task % 5);
    let seen = contend(Queued::new("q", fair, 100, Duration::MAX)).await;
    assert_all_served(&seen, 3);
    assert_eq!(limit.in_flight(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_tasks_of_all_classes_are_served_while_the_limit_moves() {
    let limit = ConcurrencyLimit::new("db", 3);
    let mover = limit.clone();
    let classes = limit.by_priority(Shares::new(), move |task: &u32| {
        if *task == 0 {
            mover.set_limit(1);
            mover.set_limit(3);
        }
        Priority::ALL[*task as usize % 4]
    });
    let seen = contend(Queued::new("q", classes, 100, Duration::MAX)).await;
    assert_all_served(&seen, 3);
    assert_eq!((limit.in_flight(), limit.limit()), (0, 3));
}
