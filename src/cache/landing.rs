use super::deck::{Answer, Brought};
use super::engine::{Engine, Made, Nothing, Origin};
use super::entry::{Entry, Held};
use super::flight::{Flight, caught};
use super::freshness::Stage;
use super::load_error::LoadError;
use super::loaded::{Found, Loaded};
use super::store::Store;
use super::table;
use super::tags::dead_at;
use crate::class::Class;
use crate::error::Error;
use crate::sync::atomic::Ordering::{Acquire, SeqCst};
use crate::telemetry::{Kind, Lookup, Outcome, What, Why};
use crate::time::Instant;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

/// How a load failed, before anybody knows what there is to give instead.
struct Failure<E> {
    error: LandingError<E>,
    why: Why,
    outcome: Outcome,
    /// `None`: it sets no throttle.
    pause: Option<Duration>,
    /// An answer of the source, not a failure: nothing stale stands in for it.
    authoritative: bool,
}

impl<E> Failure<E> {
    const fn panic(message: Arc<str>) -> Self {
        Self {
            error: LandingError::Load(LoadError::Panicked(message)),
            why: Why::Failed,
            outcome: Outcome::Panicked,
            pause: Some(Duration::ZERO),
            authoritative: false,
        }
    }
}

enum LandingError<E> {
    Rejected(crate::error::Rejected),
    TimedOut(crate::error::TimedOut),
    Load(LoadError<E>),
}

