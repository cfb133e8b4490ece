use crate::error::Reason;
use crate::ratio::Ratio;

/// How many calls may be in flight, and how many are.
///
/// The decision only; the handle wraps it into one compare-and-swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slots {
    pub(super) limit: u32,
    pub(super) in_flight: u32,
}

/// Why there is no slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// As many are in flight as may be.
    Full,
    /// More than the limit: it will never fit.
    TooLarge,
    /// As many are in flight as may be for a call of this importance.
    Outranked,
}

impl Denied {
    pub(super) const fn reason(self) -> Reason {
        match self {
            Self::Full => Reason::LimitReached,
            Self::TooLarge => Reason::TooLarge,
            Self::Outranked => Reason::Priority,
        }
    }
}

impl Slots {
    /// Both in one word, so that one compare-and-swap decides by the limit in force and counts.
    #[inline]
    pub(super) const fn pack(self) -> u64 {
        (self.limit as u64) << 32 | self.in_flight as u64
    }

    #[inline]
    pub(super) const fn unpack(word: u64) -> Self {
        Self { limit: (word >> 32) as u32, in_flight: word as u32 }
    }

    /// The slots once `weight` more are in flight, or why they are not admitted.
    #[inline]
    pub(super) const fn admit(self, weight: u32) -> Result<Self, Denied> {
        if weight <= self.available() {
            Ok(Self { limit: self.limit, in_flight: self.in_flight + weight })
        } else if weight > self.limit && self.limit > 0 {
            Err(Denied::TooLarge)
        } else {
            Err(Denied::Full)
        }
    }

    /// As [`admit`](Self::admit), for a call that may only use the lower part of the limit: it is admitted while
    /// fewer than that are in flight, whoever they are.
    #[inline]
    pub(super) const fn admit_within(self, weight: u32, share: Ratio) -> Result<Self, Denied> {
        let part = self.limit as u64 * share.parts() as u64 / share.whole().get() as u64;
        // The least important gets through an idle limit.
        let ceiling = if part == 0 { 1 } else { part };
        match self.admit(weight) {
            Ok(_) if self.in_flight as u64 >= ceiling => Err(Denied::Outranked),
            decided => decided,
        }
    }

    /// Free slots; none while a shrunk limit is still in debt.
    #[inline]
    pub(super) const fn available(self) -> u32 {
        self.limit.saturating_sub(self.in_flight)
    }

    /// How far the calls in flight stand above a limit that was shrunk under them.
    pub(super) const fn debt(self) -> u32 {
        self.in_flight.saturating_sub(self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The twin: the list of the weights of all calls in flight.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Take(u32),
        End(usize),
        SetLimit(u32),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..5u32).prop_map(Step::Take),
            3 => (0..10usize).prop_map(Step::End),
            1 => (0..12u32).prop_map(Step::SetLimit),
        ]
    }

    proptest! {
        #[test]
        fn it_decides_as_a_list_would(steps in proptest::collection::vec(step(), 0..100)) {
            let (mut slots, mut calls) = (Slots { limit: 6, in_flight: 0 }, Vec::<u32>::new());
            for step in steps {
                let total: u32 = calls.iter().sum();
                match step {
                    Step::Take(weight) => match slots.admit(weight) {
                        Ok(next) => {
                            // Nobody is admitted above the limit, unless for nothing.
                            prop_assert!(total + weight <= slots.limit || weight == 0);
                            calls.push(weight);
                            slots = next;
                        }
                        Err(denied) => {
                            prop_assert!(total + weight > slots.limit);
                            prop_assert_eq!(denied == Denied::TooLarge, weight > slots.limit && slots.limit > 0);
                        }
                    },
                    Step::End(i) if i < calls.len() => slots.in_flight -= calls.remove(i),
                    Step::End(_) => {}
                    Step::SetLimit(limit) => slots.limit = limit,
                }
                let total: u32 = calls.iter().sum();
                prop_assert_eq!(slots.in_flight, total);
                prop_assert_eq!(slots.available(), slots.limit.saturating_sub(total));
                prop_assert_eq!(slots.debt(), total.saturating_sub(slots.limit));
                prop_assert_eq!(Slots::unpack(slots.pack()), slots);
            }
        }
    }

    #[test]
    fn the_largest_numbers_do_not_wrap() {
        let full = Slots { limit: u32::MAX, in_flight: u32::MAX };
        assert_eq!(full.admit(u32::MAX), Err(Denied::Full));
        let idle = Slots { limit: u32::MAX, in_flight: 0 };
        assert_eq!(idle.admit(u32::MAX), Ok(full));
        assert_eq!(idle.admit_within(1, Ratio::percent(u32::MAX)).map(|s| s.in_flight), Ok(1));
    }
}
