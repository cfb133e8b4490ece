//! Random histories of a buffer behind a cache against the naive twin: of each key, what was current when.
//!
//! What is current of a key is what the buffer holds of it, else what the source has. A read is right if its answer was
//! current at some moment between its begin and its end.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use seawall::cache::write_behind::{Config, DeadLetter, WriteBehind};
use seawall::cache::{
    Fifo, Jitter, Lifetime, Loaded, Memory, Negative, ReadThrough, Settings, Source as Reads,
};
use seawall::{Class, Error};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Act {
    Put(u32),
    Remove(u32),
    Read(u32),
    Hit(u32),
    /// Somebody else writes to the source, and says so.
    Elsewhere(u32),
    Discard(u32),
    Clear,
    Advance(u32),
    /// How long loads and store calls take from now on, and how store calls end.
    Pace(u32, u32, u8),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let key = 0..3u32;
    let act = prop_oneof![
        4 => key.clone().prop_map(Act::Put),
        1 => key.clone().prop_map(Act::Remove),
        5 => key.clone().prop_map(Act::Read),
        2 => key.clone().prop_map(Act::Hit),
        1 => key.clone().prop_map(Act::Elsewhere),
        1 => key.prop_map(Act::Discard),
        1 => Just(Act::Clear),
        5 => (1..40u32).prop_map(Act::Advance),
        2 => (0..40u32, 0..40u32, 0..5u8).prop_map(|(load, store, end)| Act::Pace(load, store, end)),
    ];
    vec(act, 1..80)
}

#[derive(Clone, Copy, Default)]
struct Pace {
    load: u32,
    store: u32,
    end: u8,
}

/// The source, which both sides share.
#[derive(Clone, Default)]
struct Table {
    rows: Arc<Mutex<BTreeMap<u32, u32>>>,
    pace: Arc<Mutex<Pace>>,
}

impl Table {
    fn set(&self, key: u32, value: Option<u32>) {
        let mut rows = self.rows.lock();
        match value {
            Some(value) => drop(rows.insert(key, value)),
            None => drop(rows.remove(&key)),
        }
    }

    fn row(&self, key: u32) -> Option<u32> {
        self.rows.lock().get(&key).copied()
    }

    async fn store(self, batch: Vec<Write<u32, u32>>) -> Result<(), &'static str> {
        let Pace { store, end, .. } = *self.pace.lock();
        wait(store * MS).await;
        let write = || batch.iter().for_each(|write| self.set(*write.key(), write.value().copied()));
        match end {
            0 | 1 => {
                write();
                Ok(())
            }
            // It happened, and nobody hears of it.
            2 => {
                write();
                Err("lost")
            }
            3 => Err("down"),
            _ => Err("never"),
        }
    }
}

impl Reads<u32, u32> for Table {
    type Error = &'static str;

    async fn load(&self, key: u32) -> Result<Loaded<u32>, Error<&'static str>> {
        let (row, Pace { load, .. }) = (self.row(key), *self.pace.lock());
        wait(load * MS).await;
        Ok(row.into())
    }
}

type Front = ReadThrough<u32, u32, Table, Fifo<u32, u32>>;
type Buffer = WriteBehind<u32, u32, Front>;

/// All that was current of a key, and since which tick.
type Log = Vec<(u64, Option<u32>)>;

/// The ticks so far, and the log of each key.
#[derive(Clone, Default)]
struct Twin(Arc<Mutex<(u64, [Log; 3])>>);

impl Twin {
    /// Looks at what is current now.
    fn look(&self, buffer: &Buffer, table: &Table) -> u64 {
        let mut twin = self.0.lock();
        twin.0 += 1;
        let tick = twin.0;
        for (key, log) in (0..).zip(&mut twin.1) {
            let current =
                buffer.pending(&key).map_or_else(|| table.row(key), |pending| pending.value().copied());
            if log.last().is_none_or(|(_, last)| *last != current) {
                log.push((tick, current));
            }
        }
        tick
    }

    fn was_current(&self, key: u32, value: Option<u32>, since: u64) -> Result<(), String> {
        let twin = self.0.lock();
        let log = &twin.1[key as usize];
        let first = log.partition_point(|(tick, _)| *tick <= since).saturating_sub(1);
        let right = log[first..].iter().any(|(_, current)| *current == value);
        right.then_some(()).ok_or_else(|| format!("key {key} read as {value:?} since {since}: {log:?}"))
    }
}

/// Lets the time pass in steps, and looks after each.
async fn advance(ms: u32, look: impl Fn() -> u64) {
    for _ in 0..ms {
        wait(MS).await;
        for _ in 0..20 {
            tokio::task::yield_now().await;
            look();
        }
    }
}

async fn run(acts: Vec<Act>) {
    let (table, twin) = (Table::default(), Twin::default());
    // So small that it evicts, so short that entries end while keys are dirty.
    let settings = Settings::new(Lifetime::of(120 * MS).jitter(Jitter::off()));
    let settings = settings.negative(Negative::ttl(50 * MS));
    let front = ReadThrough::new("twin", Memory::fifo(2), settings, table.clone());
    let store = {
        let table = table.clone();
        move |batch| table.clone().store(batch)
    };
    let config = Config::new().batch(2).max_delay(10 * MS).writers(2).attempts(3).backoff(5 * MS, 10 * MS);
    let dead = |_: DeadLetter<u32, u32, &'static str>| ();
    let (buffer, driver) = WriteBehind::before(front, "twin", config, store, dead);
    tokio::spawn(driver.classify(|result| match result {
        Ok(()) => Class::Success,
        Err(&"never") => Class::Permanent,
        Err(_) => Class::Transient,
    }));
    let look = || twin.look(&buffer, &table);
    let (mut next, mut readers) = (0, Vec::new());
    for act in acts {
        next += 1;
        let since = look();
        match act {
            Act::Put(key) => drop(buffer.try_put(key, next)),
            Act::Remove(key) => drop(buffer.try_remove(key)),
            Act::Read(key) => {
                let (buffer, table, twin) = (buffer.clone(), table.clone(), twin.clone());
                readers.push(tokio::spawn(async move {
                    let since = twin.look(&buffer, &table);
                    let read = buffer.get(&key).await.unwrap().as_deref().copied();
                    twin.look(&buffer, &table);
                    twin.was_current(key, read, since).unwrap();
                }));
            }
            Act::Hit(key) => {
                if let Some(hit) = buffer.hit(&key) {
                    twin.was_current(key, Some(*hit), since).unwrap();
                }
            }
            Act::Elsewhere(key) => {
                table.set(key, Some(next));
                buffer.invalidate(&key);
            }
            Act::Discard(key) => drop(buffer.discard(&key)),
            Act::Clear => buffer.front().aside().clear(),
            Act::Advance(ms) => advance(ms, look).await,
            Act::Pace(load, store, end) => *table.pace.lock() = Pace { load, store, end },
        }
        look();
    }
    *table.pace.lock() = Pace::default();
    advance(300, look).await;
    for reader in readers {
        reader.await.unwrap();
    }
    assert!(buffer.is_empty());
    for key in 0..3 {
        assert_eq!(buffer.get(&key).await.unwrap().as_deref().copied(), table.row(key));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_read_was_current_at_some_moment_of_it(acts in acts()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(run(acts));
    }
}
