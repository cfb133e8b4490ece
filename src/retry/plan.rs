use super::Backoff;
use crate::class::Class;
use crate::time::{Instant, nanos};
use std::fmt;
use std::time::Duration;

/// When a failed call is made again, and after which wait: the decision alone.
///
/// A plan is asked after each attempt, about the attempts made so far, the class of the last result and the
/// time. It reads no clock and knows no service; [`Retry`](super::Retry) calls, waits and keeps the last result.
///
/// # Examples
///
/// ```
/// use seawall::retry::{Attempts, Backoff, Jitter, Next, Plan, Stop};
/// use seawall::{Class, Instant};
/// use std::time::Duration;
///
/// let plan = Plan::new()
///     .attempts(2)
///     .backoff(Backoff::constant(Duration::from_millis(50)).jitter(Jitter::none()));
/// let now = Instant::ZERO;
///
/// let mut attempts = Attempts::new();
/// attempts.start();
/// let wait = plan.next(&mut attempts, Class::Transient, now, Instant::MAX);
/// assert_eq!(wait, Next::Wait(Duration::from_millis(50)));
/// attempts.start();
/// let stop = plan.next(&mut attempts, Class::Transient, now + Duration::from_millis(60), Instant::MAX);
/// assert_eq!(stop, Next::Stop(Stop::Attempts));
/// ```
///
/// # Defaults
///
/// | setting | default | why |
/// |---|---|---|
/// | attempts | 3 | the third try helps, the tenth is load |
/// | backoff | exponential 50 ms, × 2, cap 10 s, full jitter | AWS's measured best; the cap bounds a caller's patience |
/// | after | `up_to(30 s)` | to come earlier than asked is to be refused again |
/// | within | none | a deadline is the better tool |
#[derive(Clone, PartialEq, Eq)]
pub struct Plan {
    backoff: Backoff,
    attempts: u32,
    // Nanoseconds; the greatest number is none.
    within: u64,
    after: After,
}

impl Plan {
    /// The defaults of the table above.
    ///
    /// ```
    /// use seawall::retry::Plan;
    /// assert_eq!(Plan::new(), Plan::default());
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self {
            backoff: Backoff::DEFAULT,
            attempts: 3,
            within: u64::MAX,
            after: After::up_to(Duration::from_secs(30)),
        }
    }

    /// One attempt, as if there were no retry.
    ///
    /// ```
    /// use seawall::retry::Plan;
    /// assert_eq!(Plan::off().max_attempts(), 1);
    /// ```
    #[must_use]
    pub const fn off() -> Self {
        Self::new().attempts(1)
    }

    /// At most so many attempts in all, the first included; none at all reads as one.
    ///
    /// ```
    /// use seawall::retry::Plan;
    /// assert_eq!(Plan::new().attempts(5).max_attempts(), 5);
    /// ```
    #[must_use]
    #[doc(alias = "max_retries")]
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = if attempts == 0 { 1 } else { attempts };
        self
    }

    /// The waits between attempts.
    ///
    /// ```
    /// use seawall::retry::{Backoff, Plan};
    /// let plan = Plan::new().backoff(Backoff::none());
    /// # let _ = plan;
    /// ```
    #[must_use]
    pub const fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// What becomes of a time that the peer named.
    ///
    /// ```
    /// use seawall::retry::{After, Plan};
    /// let plan = Plan::new().after(After::ignored());
    /// # let _ = plan;
    /// ```
    #[must_use]
    #[doc(alias = "Retry-After")]
    pub const fn after(mut self, after: After) -> Self {
        self.after = after;
        self
    }

    /// No wait is begun that would end later than this after the start of the first attempt. Attempts under way
    /// are not cut short.
    ///
    /// ```
    /// use seawall::retry::Plan;
    /// use std::time::Duration;
    /// let plan = Plan::new().within(Duration::from_secs(5));
    /// # let _ = plan;
    /// ```
    #[must_use]
    pub const fn within(mut self, within: Duration) -> Self {
        self.within = nanos(within);
        self
    }

    /// How many attempts there may be in all.
    ///
    /// ```
    /// assert_eq!(seawall::retry::Plan::new().max_attempts(), 3);
    /// ```
    #[must_use]
    pub const fn max_attempts(&self) -> u32 {
        self.attempts
    }

    /// Whether the start of the first attempt matters.
    pub(super) const fn is_timed(&self) -> bool {
        self.within < u64::MAX
    }

    /// What to do after an attempt that ended as `class`, at `now`, when everything must be over by `deadline`
    /// ([`Instant::MAX`] for none).
    ///
    /// ```
    /// use seawall::retry::{Attempts, Next, Plan};
    /// use seawall::{Class, Instant};
    /// let mut attempts = Attempts::new();
    /// attempts.start();
    /// assert_eq!(Plan::new().next(&mut attempts, Class::Neutral, Instant::ZERO, Instant::MAX), Next::Done);
    /// ```
    #[must_use]
    pub fn next(&self, attempts: &mut Attempts, class: Class, now: Instant, deadline: Instant) -> Next {
        let after = match class {
            Class::Success | Class::Neutral | Class::Permanent => return Next::Done,
            Class::Transient => None,
            Class::Overload(after) => after,
        };
        if attempts.made >= self.attempts {
            return Next::Stop(Stop::Attempts);
        }
        if self.after.is_beyond(after) {
            return Next::Stop(Stop::Patience);
        }
        let wait = self.after.wait(attempts.backoff.get_or_insert_with(|| self.backoff.clone()), after);
        let limit = (*attempts.first.get_or_insert(now) + Duration::from_nanos(self.within)).min(deadline);
        if limit < Instant::MAX && now + wait >= limit {
            return Next::Stop(Stop::Time);
        }
        Next::Wait(wait)
    }
}

