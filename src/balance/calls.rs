use crate::sync::atomic::{
    AtomicU64,
    Ordering::{AcqRel, Relaxed},
};

/// The calls in flight at an endpoint and, above their number, what is to be known beside it: one word, so that
/// the addition that takes a slot also says whether the slot was there and the endpoint is like any other.
///
/// ```text
/// 63       attempts       34 │ 33 probing │ 32 failing │ 31      in flight      0
/// ```
#[derive(Debug, Default)]
pub(super) struct Calls(AtomicU64);

/// Its streak of failures is to be looked at.
const FAILING: u64 = 1 << 32;
/// Somebody tries whether it is ready again.
const PROBING: u64 = 1 << 33;
/// Where the failed attempts to become ready, in a row, begin.
const ATTEMPTS: u32 = 34;
const UNREADY: u64 = !0 << ATTEMPTS | PROBING;

/// What a reservation took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reserved {
    /// This call is the one that tries whether the endpoint is ready again.
    pub(super) probe: bool,
}

/// The word of one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen(u64);

impl Seen {
    /// Whether there are fewer than `limit` calls in flight, and nothing beside them to look at.
    #[inline]
    pub(super) const fn is_quietly_below(self, limit: u32) -> bool {
        self.0 < limit as u64
    }

    /// The calls in flight, if there is nothing beside them to look at.
    #[inline]
    pub(super) const fn quiet(self) -> Option<u32> {
        if self.0 <= u32::MAX as u64 { Some(self.0 as u32) } else { None }
    }

    #[inline]
    pub(super) const fn in_flight(self) -> u32 {
        self.0 as u32
    }

    #[inline]
    pub(super) const fn is_failing(self) -> bool {
        self.0 & FAILING != 0
    }

    #[inline]
    pub(super) const fn is_probed(self) -> bool {
        self.0 & PROBING != 0
    }

    /// Failed attempts to become ready, in a row.
    pub(super) const fn attempts(self) -> u32 {
        (self.0 >> ATTEMPTS) as u32
    }
}

impl Calls {
    #[inline]
    pub(super) fn look(&self) -> Seen {
        Seen(self.0.load(Relaxed))
    }

    /// Takes a slot, then looks whether it was there to be taken: so the limit holds however many race.
    #[inline]
    pub(super) fn reserve(&self, limit: u32) -> Option<Reserved> {
        let before = Seen(self.0.fetch_add(1, Relaxed));
        if before.is_quietly_below(limit) {
            return Some(Reserved { probe: false });
        }
        self.reserve_beside(before, limit)
    }

    #[cold]
    #[inline(never)]
    fn reserve_beside(&self, before: Seen, limit: u32) -> Option<Reserved> {
        if before.in_flight() < limit {
            let probe = |word| (word & UNREADY != 0 && word & PROBING == 0).then_some(word | PROBING);
            match self.0.fetch_update(Relaxed, Relaxed, probe) {
                Ok(_) => return Some(Reserved { probe: true }),
                Err(word) if word & UNREADY == 0 => return Some(Reserved { probe: false }),
                Err(_) => {}
            }
        }
        self.give_back();
        None
    }

    #[inline]
    pub(super) fn give_back(&self) -> Seen {
        Seen(self.0.fetch_sub(1, Relaxed))
    }

    /// Its streak says something. To be called after the streak was written.
    pub(super) fn set_failing(&self) {
        self.0.fetch_or(FAILING, AcqRel);
    }

    /// Its streak is over. To be called before the streak is: who fails in between is seen by it, or says so anew.
    pub(super) fn clear_failing(&self) {
        self.0.fetch_and(!FAILING, AcqRel);
    }

    /// It failed to become ready so often in a row, and the next who comes tries again.
    pub(super) fn set_attempts(&self, attempts: u32) {
        let attempts = u64::from(attempts.clamp(1, u32::MAX >> (ATTEMPTS - 32))) << ATTEMPTS;
        // The closure always has an answer.
        let _ = self.0.fetch_update(Relaxed, Relaxed, |word| Some(word & !UNREADY | attempts));
    }

    /// It became ready: whatever attempts to there were are over.
    #[inline]
    pub(super) fn became_ready(&self) {
        if self.0.load(Relaxed) & UNREADY != 0 {
            self.0.fetch_and(!UNREADY, Relaxed);
        }
    }

    /// The one who tried whether it is ready again left without finding out.
    pub(super) fn probe_abandoned(&self) {
        self.0.fetch_and(!PROBING, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_the_last_slot_there_is() {
        let calls = Calls::default();
        assert_eq!([calls.reserve(2), calls.reserve(2)], [Some(Reserved { probe: false }); 2]);
        assert_eq!((calls.reserve(2), calls.look().quiet()), (None, Some(2)));
        assert!(calls.look().is_quietly_below(3) && !calls.look().is_quietly_below(2));
        calls.give_back();
        assert!(calls.reserve(2).is_some() && calls.reserve(0).is_none());
    }

    #[test]
    fn what_is_known_beside_the_calls_leaves_their_number_alone() {
        let calls = Calls::default();
        let _ = (calls.reserve(9), calls.reserve(9));
        calls.set_failing();
        calls.set_attempts(u32::MAX);
        let seen = calls.look();
        assert!(
            seen.is_failing() && !seen.is_probed() && seen.quiet().is_none() && !seen.is_quietly_below(9)
        );
        assert_eq!((seen.in_flight(), seen.attempts()), (2, (1 << 30) - 1));
        assert_eq!(calls.reserve(9), Some(Reserved { probe: true }));
        assert_eq!((calls.reserve(9), calls.look().in_flight()), (None, 3));
        calls.became_ready();
        // A failing one is called like any other.
        assert_eq!(calls.reserve(9), Some(Reserved { probe: false }));
        calls.clear_failing();
        assert_eq!(calls.look().quiet(), Some(4));
    }
}