/// How loads end: prepared outside, decided in one critical section, told to everybody after it.
impl<K, V, E, S> Engine<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    /// A load has ended, and its future is dropped: everybody gets what it brought.
    pub(super) fn land(
        &self,
        flight: &Arc<Flight<K, V, E>>,
        brought: Result<Brought<V, E>, Arc<str>>,
        took: Duration,
    ) {
        let now = Instant::now();
        // Weighing and classifying are the user's code: their panics are the load's.
        let outcome = brought.and_then(|brought| {
            caught(|| match brought {
                Ok(loaded) => self.land_loaded(flight, loaded, took, now),
                Err(error) => self.land_failure(flight, self.failure(error), now),
            })
        });
        let outcome =
            outcome.unwrap_or_else(|message| self.land_failure(flight, Failure::panic(message), now));
        self.loads.leave();
        let what = What::Cache(Lookup::Loaded { outcome, took });
        if matches!(outcome, Outcome::Ok) {
            self.telemetry.note(Kind::Cache, || what);
        } else {
            self.telemetry.tell(Kind::Cache, what);
        }
    }

    fn land_loaded(
        &self,
        flight: &Arc<Flight<K, V, E>>,
        loaded: Loaded<V>,
        took: Duration,
        now: Instant,
    ) -> Outcome {
        let origin = Origin { now, took, stamp: flight.stamp };
        let terms = loaded.terms;
        match loaded.what {
            Found::Value(value) => {
                let tags = self.tags.of(&terms.tags);
                let kept = tags.is_some();
                let tags = tags.unwrap_or_default();
                let tagged = tags.clone();
                let made = self.make(&flight.key, Held::Own(value), &terms, origin, tags);
                self.settle(flight, |mapped| {
                    let dead = dead_at(&tagged);
                    if mapped {
                        self.keep(flight, &made, kept && dead <= flight.stamp, now);
                    }
                    // Fenced before it was there: whoever came after the fence begins anew.
                    let dead = if dead > flight.stamp { dead } else { u64::MAX };
                    Answer::Value { entry: made.entry, dead, passes: false }
                });
                Outcome::Ok
            }
            Found::Pass(value) => {
                self.passes.put(&flight.key, (), now + super::engine::PASS);
                let made = self.make(&flight.key, Held::Own(value), &terms, origin, Box::default());
                self.settle(flight, |_| Answer::Value { entry: made.entry, dead: u64::MAX, passes: true });
                Outcome::Ok
            }
            Found::Missing => {
                self.settle(flight, |mapped| {
                    if mapped && self.lags.get(&flight.key, now).is_none() {
                        self.store.remove(&flight.key);
                        self.keep_nothing(&flight.key, now);
                    }
                    Answer::Missing
                });
                Outcome::Ok
            }
            Found::Unchanged => {
                let life = self.life(&terms, &origin);
                let mut outcome = Outcome::Failed;
                self.settle(flight, |mapped| {
                    let Some(entry) = self.current(&flight.key) else {
                        return Answer::Failed(LoadError::Unanswered);
                    };
                    outcome = Outcome::Ok;
                    let entry = entry.renewed(life, flight.stamp);
                    if mapped && self.lags.get(&flight.key, now).is_none() {
                        self.store(&flight.key, &entry, now);
                    }
                    Answer::Value { entry, dead: u64::MAX, passes: false }
                });
                outcome
            }
        }
    }

    /// Stores a value, unless something fenced it or nobody would be given it.
    fn keep(&self, flight: &Arc<Flight<K, V, E>>, made: &Made<V>, kept: bool, now: Instant) {
        let key = &flight.key;
        if self.lags.get(key, now).is_some() {
            return;
        }
        self.negatives.remove(key);
        let doubted = self.doubts.get(key, now).is_some();
        if kept && made.kept && !doubted && flight.stamp >= self.cleared.load(Acquire) {
            self.store(key, &made.entry, now);
        } else {
            // What the load has overtaken goes.
            self.store.remove(key);
        }
    }

    fn failure(&self, error: Error<LoadError<E>>) -> Failure<E> {
        match error {
            Error::Rejected(rejected) => Failure {
                error: LandingError::Rejected(rejected),
                why: Why::Refused,
                outcome: Outcome::Refused,
                pause: None,
                authoritative: false,
            },
            Error::TimedOut(timed_out) => Failure {
                error: LandingError::TimedOut(timed_out),
                why: Why::TimedOut,
                outcome: Outcome::TimedOut,
                pause: Some(Duration::ZERO),
                authoritative: false,
            },
            Error::Inner(LoadError::Panicked(message)) => Failure::panic(message),
            Error::Inner(error) => {
                let judge = self.settings.judge.as_ref();
                let class = error.failed().zip(judge).map_or(Class::Transient, |(error, judge)| judge(error));
                let pause = if let Class::Overload(Some(after)) = class { after } else { Duration::ZERO };
                Failure {
                    error: LandingError::Load(error),
                    why: Why::Failed,
                    outcome: Outcome::Failed,
                    pause: Some(pause),
                    authoritative: matches!(class, Class::Neutral | Class::Success),
                }
            }
        }
    }

    fn land_failure(&self, flight: &Arc<Flight<K, V, E>>, failure: Failure<E>, now: Instant) -> Outcome {
        let outcome = failure.outcome;
        let negative = self.kept_error(&failure);
        self.settle(flight, |mapped| {
            if failure.authoritative {
                if mapped {
                    self.store.remove(&flight.key);
                    self.keep_error(&flight.key, negative, now);
                }
                return failure.error.into();
            }
            let entry = self.current(&flight.key);
            if let Some(entry) = &entry
                && let Some(least) = failure.pause
                && mapped
            {
                entry.quiet(now, self.settings.lifetime.throttle, least);
            }
            if let Some(entry) = entry
                && entry.stage(now).is_servable()
            {
                return self.instead(entry, failure.why, now);
            }
            if mapped {
                self.keep_error(&flight.key, negative, now);
            }
            failure.error.into()
        });
        outcome
    }

    fn instead(&self, entry: Entry<V>, why: Why, now: Instant) -> Answer<V, E> {
        match entry.stage(now) {
            Stage::Fresh | Stage::Early => Answer::Value { entry, dead: u64::MAX, passes: false },
            Stage::Revalidate | Stage::IfError | Stage::Gone => Answer::Stale(entry, why),
        }
    }

    fn kept_error(&self, failure: &Failure<E>) -> Option<LoadError<E>> {
        let keeps = self.settings.negative.as_ref()?.errors.as_ref()?;
        match &failure.error {
            LandingError::Load(LoadError::Failed(error)) if keeps(error) => {
                Some(LoadError::Failed(Arc::clone(error)))
            }
            LandingError::Load(_) | LandingError::Rejected(_) | LandingError::TimedOut(_) => None,
        }
    }

    /// There is nothing under `key`, if that is to be kept.
    pub(super) fn keep_nothing(&self, key: &K, now: Instant) {
        if let Some(negative) = &self.settings.negative {
            self.negatives.put(key, Nothing::Missing, now + negative.ttl);
        }
    }

    fn keep_error(&self, key: &K, error: Option<LoadError<E>>, now: Instant) {
        if let (Some(error), Some(negative)) = (error, &self.settings.negative) {
            self.negatives.put(key, Nothing::Failed(error), now + negative.ttl);
        }
    }

    /// What the store has of `key`, if no fence came since.
    pub(super) fn current(&self, key: &K) -> Option<Entry<V>> {
        self.store.peek(key).filter(|entry| entry.is_valid(self.cleared.load(SeqCst)))
    }

    /// The critical section in which a flight ends: `decide` is told whether it is still the key's own.
    fn settle(&self, flight: &Arc<Flight<K, V, E>>, decide: impl FnOnce(bool) -> Answer<V, E>) {
        let mut shard = self.table.shard(&flight.key).lock();
        let mapped = table::take(&mut shard, flight);
        let answer = decide(mapped);
        let woken = flight.deck.lock().end(answer);
        drop(shard);
        woken.wake();
    }
}

impl<V, E> From<LandingError<E>> for Answer<V, E> {
    fn from(error: LandingError<E>) -> Self {
        match error {
            LandingError::Rejected(rejected) => Self::Rejected(rejected),
            LandingError::TimedOut(timed_out) => Self::TimedOut(timed_out),
            LandingError::Load(error) => Self::Failed(error),
        }
    }
}
