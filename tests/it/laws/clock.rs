//! One file reads the clock, one names `tracing`, one names the atomics and locks.

use super::source::{File, library};

/// Words, and the places in the library where each may stand.
const PLACES: &[(&[&str], &[&str])] = &[
    (&["tokio::time", "std::time::Instant"], &["clock.rs"]),
    // The dates of HTTP are of the wall clock.
    (&["SystemTime::now"], &["http/"]),
    (&["tracing"], &["telemetry/trace.rs"]),
    // A thread's stripe is a `static`, which the models' atomics cannot be.
    (&["std::sync::atomic", "parking_lot", "loom", "shuttle"], &["sync.rs", "stripe.rs"]),
];

fn offences(file: &File) -> Vec<String> {
    let elsewhere =
        PLACES.iter().filter(|(_, places)| !places.iter().any(|place| file.path.starts_with(place)));
    elsewhere.flat_map(|(words, _)| file.lines_with(words)).collect()
}

#[test]
fn clock_log_and_atomics_have_their_places() {
    let found: Vec<_> = library().iter().flat_map(offences).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_second_place_is_found_out() {
    let bad = [
        "fn now() { tokio::time::Instant::now(); }",
        "use std::time::Instant;",
        "fn now() { SystemTime::now(); }",
        "fn log() { tracing::info!(\"\"); }",
        "use std::sync::atomic::AtomicU64;",
        "use parking_lot::Mutex;",
    ];
    for text in bad {
        assert_eq!(offences(&File::new("family/handle.rs", text)).len(), 1, "{text}");
    }
    assert!(offences(&File::new("clock.rs", bad[0])).is_empty());
}
