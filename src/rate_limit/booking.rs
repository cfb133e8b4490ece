use super::algorithm::{Algorithm, Carry};
use super::token_bucket::FullAt;
use super::{Decision, Quota, TokenBucket};
use crate::time::{Instant, nanos};
use std::time::Duration;

/// A [`TokenBucket`] in which permits can be taken ahead of time: a reservation says now when its call may act.
///
/// ```text
///   reserve ──► act time, fixed     ── until then ──►  due: it is spent
///                     └── cancel: what nobody after it was promised comes back
/// ```
///
/// Later reservations keep the times they were promised, so not all of a cancelled one always comes back: the future
/// was promised on what was spent. For the same reason a released permit comes back only while no reservation
/// is open.
///
/// # Examples
///
/// ```
/// use seawall::Instant;
/// use seawall::rate_limit::{Algorithm, Booking, Quota};
/// use std::time::Duration;
///
/// let booking = Booking::new(Quota::per_second(10).burst(2));
/// let mut state = booking.fresh();
/// let (now, patience) = (Instant::ZERO, Duration::from_secs(1));
/// let first = booking.reserve(&mut state, 2, now, patience).unwrap();
/// let second = booking.reserve(&mut state, 2, now, patience).unwrap();
/// assert_eq!((first.at() - now, second.at() - now), (Duration::ZERO, Duration::from_millis(200)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Booking {
    bucket: TokenBucket,
}

/// The state of a [`Booking`]: the bucket's, and when the last reservation acts.
///
/// ```
/// use seawall::rate_limit::{Algorithm, Booked, Booking, Quota};
/// assert_eq!(Booking::new(Quota::per_second(1)).fresh(), Booked::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Booked {
    full_at: FullAt,
    // Ticks.
    last: u64,
}

/// What was reserved: how much, and when it acts.
///
/// ```
/// use seawall::Instant;
/// use seawall::rate_limit::{Algorithm, Booking, Quota};
/// use std::time::Duration;
/// let booking = Booking::new(Quota::per_second(10));
/// let slot = booking.reserve(&mut booking.fresh(), 1, Instant::ZERO, Duration::ZERO).unwrap();
/// assert_eq!(slot.at(), Instant::ZERO);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "what is reserved and not used is lost to everyone: cancel it"]
pub struct Slot {
    cost: u32,
    // Ticks.
    act: u64,
    at: Instant,
}

impl Slot {
    /// When its call may act.
    ///
    /// ```
    /// use seawall::Instant;
    /// use seawall::rate_limit::{Algorithm, Booking, Quota};
    /// use std::time::Duration;
    /// let booking = Booking::new(Quota::per_second(1));
    /// let slot = booking.reserve(&mut booking.fresh(), 1, Instant::ZERO, Duration::ZERO).unwrap();
    /// assert_eq!(slot.at(), Instant::ZERO);
    /// ```
    #[must_use]
    pub const fn at(&self) -> Instant {
        self.at
    }
}

impl Booking {
    /// A bucket of this quota.
    ///
    /// ```
    /// use seawall::rate_limit::{Booking, Quota};
    /// let booking = Booking::new(Quota::per_second(10));
    /// # let _ = booking;
    /// ```
    #[must_use]
    pub const fn new(quota: Quota) -> Self {
        Self { bucket: TokenBucket::new(quota) }
    }

