//! Calls that go by the answers to probes, in paused time.

use seawall::Class;
use seawall::balance::{Endpoint, Pool, Prequal, Probe};
use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{advance, timeout};

/// A call each millisecond for half a second: how many went where.
async fn calls(pool: &Pool<u32>) -> BTreeMap<u32, u32> {
    let mut seen = BTreeMap::new();
    for _ in 0..500 {
        let ticket = pool.pick().unwrap();
        *seen.entry(*ticket.service()).or_default() += 1;
        ticket.settle(Class::Success);
        // The prober's turn.
        let _ = timeout(Duration::from_millis(1), pending::<()>()).await;
    }
    seen
}

fn pool() -> Pool<u32> {
    let pool = Pool::new("pool", Prequal::new());
    pool.set((0..20).map(|i| Endpoint::new(format!("{i:02}"), i)));
    pool
}

#[tokio::test(start_paused = true)]
async fn load_that_others_bring_is_seen_by_probes_and_not_only_felt() {
    let pool = pool();
    let mut tasks = JoinSet::new();
    // The first half is busy with calls of somebody else's, and slow.
    let probing = pool.probe(|_, &i| async move {
        let (load, millis) = if i < 10 { (50, 80) } else { (5, 10) };
        Some(Probe::new(load, Duration::from_millis(millis)))
    });
    tasks.spawn(async {
        probing.await;
    });
    let seen = calls(&pool).await;
    let at_busy: u32 = seen.range(..10).map(|(_, count)| count).sum();
    assert!(at_busy < 25, "{seen:?}");
    assert!(seen.range(10..).count() >= 8, "and no herd at one of the others: {seen:?}");
    assert_eq!(pool.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn three_probes_go_with_each_call_and_none_is_waited_for() {
    let pool = pool();
    let sent = Arc::new(AtomicU32::new(0));
    let mut tasks = JoinSet::new();
    let counted = Arc::clone(&sent);
    // They never answer, and are given up.
    let probing = pool.probe(move |_, _| {
        counted.fetch_add(1, SeqCst);
        pending::<Option<Probe>>()
    });
    tasks.spawn(async {
        probing.await;
    });
    let seen = calls(&pool).await;
    assert_eq!(sent.load(SeqCst), 1_500);
    // Without answers by two choices: everywhere.
    assert_eq!(seen.len(), 20, "{seen:?}");
    advance(Duration::from_secs(10)).await;
    assert!(pool.pick().is_ok());
}
