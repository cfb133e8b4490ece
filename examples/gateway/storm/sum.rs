//! What must hold of all of it together.

use super::Storm;
use crate::upstream::{EXTRA, HOLD, RESERVE};
use seawall::Instant;
use std::collections::HashMap;
use std::time::Duration;

impl Storm {
    pub(super) fn in_all(&mut self, begun: Instant) {
        self.account.phase("in all");
        let (retries, calls) = (self.ledger.retries("orders"), self.calls);
        let earned = earned(calls, Instant::now() - begun);
        self.account.must(
            format!("extra attempts stayed within the budget: {retries} of {earned}, for {calls} calls"),
            retries <= earned,
        );
        let mut times = HashMap::<String, u32>::new();
        let posts = self.orders.iter().flat_map(|backend| backend.seen().posts());
        posts.for_each(|(id, seen)| *times.entry(id).or_default() += seen);
        let repeated = times.values().filter(|times| **times > 1).count();
        let posts = format!("no POST came twice, of {}", times.len());
        self.account.must(posts, repeated == 0 && !times.is_empty());
        self.account.must("no connection of a client broke", self.broken_off == 0);
        self.account.must("every answer carried its request's id", self.nameless == 0);
        let told = told(&self.prometheus.render());
        self.account
            .must(format!("the metrics page says the same: {told} retries for orders"), told == retries);
    }
}

/// The retries for orders, as the metrics page has them.
fn told(page: &str) -> u64 {
    let lines = page.lines().filter(|line| line.starts_with("seawall_attempts{"));
    let lines = lines.filter(|line| line.contains("name=\"orders\"") && line.contains("cause=\"retry\""));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

/// The retries that so many calls in such a span may have.
fn earned(calls: u64, span: Duration) -> u64 {
    let reserve = span.as_secs_f64().mul_add(f64::from(RESERVE), f64::from(HOLD));
    (calls as f64).mul_add(EXTRA.as_f64(), reserve) as u64
}
