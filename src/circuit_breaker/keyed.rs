use super::by_key::ByKey;
use super::config::Config;
use super::shared::{Passed, Shared};
use super::snapshot::Snapshot;
use super::state::State;
use crate::class::Class;
use crate::error::Rejected;
use crate::gate::{Admit, Gate, Now, Permit, Shards, Spot};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use crate::telemetry::{Kind, Telemetry};
use crate::time::Instant;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

/// A circuit for each key: for each host, each endpoint, each tenant. At most so many keys at a time.
///
/// Clones share the circuits.
///
/// # Examples
///
/// ```
/// use seawall::circuit_breaker::{KeyedCircuitBreaker, State, Trip};
/// use seawall::Class;
///
/// let per_host = KeyedCircuitBreaker::new("hosts", Trip::run_of(1), 1_000);
/// per_host.try_acquire(&"a.example")?.settle(Class::Transient);
/// assert_eq!(per_host.state(&"a.example"), State::Open);
/// assert!(per_host.try_acquire(&"b.example").is_ok());
/// # Ok::<(), seawall::Rejected>(())
/// ```
///
/// # Memory
///
/// At most `capacity` keys, each less than 2 KiB with the default window. A key that is new takes the place of
/// the least recently used of sixteen candidates; one whose circuit is not closed goes only if none of them is closed.
/// What was in flight for a key that is gone ends in nothing. No task runs, and nothing is swept.
pub struct KeyedCircuitBreaker<K>(Arc<Circuits<K>>);

struct Circuits<K> {
    keys: Shards<K, Arc<Seat>>,
    // Counts the calls, so that one key's last can be told from another's.
    clock: AtomicU64,
    config: Mutex<Config>,
    telemetry: Telemetry,
}

/// The circuit of one key. Whoever finds it takes a lock on the way, so one stripe does.
struct Seat {
    circuit: Shared<1>,
    used: AtomicU64,
    gone: AtomicBool,
}

const CANDIDATES: usize = 16;

impl<K> KeyedCircuitBreaker<K> {
    /// A circuit that behaves as `config` says for each of at most `capacity` keys (at least one).
    ///
    /// ```
    /// use seawall::circuit_breaker::{Config, KeyedCircuitBreaker};
    /// let per_host = KeyedCircuitBreaker::<String>::new("hosts", Config::default(), 1_000);
    /// assert!(per_host.is_empty());
    /// ```
    #[must_use]
    pub fn new(telemetry: impl Into<Telemetry>, config: impl Into<Config>, capacity: usize) -> Self {
        Self(Arc::new(Circuits {
            keys: Shards::new(capacity.max(1)),
            clock: AtomicU64::new(0),
            config: Mutex::new(config.into()),
            telemetry: telemetry.into(),
        }))
    }

    /// How many keys there may be.
    ///
    /// ```
    /// use seawall::circuit_breaker::{Config, KeyedCircuitBreaker};
    /// assert_eq!(KeyedCircuitBreaker::<u64>::new("hosts", Config::default(), 1_000).capacity(), 1_000);
    /// ```
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.keys.capacity()
    }

    /// How many keys there are.
    ///
    /// ```
    /// use seawall::circuit_breaker::{Config, KeyedCircuitBreaker};
    /// let per_host = KeyedCircuitBreaker::new("hosts", Config::default(), 1_000);
    /// drop(per_host.try_acquire(&1));
    /// assert_eq!(per_host.len(), 1);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.keys.len()
    }

    /// Whether there is no key.
    ///
    /// ```
    /// use seawall::circuit_breaker::{Config, KeyedCircuitBreaker};
    /// assert!(KeyedCircuitBreaker::<u64>::new("hosts", Config::default(), 1_000).is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Changes the settings of every circuit, and of those to come; see
    /// [`CircuitBreaker::set`](super::CircuitBreaker::set).
    ///
    /// ```
    /// use seawall::circuit_breaker::{Config, KeyedCircuitBreaker, Trip};
    /// let per_host = KeyedCircuitBreaker::<u64>::new("hosts", Config::default(), 1_000);
    /// per_host.set(Trip::run_of(5));
    /// ```
    pub fn set(&self, config: impl Into<Config>) {
        let config = config.into();
        *self.0.config.lock() = config;
        self.0.keys.each(|seat| seat.circuit.by_hand(|circuit, _| circuit.set(config)));
    }
}

