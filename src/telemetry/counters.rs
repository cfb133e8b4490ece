use super::{Event, Lookup, Observe, Outcome, Spool, What};
use crate::circuit_breaker::Turn;
use crate::class::Class;
use crate::health::Finding;
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! counters {
    ($($(#[$doc:meta])* $field:ident),+ $(,)?) => {
        /// Counts what happens, in atomics: the observer for tests, for a status page, for a quick look.
        ///
        /// # Examples
        ///
        /// ```
        /// use seawall::ConcurrencyLimit;
        /// use seawall::telemetry::{Counters, Telemetry};
        /// use std::sync::Arc;
        ///
        /// let counters = Arc::new(Counters::default());
        /// let limit = ConcurrencyLimit::new(Telemetry::new("db").observer(counters.clone()), 1);
        /// let permit = limit.try_acquire().unwrap();
        /// assert!(limit.try_acquire().is_err());
        /// drop(permit);
        ///
        /// let seen = counters.snapshot();
        /// assert_eq!((seen.admitted, seen.refused, seen.abandoned), (1, 1, 1));
        /// ```
        #[derive(Debug, Default)]
        pub struct Counters {
            $($field: AtomicU64,)+
        }

        /// What a [`Counters`] had counted at one moment.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Snapshot {
            $($(#[$doc])* pub $field: u64,)+
        }

        impl Counters {
            /// The counts now. Each is exact; together they are of one moment only when nothing happens.
            ///
            /// ```
            /// assert_eq!(seawall::telemetry::Counters::default().snapshot().admitted, 0);
            /// ```
            #[must_use]
            pub fn snapshot(&self) -> Snapshot {
                Snapshot { $($field: self.$field.load(Relaxed),)+ }
            }
        }
    };
}

counters! {
    /// Calls admitted by a gate.
    admitted,
    /// Calls refused by a gate.
    refused,
    /// Admitted calls that ended well.
    succeeded,
    /// Admitted calls whose end says nothing about the peer.
    neutral,
    /// Admitted calls that failed.
    failed,
    /// Admitted calls that were never handed over.
    released,
    /// Admitted calls that were cancelled or panicked.
    abandoned,
    /// Callers who had to wait.
    queued,
    /// Callers who waited, and wait no longer.
    dequeued,
    /// Limits and quotas changed.
    limit_changes,
    /// Times that an adaptive limit stood low to find its baseline.
    probes,
    /// Questions to a source of endpoints that failed.
    discovery_failures,
    /// Changes of the endpoints of a pool.
    endpoint_changes,
    /// Endpoints that were passed over for a while.
    endpoints_out,
    /// Endpoints that came back from that.
    endpoints_in,
    /// Checks of endpoints that passed.
    checks_passed,
    /// Checks of endpoints that found anything else.
    checks_failed,
    /// Further attempts of calls that failed.
    retried,
    /// Further attempts beside ones that had not answered yet.
    hedged,
    /// Outcomes replaced by a fallback.
    fell_back,
    /// Failed calls that may not be sent twice.
    not_replayable,
    /// Failed calls for which the retry budget had no token.
    budget_exhausted,
    /// Failed calls whose attempts, patience or time were used up.
    gave_up,
    /// Circuits opened.
    opened,
    /// Circuits that let probes through.
    half_opened,
    /// Circuits that let a growing share through.
    ramping,
    /// Circuits closed.
    closed,
    /// Circuits forced into a state by hand.
    forced,
    /// Circuits emptied by hand.
    reset,
    /// Circuits that only observe, and would have opened.
    would_open,
    /// Calls without an answer in time.
    timed_out,
    /// Fresh values given by a cache.
    hits,
    /// Callers of a cache who were told what was known: that there is nothing.
    negative_hits,
    /// Stale values given by a cache.
    stale_hits,
    /// Loads that a cache began.
    misses,
    /// Callers who joined a load under way.
    joined,
    /// Loads that ended well.
    loads_ok,
    /// Loads that failed, panicked, ran out of time or were refused.
    loads_failed,
    /// Loads that everybody left.
    loads_abandoned,
    /// Puts, invalidations and expiries of a cache.
    fenced,
    /// Changes taken in to be written later.
    buffered,
    /// Of those, changes that took the place of one that had not been written.
    coalesced,
    /// Keys written.
    written,
    /// Keys that were not written, and were to be tried again.
    rewrites,
    /// Changes given up on.
    dead,
    /// Keys that were dirty when the last who would have written them went.
    lost,
}

impl Observe for Counters {
    fn observe(&self, event: &Event) {
        let mut by = 1;
        let counter = match event.what {
            What::Admitted { .. } => &self.admitted,
            What::Refused(_) => &self.refused,
            What::Settled(Class::Success) => &self.succeeded,
            What::Settled(Class::Neutral) => &self.neutral,
            What::Settled(_) => &self.failed,
            What::Released => &self.released,
            What::Abandoned => &self.abandoned,
            What::LimitChanged { .. } | What::QuotaChanged { .. } => &self.limit_changes,
            What::DiscoveryFailed { .. } => &self.discovery_failures,
            What::EndpointsChanged { .. } => &self.endpoint_changes,
            What::EndpointOut { .. } => &self.endpoints_out,
            What::EndpointIn { .. } => &self.endpoints_in,
            What::Checked { finding: Finding::Pass, .. } => &self.checks_passed,
            What::Checked { .. } => &self.checks_failed,
            What::Probing { .. } => &self.probes,
            What::Queued => &self.queued,
            What::Dequeued { .. } => &self.dequeued,
            What::Retried { .. } => &self.retried,
            What::Hedged { .. } => &self.hedged,
            What::FellBack => &self.fell_back,
            What::NotReplayable => &self.not_replayable,
            What::BudgetExhausted => &self.budget_exhausted,
            // A level, not something that happens.
            What::BudgetLeft { .. } => return,
            What::GaveUp { .. } => &self.gave_up,
            What::Circuit(Turn::Opened { .. }) => &self.opened,
            What::Circuit(Turn::HalfOpened) => &self.half_opened,
            What::Circuit(Turn::Ramping) => &self.ramping,
            What::Circuit(Turn::Closed) => &self.closed,
            What::Circuit(Turn::Forced(_)) => &self.forced,
            What::Circuit(Turn::Reset) => &self.reset,
            What::Circuit(Turn::WouldOpen { .. }) => &self.would_open,
            What::TimedOut { .. } => &self.timed_out,
            What::Cache(lookup) => match lookup {
                Lookup::Hit => &self.hits,
                Lookup::NegativeHit => &self.negative_hits,
                Lookup::Stale(_) => &self.stale_hits,
                Lookup::Missed => &self.misses,
                Lookup::Joined => &self.joined,
                Lookup::Loaded { outcome: Outcome::Ok, .. } => &self.loads_ok,
                Lookup::Loaded { outcome: Outcome::Abandoned, .. } => &self.loads_abandoned,
                Lookup::Loaded { .. } => &self.loads_failed,
                Lookup::Fenced => &self.fenced,
            },
            What::Spool(Spool::Taken { coalesced, .. }) => {
                self.coalesced.fetch_add(coalesced.into(), Relaxed);
                &self.buffered
            }
            What::Spool(Spool::Stored { keys, .. }) => {
                by = keys.into();
                &self.written
            }
            What::Spool(Spool::Again { keys }) => {
                by = keys.into();
                &self.rewrites
            }
            What::Spool(Spool::Dead { .. }) => &self.dead,
            What::Spool(Spool::Lost { keys }) => {
                by = keys;
                &self.lost
            }
        };
        counter.fetch_add(by, Relaxed);
    }
}
