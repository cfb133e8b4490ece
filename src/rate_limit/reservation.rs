use super::booking::{Booking, Slot};
use super::handle::RateLimiter;
use crate::error::Rejected;
use crate::time::Instant;
use std::fmt;
use std::time::Duration;

/// A call that may act at a time fixed now; made by [`RateLimiter::reserve`].
///
/// Dropped or [cancelled](Self::cancel) before that time it gives back what nobody after it was promised; from that time
/// on it is spent. So hold it while you wait.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), seawall::Rejected> {
/// use seawall::RateLimiter;
/// use seawall::rate_limit::{Booking, Quota};
/// use std::time::Duration;
///
/// let limiter = RateLimiter::with("mail", Booking::new(Quota::per_second(1)));
/// limiter.check()?;
/// let turn = limiter.reserve(1, Duration::from_secs(5))?;
/// assert_eq!(turn.wait(), Duration::from_secs(1));
/// tokio::time::sleep(turn.wait()).await;
/// // Now it may act.
/// # Ok(())
/// # }
/// ```
#[must_use = "dropped before its time a reservation is cancelled: hold it until then"]
pub struct Reservation {
    limiter: RateLimiter<Booking>,
    slot: Slot,
}

impl RateLimiter<Booking> {
    /// Takes permits ahead of time, if they are due within `patience`; tells when.
    ///
    /// ```
    /// use seawall::RateLimiter;
    /// use seawall::rate_limit::{Booking, Quota};
    /// use std::time::Duration;
    /// let limiter = RateLimiter::with("mail", Booking::new(Quota::per_hour(1)));
    /// let turn = limiter.reserve(1, Duration::ZERO).unwrap();
    /// assert_eq!(turn.wait(), Duration::ZERO);
    /// assert!(limiter.reserve(1, Duration::from_secs(60)).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// [`RateLimited`](crate::Reason::RateLimited) with the time after which it would be due in time, or
    /// [`TooLarge`](crate::Reason::TooLarge).
    pub fn reserve(&self, cost: u32, patience: Duration) -> Result<Reservation, Rejected> {
        self.reserve_at(cost, patience, Instant::now())
    }

    /// [`reserve`](Self::reserve) at a time that the caller already holds.
    ///
    /// ```
    /// use seawall::{Instant, RateLimiter};
    /// use seawall::rate_limit::{Booking, Quota};
    /// use std::time::Duration;
    /// let limiter = RateLimiter::with("mail", Booking::new(Quota::per_hour(1)));
    /// assert_eq!(limiter.reserve_at(1, Duration::ZERO, Instant::ZERO).unwrap().at(), Instant::ZERO);
    /// ```
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    pub fn reserve_at(&self, cost: u32, patience: Duration, now: Instant) -> Result<Reservation, Rejected> {
        let reserved = self.step(cost, |booking, state| booking.reserve(state, cost, now, patience));
        reserved.map(|slot| Reservation { limiter: self.clone(), slot })
    }
}

impl Reservation {
    /// When its call may act.
    ///
    /// ```
    /// use seawall::{Instant, RateLimiter};
    /// use seawall::rate_limit::{Booking, Quota};
    /// use std::time::Duration;
    /// let limiter = RateLimiter::with("mail", Booking::new(Quota::per_hour(1)));
    /// let turn = limiter.reserve(1, Duration::ZERO).unwrap();
    /// assert!(turn.at() <= Instant::now());
    /// ```
    #[must_use]
    pub const fn at(&self) -> Instant {
        self.slot.at()
    }

    /// How long until then.
    ///
    /// ```
    /// use seawall::RateLimiter;
    /// use seawall::rate_limit::{Booking, Quota};
    /// use std::time::Duration;
    /// let limiter = RateLimiter::with("mail", Booking::new(Quota::per_hour(1)));
    /// assert_eq!(limiter.reserve(1, Duration::ZERO).unwrap().wait(), Duration::ZERO);
    /// ```
    #[must_use]
    pub fn wait(&self) -> Duration {
        self.at() - Instant::now()
    }

    /// Gives it up: what nobody after it was promised comes back, unless it was due. Dropping it does the same.
    ///
    /// ```
    /// use seawall::RateLimiter;
    /// use seawall::rate_limit::{Booking, Quota};
    /// use std::time::Duration;
    /// let limiter = RateLimiter::with("mail", Booking::new(Quota::per_hour(1)));
    /// limiter.check().unwrap();
    /// limiter.reserve(1, Duration::MAX).unwrap().cancel();
    /// assert!(limiter.reserve(1, Duration::from_secs(3600)).is_ok());
    /// ```
    pub fn cancel(self) {
        self.cancel_at(Instant::now());
    }

    fn cancel_at(&self, now: Instant) {
        self.limiter.give(|booking, state| booking.cancel(state, self.slot, now));
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let now = Instant::now();
        // At its very time it is spent: whoever waited for it drops it then.
        if now < self.at() {
            self.cancel_at(now);
        }
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation").field("limiter", &self.limiter).field("at", &self.at()).finish()
    }
}
