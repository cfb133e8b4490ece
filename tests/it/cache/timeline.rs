//! Fresh, early, revalidate, if error, gone: what each reader gets, and who loads.

use super::{Cache, Origin, Terms, cache, lifetime, ms, pass, settle, with_background};
use seawall::cache::{Early, Freshness, Jitter, Lifetime, LoadError, Loaded, Pause, Why};
use seawall::{Class, Error, Ratio, Reason, Rejected};
use std::time::Duration;
use tokio::time::Instant;

/// A cache in which load 1 was stored at 0.
async fn stored(settings: impl Into<Terms>) -> (Cache, Origin) {
    let (cache, origin) = (with_background(settings), Origin::new(0));
    settle().await;
    origin.get(&cache, 7).await.unwrap();
    origin.takes(200);
    (cache, origin)
}

async fn read(cache: &Cache, origin: &Origin) -> (u32, Freshness) {
    let value = origin.get(cache, 7).await.unwrap();
    (*value, value.freshness())
}

#[tokio::test(start_paused = true)]
async fn fresh_to_the_last_moment_then_stale_and_one_load_behind() {
    let (cache, origin) = stored(lifetime()).await;
    pass(ms(999)).await;
    assert_eq!(read(&cache, &origin).await, (1, Freshness::Fresh));
    assert_eq!(origin.loads(), 1);
    pass(ms(1)).await;
    let began = Instant::now();
    for _ in 0..100 {
        assert_eq!(read(&cache, &origin).await, (1, Freshness::Stale(Why::Revalidating)));
    }
    assert_eq!(began.elapsed(), ms(0));
    pass(ms(200)).await;
    assert_eq!(origin.loads(), 2);
    assert_eq!(read(&cache, &origin).await, (2, Freshness::Fresh));
}

#[tokio::test(start_paused = true)]
async fn the_window_includes_its_last_instant() {
    let (cache, origin) = stored(lifetime()).await;
    pass(ms(1500)).await;
    assert_eq!(read(&cache, &origin).await, (1, Freshness::Stale(Why::Revalidating)));
    let (cache, origin) = stored(lifetime()).await;
    pass(ms(1501)).await;
    let began = Instant::now();
    assert_eq!(read(&cache, &origin).await, (2, Freshness::Fresh));
    assert_eq!(began.elapsed(), ms(200));
}

#[tokio::test(start_paused = true)]
async fn a_failed_load_gives_what_is_stale_and_keeps_the_next_away() {
    let (cache, origin) = stored(lifetime().stale_while_revalidate(ms(0))).await;
    origin.fails(true);
    pass(ms(1200)).await;
    let began = Instant::now();
    assert_eq!(read(&cache, &origin).await, (1, Freshness::Stale(Why::Failed)));
    assert_eq!(began.elapsed(), ms(200));
    pass(ms(50)).await;
    assert_eq!(read(&cache, &origin).await, (1, Freshness::Stale(Why::Throttled)));
    assert_eq!((began.elapsed(), origin.loads()), (ms(250), 2));
    // The throttle is over, the origin is well, and the value begins a whole new life.
    origin.fails(false);
    pass(ms(100)).await;
    assert_eq!(read(&cache, &origin).await, (3, Freshness::Fresh));
    pass(ms(999)).await;
    assert_eq!(read(&cache, &origin).await, (3, Freshness::Fresh));
}

