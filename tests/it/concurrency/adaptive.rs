//! A limit that finds itself: what is a sample, and when a window closes.

use seawall::concurrency::{AdaptiveLimit, Advice, Aimd, Algorithm, Gradient, Reading, Vegas};
use seawall::telemetry::{Event, Observe, Telemetry, What};
use seawall::{Class, Instant};
use std::sync::Arc;
use std::time::Duration;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

/// Takes down what it is told.
#[derive(Clone, Debug, Default)]
#[expect(clippy::disallowed_types, reason = "a test may poison")]
struct Told(Arc<std::sync::Mutex<Vec<(Reading, Instant)>>>);

impl Algorithm for Told {
    fn limit(&self) -> f64 {
        10.0
    }

    fn update(&mut self, reading: Reading, now: Instant) -> Advice {
        self.0.lock().unwrap().push((reading, now));
        Advice::Limit(10)
    }

    fn set_bounds(&mut self, _: u32, _: u32) {}
}

impl Told {
    fn readings(&self) -> Vec<(Reading, Instant)> {
        self.0.lock().unwrap().clone()
    }
}

fn call(limit: &AdaptiveLimit, from: u64, to: u64, class: Class) {
    limit.try_acquire_at(at(from)).unwrap().settle_at(class, at(to));
}

#[test]
fn a_window_closes_at_the_first_outcome_after_a_hundred_milliseconds_and_ten() {
    let told = Told::default();
    let limit = AdaptiveLimit::new("api", told.clone());
    for n in 0..9 {
        call(&limit, 1000 + n, 1010 + n, Class::Success);
    }
    // Long enough, but only the tenth; then that one.
    call(&limit, 1090, 1099, Class::Success);
    assert_eq!(told.readings(), []);
    call(&limit, 1090, 1100, Class::Success);
    let mean = Duration::from_nanos((9 * 10_000_000 + 9_000_000 + 10_000_000) / 11);
    assert_eq!(told.readings(), [(Reading { rtt: Some(mean), in_flight: 1, dropped: false }, at(1100))]);
    // The next window begins there, and waits for its ten.
    for n in 0..9 {
        call(&limit, 2000, 2000 + n, Class::Success);
    }
    assert_eq!(told.readings().len(), 1);
    call(&limit, 2000, 2009, Class::Success);
    assert_eq!(told.readings().len(), 2);
}

#[test]
fn drops_count_without_a_time_and_the_rest_not_at_all() {
    let told = Told::default();
    let limit = AdaptiveLimit::new("api", told.clone());
    call(&limit, 0, 1, Class::Overload(None));
    for class in [Class::Neutral, Class::Transient, Class::Permanent] {
        for _ in 0..10 {
            call(&limit, 0, 200, class);
        }
    }
    drop(limit.try_acquire_at(at(0)).unwrap());
    limit.try_acquire_at(at(0)).unwrap().release();
    assert_eq!((told.readings(), limit.in_flight()), (Vec::new(), 0));
    for _ in 0..9 {
        call(&limit, 0, 200, Class::Overload(Some(ms(1))));
    }
    assert_eq!(told.readings(), [(Reading { rtt: None, in_flight: 1, dropped: true }, at(200))]);
}

#[test]
fn the_number_in_flight_is_the_largest_that_a_call_saw() {
    let told = Told::default();
    let limit = AdaptiveLimit::new("api", told.clone());
    let held: Vec<_> = (0..10).map(|_| limit.try_acquire_at(at(0)).unwrap()).collect();
    for permit in held {
        permit.settle_at(Class::Success, at(100));
    }
    assert_eq!(told.readings()[0].0.in_flight, 10);
}

#[test]
fn the_time_of_a_call_ends_with_the_head_of_its_answer() {
    let told = Told::default();
    let limit = AdaptiveLimit::new("api", told.clone());
    for _ in 0..10 {
        let now = at(0);
        let mut pass = seawall::gate::Admit::<()>::admit(&limit, &(), &mut now.into()).unwrap();
        seawall::Gate::answered(&limit, &mut pass, &mut at(30).into());
        assert_eq!(limit.in_flight(), 0);
        seawall::Gate::settle(&limit, pass, Class::Success, &mut at(500).into());
    }
    assert_eq!(told.readings()[0].0.rtt, Some(ms(30)));
}

