//! The gate that a shared circuit is, told of to whoever listens.

use super::shared::{Passed, Shared};
use super::state::State;
use super::word::Word;
use crate::class::Class;
use crate::error::Rejected;
use crate::gate::{Admit, Gate, Line, Now, Permit};
use crate::telemetry::{Kind, What};
use crate::time::Instant;

/// Whether a refusal is given to the caller, or to one who waits and asks again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Refusals {
    Given,
    Waited,
}

// What needs a time is not inlined, and the time goes in and comes out by value, so that it stays out of memory
// where none is needed.
impl<const N: usize> Shared<N> {
    #[inline(never)]
    fn ask_in_time(&self, word: Word, mut time: Now) -> (Result<Passed, Rejected>, Now) {
        if word.is(State::Open)
            && let Some(rejected) = self.refuse_still_open(time.get())
        {
            return (Err(rejected), time);
        }
        if word.counts_departures()
            && word.is_unheard()
            && let Some(passed) = self.depart(word, time.get())
        {
            return (Ok(passed), time);
        }
        self.ask_and_tell(word, time, Refusals::Given)
    }

    #[inline(never)]
    fn settle_in_time(&self, passed: Passed, class: Class, mut time: Now) -> Now {
        let word = self.word();
        if class == Class::Success
            && word.is_timed()
            && word.is_unheard()
            && self.counts_at(word, passed, time.get())
        {
            return time;
        }
        let time = self.settle_slowly(passed, class, time);
        self.telemetry.note(Kind::CircuitBreaker, || What::Settled(class));
        time
    }

    #[cold]
    #[inline(never)]
    fn ask_and_tell(&self, word: Word, mut time: Now, refusals: Refusals) -> (Result<Passed, Rejected>, Now) {
        let timeless = word.is_free() || word.is(State::ForcedOpen);
        let now = if timeless { Instant::ZERO } else { time.get() };
        let (asked, turns) = self.ask(word, now);
        // An observer that panics abandons the probe instead of losing it.
        let guard = asked.map(|passed| Permit::new(self, passed));
        self.tell(turns);
        let asked = asked.map_err(|denied| match refusals {
            Refusals::Given => self.refuse(denied),
            Refusals::Waited => self.rejected(denied),
        });
        if let Ok(permit) = guard {
            self.telemetry.note(Kind::CircuitBreaker, || What::Admitted { cost: 1 });
            permit.into_pass();
        }
        (asked, time)
    }
}

impl<const N: usize> Gate for Shared<N> {
    type Pass = Passed;

    #[inline]
    fn refuses(&self, now: &mut Now) -> Option<Rejected> {
        self.foresees(now)
    }

    fn refused(&self, rejected: &Rejected) {
        if rejected.by() == self.telemetry.name() {
            self.given(rejected);
        }
    }

    #[inline]
    fn settle(&self, passed: Passed, class: Class, now: &mut Now) {
        if class != Class::Success || !self.counts_unheard(passed) {
            *now = self.settle_in_time(passed, class, *now);
        }
    }

    fn release(&self, passed: Passed) {
        self.take_back(passed);
        self.telemetry.note(Kind::CircuitBreaker, || What::Released);
    }

    fn abandon(&self, passed: Passed) {
        self.lose(passed);
        self.telemetry.note(Kind::CircuitBreaker, || What::Abandoned);
    }

    fn line(&self) -> Option<&Line> {
        Some(&self.line)
    }

    fn due(&self, now: Instant) -> Option<Instant> {
        self.guarded.lock().circuit.due(now)
    }
}

impl<const N: usize, Req: ?Sized> Admit<Req> for Shared<N> {
    #[inline]
    fn admit(&self, _: &Req, now: &mut Now) -> Result<Passed, Rejected> {
        let word = self.word();
        if word.is_free_unheard() {
            return Ok(Passed::free(word));
        }
        let (asked, then) = self.ask_in_time(word, *now);
        *now = then;
        asked
    }

    fn admit_head(&self, _: &Req, now: &mut Now) -> Result<Passed, Rejected> {
        let (asked, then) = self.ask_and_tell(self.word(), *now, Refusals::Waited);
        *now = then;
        asked
    }
}
