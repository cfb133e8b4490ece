use super::denied::Denied;
use super::leases::Leases;
use super::limits::Limits;
use super::local::Local;
use super::questions::Questions;
use super::store::Store;
use crate::name::Name;

/// What follows from the limits.
pub(super) struct Plan {
    pub(super) limits: Limits,
    pub(super) questions: Questions,
    pub(super) denied: Denied,
    pub(super) local: Option<Local>,
    pub(super) leases: Option<Leases>,
}

impl Plan {
    pub(super) fn new(name: Name, store: &Store, limits: Limits) -> Self {
        let lease = limits.leased().zip(limits.lease);
        let named = limits.all.iter().enumerate().map(|(index, &(own, rule))| {
            let end = match (own, index) {
                (Some(own), _) => own.to_string(),
                (None, 0) => name.to_string(),
                (None, _) => format!("{name}:{index}"),
            };
            (end, own, rule)
        });
        Self {
            questions: Questions::new(store, named, limits.held()),
            denied: Denied::new(limits.remembered),
            local: Local::new(name, &limits),
            leases: lease.map(|(permits, lease)| Leases::new(permits, lease.life, limits.local_keys)),
            limits,
        }
    }
}
