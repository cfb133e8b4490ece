use super::algorithm::{Algorithm, Carry};
use super::{Decision, Quota, Verdict};
use crate::time::{Instant, nanos};
use std::time::Duration;

/// A limit on the client's side that also heeds what the server says of its own: `Retry-After`, and how much is left.
///
/// ```text
///   own limit ─┐
///   Retry-After├─► the strictest of them
///   RateLimit ─┘
/// ```
///
/// What the server says only ever makes it stricter, until the time that it named; then the own limit alone
/// holds again. Of answers that overtake each other the least that was said counts.
///
/// # Examples
///
/// ```
/// use seawall::RateLimiter;
/// use seawall::rate_limit::{Heeding, Quota, TokenBucket};
/// use std::time::Duration;
///
/// let limiter = RateLimiter::with("github", Heeding::new(TokenBucket::new(Quota::unlimited())));
/// limiter.heed_remaining(1, Duration::from_secs(3600)); // RateLimit: "core";r=1;t=3600
/// assert!(limiter.check().is_ok());
/// assert!(limiter.check().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heeding<A> {
    own: A,
}

/// The state of a [`Heeding`]: the own limit's, and what the server said.
///
/// ```
/// use seawall::rate_limit::{Algorithm, Heard, Heeding, Quota, TokenBucket};
/// let state: Heard<_> = Heeding::new(TokenBucket::new(Quota::unlimited())).fresh();
/// # let _ = state;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard<S> {
    own: S,
    // Nanoseconds: nothing before this.
    closed_until: u64,
    // No more than `left` before this.
    left_until: u64,
    left: u32,
}

impl<S> Heard<S> {
    /// The server answered `Retry-After`: nothing before that.
    ///
    /// ```
    /// use seawall::Instant;
    /// use seawall::rate_limit::{Algorithm, Heeding, Quota, TokenBucket};
    /// use std::time::Duration;
    /// let limit = Heeding::new(TokenBucket::new(Quota::unlimited()));
    /// let mut state = limit.fresh();
    /// state.retry_after(Duration::from_secs(7), Instant::ZERO);
    /// assert_eq!(limit.admit(&mut state, 1, Instant::ZERO).retry_after(), Some(Duration::from_secs(7)));
    /// ```
    pub const fn retry_after(&mut self, after: Duration, now: Instant) {
        let until = now.saturating_add(after).as_nanos();
        if until > self.closed_until {
            self.closed_until = until;
        }
    }

    /// The server said what is left, and when there will be more.
    ///
    /// ```
    /// use seawall::Instant;
    /// use seawall::rate_limit::{Algorithm, Heeding, Quota, TokenBucket};
    /// use std::time::Duration;
    /// let limit = Heeding::new(TokenBucket::new(Quota::unlimited()));
    /// let mut state = limit.fresh();
    /// state.remaining(2, Duration::from_secs(7), Instant::ZERO);
    /// assert_eq!(limit.peek(&state, 1, 0, Instant::ZERO).remaining(), 2);
    /// ```
    pub fn remaining(&mut self, left: u32, reset_after: Duration, now: Instant) {
        let until = now.saturating_add(reset_after).as_nanos();
        if now.as_nanos() >= self.left_until {
            (self.left, self.left_until) = (left, until);
        } else if left <= self.left {
            (self.left, self.left_until) = (left, until.max(self.left_until));
        }
    }
}

impl<A> Heeding<A> {
    /// This limit of one's own, and the server's word. Without one of your own, it is that of
    /// [`Quota::unlimited`].
    ///
    /// ```
    /// use seawall::rate_limit::{Heeding, Quota, TokenBucket};
    /// let limit = Heeding::new(TokenBucket::new(Quota::per_second(50)));
    /// # let _ = limit;
    /// ```
    #[must_use]
    pub const fn new(own: A) -> Self {
        Self { own }
    }
}

impl<A: Algorithm> Algorithm for Heeding<A> {
    type State = Heard<A::State>;

    fn fresh(&self) -> Self::State {
        Heard { own: self.own.fresh(), closed_until: 0, left_until: 0, left: 0 }
    }

    fn take(&self, state: &mut Self::State, cost: u32, now: Instant) -> bool {
        let at = now.as_nanos();
        let (told, closed) = (at < state.left_until, at < state.closed_until);
        if cost == 0 {
            return true;
        }
        let taken = !closed && (!told || cost <= state.left) && self.own.take(&mut state.own, cost, now);
        if taken && told {
            state.left -= cost;
        }
        taken
    }

