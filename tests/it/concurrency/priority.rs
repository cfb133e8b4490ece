//! The less important lose first.

use seawall::concurrency::{AdaptiveLimit, Aimd, Shares};
use seawall::gate::{Admit, Now, Queued};
use seawall::{Class, ConcurrencyLimit, Priority, Reason};
use std::sync::{Arc, atomic::AtomicU32, atomic::Ordering::SeqCst};
use std::time::Duration;

/// CC-23.
#[test]
fn each_class_is_admitted_up_to_its_share() {
    let limit = ConcurrencyLimit::new("api", 10);
    let by_priority = limit.by_priority(Shares::new(), |priority: &Priority| *priority);
    for (in_flight, refused) in [(4, 0), (5, 1), (7, 2), (9, 3), (10, 4)] {
        let held = limit.try_acquire_many(in_flight).unwrap();
        let refusals: Vec<_> = Priority::ALL
            .iter()
            .filter_map(|priority| match by_priority.admit(priority, &mut Now::lazy()) {
                Ok(pass) => {
                    seawall::Gate::abandon(&by_priority, pass);
                    None
                }
                Err(rejected) => Some(rejected.reason()),
            })
            .collect();
        assert_eq!(refusals.len(), refused, "at {in_flight}");
        let reason = if in_flight < 10 { Reason::Priority } else { Reason::LimitReached };
        assert!(refusals.iter().all(|r| *r == reason), "{refusals:?}");
        drop(held);
    }
}

#[test]
fn an_adaptive_limit_sheds_by_priority_too() {
    let limit = AdaptiveLimit::new("api", Aimd::new());
    let by_task = limit.by_priority(Shares::new(), |_: &()| Priority::in_force());
    let _held = limit.try_acquire_many(18).unwrap();
    let refused = seawall::Gate::try_acquire(&by_task).unwrap_err();
    assert_eq!(refused.reason(), Reason::Priority);
}

#[tokio::test(start_paused = true)]
async fn in_a_queue_the_highest_class_goes_first() {
    let limit = ConcurrencyLimit::new("api", 1);
    let by_task = limit.by_priority(Shares::new(), |priority: &Priority| *priority);
    let queued = Queued::new("q", by_task, 10, Duration::from_secs(10));
    let held = limit.try_acquire().unwrap();
    let turn = Arc::new(AtomicU32::new(0));
    let call = |priority: Priority| {
        let (queued, turn) = (&queued, Arc::clone(&turn));
        async move {
            let permit = queued.acquire_for(priority).await.unwrap();
            let n = turn.fetch_add(1, SeqCst);
            tokio::task::yield_now().await;
            permit.settle(Class::Success);
            n
        }
    };
    let (sheddable, critical, first, second, ()) = tokio::join!(
        call(Priority::Sheddable),
        call(Priority::Critical),
        call(Priority::CriticalPlus),
        call(Priority::CriticalPlus),
        async { drop(held) },
    );
    assert_eq!([first, second, critical, sheddable], [0, 1, 2, 3]);
}
