use super::*;
use seawall::Reason;
use seawall::cache::write_behind::{Config, WriteBehind};

fn config() -> Config {
    Config::new().max_delay(100 * MS)
}

#[tokio::test(start_paused = true)]
async fn v40_a_put_is_read_at_once_and_written_when_the_delay_is_over() {
    let source = Source::default();
    let (buffer, driver) = WriteBehind::new("v40", config(), source.store(), |_| ());
    tokio::spawn(driver);
    buffer.put(1, 10).await.unwrap();
    wait(MS).await;
    let load = || async { Err::<Option<Arc<u32>>, _>("asked the source") };
    assert_eq!(buffer.get_or_load(&1, load).await.unwrap().as_deref(), Some(&10));
    wait(98 * MS).await;
    assert_eq!(source.calls(), []);
    wait(20 * MS).await;
    assert_eq!(source.sizes(), [(100, 1)]);
    assert!(buffer.get_or_load(&1, load).await.is_err(), "nothing is dirty any more");
}

#[tokio::test(start_paused = true)]
async fn v41_a_hundred_puts_on_one_key_are_one_write_of_the_last() {
    let source = Source::default();
    let (buffer, driver) = WriteBehind::new("v41", config(), source.store(), |_| ());
    tokio::spawn(driver);
    for value in 0..100 {
        buffer.put(1, value).await.unwrap();
        if value % 2 == 0 {
            wait(MS).await;
        }
    }
    wait(200 * MS).await;
    assert_eq!(source.calls(), [Call { at: 100, writes: vec![(1, Some(99))] }]);
    assert_eq!(buffer.account().coalesced, 99);
}

#[tokio::test(start_paused = true)]
async fn v42_full_batches_leave_at_once_and_the_rest_when_its_time_is_over() {
    let source = Source::default();
    let (buffer, driver) = WriteBehind::new("v42", config().batch(10), source.store(), |_| ());
    tokio::spawn(driver);
    for key in 0..25 {
        buffer.put(key, key).await.unwrap();
    }
    wait(200 * MS).await;
    assert_eq!(source.sizes(), [(0, 10), (0, 10), (100, 5)]);
    let keys = source.calls().into_iter().flat_map(|call| call.writes).map(|(key, _)| key);
    assert!(keys.eq(0..25), "oldest first");
}

#[test]
fn v43_a_full_buffer_takes_no_new_key_and_gives_the_value_back() {
    let source = Source::default();
    let (buffer, _driver) = WriteBehind::new("v43", config().capacity(3), source.store(), |_| ());
    (0..3).for_each(|key| buffer.try_put(key, key).unwrap());
    let refused = buffer.try_put(3, 33).unwrap_err();
    assert_eq!((refused.rejected.reason(), refused.value.as_deref()), (Reason::QueueFull, Some(&33)));
    buffer.try_put(2, 22).unwrap();
    assert_eq!(buffer.pending(&2).unwrap().value(), Some(&22));
}

#[tokio::test(start_paused = true)]
async fn v44_a_flush_waits_for_what_was_put_before_it_only() {
    let source = Source::default();
    let (buffer, driver) = WriteBehind::new("v44", config(), source.slow(10 * MS, |_| Ok(())), |_| ());
    tokio::spawn(driver);
    buffer.put(1, 1).await.unwrap();
    let start = Instant::now();
    let mut flush = std::pin::pin!(buffer.flush());
    assert!(futures_poll(flush.as_mut()).is_pending());
    tokio::task::yield_now().await; // and so the batch has left
    buffer.put(2, 2).await.unwrap();
    flush.await.unwrap();
    assert_eq!((Instant::now() - start).as_millis(), 10);
    assert!(buffer.pending(&1).is_none() && buffer.pending(&2).is_some());
    assert_eq!(source.sizes(), [(0, 1)]);
}

