//! Waiters under every schedule that shuttle finds: no wake-up is lost, or a model would end in a deadlock.
//!
//! Run with `RUSTFLAGS="--cfg seawall_shuttle" cargo test --lib queued::models`. Shuttle explores schedules, not weak
//! memory: the `SeqCst` pairing of line and slots, on which this rests, is argued at [`Line`](crate::gate::Line).

use super::Queued;
use crate::concurrency::ConcurrencyLimit;
use shuttle::future::block_on;
use shuttle::thread::{JoinHandle, spawn};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::task::{Context, Waker};
use std::time::Duration;

const SCHEDULES: usize = 5_000;

struct Scene {
    limit: ConcurrencyLimit,
    queued: Queued<ConcurrencyLimit>,
    running: AtomicU32,
    most: u32,
}

impl Scene {
    /// An endless wait arms no timer.
    fn new(
        limit: u32,
        most: u32,
        shape: impl Fn(Queued<ConcurrencyLimit>) -> Queued<ConcurrencyLimit>,
    ) -> Arc<Self> {
        let limit = ConcurrencyLimit::new("model", limit);
        let queued = shape(Queued::new("model", limit.clone(), 9, Duration::MAX));
        Arc::new(Self { limit, queued, running: AtomicU32::new(0), most })
    }

    fn caller(self: &Arc<Self>) -> JoinHandle<()> {
        let scene = Arc::clone(self);
        spawn(move || {
            block_on(async {
                let permit = scene.queued.acquire().await.expect("endless patience");
                assert!(scene.running.fetch_add(1, SeqCst) < scene.most);
                scene.running.fetch_sub(1, SeqCst);
                drop(permit);
            });
        })
    }

    /// Comes, looks once, and leaves.
    fn leaver(self: &Arc<Self>) -> JoinHandle<()> {
        let scene = Arc::clone(self);
        spawn(move || {
            let mut acquire = pin!(scene.queued.acquire());
            let polled = acquire.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            drop(polled);
        })
    }

    fn is_over(&self, threads: impl IntoIterator<Item = JoinHandle<()>>) {
        for thread in threads {
            thread.join().expect("no panic");
        }
        assert_eq!((self.limit.in_flight(), self.queued.waiting()), (0, 0));
    }
}

fn explore(model: impl Fn() + Send + Sync + 'static) {
    let mut config = shuttle::Config::new();
    // An unoptimized future with a timer in it is too large for the usual stack.
    config.stack_size = 1 << 20;
    let scheduler = shuttle::scheduler::RandomScheduler::new(SCHEDULES);
    shuttle::Runner::new(scheduler, config).run(model);
}

#[test]
fn everybody_has_a_turn() {
    explore(|| {
        let scene = Scene::new(1, 1, |queued| queued);
        scene.is_over([scene.caller(), scene.caller(), scene.caller()]);
    });
}

#[test]
fn everybody_has_a_turn_in_a_lifo_queue() {
    explore(|| {
        let scene = Scene::new(1, 1, Queued::lifo);
        scene.is_over([scene.caller(), scene.caller(), scene.caller()]);
    });
}

#[test]
fn one_who_leaves_hands_the_turn_on() {
    explore(|| {
        let scene = Scene::new(1, 1, |queued| queued);
        scene.is_over([scene.caller(), scene.leaver(), scene.caller(), scene.leaver()]);
    });
}

#[test]
fn growing_reaches_those_who_are_just_entering() {
    explore(|| {
        let scene = Scene::new(0, 2, |queued| queued);
        let callers = [scene.caller(), scene.caller()];
        scene.limit.set_limit(1);
        scene.limit.set_limit(2);
        scene.is_over(callers);
    });
}

#[test]
fn a_newcomer_who_does_not_wait_passes_nobody_for_good() {
    explore(|| {
        let scene = Scene::new(1, 1, |queued| queued);
        let barger = {
            let scene = Arc::clone(&scene);
            spawn(move || {
                for _ in 0..2 {
                    drop(scene.limit.try_acquire());
                }
            })
        };
        scene.is_over([scene.caller(), scene.caller(), barger]);
    });
}

/// Two gates at once, in either order: nobody waits for somebody who waits for him.
#[test]
fn queues_over_the_same_gates_in_other_orders_do_not_lock_each_other_out() {
    explore(|| {
        let (a, b) = (ConcurrencyLimit::new("a", 1), ConcurrencyLimit::new("b", 1));
        let forth = Queued::new("forth", (a.clone(), b.clone()), 9, Duration::MAX);
        let back = Queued::new("back", (b.clone(), a.clone()), 9, Duration::MAX);
        let callers = [
            spawn({
                let forth = forth.clone();
                move || block_on(async { drop(forth.acquire().await.expect("endless patience")) })
            }),
            spawn(move || block_on(async { drop(back.acquire().await.expect("endless patience")) })),
            spawn(move || block_on(async { drop(forth.acquire().await.expect("endless patience")) })),
        ];
        for caller in callers {
            caller.join().expect("no panic");
        }
        assert_eq!((a.in_flight(), b.in_flight()), (0, 0));
    });
}
