//! Caches: what a hit, a miss and a crowd at one cold key cost, beside the store's own and the field's best.

use crate::{Visit, ended, expect, unexpected};
use seawall::cache::{CacheAside, Lifetime, Memory, Store};
use seawall::{Instant, LiftLayer};
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tower::{Layer, Service};

type Cache<S> = CacheAside<u64, u64, Infallible, S>;

const KEYS: u64 = 1000;
const CAPACITY: u64 = 10_000;

pub(crate) fn rows(visit: &mut impl Visit) {
    hit(visit);
    through(visit);
    miss(visit);
    crowd(visit);
}

fn filled<S: Store<u64, u64>>(store: S) -> Cache<S> {
    let cache = Cache::new("bench", store, Lifetime::of(Duration::from_secs(3600)));
    (0..KEYS).for_each(|key| drop(cache.put(&key, key)));
    cache.store().tend(Instant::now());
    cache
}

fn ours<S: Store<u64, u64>>(visit: &mut impl Visit, at: &'static str, now: &'static str, store: S) {
    const GROUP: &str = "cache hit";
    let cache = filled(store);
    let when = Instant::now();
    visit.row(GROUP, at, || || expect(cache.hit_at(&black_box(7), when).is_some_and(|hit| *hit == 7)));
    visit.row(GROUP, now, || || expect(cache.hit(&black_box(7)).is_some_and(|hit| *hit == 7)));
}

fn hit(visit: &mut impl Visit) {
    const GROUP: &str = "cache hit";
    ours(visit, "seawall over quick_cache, time given", "seawall over quick_cache", Memory::fast(CAPACITY));
    let quick = quick_cache::sync::Cache::new(CAPACITY as usize);
    (0..KEYS).for_each(|key| quick.insert(key, Arc::new(key)));
    visit.row(GROUP, "quick_cache", || || expect(quick.get(&black_box(7)).is_some_and(|hit| *hit == 7)));
    ours(visit, "seawall over moka, time given", "seawall over moka", Memory::lru(CAPACITY));
    let moka = moka::sync::Cache::new(CAPACITY);
    (0..KEYS).for_each(|key| moka.insert(key, Arc::new(key)));
    moka.run_pending_tasks();
    visit.row(GROUP, "moka, sync", || || expect(moka.get(&black_box(7)).is_some_and(|hit| *hit == 7)));
    let foyer: foyer_memory::Cache<u64, Arc<u64>> =
        foyer_memory::CacheBuilder::new(CAPACITY as usize).build();
    (0..KEYS).for_each(|key| drop(foyer.insert(key, Arc::new(key))));
    visit.row(GROUP, "foyer-memory", || {
        || expect(foyer.get(&black_box(7)).is_some_and(|hit| **hit.value() == 7))
    });
    let cache = filled(Memory::fast(CAPACITY));
    visit.row(GROUP, "seawall, layer", || {
        let inner =
            LiftLayer.layer(tower::service_fn(|_: u64| std::future::pending::<Result<u64, Infallible>>()));
        let mut service = cache.layer(|key: &u64| Some(*key)).layer(inner);
        move || {
            let Ok(answer) = ended(service.call(black_box(7))) else { unexpected("an error") };
            expect(answer == 7);
        }
    });
}

fn through(visit: &mut impl Visit) {
    const GROUP: &str = "cache hit through get-or-load";
    let fast = filled(Memory::fast(CAPACITY));
    visit.row(GROUP, "seawall over quick_cache", || {
        || {
            let hit = ended(fast.get_or_load(&black_box(7), || async { Ok(0) }));
            expect(hit.is_ok_and(|hit| *hit == 7));
        }
    });
    let quick = quick_cache::sync::Cache::new(CAPACITY as usize);
    quick.insert(7, Arc::new(7));
    visit.row(GROUP, "quick_cache", || {
        || {
            let hit =
                ended(quick.get_or_insert_async(&black_box(7), async { Ok::<_, Infallible>(Arc::new(0)) }));
            expect(hit.is_ok_and(|hit| *hit == 7));
        }
    });
    let lru = filled(Memory::lru(CAPACITY));
    visit.row(GROUP, "seawall over moka", || {
        || {
            let hit = ended(lru.get_or_load(&black_box(7), || async { Ok(0) }));
            expect(hit.is_ok_and(|hit| *hit == 7));
        }
    });
    let moka = moka::future::Cache::new(CAPACITY);
    ended(moka.insert(7, Arc::new(7)));
    visit.row(GROUP, "moka, future", || {
        || expect(*ended(moka.get_with(black_box(7), async { Arc::new(0) })) == 7)
    });
}

