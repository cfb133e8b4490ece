//! A list kept by hand.

use super::{Followed, endpoint};
use seawall::discover::{Discovery, Watch};
use std::time::Duration;

const INSTANT: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn the_first_word_and_one_after_a_quiet_time_apply_at_once() {
    let watch = Watch::new();
    let mut followed = Followed::new(watch.source(), Discovery::new());
    assert!(followed.run_seconds(10).await.is_empty());
    assert_eq!(followed.failures(), 0, "nothing was said yet, and that is no failure");
    watch.set([endpoint("a"), endpoint("b")]);
    assert_eq!(followed.run(INSTANT).await, ["a", "b"]);
    followed.run_seconds(10).await;
    watch.remove("a");
    assert_eq!(followed.run(INSTANT).await, ["b"]);
}

#[tokio::test(start_paused = true)]
async fn of_many_changes_in_a_second_the_latest_wins() {
    let watch = Watch::new();
    let mut followed = Followed::new(watch.source(), Discovery::new());
    for i in 0..1000 {
        watch.set([endpoint(&i.to_string())]);
        followed.run(Duration::from_millis(10)).await;
    }
    let changes = followed.counters.snapshot().endpoint_changes;
    assert!((10..=11).contains(&changes), "{changes} in 10 s");
    assert_eq!(followed.run_seconds(1).await, ["999"]);
}

#[tokio::test(start_paused = true)]
async fn an_emptied_list_is_told_once_and_keeps_the_last_ones() {
    let watch = Watch::new();
    watch.insert(endpoint("a"));
    let mut strict = Followed::new(watch.source(), Discovery::new());
    let mut lenient = Followed::new(watch.source(), Discovery::new().allow_empty());
    assert_eq!(strict.run_seconds(2).await, ["a"]);
    assert_eq!(lenient.run_seconds(2).await, ["a"]);
    watch.remove("a");
    assert_eq!(strict.run_seconds(100).await, ["a"]);
    assert!(lenient.run_seconds(2).await.is_empty());
    assert_eq!((strict.failures(), lenient.failures()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_emptied_list_goes_stale_though_nobody_says_anything_more() {
    let watch = Watch::new();
    watch.insert(endpoint("a"));
    let rules = Discovery::new().stale_for(Duration::from_secs(60));
    let mut followed = Followed::new(watch.source(), rules);
    assert_eq!(followed.run_seconds(1000).await, ["a"], "silence is no failure");
    watch.remove("a");
    assert!(followed.run_seconds(2).await.is_empty());
    watch.insert(endpoint("b"));
    assert_eq!(followed.run_seconds(2).await, ["b"]);
    watch.set([]);
    assert_eq!(followed.run_seconds(50).await, ["b"]);
    assert!(followed.run_seconds(20).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_handle_freezes_the_list() {
    let watch = Watch::new();
    watch.insert(endpoint("a"));
    let source = watch.source();
    drop(watch);
    let mut followed = Followed::new(source, Discovery::new());
    assert_eq!(followed.run_seconds(1000).await, ["a"]);
    assert_eq!(followed.failures(), 0);
}

#[tokio::test(start_paused = true)]
async fn many_follow_one_list_and_hear_all_of_it() {
    let watch = Watch::new();
    let mut all: Vec<_> = (0..5).map(|_| Followed::new(watch.source(), Discovery::new())).collect();
    for round in 0..3 {
        watch.insert(endpoint(&round.to_string()));
        for followed in &mut all {
            assert_eq!(followed.run_seconds(2).await.len(), round + 1);
        }
    }
}
