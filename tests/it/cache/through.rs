//! Reads and writes through the cache: batches, refreshes behind hits, writes that may not have happened.

#![expect(clippy::disallowed_types, reason = "a source has locks of its own")]

use super::{Terms, lifetime, ms, pass, settle};
use seawall::cache::{
    Batch, Freshness, Lifetime, LoadError, Loaded, Memory, ReadThrough, Sink, Source, Why, WriteThrough,
};
use seawall::{Class, Error, Reason, Rejected};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use tokio::time::{Instant, sleep, timeout};

/// A table that tells what was asked of it; each question takes 50 ms.
#[derive(Clone, Default)]
struct Table(Arc<Rows>);

#[derive(Default)]
struct Rows {
    rows: Mutex<HashMap<u32, u32>>,
    batches: Mutex<Vec<Vec<u32>>>,
    loads: AtomicU32,
    // What the next write answers; the write happens unless it is refused.
    answer: Mutex<Option<Error<&'static str>>>,
    writing: AtomicU32,
}

impl Source<u32, u32> for Table {
    type Error = &'static str;

    async fn load(&self, key: u32) -> Result<Loaded<u32>, Error<&'static str>> {
        self.0.loads.fetch_add(1, SeqCst);
        sleep(ms(50)).await;
        Ok(self.0.rows.lock().unwrap().get(&key).copied().into())
    }

    async fn load_many(&self, keys: Vec<u32>) -> Batch<u32, u32, &'static str> {
        self.0.batches.lock().unwrap().push(keys.clone());
        sleep(ms(50)).await;
        if keys.contains(&13) {
            return Err(Error::Inner("unlucky"));
        }
        let rows = self.0.rows.lock().unwrap();
        // A row that nobody asked for, and none for what is not there.
        let found = keys.iter().filter_map(|key| rows.get(key).map(|row| (*key, Loaded::value(*row))));
        Ok(found.chain([(999, Loaded::value(0))]).collect())
    }
}

impl Sink<u32, u32> for Table {
    async fn write(&self, key: &u32, value: &u32) -> Result<(), Error<&'static str>> {
        assert_eq!(self.0.writing.fetch_add(1, SeqCst), 0, "two writes of one key");
        sleep(ms(50)).await;
        self.0.writing.fetch_sub(1, SeqCst);
        let answer = self.0.answer.lock().unwrap().take();
        if !matches!(answer, Some(Error::Rejected(_))) {
            self.0.rows.lock().unwrap().insert(*key, *value);
        }
        answer.map_or(Ok(()), Err)
    }

    async fn erase(&self, key: &u32) -> Result<(), Error<&'static str>> {
        self.0.rows.lock().unwrap().remove(key);
        Ok(())
    }
}

fn table(rows: &[(u32, u32)]) -> Table {
    let table = Table::default();
    table.0.rows.lock().unwrap().extend(rows.iter().copied());
    table
}

fn reads(table: &Table) -> ReadThrough<u32, u32, Table> {
    ReadThrough::new("rows", Memory::lru(1000), lifetime(), table.clone())
}

fn writes(table: &Table, settings: impl Into<Terms>) -> WriteThrough<u32, u32, Table> {
    WriteThrough::new("rows", Memory::lru(1000), settings, table.clone())
}

#[tokio::test(start_paused = true)]
async fn many_keys_are_hits_joins_and_one_batch() {
    let table = table(&[(1, 10), (2, 20), (3, 30), (4, 40)]);
    let cache = reads(&table);
    cache.aside().put(&4, 41);
    let (joined, began) = (cache.clone(), Instant::now());
    let first = tokio::spawn(async move { joined.get(&1).await });
    settle().await;
    let found = cache.get_many(&[1, 2, 3, 4, 5], 10).await;
    let values: Vec<_> =
        found.iter().map(|each| each.as_ref().ok().and_then(|found| found.as_deref())).collect();
    assert_eq!(values, [Some(&10), Some(&20), Some(&30), Some(&41), None]);
    assert!(matches!(found[4], Err(Error::Inner(LoadError::Unanswered))));
    assert_eq!(*table.0.batches.lock().unwrap(), [vec![2, 3, 5]]);
    assert_eq!((table.0.loads.load(SeqCst), began.elapsed()), (1, ms(50)));
    assert!(first.await.unwrap().is_ok());
    assert_eq!((cache.aside().loading(), *cache.hit(&3).unwrap()), (0, 30));
}

#[tokio::test(start_paused = true)]
async fn batches_are_bounded_and_a_failed_one_fails_its_own_keys() {
    let table = table(&[(1, 10), (2, 20), (3, 30)]);
    let cache = reads(&table);
    let found = cache.get_many(&[1, 2, 13, 3], 2).await;
    assert!(found[0].is_ok() && found[1].is_ok());
    let errors: Vec<_> = found[2..].iter().map(|each| each.as_ref().unwrap_err()).collect();
    let [Error::Inner(LoadError::Failed(a)), Error::Inner(LoadError::Failed(b))] = *errors else {
        panic!("{errors:?}")
    };
    assert!(Arc::ptr_eq(a, b));
    assert_eq!(*table.0.batches.lock().unwrap(), [vec![1, 2], vec![13, 3]]);
}

