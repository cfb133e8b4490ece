//! Calls that go by the answers to probes, in paused time.

use crate::tools::{CUTS, cut};
use seawall::balance::{Ask, Endpoint, Pool, Prequal, Probe, Tried};
use seawall::{Class, Instant, Reason};
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

/// Five endpoints, numbered, in the synchronous mode.
fn asking(probes: u8) -> Pool<u64> {
    let pool = Pool::new("pool", Prequal::new().sync(probes));
    pool.set((0..5).map(|i| Endpoint::new(format!("{i}"), i)));
    pool
}

/// The higher its number, the quicker it is.
const fn answer(i: u64) -> Option<Probe> {
    Some(Probe::new(1, Duration::from_millis(100 - i)))
}

async fn after(millis: u64) {
    let _ = timeout(Duration::from_millis(millis), pending::<()>()).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_asks_first_goes_to_the_best_of_those_it_asked() {
    let pool = asking(5);
    for _ in 0..20 {
        let ticket = pool.pick_probed(Ask::new(), |_, &i| async move { answer(i) }).await.unwrap();
        assert_eq!(*ticket.service(), 4);
        ticket.settle(Class::Success);
    }
    let pool = asking(2);
    let mut seen = BTreeMap::new();
    for _ in 0..200 {
        let ticket = pool.pick_probed(Ask::new(), |_, &i| async move { answer(i) }).await.unwrap();
        *seen.entry(*ticket.service()).or_insert(0) += 1;
        ticket.settle(Class::Success);
    }
    // The better of two at random: never the worst, and the best in two draws of five.
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), [1, 2, 3, 4], "{seen:?}");
    assert!((50..110).contains(&seen[&4]), "{seen:?}");
    assert_eq!(pool.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_last_answer_is_not_waited_for_and_silence_lasts_three_milliseconds() {
    let pool = asking(5);
    let begin = Instant::now();
    let quick = pool.pick_probed(Ask::new(), |_, &i| async move {
        after(if i == 4 { 1_000 } else { 1 }).await;
        answer(i)
    });
    assert_eq!(*quick.await.unwrap().service(), 3, "the best of those who answered");
    assert!(Instant::now() - begin < Duration::from_millis(3));
    // Half of them are silent: after the timeout the others decide.
    let begin = Instant::now();
    let half = pool.pick_probed(Ask::new(), |_, &i| async move {
        if i > 2 {
            after(1_000).await;
        }
        answer(i)
    });
    assert_eq!(*half.await.unwrap().service(), 2);
    let took = Instant::now() - begin;
    assert!((3..5).contains(&took.as_millis()), "{took:?}");
    // All of them, or nobody who knows: two choices.
    assert!(pool.pick_probed(Ask::new(), |_, _| pending()).await.is_ok());
    assert!(pool.pick_probed(Ask::new(), |_, _| async { None }).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn only_those_are_asked_who_may_be_called() {
    let pool = asking(5);
    let tried = Tried::new();
    let mut order = Vec::new();
    for _ in 0..5 {
        let ask = Ask::new().tried(&tried);
        let pick = pool.pick_probed(ask, |_, &i| async move {
            // The worst answers last, so that it is the one that is not waited for.
            after(100 - 20 * i).await;
            answer(i)
        });
        let ticket = pick.await.unwrap();
        order.push(*ticket.service());
        ticket.settle(Class::Transient);
    }
    order.sort_unstable();
    assert_eq!(order, [0, 1, 2, 3, 4], "each once");
    let full = Pool::new("pool", Prequal::new().sync(2));
    full.set(["a", "b"].map(|id| Endpoint::new(id, 1).limit(1)));
    let pick = || full.pick_probed(Ask::new(), |_, &i| async move { answer(i) });
    let held = (pick().await.unwrap(), pick().await.unwrap());
    assert_ne!(held.0.id(), held.1.id());
    assert_eq!(pick().await.unwrap_err().reason(), Reason::EndpointsFull);
}

#[tokio::test(start_paused = true)]
async fn two_that_ask_at_once_do_not_pass_the_limit_of_the_best() {
    let pool = Pool::new("pool", Prequal::new().sync(2));
    pool.set([Endpoint::new("best", 9).limit(1), Endpoint::new("other", 1)]);
    let pick = || {
        pool.pick_probed(Ask::new(), |_, &i| async move {
            after(1).await;
            answer(i)
        })
    };
    let (one, two) = tokio::join!(pick(), pick());
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_ne!(one.id(), two.id());
    assert_eq!(pool.in_flight(), 2);
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_poll_it_holds_nothing() {
    let pool = asking(3);
    for polls in 0..CUTS {
        let pick = pool.pick_probed(Ask::new(), |_, &i| async move {
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            answer(i)
        });
        let picked = cut(pick, polls).await;
        assert_eq!(pool.in_flight(), u64::from(picked.is_some()), "after poll {polls}");
        drop(picked);
        assert_eq!(pool.in_flight(), 0, "after poll {polls}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_does_not_ask_first_picks_as_ever() {
    let pool = pool();
    let asked = pool.pick_probed(Ask::new(), |_, _| async { panic!("nobody is asked") });
    assert!(asked.await.is_ok());
    let empty = Pool::<u64>::new("pool", Prequal::new().sync(3));
    let refused = empty.pick_probed(Ask::new(), |_, &i| async move { answer(i) }).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::NoEndpoint);
}
