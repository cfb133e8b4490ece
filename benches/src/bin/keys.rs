//! How many bytes and how much time a limit per key costs when there are very many keys, beside the field's.
//!
//! ```text
//! keys            ten million
//! keys 1000000    so many
//! ```
//!
//! Each limiter sees every key once, new, and then once more, known and in another order. Bytes are what the allocator was asked
//! for and still holds, and by how much the resident set grew; nanoseconds are the thread's own CPU time.

use cpu_time::ThreadTime;
use governor::clock::MonotonicClock;
use seawall::rate_limit::{KeyedRateLimiter, Quota, WhenFull};
use std::fmt::Write;
use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::Duration;

/// An hour's quota, so that each key owes something for as long as this runs.
const PERMITS: u32 = 1000;

fn main() {
    let keys = std::env::args().nth(1).map_or(10_000_000, |keys| keys.parse().expect("a number of keys"));
    println!("| {keys} keys | bytes a key, allocated | resident | ns, new | ns, known |");
    println!("|---|---:|---:|---:|---:|");
    let hour = governor::Quota::per_hour(NonZeroU32::new(PERMITS).expect("some"));

    // Room for a tenth more than there are.
    let room = keys as usize / 10 * 11;
    let ours =
        || KeyedRateLimiter::new("per user", Quota::per_hour(PERMITS), room).when_full(WhenFull::Refuse);
    row("seawall, u64", keys, ours, |ours, key| ours.check(&key).is_ok());
    row("seawall, text of 16", keys, ours, |ours, key| {
        let mut text = Text::default();
        write!(text, "{key:016}").expect("room");
        ours.check(text.as_str()).is_ok()
    });
    row(
        "governor, u64",
        keys,
        || governor::RateLimiter::dashmap_with_clock(hour, MonotonicClock),
        |governor, key| governor.check_key(&key).is_ok(),
    );
    row(
        "governor, text of 16",
        keys,
        || governor::RateLimiter::dashmap_with_clock(hour, MonotonicClock),
        |governor, key| governor.check_key(&format!("{key:016}")).is_ok(),
    );
    // It counts into a sketch of fixed size, in which keys share counters: no state for each, and no decision.
    row(
        "pingora-limits, u64",
        keys,
        || pingora_limits::rate::Rate::new(Duration::from_secs(1)),
        |pingora, key| pingora.observe(&key, 1) > 0,
    );
}

fn row<L>(name: &str, keys: u64, make: impl FnOnce() -> L, check: impl Fn(&L, u64) -> bool) {
    let (mut limiter, mut new) = (None, 0.0);
    let resident = resident_bytes();
    let allocated = allocation_counter::measure(|| {
        let made = make();
        new = time(keys, |call| check(&made, call));
        limiter = Some(made);
    });
    let limiter = limiter.expect("made above");
    let resident = resident_bytes() - resident;
    // A step that shares no factor with a round number goes through all of them.
    let step = (keys as f64 * 0.618) as u64 | 1;
    let known = time(keys, |call| check(&limiter, call.wrapping_mul(step) % keys));
    let each = |bytes: i64| bytes as f64 / keys as f64;
    println!(
        "| {name} | {:.1} | {:.1} | {new:.0} | {known:.0} |",
        each(allocated.bytes_current),
        each(resident)
    );
}

fn time(calls: u64, call: impl Fn(u64) -> bool) -> f64 {
    let start = ThreadTime::now();
    for number in 0..calls {
        assert!(black_box(call(black_box(number))), "a key was refused");
    }
    start.elapsed().as_nanos() as f64 / calls as f64
}

fn resident_bytes() -> i64 {
    const PAGE: i64 = 4096;
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<i64>().ok()).map_or(0, |pages| pages * PAGE)
}

/// A key made without allocating.
#[derive(Default)]
struct Text {
    bytes: [u8; 16],
    length: usize,
}

impl Text {
    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

impl Write for Text {
    fn write_str(&mut self, part: &str) -> std::fmt::Result {
        let end = self.length + part.len();
        self.bytes.get_mut(self.length..end).ok_or(std::fmt::Error)?.copy_from_slice(part.as_bytes());
        self.length = end;
        Ok(())
    }
}
