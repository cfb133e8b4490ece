//! Fifty hot keys in four processes, all loaded at the same moment: what their expiry does to the origin, by defence.
//!
//! `cargo run --example stampede` prints a table and writes `stampede.svg`. Time is tokio's, paused, so the run is over in
//! a few seconds and is the same each time but for the jitter.
//!
//! Each process reads each key 50 times a second; a load takes 200 ms, a value lives for 10 s.

#![expect(clippy::disallowed_methods, reason = "a program has clocks and tasks of its own")]

use seawall::Ratio;
use seawall::cache::{CacheAside, Early, Jitter, Lifetime, Memory};
use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

const PROCESSES: u32 = 4;
const KEYS: u32 = 50;
const LOAD: Duration = Duration::from_millis(200);
const TTL: Duration = Duration::from_secs(10);
const EVERY: Duration = Duration::from_millis(20);
const SECONDS: usize = 35;
/// Bins of a tenth of a second.
const BINS: usize = SECONDS * 10;

type Cache = CacheAside<u32, u32, Infallible>;

/// Counts the loads that it begins, by the tenth of a second.
struct Origin {
    start: Instant,
    begun: Vec<AtomicU32>,
    waited: AtomicU32,
}

impl Origin {
    async fn load(self: Arc<Self>) -> Result<u32, Infallible> {
        let bin = (self.start.elapsed().as_millis() / 100) as usize;
        if let Some(begun) = self.begun.get(bin) {
            begun.fetch_add(1, Relaxed);
        }
        sleep(LOAD).await;
        Ok(7)
    }
}

#[derive(Clone, Copy)]
struct Defence {
    name: &'static str,
    joins: bool,
    lifetime: Lifetime,
}

async fn read(cache: &Cache, origin: Arc<Origin>, key: u32, joins: bool) {
    let began = Instant::now();
    let load = Arc::clone(&origin);
    if joins {
        let _ = cache.get_or_load(&key, move || load.load()).await;
    } else if cache.hit(&key).is_none() {
        // What is written by hand: look, load, put.
        let Ok(value) = load.load().await;
        cache.put(&key, value);
    }
    // The first load of all is everybody's.
    if began.elapsed() >= Duration::from_millis(1) && origin.start.elapsed() > Duration::from_secs(5) {
        origin.waited.fetch_add(1, Relaxed);
    }
}

async fn run(defence: Defence) -> (Vec<u32>, u32) {
    let start = Instant::now();
    let begun = (0..BINS).map(|_| AtomicU32::new(0)).collect();
    let origin = Arc::new(Origin { start, begun, waited: AtomicU32::new(0) });
    let mut readers = Vec::new();
    for process in 0..PROCESSES {
        let cache = Cache::new("hot", Memory::lru(1000), defence.lifetime);
        tokio::spawn(cache.background());
        for key in 0..KEYS {
            let (cache, origin) = (cache.clone(), Arc::clone(&origin));
            readers.push(tokio::spawn(async move {
                // Readers of different processes and keys do not march in step.
                let mut next = start + Duration::from_micros(u64::from(process * KEYS + key) * 97 % 20_000);
                while start.elapsed() < Duration::from_secs(SECONDS as u64) {
                    sleep_until(next).await;
                    next += EVERY;
                    let (cache, origin) = (cache.clone(), Arc::clone(&origin));
                    tokio::spawn(async move { read(&cache, origin, key, defence.joins).await });
                }
            }));
        }
    }
    for reader in readers {
        let _ = reader.await;
    }
    (origin.begun.iter().map(|bin| bin.load(Relaxed)).collect(), origin.waited.load(Relaxed))
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() {
    let plain = Lifetime::of(TTL).jitter(Jitter::off());
    let jitter = plain.jitter(Jitter::shorter(Ratio::percent(10)));
    let defences = [
        Defence { name: "by hand: look, load, put", joins: false, lifetime: plain },
        Defence { name: "one load per key", joins: true, lifetime: plain },
        Defence { name: "and jitter of 10 %", joins: true, lifetime: jitter },
        Defence {
            name: "and early at 80 %",
            joins: true,
            lifetime: jitter.early(Early::at(Ratio::percent(80))),
        },
        Defence { name: "XFetch, beta 1", joins: true, lifetime: plain.early(Early::xfetch(1.0)) },
        Defence {
            name: "jitter, stale while revalidate",
            joins: true,
            lifetime: jitter.stale_while_revalidate(Duration::from_secs(5)),
        },
    ];
    println!("| defence | loads | at most in 100 ms, after the first | readers who waited |");
    println!("|---|---:|---:|---:|");
    let mut rows = Vec::new();
    for defence in defences {
        let (begun, waited) = run(defence).await;
        let loads: u32 = begun.iter().sum();
        let peak = begun[50..].iter().copied().max().unwrap_or(0);
        println!("| {} | {loads} | {peak} | {waited} |", defence.name);
        rows.push((defence.name, begun, loads, peak, waited));
    }
    std::fs::write("stampede.svg", drawing(&rows)).expect("stampede.svg can be written");

    let [by_hand, one, jittered, early, xfetch, stale] = &*rows else { unreachable!("six defences") };
    assert!(by_hand.3 >= 4 * one.3, "one load per key spares the origin the crowd");
    assert!(jittered.3 * 2 <= one.3, "jitter spreads what was loaded together");
    assert!(one.4 > 0 && jittered.4 > 0, "who comes after the end waits");
    assert_eq!((early.4, stale.4), (0, 0), "nobody waits for what is loaded behind");
    assert!(
        xfetch.4 * 3 < one.4 * 2 && xfetch.3 * 2 < one.3,
        "draws spread the loads, and spare many the wait"
    );
}

type Row = (&'static str, Vec<u32>, u32, u32, u32);

/// One strip for each defence: loads begun in each tenth of a second, on one scale with its own peak written beside it.
fn drawing(rows: &[Row]) -> String {
    const WIDTH: usize = 900;
    const HEIGHT: usize = 90;
    let mut svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{}' font-family='sans-serif' font-size='12'>\n",
        rows.len() * HEIGHT + 30
    );
    for (index, (name, begun, loads, peak, waited)) in rows.iter().enumerate() {
        let base = (index + 1) * HEIGHT;
        let tallest = begun[50..].iter().copied().max().unwrap_or(1).max(1);
        let _ = writeln!(
            svg,
            "<text x='10' y='{}'>{name}: {loads} loads, at most {peak} in 100 ms, {waited} readers waited</text>",
            base - HEIGHT + 18
        );
        let _ = writeln!(svg, "<line x1='10' x2='{}' y1='{base}' y2='{base}' stroke='#999'/>", WIDTH - 10);
        for (bin, &count) in begun.iter().enumerate().filter(|(_, count)| **count > 0) {
            let x = 10.0 + bin as f64 * (WIDTH - 20) as f64 / BINS as f64;
            let height = f64::from(count.min(tallest)) * 60.0 / f64::from(tallest);
            let _ = writeln!(
                svg,
                "<rect x='{x:.1}' y='{:.1}' width='2.3' height='{height:.1}' fill='#2a6f97'/>",
                base as f64 - height
            );
        }
    }
    let _ = writeln!(
        svg,
        "<text x='10' y='{}'>0 to {SECONDS} s; loads begun in each tenth of a second</text>\n</svg>",
        rows.len() * HEIGHT + 20
    );
    svg
}