impl<K: Hash + Eq + Clone> KeyedCircuitBreaker<K> {
    /// Leave to make one call for `key` now, or why not.
    ///
    /// ```
    /// use seawall::Class;
    /// use seawall::circuit_breaker::{Config, KeyedCircuitBreaker};
    /// let per_host = KeyedCircuitBreaker::new("hosts", Config::default(), 1_000);
    /// let permit = per_host.try_acquire(&"a.example")?;
    /// permit.settle(Class::Success); // after the call
    /// # Ok::<(), seawall::Rejected>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The refusal of the key's circuit.
    pub fn try_acquire(&self, key: &K) -> Result<Permit<&Self>, Rejected> {
        Permit::acquire(self, key, Now::lazy())
    }

    /// [`try_acquire`](Self::try_acquire) at a time that the caller already holds.
    ///
    /// ```
    /// use seawall::Instant;
    /// use seawall::circuit_breaker::{Config, KeyedCircuitBreaker};
    /// let per_host = KeyedCircuitBreaker::new("hosts", Config::default(), 1_000);
    /// assert!(per_host.try_acquire_at(&"a.example", Instant::now()).is_ok());
    /// ```
    ///
    /// # Errors
    ///
    /// The refusal of the key's circuit.
    pub fn try_acquire_at(&self, key: &K, now: Instant) -> Result<Permit<&Self>, Rejected> {
        Permit::acquire(self, key, Now::at(now))
    }

    /// The state of the key's circuit; a key that is not there is closed. Nothing is made.
    ///
    /// ```
    /// use seawall::circuit_breaker::{Config, KeyedCircuitBreaker, State};
    /// let per_host = KeyedCircuitBreaker::new("hosts", Config::default(), 1_000);
    /// assert_eq!(per_host.state(&"a.example"), State::Closed);
    /// assert!(per_host.is_empty());
    /// ```
    #[must_use]
    pub fn state(&self, key: &K) -> State {
        self.known(key).map_or(State::Closed, |seat| seat.circuit.word().state())
    }

    /// How the key's circuit stands, if it is there.
    ///
    /// ```
    /// use seawall::circuit_breaker::{Config, KeyedCircuitBreaker};
    /// let per_host = KeyedCircuitBreaker::new("hosts", Config::default(), 1_000);
    /// assert_eq!(per_host.snapshot(&"a.example"), None);
    /// ```
    #[must_use]
    pub fn snapshot(&self, key: &K) -> Option<Snapshot> {
        self.known(key).map(|seat| seat.circuit.snapshot(Instant::now()))
    }

    /// Refuses every call for `key` until somebody says otherwise.
    ///
    /// ```
    /// use seawall::circuit_breaker::{Config, KeyedCircuitBreaker, State};
    /// let per_host = KeyedCircuitBreaker::new("hosts", Config::default(), 1_000);
    /// per_host.force_open(&"a.example");
    /// assert_eq!(per_host.state(&"a.example"), State::ForcedOpen);
    /// ```
    pub fn force_open(&self, key: &K) {
        self.seat(key).circuit.by_hand(|circuit, turns| circuit.force_open(turns));
    }

    /// Admits every call for `key` and counts nothing until somebody says otherwise.
    ///
    /// ```
    /// use seawall::circuit_breaker::{Config, KeyedCircuitBreaker, State};
    /// let per_host = KeyedCircuitBreaker::new("hosts", Config::default(), 1_000);
    /// per_host.force_closed(&"a.example");
    /// assert_eq!(per_host.state(&"a.example"), State::ForcedClosed);
    /// ```
    pub fn force_closed(&self, key: &K) {
        self.seat(key).circuit.by_hand(|circuit, turns| circuit.force_closed(turns));
    }

    /// Closes the circuit of `key` and empties its counts.
    ///
    /// ```
    /// use seawall::circuit_breaker::{Config, KeyedCircuitBreaker, State};
    /// let per_host = KeyedCircuitBreaker::new("hosts", Config::default(), 1_000);
    /// per_host.force_open(&"a.example");
    /// per_host.reset(&"a.example");
    /// assert_eq!(per_host.state(&"a.example"), State::Closed);
    /// ```
    pub fn reset(&self, key: &K) {
        if let Some(seat) = self.known(key) {
            seat.circuit.by_hand(|circuit, turns| circuit.reset(turns));
        }
    }

