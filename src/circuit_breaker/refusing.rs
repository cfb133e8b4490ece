//! How a shared circuit says no.

use super::shared::Shared;
use super::state::{Denied, State};
use super::word::Word;
use crate::error::{Reason, Rejected};
use crate::gate::Now;
use crate::sync::atomic::Ordering::{Relaxed, SeqCst};
use crate::telemetry::Kind;
use crate::time::Instant;

impl<const N: usize> Shared<N> {
    #[inline]
    pub(super) fn foresees(&self, now: &mut Now) -> Option<Rejected> {
        let word = self.word();
        if word.is_free() {
            return None;
        }
        let now = if word.is(State::ForcedOpen) { Instant::ZERO } else { now.get() };
        if self.departs(word, now) { None } else { self.foresee(word, now) }
    }

    #[cold]
    #[inline(never)]
    fn foresee(&self, word: Word, now: Instant) -> Option<Rejected> {
        let denied = match self.still_open(word, now) {
            Some(denied) => denied,
            None => self.guarded.lock().circuit.denies(now)?,
        };
        Some(self.rejected(denied))
    }

    /// Why the circuit refuses at `now` whatever it may be asked, if its word says so.
    #[inline]
    pub(super) fn still_open(&self, word: Word, now: Instant) -> Option<Denied> {
        if word.is(State::ForcedOpen) {
            return Some(Denied::ForcedOpen);
        }
        let until = Instant::from_nanos(self.hot.until.load(SeqCst));
        (word.is(State::Open) && now < until).then(|| Denied::Open { retry_after: until - now })
    }

    /// The refusal of an open circuit, in an outage given to nearly every call.
    #[inline]
    pub(super) fn refuse_still_open(&self, now: Instant) -> Option<Rejected> {
        let left = self.hot.until.load(SeqCst).saturating_sub(now.as_nanos());
        if left == 0 {
            return None;
        }
        let rejected = Rejected::in_nanos(self.telemetry.name(), Reason::CircuitOpen, left);
        self.count_refusal(&rejected);
        Some(rejected)
    }

    #[cold]
    #[inline(never)]
    pub(super) fn refuse(&self, denied: Denied) -> Rejected {
        let rejected = self.rejected(denied);
        self.count_refusal(&rejected);
        rejected
    }

    pub(super) fn rejected(&self, denied: Denied) -> Rejected {
        let by = self.telemetry.name();
        match denied {
            Denied::Open { retry_after } => Rejected::new(by, Reason::CircuitOpen).retry_in(retry_after),
            Denied::ProbesTaken => Rejected::new(by, Reason::ProbesTaken),
            Denied::Ramping => Rejected::new(by, Reason::Ramping),
            Denied::ForcedOpen => Rejected::new(by, Reason::ForcedOpen),
        }
    }

    pub(super) fn count_refusal(&self, rejected: &Rejected) {
        if self.hot.counts_refusals.load(Relaxed) {
            self.refused.fetch_add(1, Relaxed);
        }
        self.telemetry.tell_refused(Kind::CircuitBreaker, rejected);
    }
}
