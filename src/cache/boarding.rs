use super::deck::{Answer, Load};
use super::engine::{Engine, Nothing};
use super::entry::{Cached, Entry};
use super::flight::Flight;
use super::freshness::Stage;
use super::load_error::LoadError;
use super::loads::Start;
use super::seat::Seat;
use super::store::Store;
use super::wait::{Wait, Waited};
use crate::error::{Error, Reason, Rejected};
use crate::sync::atomic::Ordering::SeqCst;
use crate::telemetry::{Lookup, Why};
use crate::time::Instant;
use std::hash::Hash;
use std::sync::Arc;

/// What a read gets.
pub type Got<V, E> = Result<Option<Cached<V>>, Error<LoadError<E>>>;

/// What a first look has found, and when.
pub(super) type Seen<V> = (Option<Entry<V>>, Instant);

/// Whom a read has come to.
pub(super) enum Boarded<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    Seat(Seat<K, V, E, S>),
    /// Somebody was quicker.
    Fresh(Entry<V>),
    Refused(Rejected),
}

/// How reads come to a flight.
impl<K, V, E, S> Engine<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    /// Gives what is there, else what a load brings. `make` boxes a load; it runs at most once, under a lock. `seen` is
    /// what a first look has found.
    pub(crate) async fn get(
        self: &Arc<Self>,
        key: &K,
        find: bool,
        seen: Seen<V>,
        make: impl FnOnce() -> Load<V, E>,
    ) -> Got<V, E> {
        let mut make = Some(make);
        let mut seen = Some(seen);
        loop {
            let (entry, now) = seen.take().unwrap_or_else(|| {
                let now = Instant::now();
                (self.store.get(key), now)
            });
            let mut stale = None;
            let mut claim = None;
            if let Some((entry, stage)) = entry.and_then(|entry| self.valid(entry, now)) {
                match stage {
                    Stage::Fresh => return Ok(Some(self.fresh(entry, now))),
                    Stage::Early => {
                        self.refresh(key, &entry, now, &mut make);
                        return Ok(Some(self.fresh(entry, now)));
                    }
                    Stage::Revalidate | Stage::IfError if entry.is_quiet(now) => {
                        return Ok(Some(self.stale(entry, Why::Throttled, now)));
                    }
                    Stage::Revalidate if self.backlog.is_running() => {
                        self.refresh(key, &entry, now, &mut make);
                        return Ok(Some(self.stale(entry, Why::Revalidating, now)));
                    }
                    // Without a background the first reader loads for all, and the others do not wait for it.
                    Stage::Revalidate if !entry.claim() => {
                        return Ok(Some(self.stale(entry, Why::Revalidating, now)));
                    }
                    Stage::Revalidate => {
                        claim = Some(entry.clone());
                        stale = Some(entry);
                    }
                    Stage::IfError => stale = Some(entry),
                    Stage::Gone => {}
                }
            }
            match self.negatives.get(key, now) {
                Some(Nothing::Missing) if find => {
                    self.note(Lookup::NegativeHit);
                    return Ok(None);
                }
                Some(Nothing::Failed(error)) => {
                    self.note(Lookup::NegativeHit);
                    return Err(Error::Inner(error));
                }
                Some(Nothing::Missing) | None => {}
            }
            let at_once = claim.is_some();
            let seat = match self.board(key, now, claim, &mut make) {
                Boarded::Seat(seat) => seat,
                Boarded::Fresh(entry) => return Ok(Some(self.fresh(entry, now))),
                Boarded::Refused(rejected) => {
                    return match stale {
                        Some(entry) => Ok(Some(self.stale(entry, Why::Refused, now))),
                        None => Err(Error::Rejected(rejected)),
                    };
                }
            };
            let (leads, joined) = (seat.leads, seat.joined);
            if at_once
                && !leads
                && let Some(entry) = stale
            {
                return Ok(Some(self.stale(entry, Why::Revalidating, now)));
            }
            let waited = Wait::new(seat, stale, now).await;
            let now = Instant::now();
            return match waited {
                Waited::Answer(Answer::Value { entry, dead, passes }) => {
                    if !leads && (passes || joined >= dead) {
                        continue;
                    }
                    Ok(Some(self.fresh(entry, now)))
                }
                Waited::Answer(Answer::Stale(entry, why)) | Waited::Stale(entry, why) => {
                    Ok(Some(self.stale(entry, why, now)))
                }
                Waited::Answer(Answer::Missing) if find => Ok(None),
                Waited::Answer(Answer::Missing) => Err(Error::Inner(LoadError::Unanswered)),
                Waited::Answer(Answer::Failed(error)) => Err(Error::Inner(error)),
                Waited::Answer(Answer::Rejected(rejected)) => Err(Error::Rejected(rejected)),
                Waited::Answer(Answer::TimedOut(timed_out)) | Waited::TimedOut(timed_out) => {
                    Err(Error::TimedOut(timed_out))
                }
                Waited::Gone => continue,
            };
        }
    }

    /// Whatever can be answered without a load; what is early or stale is refreshed behind it.
    #[inline]
    pub(crate) fn hit_refreshing(
        self: &Arc<Self>,
        key: &K,
        now: Instant,
        make: impl FnOnce() -> Load<V, E>,
    ) -> Option<Cached<V>> {
        let (entry, stage) = match self.plain(key, now) {
            Ok(cached) => return Some(cached),
            Err(entry) => self.valid(entry?, now)?,
        };
        if matches!(stage, Stage::Early | Stage::Revalidate) {
            self.refresh(key, &entry, now, &mut Some(make));
        }
        self.hit_at_stage(entry, stage, now)
    }

    /// Whether a read of `key` would begin a load.
    pub(crate) fn wants(&self, key: &K, now: Instant) -> bool {
        let held = self.peek(key, now).is_some_and(|(_, stage)| matches!(stage, Stage::Fresh | Stage::Early));
        !held && !self.table.shard(key).lock().contains_key(key) && self.negatives.get(key, now).is_none()
    }

    /// Joins the key's flight, or begins one.
    fn board<M>(
        self: &Arc<Self>,
        key: &K,
        now: Instant,
        claim: Option<Entry<V>>,
        make: &mut Option<M>,
    ) -> Boarded<K, V, E, S>
    where
        M: FnOnce() -> Load<V, E>,
    {
        let joinable = self.passes.get(key, now).is_none();
        loop {
            let mut shard = self.table.shard(key).lock();
            let known = if joinable { shard.get(key).map(Arc::clone) } else { None };
            if let Some(flight) = &known {
                if flight.is_flying_here() {
                    return refuse(claim, Rejected::new(self.telemetry.name(), Reason::Reentrant));
                }
                if flight.is_overdue(self.settings.load_deadline, now) {
                    drop(shard);
                    self.time_out(flight);
                    continue;
                }
                if make.is_none() || !flight.is_aged(self.settings.age_limit, now) {
                    flight.deck.lock().callers += 1;
                    let joined = self.sequence.load(SeqCst);
                    drop(shard);
                    unclaim(claim);
                    self.note(Lookup::Joined);
                    return Boarded::Seat(Seat::new(Arc::clone(self), Arc::clone(flight), joined, false));
                }
            }
            // Whoever was quicker has stored under this lock.
            if let Some((entry, Stage::Fresh | Stage::Early)) = self.peek(key, now) {
                drop(shard);
                unclaim(claim);
                return Boarded::Fresh(entry);
            }
            let Some(make) = make.take() else {
                // Its loader has run already: it led a flight, and a leader's answer is final.
                return refuse(claim, Rejected::new(self.telemetry.name(), Reason::Reentrant));
            };
            let stamp = self.sequence.load(SeqCst);
            let flight = Flight::new(key.clone(), stamp, now, &self.backlog, make(), claim);
            let flight = Arc::new(flight.beside(known.as_ref()));
            let start = self.loads.enter(&flight);
            if start == Start::Full {
                drop(shard);
                flight.deck.lock().unclaim();
                return Boarded::Refused(Rejected::new(self.telemetry.name(), Reason::QueueFull));
            }
            let mut deck = flight.deck.lock();
            deck.callers = 1;
            deck.fenced = !joinable;
            drop(deck);
            if joinable {
                shard.insert(key.clone(), Arc::clone(&flight));
            }
            if start == Start::Now {
                flight.start();
            }
            drop(shard);
            known.into_iter().for_each(|aged| self.discard(&aged));
            self.note(Lookup::Missed);
            return Boarded::Seat(Seat::new(Arc::clone(self), flight, stamp, true));
        }
    }

    /// Begins to load `entry` anew, if a background runs that can do it, and nobody does. Whether it has begun.
    pub(super) fn refresh<M>(
        self: &Arc<Self>,
        key: &K,
        entry: &Entry<V>,
        now: Instant,
        make: &mut Option<M>,
    ) -> bool
    where
        M: FnOnce() -> Load<V, E>,
    {
        if !self.backlog.is_running() || entry.is_quiet(now) || !entry.claim() {
            return false;
        }
        let mut shard = self.table.shard(key).lock();
        let current = self.current(key).is_some_and(|current| current.is(entry));
        let idle = current && !shard.contains_key(key) && self.backlog.is_running();
        let Some(make) = idle.then_some(()).and_then(|()| make.take()).filter(|_| self.loads.try_enter())
        else {
            drop(shard);
            entry.unclaim();
            return false;
        };
        let stamp = self.sequence.load(SeqCst);
        let flight = Flight::new(key.clone(), stamp, now, &self.backlog, make(), Some(entry.clone()));
        let flight = Arc::new(flight);
        flight.deck.lock().adopted = true;
        shard.insert(key.clone(), Arc::clone(&flight));
        drop(shard);
        self.note(Lookup::Missed);
        flight.start()
    }
}

fn unclaim<V>(claim: Option<Entry<V>>) {
    if let Some(claimed) = claim {
        claimed.unclaim();
    }
}

fn refuse<K, V, E, S>(claim: Option<Entry<V>>, rejected: Rejected) -> Boarded<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    unclaim(claim);
    Boarded::Refused(rejected)
}
