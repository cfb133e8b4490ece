use super::algorithm::{Algorithm, Carry};
use super::token_bucket::FullAt;
use super::{Decision, Quota, TokenBucket};
use crate::time::Instant;
use std::time::Duration;

/// A bucket with a hole: calls are poured in, and it leaks at a steady rate; what would overflow is refused.
///
/// ```text
///   meter                          shaper
///      ●●●  poured in at once         ●●●  poured in at once
///     │●●●│                          │●●●│
///     └─┬─┘                          └─┬─┘
///       ▼ who asks goes at once        ● ─── ● ─── ●   who asks goes when his drop leaks out
/// ```
///
/// * As a **meter** it is the [`TokenBucket`] told from the other side: the same decisions, remaining permits and times.
///   It goes where an algorithm goes.
/// * As a **shaper** it spaces calls evenly: a call that is admitted is told how long to wait before it goes, see
///   [`shape`](Self::shape). `slack` permits pass without delay. (nginx's `burst=9 delay=4` is a capacity of 10 with a slack
///   of 4, and its `nodelay` a slack of all; uber-go's slack is this one.)
///
/// # Examples
///
/// ```
/// use seawall::Instant;
/// use seawall::rate_limit::{Algorithm, LeakyBucket, Quota};
/// use std::time::Duration;
///
/// let bucket = LeakyBucket::shaper(Quota::per_second(10).burst(3), 0);
/// let mut state = bucket.fresh();
/// let delays = [(); 4].map(|()| bucket.shape(&mut state, 1, Instant::ZERO).ok());
/// assert_eq!(delays, [0, 100, 200, 300].map(|ms| (ms < 300).then(|| Duration::from_millis(ms))));
/// ```
///
/// # Not for
///
/// Waiting in order with cancellation: that is a [`Queued`](crate::gate::Queued) over a
/// [`RateLimiter`](super::RateLimiter), which gives the same times. The shaper's place is where the caller does the waiting
/// himself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeakyBucket {
    bucket: TokenBucket,
    slack: u32,
}

impl LeakyBucket {
    /// A bucket of the quota's capacity that leaks at the quota's rate; who is admitted goes at once.
    ///
    /// ```
    /// use seawall::RateLimiter;
    /// use seawall::rate_limit::{LeakyBucket, Quota};
    /// let limiter = RateLimiter::with("api", LeakyBucket::meter(Quota::per_second(10)));
    /// assert!(limiter.check().is_ok());
    /// ```
    #[must_use]
    pub const fn meter(quota: Quota) -> Self {
        Self { bucket: TokenBucket::new(quota), slack: quota.capacity() }
    }

    /// The same bucket, out of which calls go one by one, but for `slack` that may go at once.
    ///
    /// ```
    /// use seawall::rate_limit::{LeakyBucket, Quota};
    /// let one_by_one = LeakyBucket::shaper(Quota::per_second(10).burst(100), 0);
    /// # let _ = one_by_one;
    /// ```
    #[must_use]
    pub const fn shaper(quota: Quota, slack: u32) -> Self {
        Self { bucket: TokenBucket::new(quota), slack }
    }

    /// Pours in a call of this cost, and tells how long it has to wait before it goes.
    ///
    /// ```
    /// use seawall::Instant;
    /// use seawall::rate_limit::{Algorithm, LeakyBucket, Quota};
    /// use std::time::Duration;
    /// let bucket = LeakyBucket::shaper(Quota::per_second(1).burst(5), 1);
    /// let mut state = bucket.fresh();
    /// assert_eq!(bucket.shape(&mut state, 1, Instant::ZERO), Ok(Duration::ZERO));
    /// assert_eq!(bucket.shape(&mut state, 1, Instant::ZERO), Ok(Duration::ZERO));
    /// assert_eq!(bucket.shape(&mut state, 1, Instant::ZERO), Ok(Duration::from_secs(1)));
    /// ```
    ///
    /// # Errors
    ///
    /// The decision that refused: it would overflow now, or whatever the level.
    pub fn shape(&self, state: &mut FullAt, cost: u32, now: Instant) -> Result<Duration, Decision> {
        let pace = self.bucket.pace;
        let slack = u64::from(self.slack).saturating_mul(pace.cost);
        let goes = state.0.saturating_sub(slack);
        let decision = self.bucket.admit(state, cost, now);
        if decision.is_admitted() { Ok(Duration::from_nanos(pace.until(goes, now))) } else { Err(decision) }
    }

