//! What do limits on calls in flight, limits that find themselves and queues cost, beside those people use?

use crate::layers::SLOTS;
use crate::{Bare, Visit, ended, serve, unexpected};
use seawall::concurrency::{AdaptiveLimit, Aimd};
use seawall::gate::Queued;
use seawall::{Class, ConcurrencyLimit, Instant, Lift};
use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;
use tokio::sync::Semaphore;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::{Layer, load_shed::LoadShedLayer};

const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn rows(visit: &mut impl Visit) {
    refused(visit);
    adaptive(visit);
    queued(visit);
    handed_over(visit);
}

fn refused(visit: &mut impl Visit) {
    const GROUP: &str = "concurrency refuses";
    let ours = ConcurrencyLimit::new("db", 0);
    visit.row(GROUP, "seawall", || {
        || {
            if black_box(ours.try_acquire()).is_ok() {
                unexpected("admitted");
            }
        }
    });
    let semaphore = Semaphore::new(0);
    visit.row(GROUP, "tokio Semaphore", || {
        || {
            if black_box(semaphore.try_acquire()).is_ok() {
                unexpected("admitted");
            }
        }
    });
    let tower = (LoadShedLayer::new(), GlobalConcurrencyLimitLayer::new(SLOTS as usize));
    visit.row("concurrency layer", "tower, with LoadShed", || serve(tower.layer(Bare)));
}

fn adaptive(visit: &mut impl Visit) {
    const GROUP: &str = "adaptive limit";
    let fixed = || Aimd::new().between(SLOTS, SLOTS).initial(SLOTS);
    let ours = AdaptiveLimit::new("db", fixed());
    visit.row(GROUP, "seawall", || {
        || {
            let Ok(permit) = ours.try_acquire() else { unexpected("refused") };
            permit.settle(Class::Success);
        }
    });
    let ours = AdaptiveLimit::new("db", fixed());
    visit.row(GROUP, "seawall, caller's now", || {
        let (mut now, ours) = (Instant::now(), &ours);
        move || {
            now += Duration::from_nanos(10);
            let Ok(permit) = ours.try_acquire_at(now) else { unexpected("refused") };
            permit.settle_at(Class::Success, now);
        }
    });
    let layer = AdaptiveLimit::new("db", fixed()).layer();
    visit.row(GROUP, "seawall, layer", || serve(layer.layer(Lift::new(Bare))));
    let aimd = tower_resilience::adaptive::Aimd::builder()
        .initial_limit(SLOTS as usize)
        .min_limit(SLOTS as usize)
        .max_limit(SLOTS as usize)
        .latency_threshold(SECOND)
        .build()
        .unwrap();
    let resilience = tower_resilience::adaptive::AdaptiveLimiterLayer::new(aimd).layer(Bare);
    visit.row(GROUP, "tower-resilience AIMD, layer", || serve(resilience.clone()));
}

fn queued(visit: &mut impl Visit) {
    const GROUP: &str = "queue, nobody waits";
    let ours = Queued::new("db", ConcurrencyLimit::new("db", SLOTS), 64, SECOND);
    visit.row(GROUP, "seawall", || {
        || {
            let Ok(permit) = ended(ours.acquire()) else { unexpected("refused") };
            permit.settle(Class::Success);
        }
    });
    let semaphore = Semaphore::new(SLOTS as usize);
    visit.row(GROUP, "tokio Semaphore", || {
        || {
            let Ok(permit) = ended(semaphore.acquire()) else { unexpected("closed") };
            drop(black_box(permit));
        }
    });
    let layer = ours.layer();
    visit.row(GROUP, "seawall, layer", || serve(layer.layer(Lift::new(Bare))));
    let tower = GlobalConcurrencyLimitLayer::new(SLOTS as usize);
    visit.row(GROUP, "tower ConcurrencyLimit, layer", || serve(tower.layer(Bare)));
}

/// One holds the only permit, another comes and waits, the first gives it back, the other goes.
fn handed_over(visit: &mut impl Visit) {
    const GROUP: &str = "queue, handed over";
    visit.row(GROUP, "seawall", || {
        // Of each thread its own, and for ever: its permit lives as long.
        let ours: &Queued<_> =
            Box::leak(Box::new(Queued::new("db", ConcurrencyLimit::new("db", 1), 64, SECOND)));
        let mut held = ended(ours.acquire()).ok();
        move || {
            let mut waiter = pin!(ours.acquire());
            let mut cx = Context::from_waker(Waker::noop());
            if waiter.as_mut().poll(&mut cx).is_ready() {
                unexpected("no wait");
            }
            drop(held.take());
            held = ended(waiter).ok();
        }
    });
    visit.row(GROUP, "tokio Semaphore", || {
        let semaphore: &Semaphore = Box::leak(Box::new(Semaphore::new(1)));
        let mut held = ended(semaphore.acquire()).ok();
        move || {
            let mut waiter = pin!(semaphore.acquire());
            let mut cx = Context::from_waker(Waker::noop());
            if waiter.as_mut().poll(&mut cx).is_ready() {
                unexpected("no wait");
            }
            drop(held.take());
            held = ended(waiter).ok();
        }
    });
    visit.row(GROUP, "tokio Semaphore, with a timeout", || {
        let semaphore = Arc::new(Semaphore::new(1));
        let mut held = semaphore.clone().try_acquire_owned().ok();
        move || {
            let mut waiter = pin!(tokio::time::timeout(SECOND, semaphore.clone().acquire_owned()));
            let mut cx = Context::from_waker(Waker::noop());
            if waiter.as_mut().poll(&mut cx).is_ready() {
                unexpected("no wait");
            }
            drop(held.take());
            held = ended(waiter).ok().and_then(Result::ok);
        }
    });
}
