//! Active checks, in paused time.

use parking_lot::Mutex;
use seawall::Instant;
use seawall::balance::{Endpoint, Pool, RoundRobin, State};
use seawall::health::{Checks, Finding, Thresholds};
use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;
use tokio::time::timeout;

fn states(pool: &Pool<()>) -> Vec<State> {
    pool.endpoints().iter().map(|endpoint| endpoint.state).collect()
}

/// Lets the checks run for so long.
async fn run(checking: impl Future, seconds: u64) {
    assert!(timeout(Duration::from_secs(seconds), checking).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn each_is_checked_once_in_an_interval() {
    let pool = super::pool(RoundRobin::new(), &["a", "b", "c"]);
    let starts: Mutex<BTreeMap<String, Vec<Instant>>> = Mutex::default();
    let check = |id: &seawall::balance::Id, (): &()| {
        starts.lock().entry(id.to_string()).or_default().push(Instant::now());
        async { Finding::Pass }
    };
    let begin = Instant::now();
    run(pool.check(Checks::new(), check), 1000).await;
    for starts in starts.into_inner().into_values() {
        assert!(starts[0] - begin <= Duration::from_secs(1));
        assert!((90..=111).contains(&starts.len()), "{}", starts.len());
        let gaps = starts.windows(2).map(|pair| (pair[1] - pair[0]).as_millis());
        assert!(gaps.into_iter().all(|gap| (8999..=11_002).contains(&gap)));
    }
}

#[tokio::test(start_paused = true)]
async fn three_failures_take_it_out_and_two_passes_bring_it_back() {
    let pool = super::pool(RoundRobin::new(), &["a", "b"]);
    let (bad, found) = (AtomicU32::new(0), AtomicU32::new(0));
    let check = |id: &seawall::balance::Id, (): &()| {
        let of_a = id.as_str() == "a";
        if of_a {
            found.fetch_add(1, SeqCst);
        }
        let fails = of_a && bad.load(SeqCst) == 1;
        async move { if fails { Finding::Fail } else { Finding::Pass } }
    };
    let mut checking = Box::pin(pool.check(Checks::new(), check));
    run(&mut checking, 5).await;
    bad.store(1, SeqCst);
    run(&mut checking, 18).await;
    assert_eq!(states(&pool), [State::In, State::In]);
    run(&mut checking, 15).await;
    assert_eq!(states(&pool), [State::Unhealthy, State::In]);
    assert!((0..6).all(|_| pool.pick().unwrap().id().as_str() == "b"));
    bad.store(0, SeqCst);
    run(&mut checking, 25).await;
    assert_eq!(states(&pool), [State::In, State::In]);
}

#[tokio::test(start_paused = true)]
async fn a_late_check_has_failed_and_the_first_finding_decides() {
    let pool = super::pool(RoundRobin::new(), &["a"]);
    run(pool.check(Checks::new(), |_, ()| pending::<Finding>()), 3).await;
    assert_eq!(states(&pool), [State::Unhealthy]);
    // It is still used: there is nobody else.
    assert!(pool.pick().is_ok());
}

#[tokio::test(start_paused = true)]
async fn never_two_at_a_time_per_endpoint_and_sixty_four_in_all() {
    let pool = Pool::new("pool", RoundRobin::new());
    pool.set((0..200).map(|i| Endpoint::new(i.to_string(), ())));
    struct Running(Arc<AtomicU32>);
    impl Drop for Running {
        fn drop(&mut self) {
            self.0.fetch_sub(1, SeqCst);
        }
    }
    let (now, most) = (Arc::new(AtomicU32::new(0)), AtomicU32::new(0));
    let checks = Checks::new().interval(Duration::from_millis(100)).timeout(Duration::from_secs(30));
    let check = |_: &seawall::balance::Id, (): &()| {
        most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
        let running = Running(now.clone());
        async move {
            let _running = running;
            pending::<Finding>().await
        }
    };
    run(pool.check(checks, check), 600).await;
    assert_eq!(most.load(SeqCst), 64);
    assert_eq!(now.load(SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn it_follows_who_comes_and_goes_and_what_it_is_told_counts_at_once() {
    let pool = super::pool(RoundRobin::new(), &["a", "b"]);
    let checks = Checks::new().thresholds(Thresholds::new(5, 5));
    let mut checking = Box::pin(pool.check(checks, |id: &seawall::balance::Id, ()| {
        let finding = if id.as_str() == "new" { Finding::Draining } else { Finding::Pass };
        async move { finding }
    }));
    run(&mut checking, 30).await;
    pool.remove("a");
    pool.insert(Endpoint::new("new", ()));
    run(&mut checking, 3).await;
    assert_eq!(states(&pool), [State::In, State::Drained]);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_passes_ends_the_rest_after_a_failed_connection() {
    let pool = super::pool(RoundRobin::new(), &["a", "b"]);
    let mut failures = 0;
    // Until it rests for half a minute.
    while failures < 9 {
        let ticket = pool.pick().unwrap();
        if ticket.id().as_str() == "a" {
            failures += 1;
            ticket.unready();
            tokio::time::advance(Duration::from_secs(37)).await;
        } else {
            ticket.settle(seawall::Class::Success);
        }
    }
    pool.pick().unwrap().settle(seawall::Class::Success);
    let ticket = loop {
        let ticket = pool.pick().unwrap();
        if ticket.id().as_str() == "a" {
            break ticket;
        }
    };
    ticket.unready();
    run(pool.check(Checks::new(), |_, ()| async { Finding::Fail }), 2).await;
    pool.set_health("a", seawall::health::Health::Healthy);
    assert!(matches!(states(&pool)[0], State::Unready { .. }), "one that fails does not");
    run(pool.check(Checks::new(), |_, ()| async { Finding::Pass }), 2).await;
    assert_eq!(states(&pool)[0], State::In);
    assert!((0..4).any(|_| pool.pick().unwrap().id().as_str() == "a"));
}
