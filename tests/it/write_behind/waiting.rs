use super::*;
use seawall::Reason;
use seawall::cache::write_behind::{Config, WriteBehind};
use seawall::telemetry::{Counters, Telemetry};

#[tokio::test(start_paused = true)]
async fn callers_wait_for_room_in_order_and_no_newcomer_passes_them() {
    let source = Source::default();
    let config = Config::new().capacity(1).batch(1);
    let (buffer, driver) = WriteBehind::new("room", config, source.slow(10 * MS, |_| Ok(())), |_| ());
    buffer.try_put(0, 0).unwrap();
    let mut puts = Vec::new();
    for key in 1..=20 {
        let buffer = buffer.clone();
        puts.push(tokio::spawn(async move { buffer.put(key, key).await.unwrap() }));
        tokio::task::yield_now().await;
    }
    assert!(buffer.try_put(99, 99).is_err());
    // A key that is dirty always fits.
    buffer.try_put(0, 7).unwrap();
    tokio::spawn(driver);
    for put in puts {
        put.await.unwrap();
    }
    buffer.flush().await.unwrap();
    let written: Vec<_> = source.calls().iter().map(|call| call.writes[0]).collect();
    let expected: Vec<_> =
        std::iter::once((0, Some(7))).chain((1..=20).map(|key| (key, Some(key)))).collect();
    assert_eq!(written, expected);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_stops_waiting_put_nothing_and_passes_the_turn_on() {
    let source = Source::default();
    let config = Config::new().capacity(1).waiting(2).batch(1);
    let counters = Arc::new(Counters::default());
    let telemetry = Telemetry::new("leaving").observer(counters.clone());
    let (buffer, driver) = WriteBehind::new(telemetry, config, source.store(), |_| ());
    buffer.try_put(0, 0).unwrap();
    let wait_for = |key| {
        let buffer = buffer.clone();
        tokio::spawn(async move { buffer.put(key, key).await })
    };
    let (first, second) = (wait_for(1), wait_for(2));
    tokio::task::yield_now().await;
    let refused = buffer.put(3, 33).await.unwrap_err();
    assert_eq!((refused.rejected.reason(), refused.value.as_deref()), (Reason::QueueFull, Some(&33)));
    first.abort();
    assert!(first.await.is_err());
    tokio::spawn(driver);
    second.await.unwrap().unwrap();
    buffer.flush().await.unwrap();
    assert_eq!(source.calls().iter().map(|call| call.writes[0].0).collect::<Vec<_>>(), [0, 2]);
    let told = counters.snapshot();
    assert_eq!((told.queued, told.dequeued, told.refused), (2, 2, 1), "{told:?}");
    assert_eq!(buffer.account().accepted, 2);
}

#[tokio::test(start_paused = true)]
async fn closing_refuses_those_who_wait_and_gives_their_values_back() {
    let source = Source::default();
    let config = Config::new().capacity(1).batch(1);
    let (buffer, driver) = WriteBehind::new("closing", config, source.slow(10 * MS, |_| Ok(())), |_| ());
    tokio::spawn(driver);
    buffer.put(0, 0).await.unwrap();
    let waiters: Vec<_> = (1..4)
        .map(|key| {
            let buffer = buffer.clone();
            tokio::spawn(async move { buffer.put(key, key).await.unwrap_err() })
        })
        .collect();
    tokio::task::yield_now().await;
    let closed = buffer.close(Duration::from_secs(1)).await;
    assert_eq!((closed.stored, closed.left.len()), (1, 0));
    for (waiter, key) in waiters.into_iter().zip(1..) {
        let refused = waiter.await.unwrap();
        assert_eq!((refused.rejected.reason(), refused.value.as_deref()), (Reason::Closed, Some(&key)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_driver_with_nothing_to_do_is_not_polled() {
    let source = Source::default();
    let (buffer, driver) = WriteBehind::new("idle", Config::new(), source.store(), |_| ());
    let mut polls = 0;
    let mut driver = Box::pin(driver);
    let mut counted = Box::pin(std::future::poll_fn(|cx| {
        polls += 1;
        driver.as_mut().poll(cx)
    }));
    tokio::select! {
        () = &mut counted => {}
        () = wait(Duration::from_secs(3600)) => {}
    }
    buffer.try_put(1, 1).unwrap();
    tokio::select! {
        () = &mut counted => {}
        () = wait(Duration::from_secs(3600)) => {}
    }
    drop(counted);
    // A few for each select and each event, of two hours: whoever wakes himself shows thousands.
    assert!(polls <= 10, "{polls}");
    assert_eq!(source.sizes().len(), 1);
}
