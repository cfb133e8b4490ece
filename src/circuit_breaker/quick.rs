//! What a call may do without the lock, and how whoever takes the lock ends and renews it.

use super::circuit::Circuit;
use super::flights::{Calm, Ticks};
use super::shared::{Guarded, Passed, Shared};
use super::stripes::{Counted, Earlier, MOST};
use super::watch::Quiet;
use super::word::Word;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use crate::time::Instant;

/// Read by every call, written when something changes: first the rest, last the word.
///
/// Whoever has read the word may read the rest of a later one; then the tag of the word that was read is over, and
/// what is counted for it goes elsewhere.
#[derive(Default)]
pub(super) struct Hot {
    pub(super) word: AtomicU64,
    /// The first word that admitted in this stay, to compare with.
    pub(super) since: AtomicU64,
    /// Until when an open circuit refuses.
    pub(super) until: AtomicU64,
    /// From when and until when what needs a time may be counted without looking.
    quiet_from: AtomicU64,
    quiet_until: AtomicU64,
    /// The limit of the slow trip.
    slow: AtomicU64,
    pub(super) counts_refusals: AtomicBool,
}

/// What is being counted, for whoever takes the sum.
#[derive(Default)]
pub(super) struct Tallying {
    /// At how many successes a stripe is full.
    brim: u64,
    calm: Option<Calm>,
}

impl<const N: usize> Shared<N> {
    #[inline]
    pub(super) fn word(&self) -> Word {
        Word::from_bits(self.hot.word.load(SeqCst))
    }

    #[inline]
    fn is_quiet_at(&self, now: Instant) -> bool {
        let now = now.as_nanos();
        self.hot.quiet_from.load(SeqCst) <= now && now < self.hot.quiet_until.load(SeqCst)
    }

    /// Counts a departure under a slow trip, if nobody is overdue and nothing trips at `now`.
    #[inline]
    pub(super) fn depart(&self, word: Word, now: Instant) -> Option<Passed> {
        (self.is_quiet_at(now) && self.stripes.depart(word.tag())).then_some(Passed { word, began: now })
    }

    /// Whether at `now`, under a slow trip, it admits for sure.
    #[inline]
    pub(super) fn departs(&self, word: Word, now: Instant) -> bool {
        word.counts_departures() && self.is_quiet_at(now)
    }

    /// Counts the success of `passed`, if only the number of successes matters, whenever.
    #[inline]
    pub(super) fn counts(&self, word: Word, passed: Passed) -> bool {
        // A window of calls that is full of successes takes no further one.
        word.is_quiet() && self.is_of_this_stay(passed) && self.stripes.count(word.tag()) != Counted::Over
    }

    /// The same, and nobody hears of it.
    #[inline]
    pub(super) fn counts_unheard(&self, passed: Passed) -> bool {
        let word = self.word();
        word.is_quiet_unheard()
            && self.is_of_this_stay(passed)
            && self.stripes.count(word.tag()) != Counted::Over
    }

    /// The same, if it matters until a time, and that has not come at `now`.
    #[inline]
    pub(super) fn counts_at(&self, word: Word, passed: Passed, now: Instant) -> bool {
        if !self.is_of_this_stay(passed) || !self.is_quiet_at(now) {
            return false;
        }
        if word.counts_departures() {
            self.lands(word, passed, now)
        } else {
            // A stripe that is full has to be emptied into a window of time.
            self.stripes.count(word.tag()) == Counted::Yes
        }
    }

    #[inline]
    pub(super) fn is_of_this_stay(&self, passed: Passed) -> bool {
        passed.word.bits() >= self.hot.since.load(SeqCst)
    }

    #[inline]
    fn lands(&self, word: Word, passed: Passed, now: Instant) -> bool {
        let slow = self.hot.slow.load(SeqCst);
        let (ticks, began) = (Ticks::of_nanos(slow), passed.began);
        if now.as_nanos().saturating_sub(began.as_nanos()) > slow {
            return false;
        }
        let tick = ticks.at(began);
        if tick >= ticks.at(now) {
            self.stripes.count(word.tag()) == Counted::Yes
        } else {
            self.earlier.get().is_some_and(|earlier| earlier.count(word.tag(), tick))
        }
    }

    /// Ends the counting, and enters what was counted.
    pub(super) fn take_in(&self, guarded: &mut Guarded) {
        let word = self.word();
        if !word.is_quiet() && !word.is_timed() {
            return;
        }
        // First the word, so that nobody begins to count; then the sum, so that nobody has counted in vain.
        self.hot.word.store(word.no_longer_quiet().bits(), SeqCst);
        let Tallying { brim, calm } = guarded.tallying;
        let (departed, landed) = self.stripes.take(brim);
        let mut successes = landed;
        if let (Some(calm), Some(earlier)) = (calm, self.earlier.get()) {
            guarded.circuit.settle_up(calm.now, departed, landed);
            for (tick, landed) in earlier.take(calm) {
                guarded.circuit.settle_up(tick, 0, landed);
                successes += landed;
            }
        }
        guarded.circuit.record_quiet(successes);
    }

    /// Says what may be counted from now on, before the word that lets it begin.
    pub(super) fn open_stripes(&self, guarded: &mut Guarded, word: Word, quiet: Quiet) {
        self.hot.quiet_from.store(guarded.circuit.latest().as_nanos(), SeqCst);
        self.hot.quiet_until.store(quiet.until.as_nanos(), SeqCst);
        let brim = quiet.brim.map_or(MOST, u64::from);
        guarded.tallying = Tallying { brim, calm: quiet.calm };
        self.stripes.open(word.tag(), brim);
        if let Some(calm) = quiet.calm {
            self.earlier.get_or_init(|| Box::new(Earlier::new())).open(word.tag(), calm);
        }
    }

    pub(super) fn set_slow(&self, circuit: &Circuit) {
        self.hot.slow.store(circuit.slow_limit(), SeqCst);
    }
}
