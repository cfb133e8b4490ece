use super::circuit::Circuit;
use super::state::State;
use super::stripes::BELOW;
use super::watch::Quiet;
use std::num::NonZeroU64;

/// What a call must know of the circuit, in one word: its state, what that asks of a call, and an epoch.
///
/// The epoch grows with every change of the rest, so a word names a stretch of time in which nothing
/// changed, and an equal word later says that nothing has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word(NonZeroU64);

/// A call is admitted without time and without the lock.
const FREE: u64 = 1 << 3;
/// Successes need only be counted, up to a brim.
const QUIET: u64 = 1 << 4;
/// The same, but until a time; under a slow trip departures too.
const TIMED: u64 = 1 << 5;
/// There is a slow trip: a call's end needs a time.
const WATCHED: u64 = 1 << 6;
/// Nobody hears of single calls.
const UNHEARD: u64 = 1 << 7;
/// Stands in every word, so that none is zero, and a pass is no longer for being optional.
const ALWAYS: NonZeroU64 = NonZeroU64::new(1 << 8).expect("a bit");
const EPOCH: u32 = 12;

impl Word {
    /// What `circuit` asks of a call from now on.
    pub(super) fn of(circuit: &Circuit, quiet: Option<Quiet>, heard: bool, epoch: u64) -> Self {
        let state = circuit.state();
        let mut word = state as u64 | epoch << EPOCH;
        if !heard {
            word |= UNHEARD;
        }
        if circuit.watches_time() {
            word |= WATCHED;
        }
        match state {
            State::ForcedClosed => word |= FREE,
            State::Closed | State::ObserveOnly if !circuit.watches_time() => word |= FREE,
            _ => {}
        }
        match quiet {
            Some(quiet) if quiet.brim.is_none() => word |= TIMED,
            Some(_) => word |= QUIET,
            None => {}
        }
        Self::from_bits(word)
    }

    /// The same, but with no success to be counted any more, in the next epoch.
    pub(super) fn no_longer_quiet(self) -> Self {
        Self::from_bits((self.bits() & !(QUIET | TIMED)) + (1 << EPOCH))
    }

    #[inline]
    pub(super) fn from_bits(bits: u64) -> Self {
        Self(ALWAYS | bits)
    }

    #[inline]
    pub(super) const fn bits(self) -> u64 {
        self.0.get()
    }

    #[inline]
    pub(super) const fn epoch(self) -> u64 {
        self.bits() >> EPOCH
    }

    #[inline]
    pub(super) const fn is_free(self) -> bool {
        self.bits() & FREE != 0
    }

    /// Free, and nobody hears of it.
    #[inline]
    pub(super) const fn is_free_unheard(self) -> bool {
        self.bits() & (FREE | UNHEARD) == FREE | UNHEARD
    }

    /// Quiet, and nobody hears of it.
    #[inline]
    pub(super) const fn is_quiet_unheard(self) -> bool {
        self.bits() & (QUIET | UNHEARD) == QUIET | UNHEARD
    }

    #[inline]
    pub(super) const fn is_unheard(self) -> bool {
        self.bits() & UNHEARD != 0
    }

    /// Departures need only be counted, until a time.
    #[inline]
    pub(super) const fn counts_departures(self) -> bool {
        self.bits() & (TIMED | WATCHED) == TIMED | WATCHED
    }

    /// Successes need only be counted, whenever.
    #[inline]
    pub(super) const fn is_quiet(self) -> bool {
        self.bits() & QUIET != 0
    }

    /// Successes need only be counted, until a time.
    #[inline]
    pub(super) const fn is_timed(self) -> bool {
        self.bits() & TIMED != 0
    }

    /// The same as the first word of its epoch, to be compared with later ones.
    pub(super) const fn epoch_start(self) -> u64 {
        self.bits() >> EPOCH << EPOCH
    }

    /// The epoch as the stripes have it: in the upper 30 bits, whatever stands in the lower ones.
    #[inline]
    pub(super) const fn tag(self) -> u64 {
        self.bits() << (BELOW - EPOCH)
    }

    #[inline]
    pub(super) const fn is_watched(self) -> bool {
        self.bits() & WATCHED != 0
    }

    #[inline]
    pub(super) const fn is(self, state: State) -> bool {
        self.bits() & 0b111 == state as u64
    }

    pub(super) const fn state(self) -> State {
        State::ALL[(self.bits() & 0b111) as usize % State::ALL.len()]
    }

    /// Whether it says the same as `other`, whenever.
    pub(super) const fn says_the_same(self, other: Self) -> bool {
        (self.bits() ^ other.bits()) & ((1 << EPOCH) - 1) == 0
    }
}
