use super::circuit::{Circuit, Leave};
use super::config::Config;
use super::quick::{Hot, Tallying};
use super::snapshot::Snapshot;
use super::state::{Denied, State, Turn, Turns};
use super::stripes::{Earlier, STRIPES, Stripes};
use super::watch::Term;
use super::word::Word;
use crate::chance::Chance;
use crate::class::Class;
use crate::error::{Reason, Rejected};
use crate::gate::{Line, Now};
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use crate::sync::{Mutex, Padded};
use crate::telemetry::{Kind, Telemetry, What};
use crate::time::Instant;
use std::sync::OnceLock;

/// A circuit that many tasks share.
///
/// Everything is decided by the [`Circuit`] under a short lock. Beside it stands a [`Word`] that says what a
/// call may do without the lock: be admitted, be refused, or count its success in a stripe of its own while
/// nothing but the number of successes matters. Whoever takes the lock takes in the stripes first, so the
/// circuit misses nothing; whoever leaves it publishes the word anew.
pub(super) struct Shared<const N: usize = STRIPES> {
    pub(super) hot: Padded<Hot>,
    pub(super) refused: Padded<AtomicU64>,
    pub(super) stripes: Stripes<N>,
    /// Made for the first slow trip.
    pub(super) earlier: OnceLock<Box<Earlier>>,
    pub(super) guarded: Mutex<Guarded>,
    /// Permits dropped that had nothing to give back.
    abandoned: AtomicU64,
    pub(super) telemetry: Telemetry,
    pub(super) line: Line,
}

// Guarded by the lock of `Shared`.
pub(super) struct Guarded {
    pub(super) circuit: Circuit,
    chance: Chance,
    /// The stay that the word was last published in, and its first epoch.
    stay: u64,
    since: u64,
    /// The same of the flights.
    term: Term,
    departing_since: u64,
    pub(super) tallying: Tallying,
}

/// Leave that a [`CircuitBreaker`](super::CircuitBreaker) gave for one call.
#[derive(Clone, Copy, Debug)]
pub struct Passed {
    pub(super) word: Word,
    pub(super) began: Instant,
}

impl Passed {
    /// Leave that took nothing.
    #[inline]
    pub(super) const fn free(word: Word) -> Self {
        Self { word, began: Instant::MAX }
    }
}

impl Guarded {
    /// The leave that the circuit gave when it was in the epoch of `passed`.
    const fn leave(&self, passed: Passed) -> Leave {
        let (stay, epoch) = (self.circuit.stay(), passed.word.epoch());
        Leave {
            // A stay that is over has another number, whichever.
            stay: if epoch >= self.since { stay } else { stay.wrapping_sub(1) },
            began: passed.began,
            term: if epoch >= self.departing_since { self.term } else { Term::NONE },
        }
    }
}

impl<const N: usize> Shared<N> {
    pub(super) fn new(telemetry: Telemetry, config: Config) -> Self {
        // Only an open circuit has a time to count from.
        let now = if config.start == super::Start::Open { Instant::now() } else { Instant::ZERO };
        let circuit = Circuit::new(config, now);
        let shared = Self {
            hot: Padded(Hot::default()),
            refused: Padded(AtomicU64::new(0)),
            stripes: Stripes::new(),
            earlier: OnceLock::new(),
            guarded: Mutex::new(Guarded {
                circuit,
                chance: config.seed.map_or_else(Chance::new, Chance::seeded),
                stay: 0,
                since: 0,
                term: Term::NONE,
                departing_since: 0,
                tallying: Tallying::default(),
            }),
            abandoned: AtomicU64::new(0),
            telemetry,
            line: Line::new(),
        };
        shared.publish(&mut shared.guarded.lock());
        shared
    }

    /// Asks the circuit; an admission and the turns are not told yet.
    pub(super) fn ask(&self, word: Word, now: Instant) -> (Result<Passed, Denied>, Turns) {
        if word.is_free() {
            return (Ok(Passed::free(word)), Turns::default());
        }
        if let Some(denied) = self.still_open(word, now) {
            return (Err(denied), Turns::default());
        }
        if word.counts_departures()
            && let Some(passed) = self.depart(word, now)
        {
            return (Ok(passed), Turns::default());
        }
        let ((admitted, word), turns) = self.act(|circuit, u, turns| circuit.admit(now, u, turns));
        (admitted.map(|Leave { began, .. }| Passed { word, began }), turns)
    }

    /// Takes a result that is more than a success to be counted; the time goes in and comes out by value, so that it
    /// stays out of memory where none is needed.
    #[cold]
    #[inline(never)]
    pub(super) fn settle_slowly(&self, passed: Passed, class: Class, mut time: Now) -> Now {
        if passed.word.is_free() && class == Class::Neutral {
            return time;
        }
        let word = self.word();
        if word.is(State::ForcedClosed) && self.is_of_this_stay(passed) {
            return time;
        }
        // Whom somebody hears of has not tried yet.
        if class == Class::Success
            && (self.counts(word, passed) || word.is_timed() && self.counts_at(word, passed, time.get()))
        {
            return time;
        }
        let now = time.get();
        let ((), turns) = self.end(passed, |circuit, leave, u, turns| {
            circuit.settle(leave, class, now, u, turns);
        });
        self.tell(turns);
        time
    }

