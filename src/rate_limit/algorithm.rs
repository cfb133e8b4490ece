use super::{Decision, Quota};
use crate::name::Name;
use crate::time::Instant;
use std::time::Duration;

/// One way to limit a rate: a decision over a state, a cost and the time.
///
/// A value of this kind is the configuration; the state is apart, so that one configuration serves many keys.
/// It reads no clock, holds no lock and remembers nothing by itself: a test, a simulation and a shared store
/// can drive it with times of their own. [`RateLimiter::with`](super::RateLimiter::with) shares one between tasks.
///
/// What all of them keep: waiting exactly `retry_after` and then asking alone is admitted, one nanosecond
/// less is not; a refusal changes nothing; a cost of 0 is admitted and changes nothing; a cost that can never
/// fit is a refusal of its own; time that goes back credits nothing.
///
/// # Examples
///
/// ```
/// use seawall::Instant;
/// use seawall::rate_limit::{Algorithm, Quota, TokenBucket};
/// use std::time::Duration;
///
/// let bucket = TokenBucket::new(Quota::per_second(10));
/// let mut state = bucket.fresh();
/// assert!(bucket.admit(&mut state, 10, Instant::ZERO).is_admitted());
/// let refused = bucket.admit(&mut state, 1, Instant::ZERO);
/// assert_eq!(refused.retry_after(), Some(Duration::from_millis(100)));
/// ```
pub trait Algorithm: Copy {
    /// What is remembered between calls.
    type State;

    /// The state before the first call.
    fn fresh(&self) -> Self::State;

    /// Takes `cost` permits if they are there; else, and for a cost of 0, changes nothing. Yes or no, without the figures
    /// that nobody reads on the way in.
    fn take(&self, state: &mut Self::State, cost: u32, now: Instant) -> bool;

    /// Whether [`take`](Self::take) would be a yes.
    #[inline]
    fn fits(&self, state: &Self::State, cost: u32, now: Instant) -> bool {
        self.peek(state, cost, 0, now).is_admitted()
    }

    /// [`take`](Self::take), with all that can be told of it.
    fn admit(&self, state: &mut Self::State, cost: u32, now: Instant) -> Decision {
        let taken = self.take(state, cost, now);
        self.peek(state, if taken { 0 } else { cost }, 0, now)
    }

    /// What [`admit`](Self::admit) would answer once `ahead` permits have been given to others that wait.
    fn peek(&self, state: &Self::State, cost: u32, ahead: u64, now: Instant) -> Decision;

    /// Gives back permits that an admission at `taken` took and that were never used.
    fn give_back(&self, state: &mut Self::State, cost: u32, taken: Instant);

    /// Takes without asking; the level may become a debt. Answers the time until the debt is paid.
    fn charge(&self, state: &mut Self::State, cost: u32, now: Instant) -> Duration;

    /// The state with which this configuration goes on where `before` stood.
    fn carry(&self, before: &Self, state: &Self::State, carry: Carry, now: Instant) -> Self::State;

    /// The first instant from which on the state is indistinguishable from a fresh one.
    fn fresh_from(&self, state: &Self::State) -> Instant;

    /// Permits, period and capacity; of several limits, the narrowest in the long run.
    fn quota(&self) -> Quota;

    /// Shows each limit and its name: one, unless several are asked together; `name` is the limiter's.
    fn each_limit(&self, name: Name, see: &mut dyn FnMut(Name, Quota)) {
        see(name, self.quota());
    }

    /// Whether a refusal by this name is one of this algorithm's, see [`Named`](super::Named).
    fn answers_to(&self, name: Name) -> bool {
        let _ = name;
        false
    }
}

/// What becomes of the permits that are left when the quota changes.
///
/// | | 40 of 100 left, capacity now 200 | now 20 |
/// |---|---:|---:|
/// | `Keep` | 40 | 20 |
/// | `Proportional` | 80 | 8 |
/// | `Additive` | 140 | 20 |
/// | `Reset` | 200 | 20 |
///
/// # Examples
///
/// ```
/// use seawall::RateLimiter;
/// use seawall::rate_limit::{Carry, Quota};
///
/// let limiter = RateLimiter::new("api", Quota::per_hour(100));
/// limiter.try_acquire_many(60).unwrap();
/// limiter.set_quota_with(Quota::per_hour(200), Carry::Proportional);
/// assert_eq!(limiter.available(), 80);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Carry {
    /// As many as there were, at most the new capacity: no reset, no gift.
    #[default]
    Keep,
    /// The same share of the capacity; a debt stays.
    Proportional,
    /// What the capacity grew by on top.
    Additive,
    /// Full.
    Reset,
}
