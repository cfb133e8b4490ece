//! What is done for a pool beside its calls: who is there, how they are, and connections before calls ask for them.

use parking_lot::Mutex;
use seawall::balance::{Config, Endpoint, P2c, PeakEwma, Pool, Prequal, Probe, RoundRobin, State};
use seawall::discover::{Discovery, Watch};
use seawall::health::{Checks, Finding, Thresholds};
use seawall::outlier::Outliers;
use seawall::telemetry::{Counters, Telemetry};
use seawall::{Class, Instant};
use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{advance, timeout};

/// By endpoint when it was connected.
type Tries = Arc<Mutex<BTreeMap<String, Vec<Instant>>>>;

async fn run(future: impl Future, seconds: u64) {
    assert!(timeout(Duration::from_secs(seconds), future).await.is_err());
}

/// Connects them, except whoever is named in `dead`.
fn warming(pool: &Pool<()>, dead: &Arc<Mutex<Vec<&'static str>>>) -> (Tries, impl Future + Unpin + use<>) {
    let (tries, dead) = (Tries::default(), Arc::clone(dead));
    let told = Arc::clone(&tries);
    let warming = pool.warm(move |id, ()| {
        told.lock().entry(id.to_string()).or_default().push(Instant::now());
        let is_well = !dead.lock().contains(&id.as_str());
        async move { is_well }
    });
    (tries, Box::pin(warming))
}

#[tokio::test(start_paused = true)]
async fn an_idle_pool_is_connected_and_the_dead_are_tried_again_before_calls_do() {
    let pool = super::pool(RoundRobin::new(), &["a", "b"]);
    let dead = Arc::new(Mutex::new(vec!["b"]));
    let (tries, mut warming) = warming(&pool, &dead);
    run(&mut warming, 1).await;
    assert!(matches!(pool.endpoints()[1].state, State::Unready { .. }), "without a call");
    assert_eq!(tries.lock()["a"].len(), 1, "once");
    assert!((0..9).all(|_| pool.pick().unwrap().id().as_str() == "a"));
    run(&mut warming, 200).await;
    // 100 ms doubling to 30 s, by a fifth more or less.
    let gaps: Vec<_> = tries.lock()["b"].windows(2).map(|two| two[1] - two[0]).collect();
    for (gap, millis) in gaps.iter().zip([100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000]) {
        let rest = Duration::from_millis(millis);
        let late = Duration::from_millis(2);
        assert!((rest.mul_f64(0.8)..=rest.mul_f64(1.2) + late).contains(gap), "{gaps:?}");
    }
    assert!(gaps.len() >= 9, "{gaps:?}");
    dead.lock().clear();
    run(&mut warming, 37).await;
    assert_eq!(pool.endpoints()[1].state, State::In);
    assert_eq!(pool.in_flight(), 0);
    let connected = tries.lock()["b"].len();
    run(&mut warming, 100).await;
    assert_eq!(tries.lock()["b"].len(), connected, "and is left alone from then on");
}

#[tokio::test(start_paused = true)]
async fn who_comes_is_connected_at_once_and_who_hangs_has_failed_after_five_seconds() {
    let pool = super::pool(PeakEwma::new(), &["a"]);
    let hangs = pool.warm(|id, ()| {
        let hangs = id.as_str() == "b";
        async move {
            if hangs {
                pending::<()>().await;
            }
            true
        }
    });
    let mut hangs = Box::pin(hangs);
    run(&mut hangs, 1).await;
    pool.insert(Endpoint::new("b", ()));
    run(&mut hangs, 4).await;
    assert_eq!(pool.in_flight(), 1);
    assert_eq!(pool.endpoints()[1].state, State::In, "a new one may be called meanwhile");
    // It rests for at least 80 ms before it is tried again.
    assert!(timeout(Duration::from_millis(1_050), &mut hangs).await.is_err());
    assert_eq!(pool.in_flight(), 0);
    assert!(matches!(pool.endpoints()[1].state, State::Unready { .. }));
}

#[tokio::test(start_paused = true)]
async fn dropped_in_the_middle_it_gives_back_what_it_took_and_counts_nothing() {
    let outliers = Outliers::new().consecutive(1).slow(Duration::from_millis(1));
    let pool = super::pool(Config::new(PeakEwma::new()).outliers(outliers), &["a", "b"]);
    let warming = pool.warm(|_, ()| pending::<bool>());
    run(warming, 3).await;
    assert_eq!(pool.in_flight(), 0);
    assert!(pool.endpoints().iter().all(|endpoint| endpoint.state == State::In));
}

