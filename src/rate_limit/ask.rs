use super::pace::Pace;
use super::{Quota, WhenFull};
use crate::error::Rejected;
use crate::name::Name;
use crate::time::Instant;

/// Permits for one key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask {
    /// Who refuses.
    pub(super) by: Name,
    pub(super) key: u64,
    pub(super) cost: u32,
    /// Another quota than the table's.
    pub(super) own: Option<Quota>,
    pub(super) full: WhenFull,
    pub(super) now: Instant,
    /// Taken in any case, into debt if need be.
    pub(super) charge: bool,
}

impl Ask {
    #[inline]
    pub(super) fn step(self, pace: Pace, full_at: u64) -> Option<u64> {
        if self.charge {
            return Some(pace.charge(full_at, self.cost, self.now));
        }
        pace.admit(full_at, self.cost, self.now)
    }

    #[cold]
    pub(super) fn refused(self, pace: Pace, full_at: u64) -> Rejected {
        pace.refusal(full_at, self.by, self.cost, self.now)
    }
}
