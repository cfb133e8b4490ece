//! Tenants take turns.

use super::ms;
use seawall::concurrency::Shares;
use seawall::gate::{Admit, Permit, Queued};
use seawall::{ConcurrencyLimit, Gate, Priority, Reason, Rejected};
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

type Waits<'a, G> = Pin<Box<dyn Future<Output = Result<Permit<&'a G>, Rejected>> + 'a>>;

fn poll<'a, G: Gate>(waits: &mut Waits<'a, G>) -> Poll<Result<Permit<&'a G>, Rejected>> {
    waits.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

fn arrives<'a, G: Admit<Req>, Req: 'a>(queued: &'a Queued<G>, request: Req) -> Waits<'a, G> {
    let mut waits: Waits<'a, G> = Box::pin(queued.acquire_for(request));
    assert!(poll(&mut waits).is_pending());
    waits
}

/// The numbers of those who wait, in the order in which they are served, one call after the other.
fn order<G: Gate + Debug>(waiting: Vec<Waits<'_, G>>) -> Vec<usize> {
    let mut waiting: Vec<_> = waiting.into_iter().enumerate().collect();
    let mut order = Vec::new();
    while !waiting.is_empty() {
        let goes = waiting.iter_mut().position(|(_, waits)| poll(waits).is_ready());
        let at = goes.expect("somebody has the turn; its permit is back at once");
        order.push(waiting.remove(at).0);
    }
    order
}

#[tokio::test(start_paused = true)]
async fn a_hundred_calls_of_one_do_not_stand_before_the_only_one_of_another() {
    let limit = ConcurrencyLimit::new("db", 1);
    let fair = limit.clone().fair(|tenant: &&str| *tenant);
    let queued = Queued::new("q", fair, 1000, ms(1000));
    let held = limit.try_acquire().unwrap();
    let mut waiting: Vec<_> = (0..100).map(|_| arrives(&queued, "many")).collect();
    waiting.push(arrives(&queued, "one"));
    waiting.extend((0..3).map(|_| arrives(&queued, "few")));
    drop(held);
    let order = order(waiting);
    assert_eq!(order[..7], [0, 100, 101, 1, 102, 2, 103]);
    assert_eq!(order[7..], (3..100).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn the_order_of_the_queue_holds_within_a_tenant() {
    let limit = ConcurrencyLimit::new("db", 1);
    let queued = Queued::new("q", limit.clone().fair(|tenant: &u32| *tenant), 100, ms(1000)).lifo();
    let held = limit.try_acquire().unwrap();
    let waiting = [1, 1, 2, 2].map(|tenant| arrives(&queued, tenant));
    drop(held);
    assert_eq!(order(waiting.into()), [1, 3, 0, 2]);
}

#[tokio::test(start_paused = true)]
async fn the_class_goes_before_the_tenant() {
    let limit = ConcurrencyLimit::new("db", 1);
    let gate =
        limit.by_priority(Shares::new(), |(class, _): &(Priority, u32)| *class).fair(|(_, tenant)| *tenant);
    let queued = Queued::new("q", gate, 100, ms(1000));
    let held = limit.try_acquire().unwrap();
    let waiting = [
        (Priority::Sheddable, 1),
        (Priority::Critical, 2),
        (Priority::Critical, 2),
        (Priority::Critical, 3),
        (Priority::CriticalPlus, 2),
    ]
    .map(|request| arrives(&queued, request));
    drop(held);
    assert_eq!(order(waiting.into()), [4, 1, 3, 2, 0]);
}

#[tokio::test(start_paused = true)]
async fn no_tenant_takes_all_places() {
    let limit = ConcurrencyLimit::new("db", 1);
    let queued = Queued::new("q", limit.clone().fair(|tenant: &u32| *tenant), 10, ms(1000));
    let held = limit.try_acquire().unwrap();
    let mut waiting = Vec::new();
    for (tenant, places) in [(1, 5), (2, 3), (3, 1), (4, 1)] {
        waiting.extend((0..places).map(|_| arrives(&queued, tenant)));
        let mut further: Waits<'_, _> = Box::pin(queued.acquire_for(tenant));
        let refused = poll(&mut further);
        assert!(matches!(refused, Poll::Ready(Err(rejected)) if rejected.reason() == Reason::QueueFull));
    }
    assert_eq!(queued.waiting(), 10);
    drop((waiting, held));
    assert_eq!(queued.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_takes_only_its_own_turn_along() {
    let limit = ConcurrencyLimit::new("db", 1);
    let queued = Queued::new("q", limit.clone().fair(|tenant: &u32| *tenant), 100, ms(1000));
    let held = limit.try_acquire().unwrap();
    let mut waiting = Vec::from([1, 1, 1, 2, 2].map(|tenant| arrives(&queued, tenant)));
    // Neither has the turn.
    drop(waiting.remove(3));
    drop(waiting.remove(1));
    drop(held);
    assert_eq!(order(waiting), [0, 2, 1]);
}
