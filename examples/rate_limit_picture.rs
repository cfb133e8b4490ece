//! Draws what each algorithm admits of the same calls: `docs/rate_limit.svg`, from the deciding types themselves.
//!
//! `cargo run --example rate_limit_picture` checks that the picture in `docs/` is the one that would be drawn, and
//! `cargo run --example rate_limit_picture -- --write` draws it.

use seawall::Instant;
use seawall::rate_limit::{
    Algorithm, FixedWindow, LeakyBucket, Quota, SlidingWindowCounter, SlidingWindowLog, TokenBucket,
};
use std::fmt::Write;
use std::time::Duration;

const LIMIT: u32 = 10;
const WINDOW: Duration = Duration::from_secs(10);
/// Milliseconds.
const SPAN: u64 = 48_000;

/// When calls come, in milliseconds: a burst before a boundary and one after it, a flood, silence, and a burst.
fn calls() -> Vec<u64> {
    let burst = |from: u64, calls: u64, step: u64| (0..calls).map(move |call| from + call * step);
    burst(8_000, 14, 100)
        .chain(burst(10_300, 14, 100))
        .chain(burst(14_000, 28, 400))
        .chain(burst(35_000, 14, 150))
        .collect()
}

struct Row {
    name: &'static str,
    note: &'static str,
    admitted: Vec<u64>,
    refused: Vec<u64>,
}

/// What an algorithm makes of the calls.
fn row<A: Algorithm>(name: &'static str, note: &'static str, algorithm: A) -> Row {
    let mut state = algorithm.fresh();
    let (admitted, refused) = calls()
        .into_iter()
        .partition(|&at| algorithm.admit(&mut state, 1, Instant::from_nanos(at * 1_000_000)).is_admitted());
    Row { name, note, admitted, refused }
}

/// A shaper's calls go when their drop leaks out.
fn shaped() -> Row {
    let bucket = LeakyBucket::shaper(Quota::per(LIMIT, WINDOW), 0);
    let (mut state, mut admitted, mut refused) = (bucket.fresh(), Vec::new(), Vec::new());
    for at in calls() {
        match bucket.shape(&mut state, 1, Instant::from_nanos(at * 1_000_000)) {
            Ok(delay) => admitted.push(at + delay.as_millis() as u64),
            Err(_) => refused.push(at),
        }
    }
    Row {
        name: "LeakyBucket, as a shaper",
        note: "evenly spaced: a call goes when its drop leaks out",
        admitted,
        refused,
    }
}

/// The most that went within any span of one window.
fn most(admitted: &[u64]) -> usize {
    let within = |from: &u64| {
        admitted.iter().filter(|&at| (*from..from + WINDOW.as_millis() as u64).contains(at)).count()
    };
    admitted.iter().map(within).max().unwrap_or(0)
}

fn draw(rows: &[Row]) -> String {
    const LEFT: f64 = 20.0;
    const TOP: f64 = 54.0;
    const WIDE: f64 = 720.0;
    const HIGH: f64 = 64.0;
    let x = |at: u64| (at as f64 / SPAN as f64).mul_add(WIDE, LEFT);
    let bottom = HIGH.mul_add(rows.len() as f64, TOP);
    let mut svg = String::new();
    let mut line = |text: String| {
        svg.push_str(&text);
        svg.push('\n');
    };
    line(format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 {}" font-family="sans-serif" font-size="12">"#,
        bottom + 40.0
    ));
    line(r##"<rect width="100%" height="100%" fill="#fff"/>"##.into());
    line(r##"<text x="20" y="22" font-size="15" fill="#222">Ten permits in ten seconds: what each algorithm admits of the same calls</text>"##.into());
    line(r##"<text x="20" y="40" fill="#666">dark: admitted · light: refused · at the right: admitted in all, and the most within any ten seconds</text>"##.into());
    for second in (0..=SPAN / 1000).step_by(10) {
        let at = x(second * 1000);
        line(format!(
            r##"<line x1="{at:.1}" x2="{at:.1}" y1="{TOP:.0}" y2="{bottom:.0}" stroke="#bbb" stroke-dasharray="2 3"/>"##
        ));
        line(format!(
            r##"<text x="{at:.1}" y="{:.0}" text-anchor="middle" fill="#666">{second} s</text>"##,
            bottom + 18.0
        ));
    }
    for (index, row) in rows.iter().enumerate() {
        let y = HIGH.mul_add(index as f64, TOP);
        line(format!(
            r##"<text x="20" y="{:.0}" fill="#222">{} <tspan fill="#888">{}</tspan></text>"##,
            y + 20.0,
            row.name,
            row.note
        ));
        let ticks = |times: &[u64], high: f64| {
            times.iter().fold(String::new(), |mut path, &at| {
                let _ = write!(path, "M{:.1} {:.1}v-{high}", x(at), y + 54.0);
                path
            })
        };
        line(format!(r##"<path d="{}" stroke="#e0b4a8" stroke-width="1.5"/>"##, ticks(&row.refused, 12.0)));
        line(format!(r##"<path d="{}" stroke="#1f5f8b" stroke-width="1.5"/>"##, ticks(&row.admitted, 24.0)));
        line(format!(r##"<line x1="20" x2="740" y1="{0:.1}" y2="{0:.1}" stroke="#222"/>"##, y + 54.5));
        line(format!(
            r##"<text x="752" y="{:.0}" fill="#222">{} · most {}</text>"##,
            y + 54.0,
            row.admitted.len(),
            most(&row.admitted)
        ));
    }
    line("</svg>".into());
    svg
}

fn main() -> std::io::Result<()> {
    let rows = [
        Row {
            name: "The calls",
            note: "two bursts around a boundary, a flood, silence, a burst",
            admitted: calls(),
            refused: Vec::new(),
        },
        row(
            "TokenBucket",
            "a burst after idleness, then the rate",
            TokenBucket::new(Quota::per(LIMIT, WINDOW)),
        ),
        shaped(),
        row("FixedWindow", "a full quota on each side of a boundary", FixedWindow::new(LIMIT, WINDOW)),
        row(
            "SlidingWindowLog",
            "never more than ten in any ten seconds",
            SlidingWindowLog::new(LIMIT, WINDOW),
        ),
        row("SlidingWindowCounter", "nearly so, from two numbers", SlidingWindowCounter::new(LIMIT, WINDOW)),
    ];
    for row in &rows {
        println!(
            "{:26} {:2} of {} calls, at most {} within ten seconds",
            row.name,
            row.admitted.len(),
            calls().len(),
            most(&row.admitted)
        );
    }
    let [_, bucket, shaper, fixed, log, counter] = rows.each_ref().map(|row| most(&row.admitted));
    assert!(bucket > 10 && bucket < 20, "a burst, and what comes in meanwhile");
    assert_eq!((shaper, fixed, log), (10, 20, 10));
    assert!((10..20).contains(&counter));

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rate_limit.svg");
    if std::env::args().any(|argument| argument == "--write") {
        std::fs::write(path, draw(&rows))?;
    }
    assert_eq!(std::fs::read_to_string(path)?, draw(&rows), "run it with --write");
    Ok(())
}