#[tokio::test(start_paused = true)]
async fn many_connect_sixty_four_at_a_time() {
    let pool = Pool::new("pool", P2c::new());
    pool.set((0..200).map(|i| Endpoint::new(format!("{i:03}"), ())));
    let (running, most) = (Arc::new(Mutex::new(0usize)), Arc::new(Mutex::new(0usize)));
    let (now, peak) = (Arc::clone(&running), Arc::clone(&most));
    let warming = pool.warm(move |_, ()| {
        *now.lock() += 1;
        let at_once = *now.lock();
        let mut peak = peak.lock();
        *peak = at_once.max(*peak);
        let now = Arc::clone(&now);
        async move {
            let _ = timeout(Duration::from_millis(10), pending::<()>()).await;
            *now.lock() -= 1;
            true
        }
    });
    run(warming, 10).await;
    assert_eq!((*most.lock(), *running.lock()), (64, 0));
}

#[tokio::test(start_paused = true)]
async fn one_future_follows_checks_connects_and_does_what_is_due() {
    let counters = Arc::new(Counters::default());
    let config = Config::new(RoundRobin::new().starting_at(0)).outliers(Outliers::new());
    let pool = Pool::new(Telemetry::new("pool").observer(counters.clone()), config);
    let (watch, connected, ill) = (Watch::new(), Arc::new(Mutex::new(0)), Arc::new(Mutex::new(false)));
    let (connects, checked) = (Arc::clone(&connected), Arc::clone(&ill));
    let driving = pool
        .drive(Discovery::new(), watch.source(), |found| found)
        .check(Checks::new().thresholds(Thresholds::new(1, 1)), move |id, ()| {
            let is_ill = *checked.lock() && id.as_str() == "e0";
            async move { if is_ill { Finding::Fail } else { Finding::Pass } }
        })
        .warm(move |_, ()| {
            *connects.lock() += 1;
            async { true }
        });
    let mut driving = Box::pin(driving);
    run(&mut driving, 1).await;
    watch.set((0..5).map(|i| Endpoint::new(format!("e{i}"), ())));
    run(&mut driving, 2).await;
    assert_eq!((pool.len(), *connected.lock()), (5, 5));
    *ill.lock() = true;
    run(&mut driving, 12).await;
    assert_eq!(pool.endpoints()[0].state, State::Unhealthy);
    *ill.lock() = false;
    run(&mut driving, 12).await;

    // One fails now and then; after the mark it is out, though no call ends after it.
    for round in 0..200 {
        for _ in 0..5 {
            let ticket = pool.pick().unwrap();
            let fails = ticket.id().as_str() == "e3" && round % 2 == 0;
            ticket.settle(if fails { Class::Transient } else { Class::Success });
        }
    }
    run(&mut driving, 11).await;
    assert!(matches!(pool.endpoints()[3].state, State::Ejected { .. }));
    // And told to be back though no call comes by.
    let before = counters.snapshot().endpoints_in;
    run(&mut driving, 31).await;
    assert_eq!(counters.snapshot().endpoints_in, before + 1);
    assert_eq!(pool.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_driver_sends_the_probes_too() {
    let pool = Pool::new("pool", Prequal::new());
    let watch = Watch::new();
    watch.set(["a", "b"].map(|id| Endpoint::new(id, ())));
    let asked = Arc::new(Mutex::new(0));
    let count = Arc::clone(&asked);
    let driving = pool.drive(Discovery::new(), watch.source(), |found| found).probe(move |_, ()| {
        *count.lock() += 1;
        async { Some(Probe::new(1, Duration::from_millis(1))) }
    });
    let mut driving = Box::pin(driving);
    run(&mut driving, 1).await;
    for _ in 0..10 {
        pool.pick().unwrap().settle(Class::Success);
        let _ = timeout(Duration::from_millis(1), &mut driving).await;
    }
    // Three a call, as far as there are endpoints.
    assert_eq!(*asked.lock(), 20);
}

#[tokio::test(start_paused = true)]
async fn while_the_driver_tries_calls_pass_by() {
    let pool = super::pool(RoundRobin::new(), &["a", "b"]);
    let failed = loop {
        let ticket = pool.pick().unwrap();
        if ticket.id().as_str() == "a" {
            break ticket;
        }
    };
    failed.unready();
    let tried = Arc::new(Mutex::new(0));
    let count = Arc::clone(&tried);
    let mut warming = Box::pin(pool.warm(move |id, ()| {
        let is_a = id.as_str() == "a";
        *count.lock() += u32::from(is_a);
        async move {
            if is_a {
                pending::<()>().await;
            }
            true
        }
    }));
    // It is new to the driver, and so it is tried; then again after its rest.
    advance(Duration::from_millis(150)).await;
    run(&mut warming, 1).await;
    assert_eq!(*tried.lock(), 1);
    assert!((0..9).all(|_| pool.pick().unwrap().id().as_str() == "b"));
    drop(warming);
    let back = (0..9).filter(|_| {
        let ticket = pool.pick().unwrap();
        let is_a = ticket.id().as_str() == "a";
        ticket.settle(Class::Success);
        is_a
    });
    assert!(back.count() > 3, "whoever comes next tries it");
}
