//! What decides names no runtime, no lock, no log, no clock: a decision is a function of state, input and now.

use super::source::{File, library};

/// The folders that are not families of deciding values: the contract, the events, the foreign interfaces.
const ELSEWHERE: &[&str] = &["config", "gate", "telemetry", "http", "redis"];

/// The rooms that share or adapt. Every other file of a family decides, without being listed anywhere: a new
/// room that shares is declared here, so that it is said once and seen in review.
const NOT_DECIDING: &[&str] = &[
    "mod",
    "handle",
    "layer",
    "service",
    "future",  // the rooms that every family has
    "keyed",   // the handle over many keys
    "budget",  // a handle of its own: shared by many retries
    "course",  // one call through a retry's lock and budget
    "run",     // a function as a service
    "watch",   // a timer
    "further", // an attempt under way
    "instead",
    "over",    // services that stand in
    "current", // a deadline reckoned from the clock
    "pool",
    "endpoint", // handles: who is there, and how each fares
    "id",
    "live",
    "member",
    "picker",
    "roster",
    "party",
    "level",
    "snapshot",
    "seat",
    "drive",
    "driving",
    "pick_probed",
    "warming",
    "ticket",
    "tried",
    "checking",
    "probing",
    "following",
    "following_changes", // what a pool shares
    "news",
    "registry",
    "lease",
    "file",
    "http_check",
    "grpc_check",
    "whole",
    "tcp", // checks: what they send and wait for
    "dns", // sources: what they share, wait for and read
    "share",
    "word",
    "table",
    "leases",
    "remote", // what a shared store is asked
    "leased",
    "reservation",
    "heed", // the lock or the atomics around a limiter's state
    "shared",
    "control", // the lock and the atomics around a circuit
    "around",  // the drivers of a stack, built around it
    "presets", // stacks ready made
    "repeat",
    "spare", // a service taken along for further attempts
    "backlog",
    "batch",
    "background",
    "boarding",
    "cache_aside",
    "engine",
    "entry",
    "fences",
    "fifo",
    "flight",
    "landing",
    "leaving",
    "load_error",
    "loads",
    "marks",
    "read_through",
    "running",
    "source",
    "turns",
    "write_through",
    "settings",
    "tags",
    "tier",
    "wait", // the engine of a cache: what lookups, loads and fences share
    "answers",
    "driver",
    "front",
    "storing",
    "closing",
    "reads",
    "write", // what a spool hands out, and who writes it
];

const FORBIDDEN: &[&str] = &[
    "tokio",
    "tower",
    "tower_layer",
    "tower_service",
    "parking_lot",
    "tracing",
    "async",
    "await",
    "Arc<",
    "Arc::",
    "Mutex",
    "Instant::now",
];

/// Code lines of a file: about 250 for what decides, and nothing else needs more either.
const LINES: usize = 300;

fn decides(file: &File) -> bool {
    file.folder().is_some_and(|folder| !ELSEWHERE.contains(&folder)) && !NOT_DECIDING.contains(&file.room())
}

fn offences(file: &File) -> Vec<String> {
    if decides(file) { file.lines_with(FORBIDDEN) } else { Vec::new() }
}

#[test]
fn what_decides_names_no_runtime_lock_log_or_clock() {
    let library = library();
    assert!(library.iter().any(decides));
    let found: Vec<_> = library.iter().flat_map(offences).collect();
    assert!(
        found.is_empty(),
        "a deciding file takes `now` and chance as arguments, and shares nothing:\n{found:#?}"
    );
}

#[test]
fn a_deciding_file_with_a_lock_is_found_out() {
    for line in ["use tokio::time;", "struct A(Arc<u8>);", "async fn a() {}", "let now = Instant::now();"] {
        assert_eq!(offences(&File::new("family/thing.rs", line)).len(), 1, "{line}");
        assert!(offences(&File::new("family/handle.rs", line)).is_empty());
    }
}

#[test]
fn every_room_that_is_let_off_needs_it() {
    let library = library();
    let needs = |room: &str| {
        let of = |file: &&File| {
            file.room() == room && file.folder().is_some_and(|folder| !ELSEWHERE.contains(&folder))
        };
        library.iter().filter(of).any(|file| !file.lines_with(FORBIDDEN).is_empty())
    };
    let idle: Vec<_> = NOT_DECIDING.iter().filter(|room| **room != "mod" && !needs(room)).collect();
    assert!(idle.is_empty(), "these could be held to the law, or are no more: {idle:?}");
}

#[test]
fn a_file_holds_one_idea() {
    let lines = |file: &File| file.code.lines().filter(|line| !line.trim().is_empty()).count();
    let library = library();
    let long: Vec<_> = library.iter().filter(|file| lines(file) > LINES).map(|file| &file.path).collect();
    assert!(long.is_empty(), "more than {LINES} lines of code: there are two ideas in each of {long:#?}");
}
