use super::algorithm::{Advice, Algorithm, Reading};
use crate::sync::Mutex;
use crate::time::Instant;
use std::fmt;
use std::time::Duration;

/// The algorithm, and what is known of it.
///
/// Its code is the user's and runs under no lock: whoever has a reading for it takes it out and, dropping that, puts it
/// back. Who finds it gone has nothing to wait for.
pub(super) struct Control(Mutex<State>);

struct State {
    /// `None` while it is at work.
    algorithm: Option<Box<dyn Algorithm>>,
    /// Bounds that it has not been told of yet.
    bounds: Option<(u32, u32)>,
    known: Known,
}

/// What an algorithm said last.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) estimate: f64,
    pub(super) reference: Option<Duration>,
    pub(super) last: Option<Reading>,
    pub(super) windows: u64,
}

impl Control {
    pub(super) fn new(algorithm: impl Algorithm) -> Self {
        let (estimate, reference) = (algorithm.limit(), algorithm.reference());
        let known = Known { estimate, reference, last: None, windows: 0 };
        Self(Mutex::new(State { algorithm: Some(Box::new(algorithm)), bounds: None, known }))
    }

    pub(super) fn known(&self) -> Known {
        self.0.lock().known
    }

    /// Leaves bounds for whoever takes the algorithm out next to be [bound](Self::to_bind).
    pub(super) fn set_bounds(&self, min: u32, max: u32) {
        self.0.lock().bounds = Some((min, max));
    }

    /// The algorithm, if nobody else has it.
    pub(super) fn take(&self) -> Option<AtWork<'_>> {
        let mut state = self.0.lock();
        let algorithm = state.algorithm.take()?;
        Some(AtWork { algorithm: Some(algorithm), known: state.known, control: self })
    }

    /// The algorithm and the bounds it has to be told of, if there are any and nobody else has it: who does looks here
    /// once it is back.
    pub(super) fn to_bind(&self) -> Option<(AtWork<'_>, (u32, u32))> {
        let mut state = self.0.lock();
        let algorithm = state.bounds.and_then(|_| state.algorithm.take())?;
        let bounds = state.bounds.take()?;
        Some((AtWork { algorithm: Some(algorithm), known: state.known, control: self }, bounds))
    }
}

/// An algorithm that is out, for one at a time.
pub(super) struct AtWork<'a> {
    // `Some` until it is dropped.
    algorithm: Option<Box<dyn Algorithm>>,
    known: Known,
    control: &'a Control,
}

impl AtWork<'_> {
    pub(super) fn update(&mut self, reading: Reading, now: Instant) -> Option<Advice> {
        let algorithm = self.algorithm.as_mut()?;
        let advice = algorithm.update(reading, now);
        self.known = Known {
            estimate: algorithm.limit(),
            reference: algorithm.reference(),
            last: Some(reading),
            windows: self.known.windows + 1,
        };
        Some(advice)
    }

    /// The limit within these bounds.
    pub(super) fn bind(&mut self, (min, max): (u32, u32)) -> Option<u32> {
        let algorithm = self.algorithm.as_mut()?;
        algorithm.set_bounds(min, max);
        self.known.estimate = algorithm.limit();
        Some(self.known.estimate as u32)
    }
}

impl fmt::Debug for AtWork<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.algorithm.as_ref().map_or(Ok(()), |algorithm| algorithm.fmt(f))
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        let mut state = self.control.0.lock();
        (state.algorithm, state.known) = (self.algorithm.take(), self.known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[derive(Debug)]
    struct Panics;

    impl Algorithm for Panics {
        fn limit(&self) -> f64 {
            7.0
        }

        fn update(&mut self, _: Reading, _: Instant) -> Advice {
            unreachable!("in the user's code")
        }

        fn set_bounds(&mut self, _: u32, _: u32) {}
    }

    #[test]
    fn one_at_a_time_has_it_and_bounds_wait_for_it() {
        let control = Control::new(Panics);
        let at_work = control.take().unwrap();
        control.set_bounds(1, 9);
        assert!(control.take().is_none() && control.to_bind().is_none());
        drop(at_work);
        let (mut at_work, bounds) = control.to_bind().unwrap();
        assert_eq!((bounds, at_work.bind(bounds)), ((1, 9), Some(7)));
        drop(at_work);
        assert!(control.to_bind().is_none());
    }

    #[test]
    fn a_panic_of_the_algorithm_does_not_lose_it() {
        let control = Control::new(Panics);
        let reading = Reading { rtt: None, in_flight: 0, dropped: true };
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            control.take().and_then(|mut at_work| at_work.update(reading, Instant::ZERO))
        }));
        assert!(panicked.is_err());
        assert!(control.take().is_some());
        assert_eq!(control.known().windows, 0);
    }
}
