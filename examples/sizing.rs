//! The arithmetic of limits and queues, done and then tried: Little's law, its spread, and the places of a queue.
//!
//! `cargo run --release --example sizing` prints the tables of the guide on sizing, and asserts that calls that come at
//! random are refused as often as the arithmetic says.

#![expect(clippy::disallowed_methods, reason = "a program has clocks and tasks of its own")]
#![expect(clippy::suboptimal_flops, reason = "formulas stand as in the books")]

use seawall::gate::{Permit, Queued};
use seawall::{Class, ConcurrencyLimit, Reason};
use std::collections::VecDeque;
use std::time::Duration;

const PER_SECOND: f64 = 400.0;
const CALL: f64 = 0.020;
/// Timers fire by whole milliseconds, each up to one late.
const TICKS: Duration = Duration::from_millis(4);

/// In any system that keeps up: calls in flight = rate × time of a call.
fn little(per_second: f64, seconds: f64) -> f64 {
    per_second * seconds
}

/// The share of calls that find all slots taken, if they come at random (Erlang's loss formula, 1917): whatever the
/// distribution of their time, only its mean counts.
fn erlang_loss(in_flight: f64, slots: u32) -> f64 {
    (1..=slots).fold(1.0, |loss, n| in_flight * loss / (f64::from(n) + in_flight * loss))
}

/// Random enough here, and the same on each run (SplitMix64).
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The gap to the next of calls that come at random.
    fn gap(&mut self) -> f64 {
        -(1.0 - self.unit()).ln() / PER_SECOND
    }
}

/// The mean number in flight that a call finds, and the share that is refused, of a million calls.
fn played(limit: u32) -> (f64, f64) {
    const CALLS: u32 = 1_000_000;
    let limit = ConcurrencyLimit::new("db", limit);
    let (mut random, mut now) = (Random(7), 0.0);
    let (mut found, mut refused) = (0_u64, 0_u32);
    // Each takes as long as every other, so they end in their order.
    let mut running = VecDeque::<(f64, Permit<&ConcurrencyLimit>)>::new();
    for _ in 0..CALLS {
        now += random.gap();
        while running.front().is_some_and(|(ends, _)| *ends <= now) {
            if let Some((_, permit)) = running.pop_front() {
                permit.settle(Class::Success);
            }
        }
        found += u64::from(limit.in_flight());
        match limit.try_acquire() {
            Ok(permit) => running.push_back((now + CALL, permit)),
            Err(_) => refused += 1,
        }
    }
    (found as f64 / f64::from(CALLS), f64::from(refused) / f64::from(CALLS))
}

/// All slots are taken, and one comes free each millisecond; then so many come at once. The longest wait of those who
/// are served, and how many find no place.
async fn burst(calls: u32, limit: u32, places: u32, wait: Duration) -> (Duration, u32) {
    let queued = Queued::new("db", ConcurrencyLimit::new("db", limit), places, wait + TICKS);
    let (mut running, start) = (tokio::task::JoinSet::new(), tokio::time::Instant::now());
    let mut longest = Duration::ZERO;
    let mut refused = 0;
    for number in 0..limit + calls {
        let queued = queued.clone();
        running.spawn(async move {
            let permit = queued.acquire().await?;
            let waited = start.elapsed();
            let left = if number < limit {
                Duration::from_millis(u64::from(number) + 1)
            } else {
                Duration::from_secs_f64(CALL)
            };
            tokio::time::sleep(left).await;
            permit.settle(Class::Success);
            Ok::<_, seawall::Rejected>(waited)
        });
    }
    while let Some(Ok(outcome)) = running.join_next().await {
        match outcome {
            Ok(waited) => longest = longest.max(waited),
            Err(rejected) => {
                assert_eq!(rejected.reason(), Reason::QueueFull);
                refused += 1;
            }
        }
    }
    (longest, refused)
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() {
    let mean = little(PER_SECOND, CALL);
    let with_spread = (mean + 4.0 * mean.sqrt()).ceil() as u32;
    println!(
        "{PER_SECOND} calls a second of {CALL} s are {mean} in flight; with four roots of spread, {with_spread}"
    );
    let (found, _) = played(10_000);
    println!("in a million calls that come at random, a call found {found:.2} others");
    assert!((found - mean).abs() < 0.1 && with_spread == 20);

    println!("| limit | refused, by the formula | refused of a million |\n|---:|---:|---:|");
    for limit in [8, 12, 16, with_spread] {
        let (by_formula, (_, share)) = (erlang_loss(mean, limit), played(limit));
        println!("| {limit} | {:.3} % | {:.3} % |", by_formula * 100.0, share * 100.0);
        assert!((by_formula - share).abs() < 0.002 + by_formula * 0.05);
    }

    // places = wait × limit / time of a call: those at the end of a longer queue could only time out.
    let (limit, wait) = (20, Duration::from_millis(50));
    let places = (wait.as_secs_f64() * f64::from(limit) / CALL) as u32;
    let (longest, refused) = burst(places + 3, limit, places, wait).await;
    println!(
        "{limit} slots and {places} places: of {} more the last waited {longest:?}, {refused} were refused",
        places + 3
    );
    assert!(places == 50 && longest <= wait + TICKS && refused == 3);
}