    fn peek(&self, state: &Self::State, cost: u32, ahead: u64, now: Instant) -> Decision {
        let own = self.own.peek(&state.own, cost, ahead, now);
        let now = now.as_nanos();
        let closed = state.closed_until.saturating_sub(now);
        let told = state.left_until.saturating_sub(now);
        let mut decision = own;
        if told > 0 {
            let enough = cost == 0 || ahead.saturating_add(u64::from(cost)) <= u64::from(state.left);
            let verdict = if enough { Verdict::Admitted } else { limited(told) };
            decision = decision.and(Decision::new(verdict, state.left, Duration::from_nanos(told)));
        }
        if closed > 0 {
            let verdict = if cost == 0 { Verdict::Admitted } else { limited(closed) };
            decision = decision.and(Decision::new(verdict, 0, Duration::from_nanos(closed)));
        }
        decision
    }

    fn give_back(&self, state: &mut Self::State, cost: u32, taken: Instant) {
        self.own.give_back(&mut state.own, cost, taken);
        if taken.as_nanos() < state.left_until {
            state.left = state.left.saturating_add(cost);
        }
    }

    fn charge(&self, state: &mut Self::State, cost: u32, now: Instant) -> Duration {
        state.left = state.left.saturating_sub(cost);
        self.own.charge(&mut state.own, cost, now)
    }

    fn carry(&self, before: &Self, state: &Self::State, carry: Carry, now: Instant) -> Self::State {
        let Heard { own, closed_until, left_until, left } = state;
        let own = self.own.carry(&before.own, own, carry, now);
        Heard { own, closed_until: *closed_until, left_until: *left_until, left: *left }
    }

    fn fresh_from(&self, state: &Self::State) -> Instant {
        let heard = Instant::from_nanos(state.closed_until.max(state.left_until));
        self.own.fresh_from(&state.own).max(heard)
    }

    fn quota(&self) -> Quota {
        self.own.quota()
    }
}

const fn limited(wait: u64) -> Verdict {
    Verdict::Limited { retry_after: Duration::from_nanos(wait) }
}

/// What a `Retry-After` field of so many seconds says at most: a peer that asks for more is not believed for ever.
pub(super) const fn believed(after: Duration) -> Duration {
    const MOST: Duration = Duration::from_secs(86_400);
    if nanos(after) > nanos(MOST) { MOST } else { after }
}

#[cfg(test)]
mod tests {
    use super::super::TokenBucket;
    use super::super::testing::{Driven, S};
    use super::*;

    fn drive(quota: Quota) -> Driven<Heeding<TokenBucket>> {
        Driven::new(Heeding::new(TokenBucket::new(quota)))
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn nothing_before_the_time_that_was_named() {
        let mut limit = drive(Quota::per_second(10));
        limit.admits(0, 1);
        limit.state.retry_after(seconds(5), Instant::ZERO);
        limit.limits(S, 1, 0, 4 * S);
        limit.state.retry_after(seconds(1), Instant::from_nanos(S));
        limit.limits(S, 1, 0, 4 * S);
        assert_eq!(limit.admits(5 * S, 1), 9);
    }

    #[test]
    fn no_more_than_is_left() {
        let mut limit = drive(Quota::unlimited());
        limit.state.remaining(2, seconds(10), Instant::ZERO);
        assert_eq!(limit.admits(S, 1), 1);
        assert_eq!(limit.admits(S, 1), 0);
        limit.limits(S, 1, 0, 9 * S);
        limit.give_back(1, S);
        assert_eq!(limit.admits(S, 1), 0);
        limit.admits(10 * S, 1000);
    }

    #[test]
    fn an_answer_that_comes_late_does_not_loosen() {
        let mut limit = drive(Quota::unlimited());
        limit.state.remaining(2, seconds(10), Instant::ZERO);
        limit.admits(S, 2);
        limit.state.remaining(50, seconds(10), Instant::from_nanos(S));
        limit.limits(S, 1, 0, 9 * S);
        limit.state.remaining(50, seconds(10), Instant::from_nanos(10 * S));
        assert_eq!(limit.admits(10 * S, 1), 49);
    }

    #[test]
    fn the_own_limit_stays() {
        let mut limit = drive(Quota::per_second(1));
        limit.state.remaining(50, seconds(10), Instant::ZERO);
        limit.admits(0, 1);
        limit.limits(0, 1, 0, S);
        limit.never(0, 2, 1);
    }
}