    pub(super) fn take_back(&self, passed: Passed) {
        if !passed.word.is_free() {
            let ((), turns) = self.end(passed, |circuit, leave, _, _| circuit.release(leave));
            self.tell(turns);
        }
    }

    pub(super) fn lose(&self, passed: Passed) {
        if passed.word.is_free() {
            self.abandoned.fetch_add(1, Relaxed);
            return;
        }
        // Without a slow trip it does not matter when.
        let now = if self.word().is_watched() { Instant::now() } else { Instant::ZERO };
        let ((), turns) = self.end(passed, |circuit, leave, u, turns| circuit.abandon(leave, now, u, turns));
        self.tell(turns);
    }

    /// A foreseen refusal was given. If it was foreseen that this very question would open the circuit, it
    /// does now.
    pub(super) fn given(&self, rejected: &Rejected) {
        self.count_refusal(rejected);
        let word = self.word();
        if rejected.reason() == Reason::CircuitOpen && !word.is(State::Open) && !word.is_free() {
            let now = Instant::now();
            let (_, turns) = self.act(|circuit, u, turns| circuit.ask(now, u, turns));
            self.tell(turns);
        }
    }

    pub(super) fn snapshot(&self, now: Instant) -> Snapshot {
        let ((mut snapshot, _), _) = self.act(|circuit, _, _| circuit.snapshot(now));
        snapshot.abandoned += self.abandoned.load(Relaxed);
        let counts = self.hot.counts_refusals.load(Relaxed);
        snapshot.refused = counts.then(|| self.refused.load(Relaxed));
        snapshot
    }

    /// Does something to the circuit, by hand.
    pub(super) fn by_hand(&self, act: impl FnOnce(&mut Circuit, &mut Turns)) {
        let (_, turns) = self.act(|circuit, _, turns| act(circuit, turns));
        self.tell(turns);
    }

    pub(super) fn config(&self) -> Config {
        *self.guarded.lock().circuit.config()
    }

    /// Tells what happened, and lets waiters ask again; under no lock.
    pub(super) fn tell(&self, mut turns: Turns) {
        if turns.is_empty() {
            return;
        }
        self.line.wake();
        turns.drain().for_each(|turn: Turn| self.telemetry.tell(Kind::CircuitBreaker, What::Circuit(turn)));
    }

    /// Ends a leave, which may be of an earlier stay.
    fn end<R>(
        &self,
        passed: Passed,
        act: impl FnOnce(&mut Circuit, Leave, f64, &mut Turns) -> R,
    ) -> (R, Turns) {
        let mut turns = Turns::default();
        let mut guarded = self.guarded.lock();
        self.take_in(&mut guarded);
        let leave = guarded.leave(passed);
        let u = guarded.chance.sample();
        let ended = act(&mut guarded.circuit, leave, u, &mut turns);
        let probing = guarded.circuit.state() == State::HalfOpen;
        self.publish(&mut guarded);
        drop(guarded);
        if probing {
            self.line.wake();
        }
        (ended, turns)
    }

    /// One act on the circuit, and the word that it left behind.
    fn act<R>(&self, act: impl FnOnce(&mut Circuit, f64, &mut Turns) -> R) -> ((R, Word), Turns) {
        let mut turns = Turns::default();
        let mut guarded = self.guarded.lock();
        self.take_in(&mut guarded);
        let u = guarded.chance.sample();
        let acted = act(&mut guarded.circuit, u, &mut turns);
        let word = self.publish(&mut guarded);
        ((acted, word), turns)
    }

    /// Says in the word what the circuit asks of calls from now on.
    fn publish(&self, guarded: &mut Guarded) -> Word {
        let known = self.word();
        let circuit = &guarded.circuit;
        self.hot.counts_refusals.store(circuit.config().counts_refusals, Relaxed);
        let quiet = circuit.quiet();
        let next = Word::of(circuit, quiet, self.telemetry.is_observed(), known.epoch() + 1);
        let same = circuit.stay() == guarded.stay && circuit.term() == guarded.term;
        if same && next.says_the_same(known) && !next.is(State::Open) {
            return known;
        }
        if !same {
            self.begin(guarded, next);
        }
        self.hot.until.store(guarded.circuit.until().unwrap_or_default().as_nanos(), SeqCst);
        if let Some(quiet) = quiet {
            self.open_stripes(guarded, next, quiet);
        }
        self.hot.word.store(next.bits(), SeqCst);
        next
    }

    /// From the epoch of `word` on, whoever is admitted is of this stay, and of these flights.
    fn begin(&self, guarded: &mut Guarded, word: Word) {
        let circuit = &guarded.circuit;
        if circuit.stay() != guarded.stay {
            self.refused.store(0, Relaxed);
            (guarded.stay, guarded.since) = (circuit.stay(), word.epoch());
        }
        if circuit.term() != guarded.term {
            (guarded.term, guarded.departing_since) = (circuit.term(), word.epoch());
            self.set_slow(circuit);
        }
        self.hot.since.store(word.epoch_start(), SeqCst);
    }
}
