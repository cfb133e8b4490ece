//! What one slow backend does to everybody, by picker: a table and a plot. In simulated time, the same each time.
//!
//! `cargo run --example pickers` prints the table of docs/balance.md; `-- --plot FILE` writes the plot beside it.
//!
//! Ten backends of four workers each serve 2000 calls a second, 10 ms each on the average, half of what they can.
//! Then one of them takes ten times as long, and can do 40 calls a second: its fair share is five times that.

use seawall::balance::{
    Config, Endpoint, LeastConnections, P2c, PeakEwma, Pool, Random, RoundRobin, Ticket, WeightedRoundRobin,
};
use seawall::outlier::Outliers;
use seawall::{Chance, Class, Instant, Rejected};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt::Write as _;
use std::time::Duration;

const BACKENDS: usize = 10;
const WORKERS: usize = 4;
const SLOW: usize = 3;
const CALLS: usize = 20_000;
const EVERY: Duration = Duration::from_micros(500);
const WORK: Duration = Duration::from_millis(10);
/// A caller gives up after a second, which is a failure to the pool.
const PATIENCE: Duration = Duration::from_secs(1);

struct Seen {
    name: &'static str,
    p50: Duration,
    p99: Duration,
    slow_share: f64,
    given_up: usize,
}

/// Plays ten seconds through; the first two are not counted.
async fn play(name: &'static str, config: impl Into<Config>) -> Result<Seen, Rejected> {
    let pool = Pool::new("backends", config.into().seed(1));
    pool.set((0..BACKENDS).map(|i| Endpoint::new(format!("{i}"), i)));
    let mut chance = Chance::seeded(2);
    // Per backend when each of its workers is free; calls wait for the first that is.
    let mut free = vec![[Instant::ZERO; WORKERS]; BACKENDS];
    let mut under_way: BinaryHeap<Reverse<(Instant, usize)>> = BinaryHeap::new();
    let mut calls: Vec<Option<(Ticket<usize>, Class)>> = Vec::new();
    let (mut took, mut at_slow, mut given_up) = (Vec::new(), 0, 0);
    let mut next = Instant::now();
    let advance_to = async |at: Instant| tokio::time::advance(at - Instant::now()).await;
    let exponential = |chance: &mut Chance| -(1.0 - chance.sample()).ln();
    while calls.len() < CALLS {
        while let Some(&Reverse((at, call))) = under_way.peek()
            && at <= next
        {
            under_way.pop();
            advance_to(at).await;
            if let Some((ticket, class)) = calls[call].take() {
                ticket.settle(class);
            }
        }
        advance_to(next).await;
        let ticket = pool.pick()?;
        let backend = *ticket.service();
        let work = WORK.mul_f64(exponential(&mut chance)) * if backend == SLOW { 10 } else { 1 };
        let worker = (0..WORKERS).min_by_key(|&worker| free[backend][worker]).unwrap_or_default();
        let end = free[backend][worker].max(next) + work;
        free[backend][worker] = end;
        let (answer, class) = match end - next {
            wait if wait > PATIENCE => (PATIENCE, Class::Overload(None)),
            wait => (wait, Class::Success),
        };
        if calls.len() >= CALLS / 5 {
            took.push(answer);
            at_slow += usize::from(backend == SLOW);
            given_up += usize::from(answer == PATIENCE);
        }
        under_way.push(Reverse((next + answer, calls.len())));
        calls.push(Some((ticket, class)));
        next += EVERY.mul_f64(exponential(&mut chance));
    }
    took.sort();
    let slow_share = at_slow as f64 / took.len() as f64;
    Ok(Seen { name, p50: took[took.len() / 2], p99: took[took.len() * 99 / 100], slow_share, given_up })
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn plot(all: &[Seen]) -> String {
    let mut svg = String::new();
    let height = 40 + all.len() * 28;
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"720\" height=\"{height}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<rect width=\"720\" height=\"{height}\" fill=\"white\"/>\n<text x=\"10\" y=\"20\">p99 of all \
         calls, one backend of ten being ten times slower (ms, logarithmic)</text>"
    );
    for (row, seen) in all.iter().enumerate() {
        let (y, p99) = (34 + row * 28, milliseconds(seen.p99));
        // From 10 ms to 1000 ms over 400 points.
        let width = (p99.log10() - 1.0) * 200.0;
        let _ = writeln!(
            svg,
            "<text x=\"10\" y=\"{}\">{}</text><rect x=\"250\" y=\"{y}\" width=\"{width:.0}\" height=\"20\" \
             fill=\"#38618c\"/><text x=\"{:.0}\" y=\"{}\">{p99:.0}</text>",
            y + 15,
            seen.name,
            256.0 + width,
            y + 15,
        );
    }
    svg.push_str("</svg>\n");
    svg
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let all = [
        play("RoundRobin", RoundRobin::new()).await?,
        play("WeightedRoundRobin", WeightedRoundRobin::new()).await?,
        play("Random", Random).await?,
        play("RoundRobin with Outliers", Config::new(RoundRobin::new()).outliers(Outliers::new())).await?,
        play("P2c", P2c::new()).await?,
        play("LeastConnections", LeastConnections::new()).await?,
        play("PeakEwma", PeakEwma::new()).await?,
    ];
    println!("| picker | p50 | p99 | calls at the slow one | given up |\n|---|---:|---:|---:|---:|");
    for Seen { name, p50, p99, slow_share, given_up } in &all {
        let (p50, p99) = (milliseconds(*p50), milliseconds(*p99));
        println!("| `{name}` | {p50:.0} ms | {p99:.0} ms | {:.1} % | {given_up} |", slow_share * 100.0);
    }
    let p99 = |name: &str| all.iter().find(|seen| seen.name == name).map(|seen| seen.p99);
    // Whoever looks at the load keeps the slow one from being felt; who does not gives a tenth of the calls to it.
    assert!(p99("P2c") < p99("RoundRobin") && p99("LeastConnections") < p99("RoundRobin"));
    assert!(p99("PeakEwma") < p99("P2c"));
    assert!(all.iter().all(|seen| seen.given_up == 0 || seen.slow_share > 0.005));
    let arguments: Vec<_> = std::env::args().collect();
    if let [_, flag, file] = &*arguments
        && flag == "--plot"
    {
        std::fs::write(file, plot(&all))?;
    }
    Ok(())
}
