//! After a fence nothing older is served, however loads and fences cross.

use super::{Origin, Terms, cache, lifetime, ms, pass, settle, with_background};
use seawall::cache::{Fence, Freshness, Loaded, Reach, Why};
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn a_load_that_was_fenced_answers_and_is_not_kept() {
    let (cache, origin) = (cache(lifetime()), Origin::new(200));
    let began = Instant::now();
    let before = origin.spawn(&cache, 7);
    pass(ms(100)).await;
    cache.invalidate(&7);
    pass(ms(10)).await;
    let after = origin.spawn(&cache, 7);
    assert_eq!(*before.await.unwrap().unwrap(), 1);
    assert_eq!(began.elapsed(), ms(200));
    assert!(cache.peek_stale(&7).is_none());
    assert_eq!(*after.await.unwrap().unwrap(), 2);
    assert_eq!((began.elapsed(), origin.loads()), (ms(310), 2));
    assert_eq!(*cache.hit(&7).unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_put_stays_whichever_ends_last() {
    let (cache, origin) = (cache(lifetime()), Origin::new(200));
    let load = origin.spawn(&cache, 7);
    pass(ms(100)).await;
    cache.put(&7, 99);
    assert_eq!(*load.await.unwrap().unwrap(), 1);
    assert_eq!(*cache.hit(&7).unwrap(), 99);
}

#[tokio::test(start_paused = true)]
async fn a_clear_fences_every_load() {
    let (cache, origin) = (cache(lifetime()), Origin::new(200));
    let loads: Vec<_> = (0..3).map(|key| origin.spawn(&cache, key)).collect();
    pass(ms(100)).await;
    cache.clear();
    assert_eq!(cache.loading(), 0);
    for load in loads {
        load.await.unwrap().unwrap();
    }
    assert!((0..3).all(|key| cache.peek_stale(&key).is_none()));
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_load_that_is_fenced_is_dropped() {
    let (cache, origin) = (with_background(lifetime()), Origin::new(50));
    settle().await;
    assert!(tokio::time::timeout(ms(10), origin.get(&cache, 7)).await.is_err());
    settle().await;
    cache.invalidate(&7);
    assert_eq!((origin.dropped(), cache.loading()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn expired_is_old_and_not_wrong() {
    let (cache, origin) = (with_background(lifetime()), Origin::new(0));
    settle().await;
    origin.get(&cache, 7).await.unwrap();
    origin.takes(200);
    pass(ms(300)).await;
    cache.expire(&7);
    pass(ms(10)).await;
    let value = origin.get(&cache, 7).await.unwrap();
    assert_eq!((*value, value.freshness()), (1, Freshness::Stale(Why::Revalidating)));
    pass(ms(200)).await;
    assert_eq!(*cache.hit(&7).unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_tag_takes_what_carries_it_and_nothing_else() {
    let cache = cache(lifetime());
    cache.put_loaded(&1, Loaded::value(10).tags(["even", "ten"]));
    cache.put_loaded(&2, Loaded::value(20).tags(["ten"]));
    cache.put(&3, 30);
    cache.invalidate_tag("even");
    assert!(cache.peek_stale(&1).is_none());
    assert!(cache.hit(&2).is_some() && cache.hit(&3).is_some());
    cache.put_loaded(&1, Loaded::value(11).tags(["even"]));
    assert_eq!(*cache.hit(&1).unwrap(), 11);
    cache.expire_tag("ten");
    assert_eq!(cache.hit(&2).unwrap().freshness(), Freshness::Stale(Why::Revalidating));
    assert_eq!(cache.hit(&1).unwrap().freshness(), Freshness::Fresh);
}

#[tokio::test(start_paused = true)]
async fn a_load_whose_tag_was_fenced_meanwhile_is_for_those_who_came_before() {
    let (cache, origin) = (cache(lifetime()), Origin::new(200));
    let tagged = |cache: &super::Cache| {
        let (cache, load) = (cache.clone(), origin.loaded(|n| Loaded::value(n).tags(["news"])));
        tokio::spawn(async move { cache.get_or_load(&7, load).await.map(|value| *value) })
    };
    let before = tagged(&cache);
    pass(ms(100)).await;
    cache.invalidate_tag("news");
    let after = tagged(&cache);
    assert_eq!(before.await.unwrap().unwrap(), 1);
    assert_eq!(after.await.unwrap().unwrap(), 2);
    assert_eq!(*cache.hit(&7).unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn more_than_32_tags_are_answered_and_not_kept() {
    let cache = cache(lifetime());
    cache.put_loaded(&1, Loaded::value(1).tags((0..33).map(|n| n.to_string())));
    assert!(cache.hit(&1).is_none());
    cache.put_loaded(&1, Loaded::value(1).tags((0..32).map(|n| n.to_string())));
    assert!(cache.hit(&1).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_fence_waits_for_no_load_and_without_a_tier_it_is_everywhere() {
    let (cache, origin) = (cache(lifetime()), Origin::new(10_000));
    let load = origin.spawn(&cache, 7);
    settle().await;
    let began = Instant::now();
    assert_eq!(cache.fence_everywhere(Fence::Key(7)).await, Reach::Everywhere);
    assert_eq!(began.elapsed(), ms(0));
    load.await.unwrap().unwrap();
    assert!(cache.hit(&7).is_none());
}

#[tokio::test(start_paused = true)]
async fn what_a_lagging_replica_brings_after_a_fence_is_not_kept() {
    let (cache, origin) = (cache(Terms::new(lifetime()).fence_lag(ms(500))), Origin::new(0));
    cache.invalidate(&7);
    assert_eq!(*origin.get(&cache, 7).await.unwrap(), 1);
    assert_eq!(*origin.get(&cache, 7).await.unwrap(), 2, "the first was not kept");
    assert_eq!(*origin.get(&cache, 8).await.unwrap(), 3);
    assert_eq!(*cache.hit(&8).unwrap(), 3, "another key was not fenced");
    cache.put(&7, 99);
    assert_eq!(*cache.hit(&7).unwrap(), 99, "what is put is known to be new");
    pass(ms(501)).await;
    cache.expire(&7);
    pass(ms(501)).await;
    assert_eq!(*origin.get(&cache, 7).await.unwrap(), 4);
    assert_eq!(*cache.hit(&7).unwrap(), 4);
}

#[tokio::test(start_paused = true)]
async fn fences_take_the_time_that_their_caller_knows() {
    let cache = cache(lifetime());
    let now = seawall::Instant::now();
    cache.put_at(&7, Loaded::value(1), now);
    cache.fence_at(&Fence::Old(7), now + ms(300));
    assert_eq!(cache.hit_at(&7, now + ms(299)).unwrap().freshness(), Freshness::Fresh);
    assert_eq!(cache.hit_at(&7, now + ms(800)).unwrap().freshness(), Freshness::Stale(Why::Revalidating));
    assert!(cache.hit_at(&7, now + ms(801)).is_none());
}
