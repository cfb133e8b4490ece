use super::endpoint::Endpoint;
use super::live::Live;
use super::picker::{Picker, Timing};
use super::probing::Probes;
use super::watch::Watch;
use crate::health::Health;
use crate::sync::Padded;
use crate::sync::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{Relaxed, SeqCst},
};
use crate::telemetry::{Kind, Outage, Telemetry, What};
use crate::time::Instant;
use std::sync::Arc;
use std::time::Duration;

/// An endpoint as it was told, what is alive of it, and what it shares with the others of its pool.
#[derive(Debug)]
pub(super) struct Member<S> {
    pub(super) endpoint: Endpoint<S>,
    pub(super) live: Arc<Live>,
    pub(super) common: Arc<Common>,
}

impl<S> Member<S> {
    /// Whether it may be called at all: it is not drained, and does not ask to be left alone.
    pub(super) fn is_there(&self) -> bool {
        self.endpoint.weight > 0 && self.live.health() != Health::Draining
    }

    /// Whether nothing speaks against it.
    pub(super) fn is_well(&self, now: Instant) -> bool {
        self.endpoint.weight > 0
            && self.live.health() == Health::Healthy
            && self.live.out_until(now).is_none()
    }

    /// Whether it is to be called only as far as others cannot.
    pub(super) fn is_degraded(&self, now: Instant) -> bool {
        self.endpoint.weight > 0
            && self.live.health() == Health::Degraded
            && self.live.out_until(now).is_none()
    }
}

/// What all members of a pool share, without the type of their services.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) telemetry: Telemetry,
    /// Of what tokens are made, beside the id.
    pub(super) token_seed: u64,
    /// How calls are timed, if they are.
    pub(super) timing: Option<Timing>,
    /// What probes answer, where calls go by that.
    pub(super) probes: Option<Probes>,
    /// Endpoints report their load.
    pub(super) reports: bool,
    /// Who looks for outliers, if anybody does.
    pub(super) watch: Option<Watch>,
    /// Each call's beginning is to be known.
    timed: bool,
    /// The calls in flight, if a bound asks for them.
    calls: Option<Padded<AtomicU32>>,
    /// When the lists of the eligible are to be made again, in nanoseconds; [`NEVER`] while nobody is out.
    due: Padded<AtomicU64>,
}

const NEVER: u64 = u64::MAX;

impl Common {
    pub(super) fn new(telemetry: Telemetry, picker: &Picker, watch: Option<Watch>) -> Self {
        let calls = picker.bound().map(|_| Padded(AtomicU32::new(0)));
        let reports = picker.reported().is_some();
        let probes = picker.prequal().map(Probes::new);
        let timing = picker.timing();
        let timed = timing.is_some() || watch.as_ref().is_some_and(|watch| watch.slow().is_some());
        let due = Padded(AtomicU64::new(NEVER));
        Self { telemetry, token_seed: 0, timing, timed, probes, reports, watch, calls, due }
    }

    pub(super) fn token_seed(self, token_seed: u64) -> Self {
        Self { token_seed, ..self }
    }

    /// Whether each call's beginning is to be known.
    #[inline]
    pub(super) const fn is_timed(&self) -> bool {
        self.timed
    }

    /// Whether more is kept of a call that ended than that it did, and its failure.
    #[inline]
    pub(super) const fn minds_calls(&self) -> bool {
        self.timing.is_some() || self.watch.is_some()
    }

    /// A call begins: how many are in flight with it, where that is counted.
    #[inline]
    pub(super) fn begin(&self) -> u32 {
        self.calls.as_ref().map_or(0, |calls| calls.fetch_add(1, Relaxed) + 1)
    }

    /// A call that had begun has ended.
    #[inline]
    pub(super) fn end(&self) {
        if let Some(calls) = &self.calls {
            calls.fetch_sub(1, Relaxed);
        }
    }

    /// Whether a look at the clock may find the lists to be stale.
    #[inline]
    pub(super) fn may_be_due(&self) -> bool {
        self.due.load(SeqCst) != NEVER
    }

    /// When the lists will be stale.
    pub(super) fn due(&self) -> Instant {
        Instant::from_nanos(self.due.load(SeqCst))
    }

    /// Makes the caller the one who rebuilds, if it is time to.
    pub(super) fn claim(&self, now: Instant) -> bool {
        let due = self.due.load(SeqCst);
        due <= now.as_nanos() && self.due.compare_exchange(due, NEVER, SeqCst, SeqCst).is_ok()
    }

    /// A rebuild from now on sees all that is out now.
    pub(super) fn begin_rebuild(&self) {
        // A swap and not a store: it reads what others have said, and so sees what they did before they said it.
        self.due.swap(NEVER, SeqCst);
    }

    /// The lists will be stale at `at`.
    pub(super) fn due_at(&self, at: Instant) {
        self.due.fetch_min(at.as_nanos(), SeqCst);
    }

    /// The lists are stale.
    pub(super) fn due_now(&self) {
        self.due_at(Instant::ZERO);
    }

    /// An endpoint is out for a while, as its own words say: the lists follow, and it is told.
    pub(super) fn went_out(&self, endpoint: u32, why: Outage, rest: Duration) {
        self.due_now();
        self.telemetry.tell(Kind::Balance, What::EndpointOut { endpoint, why, rest });
    }
}
