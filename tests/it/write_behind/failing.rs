use super::*;
use seawall::Class;
use seawall::cache::write_behind::{Config, DeadLetter, WriteBehind, WriteError};
use seawall::telemetry::{Counters, Telemetry};

const fn config() -> Config {
    Config::new().max_delay(Duration::ZERO)
}

type Letters = Arc<Mutex<Vec<DeadLetter<u32, u32, &'static str>>>>;

fn keep(letters: &Letters) -> impl FnMut(DeadLetter<u32, u32, &'static str>) + Send + 'static {
    let letters = letters.clone();
    move |letter| letters.lock().push(letter)
}

#[tokio::test(start_paused = true)]
async fn a_key_is_tried_with_growing_rests_and_then_handed_back_once() {
    let (source, letters, counters) = (Source::default(), Letters::default(), Arc::new(Counters::default()));
    let telemetry = Telemetry::new("failing").observer(counters.clone());
    let store = source.slow(Duration::ZERO, |_| Err("down"));
    let (buffer, driver) = WriteBehind::new(telemetry, config().attempts(5), store, keep(&letters));
    tokio::spawn(driver);
    buffer.put(1, 10).await.unwrap();
    wait(Duration::from_secs(60)).await;

    let at: Vec<_> = source.calls().iter().map(|call| call.at).collect();
    let rests: Vec<_> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // A store call takes a tick of the timer here.
    let near = |rest: u128, wanted: u128| (wanted..=wanted + 2).contains(&rest);
    assert!(
        rests.len() == 4 && rests.iter().zip([100, 200, 400, 800]).all(|(rest, wanted)| near(*rest, wanted)),
        "{rests:?}"
    );

    let letters = letters.lock();
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_eq!((*letter.write.key(), letter.write.value(), letter.write.attempt()), (1, Some(&10), 5));
    assert!(matches!(&letter.error, WriteError::Failed(error) if **error == "down"));
    let account = buffer.account();
    assert_eq!((account.accepted, account.dead, account.pending), (1, 1, 0));
    let seen = counters.snapshot();
    assert_eq!((seen.buffered, seen.rewrites, seen.dead, seen.written, seen.lost), (1, 4, 1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_success_forgets_the_failures_before_it() {
    let (source, letters) = (Source::default(), Letters::default());
    let mut calls = 0;
    let store = source.slow(Duration::ZERO, move |_| {
        calls += 1;
        if calls % 3 == 0 { Ok(()) } else { Err("flaky") }
    });
    let (buffer, driver) = WriteBehind::new("flaky", config().attempts(3), store, keep(&letters));
    tokio::spawn(driver);
    for value in 0..4 {
        buffer.put(1, value).await.unwrap();
        buffer.flush().await.unwrap();
    }
    assert_eq!((source.calls().len(), letters.lock().len()), (12, 0));
    assert_eq!(buffer.account().stored, 4);
}

#[tokio::test(start_paused = true)]
async fn only_the_newer_value_is_tried_after_a_failure() {
    let source = Source::default();
    let mut calls = 0;
    let store = source.slow(50 * MS, move |_| {
        calls += 1;
        if calls == 1 { Err("once") } else { Ok(()) }
    });
    let (buffer, driver) = WriteBehind::new("newer", config(), store, |_| ());
    tokio::spawn(driver);
    buffer.put(1, 1).await.unwrap();
    wait(10 * MS).await;
    buffer.put(1, 2).await.unwrap();
    buffer.flush().await.unwrap();
    let values: Vec<_> = source.calls().iter().map(|call| call.writes[0].1).collect();
    assert_eq!(values, [Some(1), Some(2)]);
    let account = buffer.account();
    assert_eq!((account.accepted, account.coalesced, account.stored), (2, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn classes_decide_what_becomes_of_a_key() {
    let (source, letters) = (Source::default(), Letters::default());
    let mut calls = 0;
    let inner = source.clone();
    let start = Instant::now();
    let store = move |batch: Vec<Write<u32, u32>>| {
        inner.note(start, &batch);
        calls += 1;
        let answer = |write: &Write<u32, u32>| match (write.key(), calls) {
            (1, _) => Some((1, Err("never"))),
            (2, _) => Some((2, Err("newer"))),
            (3, 1) => Some((3, Err("busy"))),
            (4, 1) => None,
            (key, _) => Some((*key, Ok(()))),
        };
        std::future::ready(batch.iter().filter_map(answer).collect::<Vec<_>>())
    };
    let (buffer, driver) = WriteBehind::new("classes", config(), store, keep(&letters));
    let driver = driver.classify(|result| match result {
        Ok(()) => Class::Success,
        Err(&"never") => Class::Permanent,
        Err(&"newer") => Class::Neutral,
        Err(&"busy") => Class::Overload(Some(Duration::from_secs(7))),
        Err(_) => Class::Transient,
    });
    for key in 1..=5 {
        buffer.try_put(key, key).unwrap();
    }
    tokio::spawn(driver);
    wait(Duration::from_secs(1)).await;
    let account = buffer.account();
    assert_eq!((account.stored, account.outdated, account.dead, account.pending), (2, 1, 1, 1));
    let dead: Vec<_> = letters.lock().iter().map(|letter| *letter.write.key()).collect();
    assert_eq!(dead, [1]);
    buffer.flush().await.unwrap();
    let keys: Vec<_> = source
        .calls()
        .iter()
        .map(|call| call.writes.iter().map(|(key, _)| *key).collect::<Vec<_>>())
        .collect();
    assert_eq!(keys, [vec![1, 2, 3, 4, 5], vec![4], vec![3]]);
    assert!(source.calls()[2].at >= 7000);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_or_panics_is_a_failure_that_may_pass() {
    let (letters, mut calls) = (Letters::default(), 0);
    let store = move |_: Vec<Write<u32, u32>>| {
        calls += 1;
        let call = calls;
        assert!(call != 1, "before the future");
        async move {
            assert!(call != 2, "inside the future");
            if call == 3 {
                std::future::pending::<()>().await;
            }
            Ok::<_, &'static str>(())
        }
    };
    let config = config().write_deadline(Duration::from_secs(3));
    let (buffer, driver) = WriteBehind::new("hangs", config, store, keep(&letters));
    tokio::spawn(driver);
    buffer.put(1, 1).await.unwrap();
    let start = Instant::now();
    buffer.flush().await.unwrap();
    let took = (Instant::now() - start).as_millis();
    assert!((3700..3710).contains(&took), "100 + 200 + 3000 + 400 ms, not {took}");
    assert_eq!((buffer.account().stored, letters.lock().len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_tells_the_last_error_and_a_panic_of_its_reader_loses_no_other() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let dead = {
        let seen = seen.clone();
        move |letter: DeadLetter<u32, u32, &'static str>| {
            seen.lock().push((*letter.write.key(), letter.error.to_string()));
            assert!(*letter.write.key() != 1, "a reader that fails");
        }
    };
    let store = |_: Vec<Write<u32, u32>>| async { Vec::<(u32, Result<(), &'static str>)>::new() };
    let (buffer, driver) = WriteBehind::new("silent", config().attempts(1), store, dead);
    let driver = tokio::spawn(driver);
    for key in 1..=3 {
        buffer.put(key, key).await.unwrap();
    }
    buffer.flush().await.unwrap();
    let silent = || String::from("the store did not answer for this key");
    assert_eq!(*seen.lock(), [(1, silent()), (2, silent()), (3, silent())]);
    assert!(!driver.is_finished());
}
