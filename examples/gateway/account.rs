//! The account of the storm: a table, and what must hold.

use crate::ledger::Turn;
use crate::load::Tally;
use std::time::Duration;

/// Prints what came of it, and remembers what did not hold.
#[derive(Debug, Default)]
pub(crate) struct Account {
    held: u32,
    broken: Vec<String>,
}

impl Account {
    pub(crate) fn phase(&self, title: &str) {
        say!("\n{title}");
        say!(
            "  {:<10} {:>6} {:>6} {:>5} {:>5} {:>5} {:>6} {:>8} {:>8} {:>9}  share",
            "group",
            "sent",
            "200",
            "429",
            "503",
            "504",
            "other",
            "p50 ms",
            "p99 ms",
            "attempts"
        );
    }

    pub(crate) fn row(&self, group: &str, tally: &Tally, retries: Option<u64>) {
        let answered = tally.by_backend.values().sum::<u64>().max(1);
        let share =
            |(name, count): (&String, &u64)| format!("{name} {}%", (100 * count + answered / 2) / answered);
        let share: Vec<_> = tally.by_backend.iter().map(share).collect();
        let attempts = retries.map_or_else(String::new, |retries| {
            format!("{:.2}", 1.0 + retries as f64 / tally.sent.max(1) as f64)
        });
        say!(
            "  {group:<10} {:>6} {:>6} {:>5} {:>5} {:>5} {:>6} {:>8} {:>8} {attempts:>9}  {}",
            tally.sent,
            tally.status(200),
            tally.status(429),
            tally.status(503),
            tally.status(504),
            tally.other(),
            millis(tally.percentile(50)),
            millis(tally.percentile(99)),
            share.join(", ")
        );
    }

    /// What each circuit did, in order.
    pub(crate) fn turns(&self, turns: &[Turn]) {
        let mut circuits: Vec<_> = turns.iter().map(|turn| turn.circuit).collect();
        circuits.sort_unstable();
        circuits.dedup();
        for circuit in circuits {
            let states: Vec<_> =
                turns.iter().filter(|turn| turn.circuit == circuit).map(|turn| turn.state).collect();
            let shown = states[..states.len().min(8)].join(" ► ");
            let more =
                if states.len() > 8 { format!(" ► … {} in all", states.len()) } else { String::new() };
            say!("  circuit {circuit}: {shown}{more}");
        }
    }

    pub(crate) fn must(&mut self, what: impl Into<String>, holds: bool) {
        let what = what.into();
        say!("  {} {what}", if holds { "✓" } else { "✗" });
        if holds {
            self.held += 1;
        } else {
            self.broken.push(what);
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
