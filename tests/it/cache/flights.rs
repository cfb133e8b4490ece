//! One load per key, whoever leaves, panics, hangs or comes late.

use super::{Cache, Origin, Terms, cache, lifetime, ms, pass, settle, with_background};
use seawall::cache::{Freshness, LoadError, Loaded, Memory, Negative, Why};
use seawall::deadline::Deadline;
use seawall::{Error, Reason};
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use tokio::time::{Instant, timeout};

/// Polls once and keeps the future parked from then on.
async fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    let mut future = Some(future);
    poll_fn(|cx| Poll::Ready(future.take().unwrap().poll(cx))).await
}

#[tokio::test(start_paused = true)]
async fn a_thousand_callers_of_one_key_are_one_load() {
    let (cache, origin, began) = (cache(lifetime()), Origin::new(200), Instant::now());
    let calls: Vec<_> = (0..1000).map(|_| origin.spawn(&cache, 7)).collect();
    for call in calls {
        assert_eq!(*call.await.unwrap().unwrap(), 1);
    }
    assert_eq!((origin.loads(), began.elapsed()), (1, ms(200)));
    assert_eq!(cache.loading(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_keys_are_a_thousand_loads_at_once() {
    let (cache, origin, began) = (cache(lifetime()), Origin::new(200), Instant::now());
    let calls: Vec<_> = (0..1000).map(|key| origin.spawn(&cache, key)).collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!((origin.loads(), began.elapsed()), (1000, ms(200)));
}

#[tokio::test(start_paused = true)]
async fn an_error_goes_to_all_who_joined_and_is_not_kept() {
    let (cache, origin) = (cache(lifetime()), Origin::new(200));
    origin.fails(true);
    let calls: Vec<_> = (0..50).map(|_| origin.spawn(&cache, 7)).collect();
    let mut errors = Vec::new();
    for call in calls {
        let Err(Error::Inner(LoadError::Failed(error))) = call.await.unwrap() else { panic!("it failed") };
        errors.push(error);
    }
    assert!(errors.iter().all(|error| Arc::ptr_eq(error, &errors[0])));
    assert_eq!(origin.loads(), 1);
    origin.fails(false);
    assert_eq!(*origin.get(&cache, 7).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_panic_goes_to_all_who_joined_with_its_message() {
    let cache = cache(lifetime());
    let load = || async {
        settle().await;
        if true {
            panic!("out of cheese");
        }
        Ok(1)
    };
    let (a, b) = tokio::join!(cache.get_or_load(&7, load), cache.get_or_load(&7, load));
    for result in [a, b] {
        let Err(Error::Inner(LoadError::Panicked(message))) = result else { panic!("it panicked") };
        assert_eq!(&*message, "out of cheese");
    }
    assert_eq!(cache.loading(), 0);
    assert_eq!(*cache.get_or_load(&7, || async { Ok(3) }).await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_is_never_polled_again_delays_nobody() {
    let (cache, origin) = (cache(lifetime()), Origin::new(200));
    let mut parked = pin!(origin.get(&cache, 7));
    assert!(poll_once(parked.as_mut()).await.is_pending());
    let other = origin.spawn(&cache, 7);
    assert_eq!(*timeout(ms(201), other).await.unwrap().unwrap().unwrap(), 1);
    assert_eq!(*parked.await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_last_caller_gets_it_when_all_others_have_left() {
    let (cache, origin) = (cache(lifetime()), Origin::new(50));
    let leaving: Vec<_> = (0..9).map(|_| origin.spawn(&cache, 7)).collect();
    settle().await;
    let stays = origin.spawn(&cache, 7);
    pass(ms(10)).await;
    leaving.iter().for_each(|call| call.abort());
    assert_eq!(*stays.await.unwrap().unwrap(), 1);
    assert_eq!(origin.loads(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_load_is_dropped_at_once_where_no_background_runs() {
    let (cache, origin) = (cache(lifetime()), Origin::new(50));
    assert!(timeout(ms(10), origin.get(&cache, 7)).await.is_err());
    assert_eq!((origin.dropped(), cache.loading()), (1, 0));
    origin.get(&cache, 7).await.unwrap();
    assert_eq!(origin.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_load_is_ended_by_the_background() {
    let (cache, origin) = (with_background(lifetime()), Origin::new(50));
    settle().await;
    assert!(timeout(ms(10), origin.get(&cache, 7)).await.is_err());
    pass(ms(50)).await;
    assert_eq!((origin.loads(), origin.dropped()), (1, 0));
    assert_eq!(*cache.hit(&7).unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_background_that_goes_drops_what_nobody_else_waits_for() {
    let (cache, origin) = (cache(lifetime()), Origin::new(50));
    let background = tokio::spawn(cache.background());
    settle().await;
    assert!(timeout(ms(10), origin.get(&cache, 7)).await.is_err());
    let waits = origin.spawn(&cache, 8);
    settle().await;
    background.abort();
    settle().await;
    assert_eq!((origin.dropped(), cache.loading()), (1, 1));
    waits.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_load_that_never_ends_is_dropped_at_its_deadline() {
    let cache = cache(Terms::new(lifetime()).load_deadline(ms(1000)));
    let began = Instant::now();
    let hung = || cache.get_or_load(&7, pending::<Result<u32, _>>);
    let results = tokio::join!(hung(), hung(), hung());
    assert!([results.0, results.1, results.2].iter().all(|result| matches!(result, Err(Error::TimedOut(_)))));
    assert_eq!((began.elapsed(), cache.loading()), (ms(1000), 0));
    assert_eq!(*cache.get_or_load(&7, || async { Ok(2) }).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn nobody_joins_a_load_past_its_deadline() {
    let cache = cache(Terms::new(lifetime()).load_deadline(ms(1000)));
    let mut parked = pin!(cache.get_or_load(&7, pending::<Result<u32, _>>));
    assert!(poll_once(parked.as_mut()).await.is_pending());
    pass(ms(1001)).await;
    assert_eq!(*cache.get_or_load(&7, || async { Ok(2) }).await.unwrap(), 2);
    assert!(matches!(parked.await, Err(Error::TimedOut(_))));
}

#[tokio::test(start_paused = true)]
async fn a_caller_leaves_at_its_hard_limit_and_the_background_ends_the_load() {
    let (cache, origin) = (with_background(Terms::new(lifetime()).hard(ms(30))), Origin::new(50));
    settle().await;
    let began = Instant::now();
    assert!(matches!(origin.get(&cache, 7).await, Err(Error::TimedOut(_))));
    assert_eq!(began.elapsed(), ms(30));
    pass(ms(20)).await;
    assert_eq!((cache.hit(&7).map(|value| *value), origin.loads()), (Some(1), 1));
}

#[tokio::test(start_paused = true)]
async fn a_requests_deadline_cuts_its_wait_and_not_the_load() {
    let (cache, origin) = (cache(lifetime()), Origin::new(50));
    let patient = origin.spawn(&cache, 7);
    settle().await;
    let hurried = Deadline::within(ms(10)).scope(origin.get(&cache, 7)).await;
    assert!(matches!(hurried, Err(Error::TimedOut(_))));
    assert_eq!(*patient.await.unwrap().unwrap(), 1);
    let inside = Deadline::within(ms(10))
        .scope(cache.get_or_load(&8, || async {
            Ok(u32::from(Deadline::current().unwrap().remaining() > ms(1000)))
        }));
    assert_eq!(*inside.await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn loads_beyond_the_bound_wait_their_turn_and_then_are_refused() {
    let (cache, origin) = (cache(Terms::new(lifetime()).max_loads(2).waiting(1)), Origin::new(100));
    cache.put(&9, 9);
    let began = Instant::now();
    let calls: Vec<_> = (0..3).map(|key| origin.spawn(&cache, key)).collect();
    settle().await;
    assert_eq!(*cache.hit(&9).unwrap(), 9);
    let refused = origin.get(&cache, 4).await.unwrap_err();
    assert_eq!(refused.rejected().unwrap().reason(), Reason::QueueFull);
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!((began.elapsed(), origin.loads()), (ms(200), 3));
}

#[tokio::test(start_paused = true)]
async fn one_who_waits_for_a_slot_and_leaves_hands_nothing_on_twice() {
    let (cache, origin) = (cache(Terms::new(lifetime()).max_loads(1)), Origin::new(100));
    let first = origin.spawn(&cache, 1);
    settle().await;
    assert!(timeout(ms(10), origin.get(&cache, 2)).await.is_err());
    let third = origin.spawn(&cache, 3);
    first.await.unwrap().unwrap();
    third.await.unwrap().unwrap();
    assert_eq!(origin.loads(), 2);
    // The slot is free again, and only one.
    let began = Instant::now();
    let (a, b) = tokio::join!(origin.get(&cache, 4), origin.get(&cache, 5));
    assert!(a.is_ok() && b.is_ok());
    assert_eq!(began.elapsed(), ms(200));
}

#[tokio::test(start_paused = true)]
async fn a_load_that_waits_for_itself_is_refused_at_once() {
    let cache = cache(lifetime());
    let inner = cache.clone();
    let result = cache
        .get_or_load_lifted(&1, async move || {
            let other = inner.clone();
            // A circle of two.
            let nested = inner.get_or_load_lifted(&2, async move || {
                match other.get_or_load(&1, || async { Ok(1) }).await {
                    Err(error) => Err::<u32, _>(Error::Rejected(*error.rejected().unwrap())),
                    Ok(value) => Ok(*value),
                }
            });
            nested.await.map(|value| *value).map_err(|error| Error::Rejected(*error.rejected().unwrap()))
        })
        .await;
    assert_eq!(result.unwrap_err().rejected().unwrap().reason(), Reason::Reentrant);
    assert_eq!(cache.loading(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_kept_still_answers_all_who_joined() {
    let origin = Origin::new(200);
    for cache in [
        Cache::new("none", Memory::lru(0), lifetime()),
        Cache::new("heavy", Memory::lru(10), Terms::new(lifetime()).weigh(|_, _| 11)),
        Cache::new("brief", Memory::lru(10), seawall::cache::Lifetime::of(ms(0))),
    ] {
        let before = origin.loads();
        let calls: Vec<_> = (0..10).map(|_| origin.spawn(&cache, 7)).collect();
        for call in calls {
            assert_eq!(*call.await.unwrap().unwrap(), before + 1);
        }
        assert_eq!(origin.loads(), before + 1);
        origin.get(&cache, 7).await.unwrap();
        origin.get(&cache, 7).await.unwrap();
        assert_eq!(origin.loads(), before + 3, "{cache:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pass_is_for_one_and_the_others_load_side_by_side() {
    let (cache, origin) = (cache(lifetime()), Origin::new(200));
    let began = Instant::now();
    let get = || cache.get_or_load(&7, origin.loaded(Loaded::pass));
    let (a, b, c) = tokio::join!(get(), get(), get());
    let mut values = [*a.unwrap(), *b.unwrap(), *c.unwrap()];
    values.sort_unstable();
    assert_eq!((values, began.elapsed()), ([1, 2, 3], ms(400)));
    let again = Instant::now();
    let _ = tokio::join!(get(), get());
    assert_eq!((origin.loads(), again.elapsed(), cache.loading()), (5, ms(200), 0));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_kept_for_its_own_time_only() {
    let (cache, origin) = (cache(Terms::new(lifetime()).negative(Negative::ttl(ms(100)))), Origin::new(200));
    let find = || cache.get_or_find(&7, origin.loaded(|_| Loaded::missing()));
    let (a, b) = tokio::join!(find(), find());
    assert!(a.unwrap().is_none() && b.unwrap().is_none());
    pass(ms(99)).await;
    assert!(find().await.unwrap().is_none());
    assert_eq!(origin.loads(), 1);
    pass(ms(1)).await;
    assert!(find().await.unwrap().is_none());
    assert_eq!(origin.loads(), 2);
    // A put puts an end to it.
    cache.put(&7, 70);
    assert_eq!(*find().await.unwrap().unwrap(), 70);
}

#[tokio::test(start_paused = true)]
async fn without_negatives_nothing_is_asked_for_again() {
    let (cache, origin) = (cache(lifetime()), Origin::new(200));
    for loads in 1..=2 {
        assert!(cache.get_or_find(&7, origin.loaded(|_| Loaded::missing())).await.unwrap().is_none());
        assert_eq!(origin.loads(), loads);
    }
    let found = cache.get_or_load(&7, origin.loaded(|_| Loaded::missing())).await;
    assert!(matches!(found, Err(Error::Inner(LoadError::Unanswered))));
}

#[tokio::test(start_paused = true)]
async fn an_error_that_may_be_kept_is_answered_without_a_load() {
    let negative = Negative::ttl(ms(100)).errors(|error: &&str| *error == "down");
    let (cache, origin) = (cache(Terms::new(lifetime()).negative(negative)), Origin::new(10));
    origin.fails(true);
    for _ in 0..3 {
        assert!(matches!(origin.get(&cache, 7).await, Err(Error::Inner(LoadError::Failed(_)))));
    }
    assert_eq!(origin.loads(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_first_of_two_loaders_runs() {
    let cache = cache(lifetime());
    let slow = cache.get_or_load(&7, || async {
        settle().await;
        Ok(1)
    });
    let (a, b) = tokio::join!(slow, cache.get_or_load(&7, || async { Ok(2) }));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert!(*a == 1 && a.is_same(&b));
}

#[tokio::test(start_paused = true)]
async fn a_loader_that_wakes_itself_while_it_is_polled_goes_on() {
    let cache = cache(lifetime());
    let impatient = || async {
        let mut left = 5;
        poll_fn(move |cx| {
            left -= 1;
            cx.waker().wake_by_ref();
            if left == 0 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        Ok(4)
    };
    let (a, b) = tokio::join!(cache.get_or_load(&7, impatient), cache.get_or_load(&7, impatient));
    assert!(a.unwrap().is_same(&b.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_soft_limit_gives_what_is_stale_and_the_load_goes_on() {
    let lifetime = lifetime().stale_while_revalidate(ms(0));
    for (soft, given) in [(10, 10), (40, 30)] {
        let settings = Terms::new(lifetime).soft(ms(soft)).hard(ms(30));
        let (cache, origin) = (with_background(settings), Origin::new(0));
        settle().await;
        origin.get(&cache, 7).await.unwrap();
        origin.takes(50);
        pass(ms(2000)).await;
        let began = Instant::now();
        let value = origin.get(&cache, 7).await.unwrap();
        let why = if soft == 10 { Why::Slow } else { Why::TimedOut };
        assert_eq!((*value, value.freshness(), began.elapsed()), (1, Freshness::Stale(why), ms(given)));
        pass(ms(50) - began.elapsed()).await;
        assert_eq!(*cache.hit(&7).unwrap(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn with_nothing_stale_a_soft_limit_is_none() {
    let cache = with_background(Terms::new(lifetime()).soft(ms(10)).hard(ms(30)));
    settle().await;
    let began = Instant::now();
    assert!(matches!(Origin::new(50).get(&cache, 7).await, Err(Error::TimedOut(_))));
    assert_eq!(began.elapsed(), ms(30));
}

#[tokio::test(start_paused = true)]
async fn a_load_past_its_age_limit_is_joined_by_nobody_and_answers_who_had_joined() {
    let cache = cache(Terms::new(lifetime()).age_limit(ms(100)));
    let (origin, began) = (Origin::new(300), Instant::now());
    let old = origin.spawn(&cache, 7);
    pass(ms(99)).await;
    let joined = origin.spawn(&cache, 7);
    pass(ms(1)).await;
    let new = origin.spawn(&cache, 7);
    pass(ms(100)).await;
    // A third joins the second, however old that is: there are never more than two.
    let third = origin.spawn(&cache, 7);
    pass(ms(50)).await;
    assert_eq!((origin.loads(), cache.loading()), (2, 1));
    assert_eq!((*old.await.unwrap().unwrap(), *joined.await.unwrap().unwrap()), (1, 1));
    assert_eq!(began.elapsed(), ms(300));
    assert!(cache.peek_stale(&7).is_none(), "its place was taken");
    assert_eq!((*new.await.unwrap().unwrap(), *third.await.unwrap().unwrap()), (2, 2));
    assert_eq!((began.elapsed(), *cache.hit(&7).unwrap()), (ms(400), 2));
}