#[test]
fn an_algorithm_may_look_at_its_own_limit() {
    #[derive(Clone, Default)]
    #[expect(clippy::disallowed_types, reason = "a test may poison")]
    struct Curious(Arc<std::sync::Mutex<Option<AdaptiveLimit>>>);
    impl Curious {
        fn looks(&self) -> Option<u32> {
            let limit = self.0.lock().unwrap().clone()?;
            limit.set_bounds(1, 7);
            Some(limit.snapshot().limit)
        }
    }
    impl std::fmt::Debug for Curious {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "curious at {:?}", self.looks())
        }
    }
    impl Algorithm for Curious {
        fn limit(&self) -> f64 {
            5.0
        }
        fn update(&mut self, _: Reading, _: Instant) -> Advice {
            Advice::Limit(self.looks().unwrap_or(0) + 1)
        }
        fn set_bounds(&mut self, _: u32, _: u32) {}
    }
    let curious = Curious::default();
    let limit = AdaptiveLimit::new("api", curious.clone());
    *curious.0.lock().unwrap() = Some(limit.clone());
    assert!(format!("{limit:?}").contains("curious at Some(5)"), "{limit:?}");
    for _ in 0..10 {
        call(&limit, 0, 100, Class::Overload(None));
    }
    assert_eq!((limit.snapshot().windows, limit.limit()), (1, 5), "bound again once it was back");
    *curious.0.lock().unwrap() = None;
}

/// CC-21.
#[test]
fn calls_one_after_another_leave_the_limit_where_it_is() {
    for limit in [
        AdaptiveLimit::new("api", Aimd::new()),
        AdaptiveLimit::new("api", Vegas::new()),
        AdaptiveLimit::new("api", Gradient::new()),
    ] {
        for n in 0..90 {
            call(&limit, n * 20, n * 20 + 15, Class::Success);
        }
        assert_eq!(limit.limit(), 20);
        assert!(limit.snapshot().windows > 5);
    }
}

#[test]
fn a_probe_takes_only_calls_admitted_since_it_began() {
    let limit = AdaptiveLimit::new("api", Vegas::new().baseline_age(ms(1000)));
    let window = |from: u64, took: u64| {
        for _ in 0..2 {
            let held: Vec<_> = (0..5).map(|_| limit.try_acquire_at(at(from)).unwrap()).collect();
            for permit in held {
                permit.settle_at(Class::Success, at(from + took));
            }
        }
    };
    window(0, 100);
    assert_eq!(limit.snapshot().reference, Some(ms(100)));
    let old: Vec<_> = (0..8).map(|_| limit.try_acquire_at(at(1000)).unwrap()).collect();
    window(1000, 200);
    assert_eq!(limit.limit(), 9, "half of 19, to probe");
    // They were admitted before the probe, and were slow.
    for permit in old {
        permit.settle_at(Class::Success, at(9000));
    }
    assert_eq!(limit.snapshot().windows, 2);
    window(1300, 150);
    let seen = limit.snapshot();
    assert_eq!((seen.windows, seen.reference, seen.limit), (3, Some(ms(150)), 19));
}

#[test]
fn what_moves_is_told_after_it_has_moved() {
    #[derive(Clone, Default)]
    #[expect(clippy::disallowed_types, reason = "a test may poison")]
    struct Moves(Arc<std::sync::Mutex<Vec<(u32, u32)>>>);
    impl Observe for Moves {
        fn observe(&self, event: &Event) {
            if let What::LimitChanged { from, to } = event.what {
                self.0.lock().unwrap().push((from, to));
            }
        }
    }
    let moves = Moves::default();
    let limit = AdaptiveLimit::new(Telemetry::new("api").observer(moves.clone()), Aimd::new());
    for _ in 0..10 {
        call(&limit, 0, 100, Class::Overload(None));
    }
    limit.set_bounds(30, 40);
    assert_eq!(*moves.0.lock().unwrap(), [(20, 18), (18, 30)]);
}

#[tokio::test(start_paused = true)]
async fn growing_lets_waiters_in() {
    let limit = AdaptiveLimit::new("api", Aimd::new().between(1, 10).initial(1));
    let queued = seawall::gate::Queued::new("q", limit.clone(), 5, ms(1000));
    let held = limit.try_acquire().unwrap();
    let (waiter, ()) = tokio::join!(queued.acquire(), async { limit.set_bounds(2, 10) });
    assert_eq!(limit.in_flight(), 2);
    drop((held, waiter.unwrap()));
}

#[test]
fn many_threads_lose_no_sample() {
    let told = Told::default();
    let limit = AdaptiveLimit::new("api", told.clone());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for n in 0..1000 {
                    // One moment; no window closes.
                    if let Ok(permit) = limit.try_acquire_at(at(1)) {
                        permit.settle_at(Class::Success, at(1 + n % 50));
                    }
                }
            });
        }
    });
    assert_eq!((told.readings().len(), limit.in_flight()), (0, 0));
    call(&limit, 200, 200, Class::Success);
    assert_eq!(told.readings().len(), 1);
}
