use super::algorithm::{Algorithm, Carry};
use super::{Decision, Quota, Verdict};
use crate::name::Name;
use crate::time::Instant;
use std::time::Duration;

/// An algorithm with a name of its own, by which a compound limit says which of its limits refused.
///
/// # Examples
///
/// ```
/// use seawall::RateLimiter;
/// use seawall::rate_limit::{Named, Quota, TokenBucket};
///
/// let limiter = RateLimiter::with("api", [
///     Named::new("api per second", TokenBucket::new(Quota::per_second(10))),
///     Named::new("api per hour", TokenBucket::new(Quota::per_hour(5))),
/// ]);
/// assert!(limiter.try_acquire_many(5).is_ok());
/// assert_eq!(limiter.check().unwrap_err().by().as_str(), "api per hour");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named<A> {
    name: Name,
    algorithm: A,
}

impl<A> Named<A> {
    /// This algorithm under this name.
    ///
    /// ```
    /// use seawall::rate_limit::{Named, Quota, TokenBucket};
    /// let per_second = Named::new("per second", TokenBucket::new(Quota::per_second(10)));
    /// # let _ = per_second;
    /// ```
    #[must_use]
    pub fn new(name: impl Into<Name>, algorithm: A) -> Self {
        Self { name: name.into(), algorithm }
    }
}

impl<A: Algorithm> Algorithm for Named<A> {
    type State = A::State;

    fn fresh(&self) -> A::State {
        self.algorithm.fresh()
    }

    #[inline]
    fn take(&self, state: &mut A::State, cost: u32, now: Instant) -> bool {
        self.algorithm.take(state, cost, now)
    }

    #[inline]
    fn fits(&self, state: &A::State, cost: u32, now: Instant) -> bool {
        self.algorithm.fits(state, cost, now)
    }

    fn peek(&self, state: &A::State, cost: u32, ahead: u64, now: Instant) -> Decision {
        self.algorithm.peek(state, cost, ahead, now).by(self.name)
    }

    fn give_back(&self, state: &mut A::State, cost: u32, taken: Instant) {
        self.algorithm.give_back(state, cost, taken);
    }

    fn charge(&self, state: &mut A::State, cost: u32, now: Instant) -> Duration {
        self.algorithm.charge(state, cost, now)
    }

    fn carry(&self, before: &Self, state: &A::State, carry: Carry, now: Instant) -> A::State {
        self.algorithm.carry(&before.algorithm, state, carry, now)
    }

    fn fresh_from(&self, state: &A::State) -> Instant {
        self.algorithm.fresh_from(state)
    }

    fn quota(&self) -> Quota {
        self.algorithm.quota()
    }

    fn each_limit(&self, _: Name, see: &mut dyn FnMut(Name, Quota)) {
        self.algorithm.each_limit(self.name, see);
    }

    fn answers_to(&self, name: Name) -> bool {
        self.name == name
    }
}

/// What several limits say together: all of them, or none.
#[derive(Clone, Copy)]
struct Sum(Option<Decision>);

impl Sum {
    const fn nothing() -> Self {
        Self(None)
    }

    /// With the answer of the limit at `index`.
    fn and(self, index: usize, decision: Decision) -> Self {
        let decision = decision.at(index);
        Self(Some(self.0.map_or(decision, |before| before.and(decision))))
    }

    fn decision(self) -> Decision {
        // Of no limits at all, everything is admitted.
        self.0.unwrap_or_else(|| Decision::new(Verdict::Admitted, u32::MAX, Duration::ZERO))
    }
}

/// The narrower in the long run; of two alike, the one that holds less.
fn narrower(a: Quota, b: Quota) -> Quota {
    let crosswise = |a: Quota, b: Quota| u128::from(a.permits()) * b.period().as_nanos();
    if (crosswise(b, a), b.capacity()) < (crosswise(a, b), a.capacity()) { b } else { a }
}

/// Several limits of one kind, all or nothing: one decision over all of them, and nothing is taken of any unless all agree.
impl<A: Algorithm, const N: usize> Algorithm for [A; N] {
    type State = [A::State; N];

    fn fresh(&self) -> Self::State {
        self.each_ref().map(A::fresh)
    }

    #[inline]
    fn take(&self, state: &mut Self::State, cost: u32, now: Instant) -> bool {
        self.fits(state, cost, now)
            && self.iter().zip(state).all(|(limit, state)| limit.take(state, cost, now))
    }

    #[inline]
    fn fits(&self, state: &Self::State, cost: u32, now: Instant) -> bool {
        self.iter().zip(state).all(|(limit, state)| limit.fits(state, cost, now))
    }

    fn peek(&self, state: &Self::State, cost: u32, ahead: u64, now: Instant) -> Decision {
        let each = self.iter().zip(state).enumerate();
        each.fold(Sum::nothing(), |sum, (i, (limit, state))| sum.and(i, limit.peek(state, cost, ahead, now)))
            .decision()
    }

    fn give_back(&self, state: &mut Self::State, cost: u32, taken: Instant) {
        self.iter().zip(state).for_each(|(limit, state)| limit.give_back(state, cost, taken));
    }

    fn charge(&self, state: &mut Self::State, cost: u32, now: Instant) -> Duration {
        let waits = self.iter().zip(state).map(|(limit, state)| limit.charge(state, cost, now));
        waits.max().unwrap_or_default()
    }

    fn carry(&self, before: &Self, state: &Self::State, carry: Carry, now: Instant) -> Self::State {
        std::array::from_fn(|i| self[i].carry(&before[i], &state[i], carry, now))
    }

    fn fresh_from(&self, state: &Self::State) -> Instant {
        self.iter().zip(state).map(|(limit, state)| limit.fresh_from(state)).max().unwrap_or_default()
    }