/// A value is loaded, and dropped again.
fn miss(visit: &mut impl Visit) {
    const GROUP: &str = "cache miss and invalidation";
    let fast = filled(Memory::fast(CAPACITY));
    visit.row(GROUP, "seawall over quick_cache", || {
        || {
            let loaded = ended(fast.get_or_load(&black_box(5000), || async { Ok(7) }));
            expect(loaded.is_ok_and(|loaded| *loaded == 7));
            fast.invalidate(&5000);
        }
    });
    let quick = quick_cache::sync::Cache::new(CAPACITY as usize);
    visit.row(GROUP, "quick_cache", || {
        || {
            let load = async { Ok::<_, Infallible>(Arc::new(7)) };
            expect(ended(quick.get_or_insert_async(&black_box(5000), load)).is_ok_and(|loaded| *loaded == 7));
            quick.remove(&5000);
        }
    });
    let lru = filled(Memory::lru(CAPACITY));
    visit.row(GROUP, "seawall over moka", || {
        || {
            let loaded = ended(lru.get_or_load(&black_box(5000), || async { Ok(7) }));
            expect(loaded.is_ok_and(|loaded| *loaded == 7));
            lru.invalidate(&5000);
        }
    });
    let moka = moka::future::Cache::new(CAPACITY);
    visit.row(GROUP, "moka, future", || {
        || {
            expect(*ended(moka.get_with(black_box(5000), async { Arc::new(7) })) == 7);
            ended(moka.invalidate(&5000));
        }
    });
}

const CROWD: usize = 1000;

/// Pending once, so that the whole crowd comes while it runs.
async fn slow() -> u64 {
    let mut asked = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut asked, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
    7
}

/// Each is polled once, and then again when the load can end.
fn gather<F: Future>(crowd: impl Iterator<Item = F>, is_right: impl Fn(F::Output) -> bool) {
    let mut cx = Context::from_waker(Waker::noop());
    let mut crowd: Vec<Pin<Box<F>>> = crowd.map(Box::pin).collect();
    let mut ended = 0;
    while ended < CROWD {
        crowd.retain_mut(|one| match one.as_mut().poll(&mut cx) {
            Poll::Pending => true,
            Poll::Ready(output) => {
                expect(is_right(output));
                ended += 1;
                false
            }
        });
    }
}

fn crowd(visit: &mut impl Visit) {
    const GROUP: &str = "1000 callers, one cold key";
    let fast = filled(Memory::fast(CAPACITY));
    visit.row(GROUP, "seawall", || {
        || {
            let callers = (0..CROWD).map(|_| fast.get_or_load(&5000, || async { Ok(slow().await) }));
            gather(callers, |loaded| loaded.is_ok_and(|loaded| *loaded == 7));
            fast.invalidate(&5000);
        }
    });
    visit.row(GROUP, "tokio OnceCell", || {
        || {
            let cell = tokio::sync::OnceCell::new();
            gather((0..CROWD).map(|_| cell.get_or_init(slow)), |loaded| *loaded == 7);
        }
    });
    let quick = quick_cache::sync::Cache::new(CAPACITY as usize);
    visit.row(GROUP, "quick_cache", || {
        || {
            let load = || async { Ok::<_, Infallible>(slow().await) };
            gather((0..CROWD).map(|_| quick.get_or_insert_async(&5000, load())), |loaded| loaded == Ok(7));
            quick.remove(&5000);
        }
    });
    let moka = moka::future::Cache::new(CAPACITY);
    visit.row(GROUP, "moka, future", || {
        || {
            gather((0..CROWD).map(|_| moka.get_with(5000, slow())), |loaded| loaded == 7);
            ended(moka.invalidate(&5000));
        }
    });
}
