use super::denied::Denied;
use super::leases::Leases;
use super::limits::Limits;
use super::local::Local;
use super::script::{Argument, text};
use crate::telemetry::Telemetry;
use redis::Script;

/// What follows from the limits.
pub(super) struct Plan {
    pub(super) limits: Limits,
    pub(super) text: String,
    pub(super) script: Script,
    // What each limit's key ends with.
    pub(super) ends: Vec<String>,
    pub(super) capacity: u32,
    pub(super) denied: Denied,
    pub(super) local: Option<Local>,
    pub(super) leases: Option<Leases>,
}

impl Plan {
    pub(super) fn new(telemetry: &Telemetry, mut limits: Limits) -> Self {
        let name = telemetry.name();
        // What never refuses need not be asked.
        limits.all.retain(|limit| !limit.quota().is_unlimited());
        let text = text(&limits.all);
        let held = limits.held();
        let lease = limits.leased().zip(limits.lease);
        Self {
            script: Script::new(&text),
            text,
            ends: (0..limits.all.len())
                .map(|index| if index == 0 { format!("}}:{name}") } else { format!("}}:{name}:{index}") })
                .collect(),
            capacity: limits.capacity() - held,
            denied: Denied::new(limits.remembered),
            local: Local::new(name, &limits),
            leases: lease.map(|(permits, lease)| Leases::new(permits, lease.life, limits.local_keys)),
            limits,
        }
    }

    pub(super) fn hash(&self, key: &[u8]) -> u128 {
        xxhash_rust::xxh3::xxh3_128_with_seed(key, self.limits.seed)
    }

    /// One key for each limit; the braces make a cluster keep them together.
    pub(super) fn keys(&self, key: u128) -> Vec<String> {
        self.ends.iter().map(|end| format!("{}:{{{key:032x}{end}", self.limits.prefix)).collect()
    }

    pub(super) fn arguments(
        &self,
        verb: &'static str,
        cost: u32,
        most: u32,
        owed: u32,
        taken: u64,
    ) -> Vec<Argument> {
        let held = self.limits.held();
        let mut arguments = vec![
            Argument::Word(verb),
            Argument::Number(cost.into()),
            Argument::Number(most.into()),
            Argument::Number(owed.into()),
            Argument::Number(taken),
        ];
        for limit in &self.limits.all {
            arguments.push(Argument::Word(limit.rule().letter()));
            arguments.extend(limit.numbers().map(Argument::Number));
            arguments.push(Argument::Number((limit.capacity() - held).into()));
        }
        arguments
    }
}