#[tokio::test(start_paused = true)]
async fn one_who_leaves_a_batch_leaves_it_to_the_others() {
    let table = table(&[(1, 10), (2, 20)]);
    let cache = reads(&table);
    let (leaving, staying) = (cache.clone(), cache.clone());
    let leaves = tokio::spawn(async move { leaving.get_many(&[1, 2], 10).await.len() });
    settle().await;
    let stays = tokio::spawn(async move { staying.get(&2).await });
    pass(ms(10)).await;
    leaves.abort();
    assert_eq!(stays.await.unwrap().unwrap().as_deref(), Some(&20));
    assert_eq!((table.0.batches.lock().unwrap().len(), table.0.loads.load(SeqCst)), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_hit_refreshes_what_is_stale_behind_it() {
    let table = table(&[(1, 10)]);
    let cache = reads(&table);
    tokio::spawn(cache.aside().background());
    settle().await;
    cache.get(&1).await.unwrap();
    table.0.rows.lock().unwrap().insert(1, 11);
    pass(ms(1200)).await;
    for _ in 0..10 {
        let value = cache.hit(&1).unwrap();
        assert_eq!((*value, value.freshness()), (10, Freshness::Stale(Why::Revalidating)));
    }
    pass(ms(50)).await;
    assert_eq!((*cache.hit(&1).unwrap(), table.0.loads.load(SeqCst)), (11, 2));
}

#[tokio::test(start_paused = true)]
async fn a_put_is_written_first_and_then_read_without_a_load() {
    let table = table(&[]);
    let cache = writes(&table, lifetime());
    cache.aside().put(&1, 10);
    let (writer, began) = (cache.clone(), Instant::now());
    let put = tokio::spawn(async move { writer.put(&1, 11).await });
    settle().await;
    assert_eq!(*cache.hit(&1).unwrap(), 10);
    assert_eq!(*put.await.unwrap().unwrap(), 11);
    assert_eq!((began.elapsed(), *cache.hit(&1).unwrap()), (ms(50), 11));
    assert_eq!((table.0.rows.lock().unwrap()[&1], table.0.loads.load(SeqCst)), (11, 0));
    cache.remove(&1).await.unwrap();
    assert!(cache.get(&1).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn writes_of_one_key_take_turns_in_their_order() {
    let table = table(&[]);
    let cache = writes(&table, Terms::new(lifetime()).waiting(3));
    let began = Instant::now();
    let puts: Vec<_> = (1..=4)
        .map(|value| {
            let cache = cache.clone();
            tokio::spawn(async move { cache.put(&1, value).await })
        })
        .collect();
    settle().await;
    let full = cache.put(&1, 5).await.unwrap_err();
    assert_eq!(full.rejected().unwrap().reason(), Reason::QueueFull);
    puts[1].abort();
    settle().await;
    for put in puts {
        if let Ok(put) = put.await {
            put.unwrap();
        }
    }
    assert_eq!((began.elapsed(), *cache.hit(&1).unwrap()), (ms(150), 4));
}

#[tokio::test(start_paused = true)]
async fn what_has_not_happened_changes_nothing() {
    let table = table(&[]);
    let cache = writes(&table, Terms::new(Lifetime::forever()).classify(|_| Class::Permanent));
    cache.put(&1, 10).await.unwrap();
    for error in [Error::Rejected(Rejected::new("db", Reason::CircuitOpen)), Error::Inner("unique")] {
        *table.0.answer.lock().unwrap() = Some(error);
        assert!(cache.put(&1, 11).await.is_err());
        assert_eq!(*cache.hit(&1).unwrap(), 10);
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_have_happened_leaves_the_key_in_doubt() {
    for how in 0..3 {
        let table = table(&[]);
        let cache = writes(&table, Lifetime::forever());
        cache.put(&1, 10).await.unwrap();
        match how {
            0 => {
                *table.0.answer.lock().unwrap() = Some(Error::Inner("reset"));
                assert!(cache.put(&1, 11).await.is_err());
            }
            1 => {
                *table.0.answer.lock().unwrap() = Some(Error::TimedOut(seawall::TimedOut::new("db", ms(1))));
                assert!(cache.put(&1, 11).await.is_err());
            }
            _ => {
                assert!(timeout(ms(10), cache.put(&1, 11)).await.is_err());
                table.0.writing.store(0, SeqCst);
            }
        }
        // Answered, and for a second not kept.
        assert!(cache.aside().peek_stale(&1).is_none());
        assert!(cache.get(&1).await.unwrap().is_some());
        cache.aside().put(&1, 12);
        assert!(cache.hit(&1).is_none());
        pass(ms(1000)).await;
        cache.get(&1).await.unwrap();
        assert!(cache.hit(&1).is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresh_loads_anew_behind_the_readers() {
    let table = table(&[(1, 10)]);
    let cache = reads(&table);
    assert_eq!(**cache.get(&1).await.unwrap().as_ref().unwrap(), 10);
    assert!(!cache.refresh(&1), "nobody would go on with it");
    tokio::spawn(cache.aside().background());
    settle().await;
    table.0.rows.lock().unwrap().insert(1, 11);
    assert!(cache.refresh(&1));
    assert!(!cache.refresh(&1) && !cache.refresh(&2), "one at a time, and only of what is kept");
    settle().await;
    assert_eq!(*cache.hit(&1).unwrap(), 10);
    pass(ms(50)).await;
    assert_eq!((*cache.hit(&1).unwrap(), table.0.loads.load(SeqCst)), (11, 2));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_invalidates_leaves_the_load_to_the_next_reader() {
    let table = table(&[(1, 10)]);
    let cache = writes(&table, lifetime()).invalidating();
    assert_eq!(**cache.get(&1).await.unwrap().as_ref().unwrap(), 10);
    assert_eq!(*cache.put(&1, 11).await.unwrap(), 11);
    assert!(cache.hit(&1).is_none());
    assert_eq!(**cache.get(&1).await.unwrap().as_ref().unwrap(), 11);
    assert_eq!(table.0.loads.load(SeqCst), 2);
}
