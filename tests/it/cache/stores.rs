//! What the stores in memory keep, and what they let go.

use super::{Terms, lifetime, ms};
use seawall::Instant;
use seawall::cache::{CacheAside, Lifetime, Memory, Store};

type Over<S> = CacheAside<u32, u32, &'static str, S>;

fn over<S: Store<u32, u32>>(store: S) -> Over<S> {
    Over::new("store", store, Lifetime::forever())
}

/// a, b, c, then a is read, then d comes: who went?
fn order<S: Store<u32, u32>>(cache: &Over<S>) -> Vec<u32> {
    let tend = || (0..2).for_each(|_| cache.store().tend(Instant::now()));
    (1..=3).for_each(|key| drop(cache.put(&key, key)));
    tend();
    assert!(cache.hit(&1).is_some());
    tend();
    cache.put(&4, 4);
    tend();
    (1..=4).filter(|key| cache.peek(key).is_none()).collect()
}

#[tokio::test(start_paused = true)]
async fn lru_evicts_what_was_read_longest_ago_and_fifo_what_was_stored_longest_ago() {
    assert_eq!(order(&over(Memory::lru(3))), [2]);
    assert_eq!(order(&over(Memory::fifo(3))), [1]);
}

#[tokio::test(start_paused = true)]
async fn every_store_keeps_gives_forgets_and_stays_within_its_capacity() {
    fn check<S: Store<u32, u32>>(store: S) {
        let cache = over(store);
        cache.put(&1, 10);
        assert_eq!(*cache.hit(&1).unwrap(), 10);
        assert_eq!(*cache.peek(&1).unwrap(), 10);
        cache.put(&1, 11);
        assert_eq!(*cache.hit(&1).unwrap(), 11);
        cache.invalidate(&1);
        assert!(cache.hit(&1).is_none());
        cache.put(&1, 12);
        cache.clear();
        assert!(cache.hit(&1).is_none());
        (0..10_000).for_each(|key| drop(cache.put(&key, key)));
        (0..2).for_each(|_| cache.store().tend(Instant::now()));
        assert!((1..=2000).contains(&cache.len()), "{}", cache.len());
    }
    check(Memory::lru(2000));
    check(Memory::lfu(2000));
    check(Memory::fifo(2000));
    check(Memory::fast(2000));
}

#[tokio::test(start_paused = true)]
async fn lfu_keeps_what_is_hot_and_answers_what_is_cold() {
    let cache = over(Memory::lfu(1000));
    (0..1000).for_each(|key| drop(cache.put(&key, key)));
    for _ in 0..12 {
        (0..1000).for_each(|key| assert!(cache.hit(&key).is_some()));
        cache.store().tend(Instant::now());
    }
    for key in 1000..1100 {
        assert_eq!(*cache.get_or_load(&key, move || async move { Ok(key) }).await.unwrap(), key);
        cache.store().tend(Instant::now());
    }
    let kept = (0..1000).filter(|key| cache.hit(key).is_some()).count();
    assert!(kept >= 980, "{kept} of 1000 hot keys kept");
}

#[tokio::test(start_paused = true)]
async fn what_outweighs_the_store_is_not_kept_and_weights_are_counted() {
    let settings = || Terms::new(lifetime()).weigh(|_, value| *value);
    let cache = Over::new("weighed", Memory::fifo(100), settings());
    cache.put(&1, 60);
    cache.put(&2, 40);
    assert_eq!(cache.len(), 2);
    cache.put(&3, 30);
    assert!(cache.hit(&1).is_none() && cache.hit(&2).is_some() && cache.hit(&3).is_some());
    cache.put(&2, 101);
    assert!(cache.hit(&2).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_background_lets_go_of_what_is_over() {
    let cache = Over::new("idle", Memory::fifo(100), lifetime());
    tokio::spawn(cache.background());
    cache.put(&1, 1);
    super::pass(ms(5900)).await;
    assert_eq!(cache.len(), 1);
    super::pass(ms(2000)).await;
    assert_eq!(cache.len(), 0);
}
