//! The account of the storm: a table, and what must hold.

use super::tally::Tally;
use std::time::Duration;

/// Prints what came of it, and remembers what did not hold.
#[derive(Debug, Default)]
pub(crate) struct Account {
    phases: u32,
    held: u32,
    broken: Vec<String>,
}

impl Account {
    pub(crate) fn phase(&mut self, title: &str) {
        self.phases += 1;
        say!("\n{}. {title}", self.phases);
    }

    pub(crate) fn table(&self) {
        say!(
            "  {:<10} {:>5} {:>5} {:>6} {:>5} {:>5} {:>5} {:>5} {:>7} {:>7} {:>8}  share",
            "clients of",
            "sent",
            "200",
            "cached",
            "429",
            "503",
            "504",
            "other",
            "p50 ms",
            "p99 ms",
            "attempts"
        );
    }

    pub(crate) fn row(&self, group: &str, tally: &Tally, retries: u64) {
        let answered = tally.by_backend.values().sum::<u64>().max(1);
        let share =
            |(name, count): (&String, &u64)| format!("{name} {}%", (100 * count + answered / 2) / answered);
        let share: Vec<_> = tally.by_backend.iter().map(share).collect();
        say!(
            "  {group:<10} {:>5} {:>5} {:>6} {:>5} {:>5} {:>5} {:>5} {:>7} {:>7} {:>8.2}  {}",
            tally.sent,
            tally.status(200),
            tally.cached,
            tally.status(429),
            tally.status(503),
            tally.status(504),
            tally.other(),
            millis(tally.percentile(50)),
            millis(tally.percentile(99)),
            1.0 + retries as f64 / tally.sent.max(1) as f64,
            share.join(", ")
        );
    }

    pub(crate) fn must(&mut self, what: impl Into<String>, holds: bool) {
        let what = what.into();
        say!("  {} {what}", if holds { "✓" } else { "✗" });
        if holds {
            self.held += 1;
        } else {
            self.broken.push(format!("{} (in {})", what, self.phases));
        }
    }

    /// Whether all held.
    pub(crate) fn close(self) -> bool {
        say!("\n{} held, {} did not", self.held, self.broken.len());
        for what in &self.broken {
            say!("  ✗ {what}");
        }
        self.broken.is_empty()
    }
}

fn millis(latency: Duration) -> String {
    format!("{:.1}", latency.as_secs_f64() * 1000.0)
}