    /// What is in the bucket, rounded up.
    ///
    /// ```
    /// use seawall::Instant;
    /// use seawall::rate_limit::{Algorithm, LeakyBucket, Quota};
    /// let bucket = LeakyBucket::meter(Quota::per_second(10));
    /// let mut state = bucket.fresh();
    /// let _ = bucket.admit(&mut state, 3, Instant::ZERO);
    /// assert_eq!(bucket.level(&state, Instant::ZERO), 3);
    /// ```
    #[must_use]
    pub fn level(&self, state: &FullAt, now: Instant) -> i64 {
        i64::from(self.quota().capacity()).saturating_sub(self.bucket.level(state, now))
    }
}

impl Algorithm for LeakyBucket {
    type State = FullAt;

    fn fresh(&self) -> FullAt {
        self.bucket.fresh()
    }

    #[inline]
    fn take(&self, state: &mut FullAt, cost: u32, now: Instant) -> bool {
        self.bucket.take(state, cost, now)
    }

    #[inline]
    fn fits(&self, state: &FullAt, cost: u32, now: Instant) -> bool {
        self.bucket.fits(state, cost, now)
    }

    fn peek(&self, state: &FullAt, cost: u32, ahead: u64, now: Instant) -> Decision {
        self.bucket.peek(state, cost, ahead, now)
    }

    fn give_back(&self, state: &mut FullAt, cost: u32, taken: Instant) {
        self.bucket.give_back(state, cost, taken);
    }

    fn charge(&self, state: &mut FullAt, cost: u32, now: Instant) -> Duration {
        self.bucket.charge(state, cost, now)
    }

    fn carry(&self, before: &Self, state: &FullAt, carry: Carry, now: Instant) -> FullAt {
        self.bucket.carry(&before.bucket, state, carry, now)
    }

    fn fresh_from(&self, state: &FullAt) -> Instant {
        self.bucket.fresh_from(state)
    }

    fn quota(&self) -> Quota {
        self.bucket.quota()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Driven, MS, S};
    use super::*;

    struct Shaped {
        bucket: LeakyBucket,
        state: FullAt,
    }

    fn shaper(permits: u32, period: u64, burst: u32, slack: u32) -> Shaped {
        let quota = Quota::per(permits, Duration::from_nanos(period)).burst(burst);
        let bucket = LeakyBucket::shaper(quota, slack);
        Shaped { bucket, state: bucket.fresh() }
    }

    impl Shaped {
        fn delay(&mut self, at: u64) -> Result<u64, Option<Duration>> {
            let shaped = self.bucket.shape(&mut self.state, 1, Instant::from_nanos(at));
            shaped.map(|delay| delay.as_nanos() as u64).map_err(|decision| decision.retry_after())
        }
    }

    #[test]
    fn calls_go_out_evenly() {
        let mut bucket = shaper(10, S, 6, 0);
        for delay in 0..6 {
            assert_eq!(bucket.delay(0), Ok(delay * 100 * MS));
        }
        assert_eq!(bucket.delay(0), Err(Some(Duration::from_millis(100))));
        let mut bucket = shaper(1, 60 * S, 3, 0);
        assert_eq!([(); 3].map(|()| bucket.delay(0)), [Ok(0), Ok(60 * S), Ok(120 * S)]);
        assert_eq!(bucket.delay(0), Err(Some(Duration::from_secs(60))));
    }

    #[test]
    fn idle_time_earns_nothing_without_slack() {
        let mut bucket = shaper(10, S, 100, 0);
        for at in [0, 10 * S] {
            assert_eq!([(); 3].map(|()| bucket.delay(at)), [Ok(0), Ok(100 * MS), Ok(200 * MS)]);
        }
    }

    #[test]
    fn a_bucket_of_one_is_a_steady_drip() {
        let mut bucket = Driven::new(LeakyBucket::meter(Quota::per_second(1)));
        bucket.admits(0, 1);
        bucket.limits(0, 1, 0, S);
        bucket.limits(999 * MS, 1, 0, MS);
        bucket.admits(1000 * MS, 1);
        bucket.limits(1001 * MS, 1, 0, 999 * MS);
        bucket.admits(2000 * MS, 1);
    }

    #[test]
    fn a_slack_of_all_is_the_meter() {
        let mut bucket = shaper(10, S, 6, 6);
        assert_eq!([(); 6].map(|()| bucket.delay(0)), [Ok(0); 6]);
        assert!(bucket.delay(0).is_err());
    }

    #[test]
    fn a_call_of_no_cost_is_told_when_the_next_would_go() {
        let mut bucket = shaper(10, S, 6, 0);
        let _ = (bucket.delay(0), bucket.delay(0));
        let state = bucket.state;
        let free = bucket.bucket.shape(&mut bucket.state, 0, Instant::ZERO);
        assert_eq!((free, bucket.state), (Ok(Duration::from_millis(200)), state));
    }
}
