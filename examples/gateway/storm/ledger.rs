//! What the primitives tell: kept for the account.

use parking_lot::Mutex;
use seawall::telemetry::{Event, Observe, Outage, What};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// Counts retries, and writes down what becomes of circuits and endpoints.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    retries: Mutex<HashMap<&'static str, u64>>,
    out_of_budget: AtomicU64,
    turns: Mutex<Vec<Turn>>,
    lowest: Mutex<HashMap<&'static str, u32>>,
}

/// Something turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The circuit of a group went into a state.
    Circuit { group: &'static str, state: &'static str },
    /// A backend of a group is called no more, for a while; `serial` is its number.
    Out { group: &'static str, serial: u32, why: Outage },
}

impl Ledger {
    /// Retries of a group so far.
    pub(crate) fn retries(&self, group: &str) -> u64 {
        self.retries.lock().get(group).copied().unwrap_or(0)
    }

    pub(crate) fn out_of_budget(&self) -> u64 {
        self.out_of_budget.load(SeqCst)
    }

    /// The lowest that the guard's limit for a group stood since the last look, if it moved.
    pub(crate) fn take_lowest(&self, group: &str) -> Option<u32> {
        self.lowest.lock().remove(group)
    }

    /// What has turned since the last look.
    pub(crate) fn take_turns(&self) -> Vec<Turn> {
        std::mem::take(&mut self.turns.lock())
    }
}

impl Observe for Ledger {
    fn observe(&self, event: &Event) {
        let group = event.name.as_str();
        match event.what {
            What::Retried { .. } => *self.retries.lock().entry(group).or_default() += 1,
            What::BudgetExhausted => {
                self.out_of_budget.fetch_add(1, SeqCst);
            }
            What::LimitChanged { to, .. } => {
                self.lowest.lock().entry(group).and_modify(|lowest| *lowest = to.min(*lowest)).or_insert(to);
            }
            What::Circuit(turn) => {
                if let Some(state) = turn.state() {
                    self.turns.lock().push(Turn::Circuit { group, state: state.as_str() });
                }
            }
            What::EndpointOut { endpoint: serial, why, .. } => {
                self.turns.lock().push(Turn::Out { group, serial, why });
            }
            _ => {}
        }
    }
}
