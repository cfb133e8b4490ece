//! The picked endpoint, and only that one, is made ready; if it does not become so, another is picked.

use crate::tools::{CUTS, Failed, Polls, Probe, Step, cut};
use seawall::balance::{Endpoint, LeastConnections, Pool, RoundRobin, State};
use seawall::{Error, Instant, Lift, Reason};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::time::Duration;
use tower::{Service, ServiceExt};

fn over<const N: usize>(probes: [&Probe; N]) -> Pool<Lift<Probe>> {
    let pool = Pool::new("pool", RoundRobin::new().starting_at(0));
    pool.set((0..).zip(probes).map(|(i, probe)| Endpoint::new(format!("e{i}"), Lift::new(probe.clone()))));
    pool
}

#[tokio::test]
async fn it_is_always_ready_and_picks_in_call() {
    let (a, b) = (Probe::new(), Probe::new());
    let pool = over([&a, &b]);
    let mut service = pool.balance();
    for n in 0..10u32 {
        assert_eq!(ServiceExt::<u32>::ready(&mut service).await.unwrap().call(n).await, Ok(n));
    }
    assert_eq!((a.calls(), b.calls()), (5, 5));
    assert_eq!((a.ready_polls(), b.ready_polls()), (5, 5));
    let empty = Pool::<Lift<Probe>>::new("pool", RoundRobin::new()).balance();
    let refused = empty.oneshot(0).await.unwrap_err();
    assert_eq!(refused.rejected().unwrap().reason(), Reason::NoEndpoint);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_not_ready_is_left_after_the_patience() {
    let (slow, quick) = (Probe::never_ready(), Probe::new());
    let pool = over([&slow, &quick]);
    let start = Instant::now();
    assert_eq!(pool.balance().oneshot(1).await, Ok(1));
    assert_eq!(Instant::now() - start, Duration::from_millis(250));
    assert_eq!((quick.calls(), pool.in_flight()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_only_one_is_waited_for() {
    let probe = Probe::never_ready();
    let pool = over([&probe]);
    let mut call = pin!(pool.balance().oneshot(1));
    assert!(tokio::time::timeout(Duration::from_secs(3600), &mut call).await.is_err());
    assert_eq!(pool.in_flight(), 1);
    // Until it is not the only one.
    let other = Probe::new();
    pool.insert(Endpoint::new("other", Lift::new(other.clone())));
    assert_eq!(call.await, Ok(1));
    assert_eq!(other.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_to_become_ready_rests_and_comes_back() {
    let (broken, sound) = (Probe::broken(), Probe::new());
    let pool = over([&broken, &sound]);
    for n in 0..5 {
        assert_eq!(pool.balance().oneshot(n).await, Ok(n));
    }
    // Asked once, then left alone.
    assert_eq!(broken.ready_polls(), 1);
    assert!(
        matches!(pool.endpoints()[0].state, State::Unready { rest } if rest <= Duration::from_millis(120))
    );
    tokio::time::advance(Duration::from_millis(121)).await;
    for n in 0..5 {
        assert_eq!(pool.balance().oneshot(n).await, Ok(n));
    }
    assert_eq!(broken.ready_polls(), 2);
    assert!(
        matches!(pool.endpoints()[0].state, State::Unready { rest } if rest > Duration::from_millis(150))
    );
    assert_eq!(pool.len(), 2);
}

#[tokio::test]
async fn the_last_error_is_the_answer_after_three_endpoints() {
    let broken = Probe::broken();
    let pool = over([&broken; 5]);
    assert_eq!(pool.balance().oneshot(1).await, Err(Error::Inner(Failed)));
    assert_eq!(broken.ready_polls(), 3);
    // The remaining two, then nobody: still the error, not a refusal.
    assert_eq!(pool.balance().oneshot(1).await, Err(Error::Inner(Failed)));
    assert_eq!(broken.ready_polls(), 5);
    let refused = pool.balance().oneshot(1).await.unwrap_err();
    let refused = refused.rejected().unwrap();
    assert_eq!(refused.reason(), Reason::EndpointsOut);
    assert!(refused.retry_after().unwrap() <= Duration::from_millis(120));
    assert_eq!(pool.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn after_the_rest_one_caller_tries_and_the_others_pass_by() {
    let pool = Pool::new("pool", LeastConnections::new());
    pool.set([Endpoint::new("a", ())]);
    pool.pick().unwrap().unready();
    tokio::time::advance(Duration::from_millis(121)).await;
    let probe = pool.pick().unwrap();
    assert_eq!(pool.pick().unwrap_err().reason(), Reason::EndpointsOut);
    // Who leaves without finding out leaves the trying to the next.
    drop(probe);
    let probe = pool.pick().unwrap();
    probe.settle(seawall::Class::Success);
    assert!((0..3).map(|_| pool.pick().unwrap()).collect::<Vec<_>>().len() == 3);
}

#[tokio::test(start_paused = true)]
async fn one_that_left_before_it_was_called_is_not_called() {
    let (slow, quick) = (Probe::never_ready(), Probe::new());
    let pool = over([&slow]);
    let polls = Polls::default();
    let mut call = pin!(pool.balance().oneshot(1));
    assert!(polls.poll(call.as_mut()).is_pending());
    pool.set([Endpoint::new("new", Lift::new(quick.clone()))]);
    slow.wake();
    assert_eq!(call.await, Ok(1));
    assert_eq!((slow.calls(), quick.calls()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_cut_at_any_poll_gives_everything_back() {
    let mut ended = 0;
    for polls in 0..CUTS {
        let (a, b) = (Probe::never_ready(), Probe::holding(1, Step::Answer { pend: 2 }));
        let pool = over([&a, &b]);
        ended += usize::from(cut(pool.balance().oneshot(1), polls).await.is_some());
        assert_eq!((pool.in_flight(), b.in_flight()), (0, 0), "{polls}");
        assert_eq!(pool.balance().oneshot(1).await, Ok(1));
    }
    assert!(0 < ended && ended < CUTS, "the cuts cover the whole call: {ended}");
}

#[tokio::test]
async fn a_panic_gives_the_slot_back() {
    for step in [Step::PanicInCall, Step::PanicInPoll { pend: 0 }] {
        let pool = over([&Probe::always(step)]);
        let service = pool.balance();
        let polls = Polls::default();
        let mut call = Box::pin(service.oneshot(1));
        assert!(catch_unwind(AssertUnwindSafe(|| polls.poll(call.as_mut()))).is_err());
        drop(call);
        assert_eq!(pool.in_flight(), 0);
    }
}