    fn quota(&self) -> Quota {
        self.iter().map(A::quota).reduce(narrower).unwrap_or(Quota::unlimited())
    }

    fn each_limit(&self, name: Name, see: &mut dyn FnMut(Name, Quota)) {
        self.iter().for_each(|limit| limit.each_limit(name, see));
    }

    fn answers_to(&self, name: Name) -> bool {
        self.iter().any(|limit| limit.answers_to(name))
    }
}

macro_rules! together {
    ($($limit:ident $index:tt),+) => {
        /// Several limits, all or nothing: one decision over all of them, and nothing is taken of any unless all agree.
        impl<$($limit: Algorithm),+> Algorithm for ($($limit,)+) {
            type State = ($($limit::State,)+);

            fn fresh(&self) -> Self::State {
                ($(self.$index.fresh(),)+)
            }

            #[inline]
            fn take(&self, state: &mut Self::State, cost: u32, now: Instant) -> bool {
                self.fits(state, cost, now) $(&& self.$index.take(&mut state.$index, cost, now))+
            }

            #[inline]
            fn fits(&self, state: &Self::State, cost: u32, now: Instant) -> bool {
                true $(&& self.$index.fits(&state.$index, cost, now))+
            }

            fn peek(&self, state: &Self::State, cost: u32, ahead: u64, now: Instant) -> Decision {
                Sum::nothing()$(.and($index, self.$index.peek(&state.$index, cost, ahead, now)))+.decision()
            }

            fn give_back(&self, state: &mut Self::State, cost: u32, taken: Instant) {
                $(self.$index.give_back(&mut state.$index, cost, taken);)+
            }

            fn charge(&self, state: &mut Self::State, cost: u32, now: Instant) -> Duration {
                Duration::ZERO$(.max(self.$index.charge(&mut state.$index, cost, now)))+
            }

            fn carry(&self, before: &Self, state: &Self::State, carry: Carry, now: Instant) -> Self::State {
                ($(self.$index.carry(&before.$index, &state.$index, carry, now),)+)
            }

            fn fresh_from(&self, state: &Self::State) -> Instant {
                Instant::ZERO$(.max(self.$index.fresh_from(&state.$index)))+
            }

            fn quota(&self) -> Quota {
                let quota = Quota::unlimited();
                $(let quota = narrower(quota, self.$index.quota());)+
                quota
            }

            fn each_limit(&self, name: Name, see: &mut dyn FnMut(Name, Quota)) {
                $(self.$index.each_limit(name, see);)+
            }

            fn answers_to(&self, name: Name) -> bool {
                $(self.$index.answers_to(name))||+
            }
        }
    };
}

together!(A 0, B 1);
together!(A 0, B 1, C 2);
together!(A 0, B 1, C 2, D 3);

#[cfg(test)]
mod tests {
    use super::super::testing::{Driven, MS, S};
    use super::super::{FixedWindow, TokenBucket};
    use super::*;

    fn bucket(permits: u32, period: u64, burst: u32) -> TokenBucket {
        TokenBucket::new(Quota::per(permits, Duration::from_nanos(period)).burst(burst))
    }

    #[test]
    fn nothing_is_taken_unless_all_agree() {
        let mut limits = Driven::new([bucket(10, S, 10), bucket(5, 60 * S, 5)]);
        assert!((0..5).all(|_| limits.ask(0, 1).is_admitted()));
        limits.limits(0, 1, 0, 12 * S);
        let first = limits.algorithm[0].peek(&limits.state[0], 0, 0, Instant::ZERO);
        assert_eq!(first.remaining(), 5);
    }

    #[test]
    fn only_those_that_refused_are_named_and_waited_for() {
        let mut limits = Driven::new([bucket(10, S, 10), bucket(100, 60 * S, 100)]);
        assert!((0..10).all(|_| limits.ask(0, 1).is_admitted()));
        limits.limits(0, 1, 0, 100 * MS);
        assert_eq!(limits.ask(0, 1).refusing().collect::<Vec<_>>(), [0]);
        assert_eq!(limits.ask(0, 0).refusing().count(), 0);
    }

    #[test]
    fn never_wins_over_not_now() {
        let mut limits = Driven::new([bucket(10, S, 10), bucket(5, 60 * S, 5)]);
        assert_eq!(limits.admits(0, 5), 0);
        limits.limits(0, 5, 0, 60 * S);
        limits.never(0, 6, 5);
        assert_eq!(limits.ask(0, 6).refusing().collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn the_wait_is_the_longest_of_those_that_refuse() {
        let limits = [bucket(10, 100, 10), bucket(5, 10, 5)];
        let state = [limits[0].holding(1, Instant::ZERO), limits[1].holding(2, Instant::ZERO)];
        let wait = limits.peek(&state, 3, 0, Instant::ZERO).retry_after();
        assert_eq!(wait, Some(Duration::from_nanos(20)));
    }

    #[test]
    fn limits_of_different_kinds_go_together() {
        let limits = (bucket(10, S, 10), FixedWindow::new(15, Duration::from_secs(60)));
        let mut limits = Driven::new((Named::new("rate", limits.0), Named::new("quota", limits.1)));
        assert_eq!(limits.admits(0, 10), 0);
        assert_eq!(limits.ask(S, 6).refused_by().map(Name::as_str), Some("quota"));
        assert_eq!(limits.ask(S / 2, 6).refused_by().map(Name::as_str), Some("quota"), "the longest wait");
        assert_eq!(limits.admits(S, 5), 0);
        limits.give_back(5, S);
        assert_eq!(limits.ask(S, 0).remaining(), 5);
        assert_eq!(limits.algorithm.quota(), Quota::per_minute(15));
    }
}