impl Default for Plan {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("attempts", &self.attempts)
            .field("backoff", &self.backoff)
            .field("after", &self.after)
            .field("within", &self.is_timed().then(|| Duration::from_nanos(self.within)))
            .finish()
    }
}

/// What a [`Plan`] says after an attempt.
///
/// Exhaustive on purpose: a driver does one of these three.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Next {
    /// The result is the answer: there is nothing to repeat.
    Done,
    /// Wait so long, then try again.
    Wait(Duration),
    /// It would have been repeated, but may not be: the last result is the answer.
    Stop(Stop),
}

/// Why a call that failed is not made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stop {
    /// As many attempts as may be have been made.
    Attempts,
    /// There is no copy of the request, or it may not be sent twice.
    NotReplayable,
    /// The peer asked for more time than the plan has patience for.
    Patience,
    /// The wait would not have ended in time.
    Time,
    /// The budget has no token.
    Budget,
}

/// What becomes of a time that the peer named ([`Class::Overload`] with a duration, `Retry-After`).
///
/// A wait is never shorter than the backoff.
///
/// # Examples
///
/// ```
/// use seawall::retry::{After, Plan};
/// use std::time::Duration;
///
/// // Come back exactly when told, unless that is more than a minute off.
/// let plan = Plan::new().after(After::up_to(Duration::from_secs(60)));
/// # let _ = plan;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct After(Kept);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kept {
    UpTo(Duration),
    Clamped(Duration),
    Ignored,
}

impl After {
    /// Kept exactly, without jitter; beyond `patience` there is no retry. Polite is cheaper than early.
    ///
    /// ```
    /// let after = seawall::retry::After::up_to(std::time::Duration::from_secs(30));
    /// # let _ = after;
    /// ```
    #[must_use]
    pub const fn up_to(patience: Duration) -> Self {
        Self(Kept::UpTo(patience))
    }

    /// At most `extra` beyond the backoff, and then retried all the same (AWS's rule of 2.1).
    ///
    /// ```
    /// let after = seawall::retry::After::clamped(std::time::Duration::from_secs(5));
    /// # let _ = after;
    /// ```
    #[must_use]
    pub const fn clamped(extra: Duration) -> Self {
        Self(Kept::Clamped(extra))
    }

