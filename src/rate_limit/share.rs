use super::algorithm::{Algorithm, Carry};
use super::{
    Booking, FixedWindow, Heeding, LeakyBucket, Named, SlidingWindowCounter, SlidingWindowLog, TokenBucket,
    Word,
};
use crate::error::Rejected;
use crate::name::Name;
use crate::sync::Mutex;
use crate::time::Instant;

/// How the state of an [`Algorithm`] is shared between threads.
///
/// An algorithm of your own says in one line that a lock will do:
///
/// ```
/// use seawall::rate_limit::{Algorithm, Carry, Decision, Locked, Quota, Share, Verdict};
/// use seawall::{Instant, RateLimiter};
/// use std::time::Duration;
///
/// /// One call, once.
/// #[derive(Clone, Copy)]
/// struct Once;
///
/// impl Algorithm for Once {
///     type State = bool;
///     fn fresh(&self) -> bool { false }
///     fn take(&self, used: &mut bool, cost: u32, now: Instant) -> bool {
///         let fits = self.fits(used, cost, now);
///         *used |= cost > 0 && fits;
///         fits
///     }
///     fn peek(&self, used: &bool, cost: u32, ahead: u64, _: Instant) -> Decision {
///         let verdict = match u64::from(cost) + ahead + u64::from(*used) {
///             _ if cost == 0 => Verdict::Admitted,
///             0 | 1 => Verdict::Admitted,
///             _ => Verdict::TooLarge { capacity: 1 },
///         };
///         Decision::new(verdict, u32::from(!used), Duration::ZERO)
///     }
///     fn give_back(&self, used: &mut bool, _: u32, _: Instant) { *used = false; }
///     fn charge(&self, used: &mut bool, _: u32, _: Instant) -> Duration { *used = true; Duration::ZERO }
///     fn carry(&self, _: &Self, used: &bool, _: Carry, _: Instant) -> bool { *used }
///     fn fresh_from(&self, used: &bool) -> Instant { if *used { Instant::MAX } else { Instant::ZERO } }
///     fn quota(&self) -> Quota { Quota::per(1, Duration::MAX) }
/// }
///
/// impl Share for Once {
///     type Cell = Locked<Self>;
/// }
///
/// let once = RateLimiter::with("migration", Once);
/// assert!(once.check().is_ok());
/// assert!(once.check().is_err());
/// ```
pub trait Share: Algorithm {
    /// A state and its configuration, changed one step at a time.
    type Cell: Cell<Self>;
}

/// A state and its configuration, changed one step at a time by any number of threads.
pub trait Cell<A: Algorithm> {
    /// A fresh state of this configuration.
    fn new(algorithm: A) -> Self;

    /// One step. It must be a pure function of what it is given: where the state is a word, the step is tried
    /// again until nobody has come between.
    fn update<T>(&self, step: impl FnMut(&A, &mut A::State) -> T) -> T;

    /// Changes configuration and state together, so that each step sees all of the old or all of the new;
    /// answers what stood before.
    fn replace(&self, algorithm: A, carry: Carry, now: Instant) -> A;

    /// Takes `cost` permits if they are there.
    fn take(&self, cost: u32, now: Instant) -> bool {
        self.update(|algorithm, state| algorithm.take(state, cost, now))
    }

    /// Takes `cost` permits, or refuses by this name: [`Algorithm::admit`] without the figures that a refusal
    /// does not tell.
    ///
    /// # Errors
    ///
    /// The refusal.
    fn admit(&self, by: Name, cost: u32, now: Instant) -> Result<(), Rejected> {
        let refusal = self.update(|algorithm, state| {
            let taken = algorithm.take(state, cost, now);
            (!taken).then(|| algorithm.peek(state, cost, 0, now))
        });
        refusal.map_or(Ok(()), |decision| Err(decision.rejected(by, cost)))
    }
}

/// A state behind a lock that is held for one decision.
#[derive(Debug)]
pub struct Locked<A: Algorithm>(Mutex<(A, A::State)>);

impl<A: Algorithm> Cell<A> for Locked<A> {
    fn new(algorithm: A) -> Self {
        Self(Mutex::new((algorithm, algorithm.fresh())))
    }

    #[inline]
    fn update<T>(&self, mut step: impl FnMut(&A, &mut A::State) -> T) -> T {
        let mut locked = self.0.lock();
        let (algorithm, state) = &mut *locked;
        step(algorithm, state)
    }

    fn replace(&self, algorithm: A, carry: Carry, now: Instant) -> A {
        let mut locked = self.0.lock();
        let (before, state) = &*locked;
        let (before, state) = (*before, algorithm.carry(before, state, carry, now));
        *locked = (algorithm, state);
        before
    }
}

impl Share for TokenBucket {
    type Cell = Word;
}

impl Share for LeakyBucket {
    type Cell = Locked<Self>;
}

impl Share for FixedWindow {
    type Cell = Locked<Self>;
}

impl Share for SlidingWindowCounter {
    type Cell = Locked<Self>;
}

impl Share for SlidingWindowLog {
    type Cell = Locked<Self>;
}

impl Share for Booking {
    type Cell = Locked<Self>;
}

impl<A: Algorithm> Share for Heeding<A> {
    type Cell = Locked<Self>;
}

impl<A: Algorithm> Share for Named<A> {
    type Cell = Locked<Self>;
}

/// Several limits, all or nothing, under one lock.
impl<A: Algorithm, const N: usize> Share for [A; N] {
    type Cell = Locked<Self>;
}

/// Several limits, all or nothing, under one lock.
impl<A: Algorithm, B: Algorithm> Share for (A, B) {
    type Cell = Locked<Self>;
}

/// Several limits, all or nothing, under one lock.
impl<A: Algorithm, B: Algorithm, C: Algorithm> Share for (A, B, C) {
    type Cell = Locked<Self>;
}

/// Several limits, all or nothing, under one lock.
impl<A: Algorithm, B: Algorithm, C: Algorithm, D: Algorithm> Share for (A, B, C, D) {
    type Cell = Locked<Self>;
}