    /// Takes `cost` permits ahead of time, if they are due within `patience`.
    ///
    /// ```
    /// use seawall::Instant;
    /// use seawall::rate_limit::{Algorithm, Booking, Quota};
    /// use std::time::Duration;
    /// let booking = Booking::new(Quota::per_second(1));
    /// let mut state = booking.fresh();
    /// assert!(booking.reserve(&mut state, 1, Instant::ZERO, Duration::ZERO).is_ok());
    /// let late = booking.reserve(&mut state, 1, Instant::ZERO, Duration::from_millis(999)).unwrap_err();
    /// assert_eq!(late.retry_after(), Some(Duration::from_millis(1)));
    /// ```
    ///
    /// # Errors
    ///
    /// The decision that refused: it costs more than the burst, or it would be due later than `patience`; then its
    /// `retry_after` is the time after which it would not. Nothing is taken.
    pub fn reserve(
        &self,
        state: &mut Booked,
        cost: u32,
        now: Instant,
        patience: Duration,
    ) -> Result<Slot, Decision> {
        let pace = self.bucket.pace;
        let asked = self.bucket.peek(&state.full_at, cost, 0, now);
        let wait = asked.retry_after().unwrap_or_default();
        if matches!(asked.verdict(), super::Verdict::TooLarge { .. }) {
            return Err(asked);
        }
        if wait > patience {
            let late = nanos(wait - patience);
            return Err(Decision::limited(asked.remaining(), nanos(asked.reset_after()), late));
        }
        if cost == 0 {
            return Ok(Slot { cost, act: pace.ticks(now), at: now });
        }
        let full_at = pace.charge(state.full_at.0, cost, now);
        let act = pace.ticks(now).max(full_at.saturating_sub(pace.full));
        *state = Booked { full_at: FullAt(full_at), last: act };
        Ok(Slot { cost, act, at: now + wait })
    }

    /// Gives back what can be given back of a reservation that is not due yet; answers whether it was not.
    ///
    /// ```
    /// use seawall::Instant;
    /// use seawall::rate_limit::{Algorithm, Booking, Quota};
    /// use std::time::Duration;
    /// let booking = Booking::new(Quota::per_second(1));
    /// let (mut state, patience) = (booking.fresh(), Duration::from_secs(9));
    /// let due = booking.reserve(&mut state, 1, Instant::ZERO, patience).unwrap();
    /// let open = booking.reserve(&mut state, 1, Instant::ZERO, patience).unwrap();
    /// assert!(booking.cancel(&mut state, open, Instant::ZERO));
    /// assert!(!booking.cancel(&mut state, due, Instant::from_nanos(1)));
    /// ```
    pub fn cancel(&self, state: &mut Booked, slot: Slot, now: Instant) -> bool {
        let pace = self.bucket.pace;
        let (Slot { cost, act, .. }, now) = (slot, pace.ticks(now));
        if act < now {
            return false;
        }
        let price = u64::from(cost).saturating_mul(pace.cost);
        let give = price.saturating_sub(state.last.saturating_sub(act));
        state.full_at.0 = state.full_at.0.saturating_sub(give).max(now);
        if give > 0 && act == state.last && act.checked_sub(price).is_some_and(|before| before >= now) {
            state.last = act - price;
        }
        true
    }
}

impl Algorithm for Booking {
    type State = Booked;

    fn fresh(&self) -> Booked {
        Booked::default()
    }

    fn take(&self, state: &mut Booked, cost: u32, now: Instant) -> bool {
        self.bucket.take(&mut state.full_at, cost, now)
    }

    fn peek(&self, state: &Booked, cost: u32, ahead: u64, now: Instant) -> Decision {
        self.bucket.peek(&state.full_at, cost, ahead, now)
    }

    /// Nothing, if a reservation was open when they were taken or has been made since.
    fn give_back(&self, state: &mut Booked, cost: u32, taken: Instant) {
        if state.last <= self.bucket.pace.ticks(taken) {
            self.bucket.give_back(&mut state.full_at, cost, taken);
        }
    }

    fn charge(&self, state: &mut Booked, cost: u32, now: Instant) -> Duration {
        self.bucket.charge(&mut state.full_at, cost, now)
    }

    fn carry(&self, before: &Self, state: &Booked, carry: Carry, now: Instant) -> Booked {
        // Promised times stay the same instants.
        let last = before.bucket.fresh_from(&FullAt(state.last));
        Booked {
            full_at: self.bucket.carry(&before.bucket, &state.full_at, carry, now),
            last: self.bucket.pace.ticks(last),
        }
    }