    /// Not heard: the backoff alone.
    ///
    /// ```
    /// let after = seawall::retry::After::ignored();
    /// # let _ = after;
    /// ```
    #[must_use]
    pub const fn ignored() -> Self {
        Self(Kept::Ignored)
    }

    fn is_beyond(self, after: Option<Duration>) -> bool {
        match (self.0, after) {
            (Kept::UpTo(patience), Some(after)) => after > patience,
            _ => false,
        }
    }

    /// The wait; after a time that the peer named, the curve starts over (gRPC A6).
    fn wait(self, backoff: &mut Backoff, after: Option<Duration>) -> Duration {
        let curve = backoff.next().unwrap_or(Duration::MAX);
        let after = match (self.0, after) {
            (Kept::Ignored, _) | (_, None) => return curve,
            (Kept::UpTo(_), Some(after)) => after,
            (Kept::Clamped(extra), Some(after)) => after.min(curve.saturating_add(extra)),
        };
        backoff.reset();
        curve.max(after)
    }
}

/// The attempts of one call so far: how many, since when, and where the backoff stands.
///
/// # Examples
///
/// ```
/// use seawall::retry::Attempts;
/// let mut attempts = Attempts::new();
/// attempts.start();
/// assert_eq!(attempts.made(), 1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Attempts {
    made: u32,
    first: Option<Instant>,
    // Made on the first failure.
    backoff: Option<Backoff>,
}

impl Attempts {
    /// None yet.
    ///
    /// ```
    /// assert_eq!(seawall::retry::Attempts::new().made(), 0);
    /// ```
    #[must_use]
    #[inline]
    pub const fn new() -> Self {
        Self { made: 0, first: None, backoff: None }
    }

    /// One started, at `first` if the plan reckons from there.
    #[inline(always)]
    pub(super) const fn begun(first: Option<Instant>) -> Self {
        Self { made: 1, first, backoff: None }
    }

    /// One more attempt starts. [`Plan::within`] is reckoned from the end of the first one, unless its start was
    /// told to [`start_at`](Self::start_at).
    ///
    /// ```
    /// let mut attempts = seawall::retry::Attempts::new();
    /// attempts.start();
    /// attempts.start();
    /// assert_eq!(attempts.made(), 2);
    /// ```
    #[inline]
    pub const fn start(&mut self) {
        self.made = self.made.saturating_add(1);
    }

    /// One more attempt starts now.
    ///
    /// ```
    /// let mut attempts = seawall::retry::Attempts::new();
    /// attempts.start_at(seawall::Instant::now());
    /// assert_eq!(attempts.made(), 1);
    /// ```
    #[inline]
    pub fn start_at(&mut self, now: Instant) {
        self.first.get_or_insert(now);
        self.start();
    }

    /// How many have been started.
    ///
    /// ```
    /// assert_eq!(seawall::retry::Attempts::new().made(), 0);
    /// ```
    #[must_use]
    #[inline]
    pub const fn made(&self) -> u32 {
        self.made
    }
}

#[cfg(test)]
mod tests {
    use super::super::Jitter;
    use super::*;
    use proptest::prelude::*;

    const MS: Duration = Duration::from_millis(1);

    fn constant(wait: Duration) -> Plan {
        Plan::new().backoff(Backoff::constant(wait).jitter(Jitter::none()))
    }

    fn after_one(plan: &Plan, class: Class) -> Next {
        let mut attempts = Attempts::new();
        attempts.start();
        plan.next(&mut attempts, class, Instant::ZERO, Instant::MAX)
    }

    #[test]
    fn rt_10_the_peers_time_is_kept_up_to_ones_patience() {
        let plan = constant(50 * MS);
        let overload = |after: Duration| after_one(&plan, Class::Overload(Some(after)));
        assert_eq!(overload(3000 * MS), Next::Wait(3000 * MS));
        assert_eq!(overload(10 * MS), Next::Wait(50 * MS));
        assert_eq!(overload(60_000 * MS), Next::Stop(Stop::Patience));
    }