#[tokio::test(start_paused = true)]
async fn once_gone_an_error_is_an_error() {
    let (cache, origin) = stored(lifetime()).await;
    origin.fails(true);
    pass(ms(5900)).await;
    // Stale when the load begins, gone when it fails.
    assert!(matches!(origin.get(&cache, 7).await, Err(Error::Inner(LoadError::Failed(_)))));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_no_failure_and_sets_no_throttle() {
    let (cache, origin) = stored(lifetime().stale_while_revalidate(ms(0))).await;
    pass(ms(1200)).await;
    let refused = Rejected::new("db", Reason::CircuitOpen);
    let value =
        cache.get_or_load_lifted(&7, async move || Err::<u32, _>(Error::Rejected(refused))).await.unwrap();
    assert_eq!(value.freshness(), Freshness::Stale(Why::Refused));
    assert_eq!(read(&cache, &origin).await, (2, Freshness::Fresh));
}

#[tokio::test(start_paused = true)]
async fn a_neutral_error_is_an_answer() {
    let settings = Terms::new(lifetime()).classify(|_| Class::Neutral);
    let (cache, origin) = stored(settings).await;
    origin.fails(true);
    pass(ms(1600)).await;
    assert!(matches!(origin.get(&cache, 7).await, Err(Error::Inner(LoadError::Failed(_)))));
    assert!(cache.peek_stale(&7).is_none());
}

#[tokio::test(start_paused = true)]
async fn an_overloaded_origin_says_when_to_come_back() {
    let settings = Terms::new(lifetime().stale_while_revalidate(ms(0)));
    let (cache, origin) = stored(settings.classify(|_| Class::Overload(Some(ms(2000))))).await;
    origin.fails(true);
    pass(ms(1200)).await;
    assert_eq!(read(&cache, &origin).await, (1, Freshness::Stale(Why::Failed)));
    pass(ms(1999)).await;
    assert_eq!(read(&cache, &origin).await, (1, Freshness::Stale(Why::Throttled)));
    pass(ms(1)).await;
    assert_eq!(read(&cache, &origin).await, (1, Freshness::Stale(Why::Failed)));
    assert_eq!(origin.loads(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_early_refresh_makes_nobody_wait() {
    let lifetime = Lifetime::of(ms(10_000)).jitter(Jitter::off()).early(Early::at(Ratio::percent(80)));
    let (cache, origin) = stored(lifetime).await;
    pass(ms(7999)).await;
    read(&cache, &origin).await;
    assert_eq!(origin.loads(), 1);
    pass(ms(1)).await;
    for _ in 0..100 {
        assert_eq!(read(&cache, &origin).await, (1, Freshness::Fresh));
    }
    pass(ms(200)).await;
    assert_eq!(origin.loads(), 2);
    assert_eq!(read(&cache, &origin).await, (2, Freshness::Fresh));
}

#[tokio::test(start_paused = true)]
async fn a_failed_early_refresh_changes_nothing_but_the_throttle() {
    let lifetime = Lifetime::of(ms(10_000))
        .jitter(Jitter::off())
        .early(Early::at(Ratio::percent(80)))
        .throttle(Pause::fixed(ms(100)));
    let (cache, origin) = stored(lifetime).await;
    origin.fails(true);
    pass(ms(8000)).await;
    assert_eq!(read(&cache, &origin).await, (1, Freshness::Fresh));
    pass(ms(200)).await;
    pass(ms(99)).await;
    assert_eq!(read(&cache, &origin).await, (1, Freshness::Fresh));
    settle().await;
    assert_eq!(origin.loads(), 2);
    pass(ms(1)).await;
    read(&cache, &origin).await;
    settle().await;
    assert_eq!(origin.loads(), 3);
}

#[tokio::test(start_paused = true)]
async fn without_a_background_the_first_reader_loads_and_the_others_do_not_wait() {
    let (cache, origin) = (cache(lifetime()), Origin::new(0));
    origin.get(&cache, 7).await.unwrap();
    origin.takes(200);
    pass(ms(1200)).await;
    let began = Instant::now();
    let first = origin.spawn(&cache, 7);
    settle().await;
    for _ in 0..10 {
        assert_eq!(read(&cache, &origin).await, (1, Freshness::Stale(Why::Revalidating)));
    }
    assert_eq!(began.elapsed(), ms(0));
    assert_eq!(*first.await.unwrap().unwrap(), 2);
    assert_eq!(origin.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_first_reader_who_leaves_lets_the_next_one_load() {
    let (cache, origin) = (cache(lifetime()), Origin::new(0));
    origin.get(&cache, 7).await.unwrap();
    origin.takes(200);
    pass(ms(1200)).await;
    assert!(tokio::time::timeout(ms(10), origin.get(&cache, 7)).await.is_err());
    assert_eq!(read(&cache, &origin).await, (3, Freshness::Fresh));
}

#[tokio::test(start_paused = true)]
async fn unchanged_is_the_same_value_with_a_new_life() {
    let (cache, origin) = stored(lifetime()).await;
    let before = cache.hit(&7).unwrap();
    pass(ms(1600)).await;
    let renewed = cache.get_or_load(&7, origin.loaded(|_| Loaded::unchanged())).await.unwrap();
    assert!(renewed.is_same(&before));
    pass(ms(999)).await;
    assert_eq!(cache.hit(&7).unwrap().freshness(), Freshness::Fresh);
    let nothing = cache.get_or_load(&8, origin.loaded(|_| Loaded::unchanged())).await;
    assert!(matches!(nothing, Err(Error::Inner(LoadError::Unanswered))));
    // Missing is an answer: the entry goes.
    pass(ms(1600)).await;
    assert!(cache.get_or_find(&7, origin.loaded(|_| Loaded::missing())).await.unwrap().is_none());
    assert!(cache.peek_stale(&7).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_peek_touches_and_loads_nothing() {
    let (cache, origin) = stored(lifetime()).await;
    pass(ms(1200)).await;
    assert!(cache.peek(&7).is_none());
    assert_eq!(*cache.peek_stale(&7).unwrap(), 1);
    settle().await;
    assert_eq!(origin.loads(), 1);
}

#[tokio::test(start_paused = true)]
async fn for_ever_is_for_ever_and_a_values_own_terms_win() {
    let (cache, origin) = stored(Lifetime::forever().stale_if_error(Duration::MAX)).await;
    pass(Duration::from_secs(86_400 * 3650)).await;
    assert_eq!(read(&cache, &origin).await, (1, Freshness::Fresh));
    cache.put_loaded(&8, Loaded::value(8).ttl(ms(10)).age(ms(4)));
    assert_eq!(cache.hit(&8).unwrap().age(), ms(4));
    pass(ms(5)).await;
    assert!(cache.hit(&8).is_some());
    pass(ms(1)).await;
    assert!(cache.hit(&8).is_none());
    cache.put_loaded(&9, Loaded::value(9).at_most(ms(10)));
    pass(ms(10)).await;
    assert!(cache.hit(&9).is_none());
}