#[tokio::test(start_paused = true)]
async fn v45_closing_writes_everything_and_takes_nothing_more() {
    let source = Source::default();
    let (buffer, driver) = WriteBehind::new("v45", config(), source.store(), |_| ());
    let driver = tokio::spawn(driver);
    for key in 0..25 {
        buffer.put(key, key).await.unwrap();
    }
    let closed = buffer.close(Duration::from_secs(1)).await;
    assert_eq!((closed.stored, closed.dead, closed.left.len()), (25, 0, 0));
    assert_eq!(buffer.put(99, 99).await.unwrap_err().rejected.reason(), Reason::Closed);
    assert_eq!(buffer.try_remove(1).unwrap_err().rejected.reason(), Reason::Closed);
    driver.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_key_can_be_flushed_alone() {
    let source = Source::default();
    let (buffer, driver) = WriteBehind::new("flush", config().batch(2), source.store(), |_| ());
    buffer.try_put(1, 1).unwrap();
    tokio::spawn(driver);
    buffer.flush_key(&1).await.unwrap();
    assert_eq!(source.calls(), [Call { at: 0, writes: vec![(1, Some(1))] }]);
    buffer.flush_key(&1).await.unwrap();
    buffer.flush().await.unwrap();
    assert_eq!(source.calls().len(), 1, "nothing is dirty");
}

#[tokio::test(start_paused = true)]
async fn a_removal_hides_the_key_and_is_written_as_one() {
    let source = Source::default();
    let (buffer, driver) = WriteBehind::new("remove", config(), source.store(), |_| ());
    tokio::spawn(driver);
    buffer.put(1, 1).await.unwrap();
    buffer.remove(1).await.unwrap();
    let load = || async { Err::<Option<Arc<u32>>, _>("the old value") };
    assert_eq!(buffer.get_or_load(&1, load).await, Ok(None));
    buffer.flush().await.unwrap();
    assert_eq!(source.calls()[0].writes, [(1, None)]);
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_that_goes_has_what_is_left_written() {
    let source = Source::default();
    let (buffer, driver) = WriteBehind::new("last", Config::new(), source.store(), |_| ());
    buffer.try_put(1, 1).unwrap();
    drop(buffer.clone());
    assert!(buffer.is_open());
    drop(buffer);
    driver.await;
    assert_eq!(source.sizes(), [(0, 1)]);
}

#[tokio::test(start_paused = true)]
async fn writers_store_different_keys_side_by_side_and_one_key_in_turn() {
    let source = Source::default();
    let config = config().batch(1).writers(3);
    let (buffer, driver) = WriteBehind::new("writers", config, source.slow(50 * MS, |_| Ok(())), |_| ());
    tokio::spawn(driver);
    for key in 0..4 {
        buffer.put(key, 1).await.unwrap();
    }
    wait(10 * MS).await;
    buffer.put(0, 2).await.unwrap();
    wait(300 * MS).await;
    let calls: Vec<_> = source.calls().iter().map(|call| (call.at, call.writes[0])).collect();
    let firsts = [(0, (0, Some(1))), (0, (1, Some(1))), (0, (2, Some(1)))];
    assert_eq!(calls[..3], firsts);
    assert_eq!(calls[3..], [(50, (3, Some(1))), (50, (0, Some(2)))]);
}

#[tokio::test(start_paused = true)]
async fn settings_that_change_hold_for_what_comes() {
    let source = Source::default();
    let (buffer, driver) = WriteBehind::new("set", config().capacity(1), source.store(), |_| ());
    tokio::spawn(driver);
    buffer.put(1, 1).await.unwrap();
    assert!(buffer.try_put(2, 2).is_err());
    buffer.set(config().capacity(2).max_delay(Duration::ZERO));
    buffer.try_put(2, 2).unwrap();
    wait(MS).await;
    assert_eq!(source.sizes(), [(0, 2)]);
}

fn futures_poll<F: Future>(future: std::pin::Pin<&mut F>) -> std::task::Poll<F::Output> {
    future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
}
