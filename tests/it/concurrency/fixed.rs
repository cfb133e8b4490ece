//! A limit that somebody set.

use seawall::gate::{Admit, Now};
use seawall::{Class, ConcurrencyLimit, Gate, LiftLayer, Reason};
use std::future::pending;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

fn many(limit: &ConcurrencyLimit, n: u32) -> Vec<seawall::gate::Permit<&ConcurrencyLimit>> {
    (0..n).map(|_| limit.try_acquire().unwrap()).collect()
}

/// CC-1.
#[test]
fn full_is_refused_and_a_slot_that_came_back_is_free() {
    let limit = ConcurrencyLimit::new("db", 2);
    let mut held = many(&limit, 2);
    let refused = limit.try_acquire().unwrap_err();
    assert_eq!((refused.reason(), refused.retry_after()), (Reason::LimitReached, None));
    held.pop();
    assert_eq!(limit.available(), 1);
    drop(limit.try_acquire().unwrap());
}

/// CC-2.
#[test]
fn none_refuses_all_until_it_grows() {
    let limit = ConcurrencyLimit::new("db", 0);
    assert_eq!(limit.try_acquire().unwrap_err().reason(), Reason::LimitReached);
    limit.set_limit(1);
    drop(limit.try_acquire().unwrap());
}

/// CC-3, CC-4.
#[test]
fn a_changed_limit_is_the_limit_at_once() {
    let limit = ConcurrencyLimit::new("db", 3);
    limit.set_limit(5);
    drop(many(&limit, 5));
    limit.set_limit(2);
    let held = many(&limit, 2);
    assert!(limit.try_acquire().is_err());
    drop(held);

    let limit = ConcurrencyLimit::new("db", 1);
    let first = limit.try_acquire().unwrap();
    limit.set_limit(2);
    assert_eq!(limit.available(), 1);
    drop((first, limit.try_acquire().unwrap()));
}

/// CC-5.
#[test]
fn shrinking_revokes_nothing_and_the_debt_is_worked_off_first() {
    let limit = ConcurrencyLimit::new("db", 10);
    let mut held = many(&limit, 10);
    limit.set_limit(1);
    assert_eq!((limit.debt(), limit.in_flight(), limit.available()), (9, 10, 0));
    held.truncate(1);
    assert!(limit.try_acquire().is_err());
    held.clear();
    drop(limit.try_acquire().unwrap());
}

/// CC-6.
#[test]
fn a_weight_is_taken_at_once_or_not_at_all() {
    let limit = ConcurrencyLimit::new("db", 10);
    let _two = [limit.try_acquire_many(4).unwrap(), limit.try_acquire_many(4).unwrap()];
    assert_eq!(limit.try_acquire_many(4).unwrap_err().reason(), Reason::LimitReached);
    drop(limit.try_acquire_many(2).unwrap());
    assert_eq!(limit.try_acquire_many(11).unwrap_err().reason(), Reason::TooLarge);
    assert_eq!(limit.in_flight(), 8);
}

#[test]
fn every_ending_gives_back_exactly_once() {
    let limit = ConcurrencyLimit::new("db", 1);
    limit.try_acquire().unwrap().settle(Class::Success);
    limit.try_acquire().unwrap().release();
    drop(limit.try_acquire().unwrap());
    let mut answered = limit.try_acquire().unwrap();
    answered.answered();
    assert_eq!(limit.in_flight(), 0);
    let next = limit.try_acquire().unwrap();
    answered.settle(Class::Success);
    assert_eq!(limit.in_flight(), 1);
    drop(next);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _permit = limit.try_acquire();
        unreachable!("in the call");
    }));
    assert!(panicked.is_err());
    assert_eq!(limit.in_flight(), 0);
}

/// CC-12.
#[tokio::test]
async fn exempt_calls_are_admitted_without_being_counted() {
    let limit = ConcurrencyLimit::new("api", 5);
    let mut service = ServiceBuilder::new()
        .layer(limit.clone().exempt(|path: &&str| *path == "/health").layer())
        .layer(LiftLayer)
        .service(service_fn(|path: &'static str| async move {
            if path == "/slow" {
                pending::<()>().await;
            }
            Ok::<_, ()>(path)
        }));
    let held: Vec<_> = (0..5).map(|_| service.clone()).collect();
    let mut slow = Vec::new();
    for mut service in held {
        slow.push(service.ready().await.unwrap().call("/slow"));
    }
    for _ in 0..15 {
        assert_eq!(service.ready().await.unwrap().call("/health").await, Ok("/health"));
    }
    assert!(service.ready().await.unwrap().call("/orders").await.is_err());
    assert_eq!(limit.in_flight(), 5);
    drop(slow);
}

#[tokio::test(start_paused = true)]
async fn exempt_calls_do_not_wait() {
    let limit = ConcurrencyLimit::new("api", 0);
    let queued = seawall::gate::Queued::new(
        "q",
        limit.exempt(|path: &&str| *path == "/health"),
        5,
        std::time::Duration::from_secs(1),
    );
    let (waited, passed) = tokio::join!(queued.acquire_for("/orders"), queued.acquire_for("/health"));
    assert_eq!(waited.unwrap_err().reason(), Reason::QueueTimeout);
    passed.unwrap().settle(Class::Success);
}

#[test]
fn a_weighing_function_that_panics_takes_nothing() {
    let limit = ConcurrencyLimit::new("db", 5);
    let weighing = limit.weighing(|n: &u32| 10 / n);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        weighing.admit(&0, &mut Now::lazy()).is_ok()
    }));
    assert!(panicked.is_err());
    assert_eq!(limit.in_flight(), 0);
}
