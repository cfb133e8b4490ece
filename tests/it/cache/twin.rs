//! Random histories against the naive twin: a log of who was born when, and what was fenced when.
//!
//! Each value is the tick at which its load began, or at which it was put. So the twin needs no model of the cache to say
//! what must not be: a value older than a fence that had returned before its reader began; and a second load of a key
//! while one is running that nothing has fenced.

use super::{Cache, Terms, ms, pass, settle};
use proptest::prelude::*;
use seawall::cache::{Jitter, Lifetime, Memory, Pause};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use tokio::task::JoinHandle;

const KEYS: usize = 3;

#[derive(Clone, Debug)]
enum Act {
    Read(u32),
    Leave(usize),
    Put(u32),
    Invalidate(u32),
    Clear,
    Advance(u64),
    /// How long loads take from now on, and how they end.
    Loads(u64, End),
}

#[derive(Clone, Copy, Debug)]
enum End {
    Well,
    Failed,
    Panicked,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let key = 0..KEYS as u32;
    let end = prop_oneof![3 => Just(End::Well), 1 => Just(End::Failed), 1 => Just(End::Panicked)];
    let act = prop_oneof![
        6 => key.clone().prop_map(Act::Read),
        2 => (0..20usize).prop_map(Act::Leave),
        1 => key.clone().prop_map(Act::Put),
        2 => key.prop_map(Act::Invalidate),
        1 => Just(Act::Clear),
        4 => (1..150u64).prop_map(Act::Advance),
        1 => (0..200u64, end).prop_map(|(takes, end)| Act::Loads(takes, end)),
    ];
    prop::collection::vec(act, 1..60)
}

#[derive(Default)]
struct Log {
    tick: AtomicU32,
    // By key: when it was last fenced, and when the load began that runs.
    fenced: [AtomicU32; KEYS],
    running: [AtomicU32; KEYS],
}

impl Log {
    fn tick(&self) -> u32 {
        self.tick.fetch_add(1, SeqCst) + 1
    }

    fn fence(&self, key: u32) -> u32 {
        let tick = self.tick();
        self.fenced[key as usize].store(tick, SeqCst);
        tick
    }
}

/// A load that runs, until it ends in any way.
struct Running {
    log: Arc<Log>,
    key: u32,
    born: u32,
}

impl Running {
    fn begin(log: Arc<Log>, key: u32) -> Self {
        let born = log.tick();
        let before = log.running[key as usize].swap(born, SeqCst);
        assert!(before == 0 || before < log.fenced[key as usize].load(SeqCst), "two loads of one key");
        Self { log, key, born }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A load that was fenced may end after the next has begun.
        let running = &self.log.running[self.key as usize];
        let _ = running.compare_exchange(self.born, 0, SeqCst, SeqCst);
    }
}

fn read(cache: &Cache, log: &Arc<Log>, key: u32, takes: u64, end: End) -> JoinHandle<()> {
    let (cache, log) = (cache.clone(), Arc::clone(log));
    tokio::spawn(async move {
        let fenced = log.fenced[key as usize].load(SeqCst);
        let begin = Arc::clone(&log);
        let load = move || async move {
            let running = Running::begin(begin, key);
            tokio::time::sleep(ms(takes)).await;
            match end {
                End::Well => Ok(running.born),
                End::Failed => Err("down"),
                End::Panicked => std::panic::resume_unwind(Box::new("as told")),
            }
        };
        if let Ok(value) = cache.get_or_load(&key, load).await {
            assert!(*value >= fenced, "born at {}, and fenced at {fenced}", *value);
        }
    })
}

async fn run(acts: Vec<Act>, background: bool) {
    let lifetime = Lifetime::of(ms(200))
        .jitter(Jitter::off())
        .stale_while_revalidate(ms(100))
        .stale_if_error(ms(300))
        .throttle(Pause::fixed(ms(20)));
    let cache = Cache::new("twin", Memory::lru(100), Terms::new(lifetime).load_deadline(ms(150)));
    if background {
        tokio::spawn(cache.background());
        settle().await;
    }
    let log = Arc::new(Log::default());
    let (mut readers, mut takes, mut end) = (Vec::new(), 50, End::Well);
    for act in acts {
        match act {
            Act::Read(key) => readers.push(read(&cache, &log, key, takes, end)),
            Act::Leave(reader) => {
                if let Some(reader) = readers.get(reader) {
                    reader.abort();
                }
            }
            Act::Put(key) => drop(cache.put(&key, log.fence(key))),
            Act::Invalidate(key) => {
                log.fence(key);
                cache.invalidate(&key);
            }
            Act::Clear => {
                for key in 0..KEYS as u32 {
                    log.fence(key);
                }
                cache.clear();
            }
            Act::Advance(time) => pass(ms(time)).await,
            Act::Loads(time, how) => (takes, end) = (time, how),
        }
        settle().await;
    }
    for reader in readers {
        match reader.await {
            Ok(()) => {}
            Err(error) => assert!(error.is_cancelled(), "{error}"),
        }
    }
    pass(ms(1000)).await;
    pass(ms(1000)).await;
    assert_eq!(cache.loading(), 0);
    assert!(log.running.iter().all(|running| running.load(SeqCst) == 0), "a load was left behind");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_fenced_comes_back_and_no_key_is_loaded_twice_at_once(acts in acts(), background: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        // What the tasks assert comes out of them; the loads' own panics do not.
        runtime.block_on(run(acts, background));
    }
}
