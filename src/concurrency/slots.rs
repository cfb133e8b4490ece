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