    #[test]
    fn rt_11_or_is_clamped_above_the_backoff() {
        let plan = constant(50 * MS).after(After::clamped(5000 * MS));
        let overload = |after: Duration| after_one(&plan, Class::Overload(Some(after)));
        assert_eq!(overload(3000 * MS), Next::Wait(3000 * MS));
        assert_eq!(overload(10 * MS), Next::Wait(50 * MS));
        assert_eq!(overload(10_000 * MS), Next::Wait(5050 * MS));
    }

    #[test]
    fn after_a_time_that_the_peer_named_the_curve_starts_over() {
        let curve = Backoff::exponential(100 * MS).jitter(Jitter::none());
        let plan = Plan::new().attempts(9).backoff(curve);
        let mut attempts = Attempts::new();
        let mut next = |class| {
            attempts.start();
            plan.next(&mut attempts, class, Instant::ZERO, Instant::MAX)
        };
        let named = Class::Overload(Some(3000 * MS));
        let waits = [Class::Transient, Class::Transient, named, Class::Transient].map(&mut next);
        assert_eq!(waits, [100, 200, 3000, 100].map(|ms| Next::Wait(ms * MS)));
    }

    #[test]
    fn a_wait_that_would_end_at_the_very_limit_is_not_begun() {
        let plan = constant(100 * MS).within(100 * MS);
        assert_eq!(after_one(&plan, Class::Transient), Next::Stop(Stop::Time));
        assert_eq!(after_one(&plan.within(101 * MS), Class::Transient), Next::Wait(100 * MS));
    }

    #[test]
    fn the_longest_wait_is_legal_where_nothing_limits_it() {
        assert_eq!(after_one(&constant(Duration::MAX), Class::Transient), Next::Wait(Duration::MAX));
    }

    proptest! {
        /// Against the list of everything that has happened to the call.
        #[test]
        fn twin_the_plan_decides_as_the_whole_history_does(
            attempts in 0u32..6,
            backoff in 0u64..300,
            within in prop::option::of(0u64..2000),
            deadline in prop::option::of(0u64..2000),
            rule in 0u8..3,
            history in prop::collection::vec((0u8..6, 0u64..400, 0u64..1000), 1..10),
        ) {
            let of = Duration::from_millis;
            let at = |ms: u64| Instant::from_nanos(ms * 1_000_000);
            let after = [After::up_to(of(500)), After::clamped(of(200)), After::ignored()][usize::from(rule)];
            let mut plan = constant(of(backoff)).attempts(attempts).after(after);
            if let Some(within) = within {
                plan = plan.within(of(within));
            }
            let mut call = Attempts::new();
            let mut now = 0;
            for (n, (kind, takes, named)) in history.into_iter().enumerate() {
                call.start_at(at(now));
                now += takes;
                let class = match kind {
                    0 => Class::Success,
                    1 => Class::Neutral,
                    2 => Class::Permanent,
                    3 => Class::Transient,
                    4 => Class::Overload(None),
                    _ => Class::Overload(Some(of(named))),
                };
                let named = (kind == 5).then_some(named);
                let wait = match (rule, named) {
                    (0, Some(named)) => named.max(backoff),
                    (1, Some(named)) => named.clamp(backoff, backoff + 200),
                    _ => backoff,
                };
                let too_late = |limit: Option<u64>| limit.is_some_and(|limit| now + wait >= limit);
                let expected = if kind < 3 {
                    Next::Done
                } else if n + 1 >= attempts as usize {
                    Next::Stop(Stop::Attempts)
                } else if rule == 0 && named.is_some_and(|named| named > 500) {
                    Next::Stop(Stop::Patience)
                } else if too_late(within) || too_late(deadline) {
                    Next::Stop(Stop::Time)
                } else {
                    Next::Wait(of(wait))
                };
                let next = plan.next(&mut call, class, at(now), deadline.map_or(Instant::MAX, at));
                prop_assert_eq!(next, expected);
                let Next::Wait(wait) = next else { return Ok(()) };
                now += wait.as_millis() as u64;
            }
        }
    }
}
