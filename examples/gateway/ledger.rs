//! What the primitives tell: kept for the account at the end.

use seawall::Instant;
use seawall::telemetry::{Event, Observe, What};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// Counts retries, and writes down what the circuits do.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    retries: parking_lot::Mutex<HashMap<&'static str, u64>>,
    out_of_budget: AtomicU64,
    turns: parking_lot::Mutex<Vec<Turn>>,
}

/// A circuit went into a state.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    pub(crate) at: Instant,
    pub(crate) circuit: &'static str,
    pub(crate) state: &'static str,
}

impl Ledger {
    /// Retries so far, by group.
    pub(crate) fn retries(&self) -> HashMap<&'static str, u64> {
        self.retries.lock().clone()
    }

    pub(crate) fn out_of_budget(&self) -> u64 {
        self.out_of_budget.load(SeqCst)
    }

    /// What the circuits have done since `then`.
    pub(crate) fn turns_since(&self, then: Instant) -> Vec<Turn> {
        self.turns.lock().iter().filter(|turn| turn.at >= then).cloned().collect()
    }

    /// How often each circuit has opened.
    pub(crate) fn openings(&self) -> HashMap<&'static str, usize> {
        let mut openings = HashMap::new();
        for turn in self.turns.lock().iter().filter(|turn| turn.state == "open") {
            *openings.entry(turn.circuit).or_default() += 1;
        }
        openings
    }
}

impl Observe for Ledger {
    fn observe(&self, event: &Event) {
        match event.what {
            What::Retried { .. } => {
                *self.retries.lock().entry(event.name.as_str()).or_default() += 1;
            }
            What::BudgetExhausted => {
                self.out_of_budget.fetch_add(1, SeqCst);
            }
            What::Circuit(turn) => {
                if let Some(state) = turn.state() {
                    let (at, circuit) = (Instant::now(), event.name.as_str());
                    self.turns.lock().push(Turn { at, circuit, state: state.as_str() });
                }
            }
            _ => {}
        }
    }
}
