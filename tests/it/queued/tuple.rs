//! Over several gates at once.

use super::{Waiter, fill, ms};
use seawall::gate::Queued;
use seawall::{ConcurrencyLimit, Reason};

#[tokio::test(start_paused = true)]
async fn the_head_is_woken_by_whichever_gate_had_no_room() {
    let (a, b) = (ConcurrencyLimit::new("a", 1), ConcurrencyLimit::new("b", 1));
    let queued = Queued::new("q", (a.clone(), b.clone()), 5, ms(1000));
    let (of_a, of_b) = (fill(&a), fill(&b));
    let mut first = Waiter::waits(queued.acquire());
    let mut second = Waiter::waits(queued.acquire());
    drop(of_a);
    assert_eq!(first.wakes(), 1);
    // Now it waits for the other; what it took of the first has come back, which it may hear of itself.
    first.still_waits();
    first.still_waits();
    let heard = first.wakes();
    assert!(heard <= 2);
    assert_eq!((a.in_flight(), queued.waiting()), (0, 2));
    drop(a.try_acquire().unwrap());
    assert_eq!(first.wakes(), heard);
    drop(of_b);
    assert_eq!(first.wakes(), heard + 1);
    let permit = first.goes();
    second.still_waits();
    assert_eq!((a.in_flight(), b.in_flight()), (1, 1));
    drop(permit);
    drop(second.goes());
    assert!(a.try_acquire().is_ok() && b.try_acquire().is_ok());
}

#[tokio::test(start_paused = true)]
async fn nobody_passes_the_head_at_the_gate_it_waits_for() {
    let (a, b) = (ConcurrencyLimit::new("a", 1), ConcurrencyLimit::new("b", 1));
    let queued = Queued::new("q", (a.clone(), b.clone()), 5, ms(1000));
    let of_b = fill(&b);
    let mut waiter = Waiter::waits(queued.acquire());
    drop(of_b);
    assert_eq!(b.try_acquire().unwrap_err().reason(), Reason::LimitReached);
    // The other gate is not held meanwhile.
    drop(a.try_acquire().unwrap());
    drop(waiter.goes());
}

#[tokio::test(start_paused = true)]
async fn two_queues_over_the_same_gates_in_other_orders_do_not_block_each_other() {
    let (a, b) = (ConcurrencyLimit::new("a", 1), ConcurrencyLimit::new("b", 1));
    let forth = Queued::new("forth", (a.clone(), b.clone()), 5, ms(1000));
    let back = Queued::new("back", (b.clone(), a.clone()), 5, ms(1000));
    let (of_a, of_b) = (fill(&a), fill(&b));
    let tasks: Vec<_> = (0..10)
        .map(|i| {
            let (forth, back) = (forth.clone(), back.clone());
            tokio::spawn(async move {
                if i % 2 == 0 {
                    drop(forth.acquire().await.unwrap());
                } else {
                    drop(back.acquire().await.unwrap());
                }
            })
        })
        .collect();
    tokio::task::yield_now().await;
    drop(of_a);
    tokio::task::yield_now().await;
    drop(of_b);
    for task in tasks {
        // Timing out in the queue would fail the task.
        let _ = task.await;
    }
    assert_eq!((a.in_flight(), b.in_flight(), forth.waiting(), back.waiting()), (0, 0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_gate_switched_off_is_not_waited_for() {
    let limit = ConcurrencyLimit::new("a", 1);
    let queued = Queued::new("q", (None::<ConcurrencyLimit>, Some(limit.clone())), 5, ms(1000));
    let held = fill(&limit);
    let mut waiter = Waiter::waits(queued.acquire());
    drop(held);
    drop(waiter.goes());
}