    fn fresh_from(&self, state: &Booked) -> Instant {
        self.bucket.fresh_from(&state.full_at).max(self.bucket.fresh_from(&FullAt(state.last)))
    }

    fn quota(&self) -> Quota {
        self.bucket.quota()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tenth of a second, in which one permit comes.
    const D: Duration = Duration::from_millis(100);

    struct Desk {
        booking: Booking,
        state: Booked,
    }

    impl Desk {
        fn open() -> Self {
            let booking = Booking::new(Quota::per_second(10).burst(2));
            Self { booking, state: booking.fresh() }
        }

        fn reserve(&mut self, at: u32, cost: u32) -> Slot {
            let now = Instant::ZERO + D * at;
            self.booking.reserve(&mut self.state, cost, now, Duration::MAX).unwrap()
        }

        #[track_caller]
        fn acts(&mut self, at: u32, cost: u32, act: u32) -> Slot {
            let slot = self.reserve(at, cost);
            assert_eq!(slot.at(), Instant::ZERO + D * act);
            slot
        }

        fn cancel(&mut self, at: u32, slot: Slot) -> bool {
            self.booking.cancel(&mut self.state, slot, Instant::ZERO + D * at)
        }
    }

    #[test]
    fn act_times_are_fixed_at_once() {
        let mut desk = Desk::open();
        let _ = (desk.acts(0, 2, 0), desk.acts(0, 2, 2), desk.acts(3, 2, 4));
    }

    #[test]
    fn what_is_cancelled_in_time_comes_back() {
        let mut desk = Desk::open();
        let _ = desk.acts(0, 2, 0);
        let second = desk.acts(0, 2, 2);
        assert!(desk.cancel(1, second));
        let _ = desk.acts(1, 2, 2);
    }

    #[test]
    fn what_was_due_is_spent() {
        let mut desk = Desk::open();
        let _ = desk.acts(0, 2, 0);
        let second = desk.acts(0, 2, 2);
        assert!(!desk.cancel(3, second));
        let _ = desk.acts(3, 2, 4);
    }

    #[test]
    fn later_reservations_keep_their_promise() {
        let mut desk = Desk::open();
        let _ = desk.acts(0, 2, 0);
        let (second, third) = (desk.acts(0, 2, 2), desk.acts(0, 2, 4));
        // Nothing comes back of the second: the third was promised on it.
        assert!(desk.cancel(1, second));
        let fourth = desk.acts(1, 2, 6);
        assert!(desk.cancel(1, fourth));
        assert!(desk.cancel(1, third));
        let _ = desk.acts(1, 2, 4);
    }

    #[test]
    fn patience_is_an_upper_bound_and_refusing_takes_nothing() {
        let mut desk = Desk::open();
        let _ = (desk.acts(0, 2, 0), desk.acts(0, 1, 1));
        let state = desk.state;
        let late = desk.booking.reserve(&mut desk.state, 1, Instant::ZERO, D).unwrap_err();
        assert_eq!((late.retry_after(), desk.state), (Some(D), state));
        assert!(desk.booking.reserve(&mut desk.state, 3, Instant::ZERO, Duration::MAX).is_err());
    }

    #[test]
    fn a_permit_comes_back_only_while_nothing_is_promised() {
        let mut desk = Desk::open();
        assert!(desk.booking.admit(&mut desk.state, 1, Instant::ZERO).is_admitted());
        desk.booking.give_back(&mut desk.state, 1, Instant::ZERO);
        assert_eq!(desk.booking.peek(&desk.state, 0, 0, Instant::ZERO).remaining(), 2);
        assert!(desk.booking.admit(&mut desk.state, 2, Instant::ZERO).is_admitted());
        let _ = desk.acts(0, 1, 1);
        desk.booking.give_back(&mut desk.state, 2, Instant::ZERO);
        let _ = desk.acts(0, 1, 2);
    }
}
