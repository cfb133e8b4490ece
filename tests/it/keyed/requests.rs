//! Keys taken from requests: layers, tuples, queues.

use super::keyed;
use seawall::gate::{Admit, Gate, Queued};
use seawall::{ConcurrencyLimit, LiftLayer, Reason};
use std::future::pending;
use std::time::Duration;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

#[tokio::test]
async fn services_of_one_layer_share_the_keys() {
    let keyed = keyed(10, 1);
    let layer = keyed.by(|tenant: &u64| *tenant).layer();
    let make = || {
        ServiceBuilder::new()
            .layer(layer.clone())
            .layer(LiftLayer)
            .service(service_fn(|_: u64| pending::<Result<(), ()>>()))
    };
    let (mut a, mut b) = (make(), make());
    let call = a.ready().await.unwrap().call(1);
    let refused = b.ready().await.unwrap().call(1).await.unwrap_err();
    assert_eq!(refused.rejected().unwrap().reason(), Reason::LimitReached);
    let other = b.ready().await.unwrap().call(2);
    assert_eq!(keyed.gate(&2).unwrap().in_flight(), 1);
    drop((call, other));
    assert_eq!((keyed.gate(&1).unwrap().in_flight(), keyed.gate(&2).unwrap().in_flight()), (0, 0));
}

#[test]
fn a_tuple_gives_the_keys_slot_back_when_a_later_gate_refuses() {
    let keyed = keyed(10, 1);
    let gates = (keyed.by(|tenant: &u64| *tenant), ConcurrencyLimit::new("db", 0));
    assert!(Admit::<u64>::admit(&gates, &1, &mut seawall::gate::Now::lazy()).is_err());
    assert_eq!(keyed.gate(&1).unwrap().in_flight(), 0);
}

#[test]
fn a_key_function_that_panics_takes_nothing() {
    let db = ConcurrencyLimit::new("db", 1);
    let gates = (db.clone(), keyed(10, 1).by(|tenant: &u64| 10 / tenant));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        gates.admit(&0, &mut seawall::gate::Now::lazy()).is_ok()
    }));
    assert!(panicked.is_err());
    assert_eq!(db.in_flight(), 0);
}

/// One tenant's queue does not hold up another's.
#[tokio::test(start_paused = true)]
async fn in_a_queue_each_key_has_a_line_of_its_own() {
    let keyed = keyed(10, 1);
    let queued = Queued::new("q", keyed.by(|tenant: &u64| *tenant), 1, Duration::from_secs(1));
    let held = queued.acquire_for(1).await.unwrap();
    let waiting = async {
        let permit = queued.acquire_for(1).await.unwrap();
        permit.settle(seawall::Class::Success);
    };
    let others = async {
        assert_eq!(keyed.gate(&1).unwrap().line().unwrap().len(), 1);
        // The place of this key is taken; the other key has its own, and needs none.
        assert_eq!(queued.acquire_for(1).await.unwrap_err().reason(), Reason::QueueFull);
        drop(queued.acquire_for(2).await.unwrap());
        drop(held);
    };
    tokio::join!(waiting, others);
    assert_eq!(keyed.gate(&1).unwrap().in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_key_somebody_waits_for_stays() {
    let keyed = keyed(1, 0);
    let queued = Queued::new("q", keyed.clone(), 5, Duration::from_secs(1));
    let waits = queued.acquire_for(1);
    let other = async {
        assert_eq!(queued.acquire_for(2).await.unwrap_err().reason(), Reason::KeysFull);
    };
    let (first, ()) = tokio::join!(waits, other);
    assert_eq!(first.unwrap_err().reason(), Reason::QueueTimeout);
    // Now the other may have its place, and waits in vain as well.
    assert_eq!(queued.acquire_for(2).await.unwrap_err().reason(), Reason::QueueTimeout);
}
