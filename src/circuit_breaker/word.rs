use super::circuit::Circuit;
use super::state::State;

/// What a call must know of the circuit, in one word: its state, what that asks of a call, and an epoch.
///
/// The epoch grows with every change of the rest, so a word names a stretch of time in which nothing
/// changed, and an equal word later says that nothing has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word(u64);

/// A call is admitted without time and without the lock.
const FREE: u64 = 1 << 3;
/// Successes need only be counted.
const QUIET: u64 = 1 << 4;
/// Not even that.
const IDLE: u64 = 1 << 5;
/// Counted, but only until a time.
const TIMED: u64 = 1 << 6;
/// There is a slow trip: a call's end needs a time.
const WATCHED: u64 = 1 << 7;
const EPOCH: u32 = 8;

impl Word {
    /// What `circuit` asks of a call from now on.
    pub(super) fn of(circuit: &Circuit, epoch: u64) -> Self {
        let state = circuit.state();
        let mut word = state as u64 | epoch << EPOCH;
        if circuit.watches_time() {
            word |= WATCHED;
        }
        match state {
            State::ForcedClosed => word |= FREE | IDLE,
            State::Closed | State::ObserveOnly if !circuit.watches_time() => word |= FREE,
            _ => {}
        }
        match circuit.quiet() {
            Some(quiet) if quiet.brim == Some(0) => word |= IDLE,
            Some(quiet) if quiet.brim.is_none() => word |= QUIET | TIMED,
            Some(_) => word |= QUIET,
            None => {}
        }
        Self(word)
    }

    /// The same, but with no success to be counted any more, in the next epoch.
    pub(super) const fn no_longer_quiet(self) -> Self {
        Self((self.0 & !(QUIET | TIMED)) + (1 << EPOCH))
    }

    #[inline]
    pub(super) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    #[inline]
    pub(super) const fn bits(self) -> u64 {
        self.0
    }

    #[inline]
    pub(super) const fn epoch(self) -> u64 {
        self.0 >> EPOCH
    }

    #[inline]
    pub(super) const fn is_free(self) -> bool {
        self.0 & FREE != 0
    }

    #[inline]
    pub(super) const fn is_quiet(self) -> bool {
        self.0 & QUIET != 0
    }

    #[inline]
    pub(super) const fn is_idle(self) -> bool {
        self.0 & IDLE != 0
    }

    #[inline]
    pub(super) const fn is_timed(self) -> bool {
        self.0 & TIMED != 0
    }

    #[inline]
    pub(super) const fn is_watched(self) -> bool {
        self.0 & WATCHED != 0
    }

    #[inline]
    pub(super) const fn is(self, state: State) -> bool {
        self.0 & 0b111 == state as u64
    }

    pub(super) const fn state(self) -> State {
        State::ALL[(self.0 & 0b111) as usize % State::ALL.len()]
    }

    /// Whether it says the same as `other`, whenever.
    pub(super) const fn says_the_same(self, other: Self) -> bool {
        (self.0 ^ other.0) & ((1 << EPOCH) - 1) == 0
    }
}