    /// The same for requests: `key` tells the key of each. It is a gate like any other, with a layer.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::circuit_breaker::{Config, KeyedCircuitBreaker};
    /// use seawall::{Gate, LiftLayer};
    /// use tower::{ServiceBuilder, ServiceExt, service_fn};
    ///
    /// struct Request { host: String }
    ///
    /// let per_host = KeyedCircuitBreaker::new("hosts", Config::default(), 1_000);
    /// let service = ServiceBuilder::new()
    ///     .layer(per_host.by(|request: &Request| request.host.clone()).layer())
    ///     .layer(LiftLayer)
    ///     .service(service_fn(|request: Request| async move { Ok::<_, ()>(request.host) }));
    /// assert!(service.oneshot(Request { host: "a.example".into() }).await.is_ok());
    /// # }
    /// ```
    pub fn by<Req: ?Sized, F: Fn(&Req) -> K>(&self, key: F) -> ByKey<K, F> {
        ByKey::new(self.clone(), key)
    }

    fn known(&self, key: &K) -> Option<Arc<Seat>> {
        self.0.keys.find(key).ok()
    }

    /// The seat of `key`, made if it is new.
    fn seat(&self, key: &K) -> Arc<Seat> {
        let seat = self.0.keys.find(key).unwrap_or_else(|spot| self.insert(spot, key.clone()));
        seat.used.store(self.0.clock.fetch_add(1, Relaxed), Relaxed);
        seat
    }

    #[cold]
    #[inline(never)]
    fn insert(&self, spot: Spot, key: K) -> Arc<Seat> {
        let (keys, config) = (&self.0.keys, *self.0.config.lock());
        let circuit = Shared::new(self.0.telemetry.clone(), config);
        let seat = Arc::new(Seat { circuit, used: AtomicU64::new(0), gone: AtomicBool::new(false) });
        let enough = CANDIDATES.min(keys.capacity());
        // A place first, so that there are never more keys than may be; in the first shard with candidates enough.
        let claim = keys.claim(spot, |table| {
            if table.len() < enough && keys.shards() > 1 {
                return None;
            }
            let rank = |seat: &Arc<Seat>| (!seat.circuit.word().is(State::Closed), seat.used.load(Relaxed));
            table.take_least(CANDIDATES, rank).inspect(|gone| gone.value.gone.store(true, Relaxed))
        });
        match claim {
            Some(claim) => keys.insert(claim, spot, key, seat),
            None => {
                // All places are claimed and not taken yet: this call goes uncounted.
                seat.gone.store(true, Relaxed);
                seat
            }
        }
    }
}

impl<K> Gate for KeyedCircuitBreaker<K> {
    type Pass = KeyedPassed;

    fn refused(&self, rejected: &Rejected) {
        if rejected.by() == self.0.telemetry.name() {
            self.0.telemetry.tell_refused(Kind::CircuitBreaker, rejected);
        }
    }

    #[inline]
    fn settle(&self, KeyedPassed { seat, passed }: KeyedPassed, class: Class, now: &mut Now) {
        if !seat.gone.load(Relaxed) {
            Gate::settle(&seat.circuit, passed, class, now);
        }
    }

    fn release(&self, KeyedPassed { seat, passed }: KeyedPassed) {
        if !seat.gone.load(Relaxed) {
            Gate::release(&seat.circuit, passed);
        }
    }

    fn abandon(&self, KeyedPassed { seat, passed }: KeyedPassed) {
        if !seat.gone.load(Relaxed) {
            Gate::abandon(&seat.circuit, passed);
        }
    }
}

/// The request is the key.
impl<K: Hash + Eq + Clone> Admit<K> for KeyedCircuitBreaker<K> {
    #[inline]
    fn admit(&self, key: &K, now: &mut Now) -> Result<KeyedPassed, Rejected> {
        let seat = self.seat(key);
        let passed = seat.circuit.admit(key, now)?;
        Ok(KeyedPassed { seat, passed })
    }
}

/// What a call holds of its key's circuit.
pub struct KeyedPassed {
    seat: Arc<Seat>,
    passed: Passed,
}

impl<K> Clone for KeyedCircuitBreaker<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> fmt::Debug for KeyedCircuitBreaker<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedCircuitBreaker")
            .field("name", &self.0.telemetry.name())
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for KeyedPassed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedPassed").finish_non_exhaustive()
    }
}
