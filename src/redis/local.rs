//! The share of the limits that one process gives while the store is away, and what it owes for that afterwards.

use super::limits::{Limits, WhenAway};
use crate::error::Rejected;
use crate::gate::Permit;
use crate::name::Name;
use crate::rate_limit::{KeyedRateLimiter, Quota};
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};
use crate::time::Instant;

#[derive(Debug)]
pub(super) struct Local {
    shares: Vec<KeyedRateLimiter>,
    // Nanoseconds: from then on nothing is owed by anybody.
    quits: AtomicU64,
}

impl Local {
    pub(super) fn new(name: Name, limits: &Limits) -> Option<Self> {
        let WhenAway::Local { nodes } = limits.away else { return None };
        let nodes = nodes.max(1);
        let share = |quota: Quota| {
            let period = quota.period().saturating_mul(nodes);
            let burst = (quota.capacity() / nodes).max(1);
            if quota.is_deny_all() || quota.is_unlimited() {
                quota
            } else {
                Quota::per(quota.permits(), period).burst(burst)
            }
        };
        let shares = limits
            .rules()
            .map(|rule| KeyedRateLimiter::new(name, share(rule.quota()), limits.local_keys))
            .collect();
        Some(Self { shares, quits: AtomicU64::new(0) })
    }

    /// All of the limits, or none.
    pub(super) fn take(&self, key: u128, cost: u32, now: Instant) -> Result<(), Rejected> {
        self.take_from(&self.shares, key, cost, now)
    }

    fn take_from(
        &self,
        shares: &[KeyedRateLimiter],
        key: u128,
        cost: u32,
        now: Instant,
    ) -> Result<(), Rejected> {
        let Some((first, others)) = shares.split_first() else { return Ok(()) };
        let permit = first.try_acquire_many_at(&key, cost, now)?;
        if let Err(refused) = self.take_from(others, key, cost, now) {
            permit.release();
            return Err(refused);
        }
        Permit::settle(permit, crate::class::Class::Neutral);
        let full = (now + first.peek_at(&key, 0, now).reset_after()).as_nanos();
        self.quits.fetch_max(full, Relaxed);
        Ok(())
    }

    pub(super) fn give_back(&self, key: u128, permits: u32) {
        for share in &self.shares {
            share.refund(&key, permits);
        }
    }

    /// What was given for this key and has not come back yet: the store has not seen it.
    pub(super) fn owed(&self, key: u128, now: Instant) -> u32 {
        if now.as_nanos() >= self.quits.load(Relaxed) {
            return 0;
        }
        let missing =
            |share: &KeyedRateLimiter| share.quota().capacity() - share.peek_at(&key, 0, now).remaining();
        self.shares.iter().map(missing).max().unwrap_or(0)
    }

    pub(super) fn forget(&self, key: u128) {
        for share in &self.shares {
            share.reset(&key);
        }
    }
}
