use super::ask::Ask;
use super::by_key::{ByKey, Keys, Lent};
use super::fingerprint::Fingerprints;
use super::table::{Home, Table};
use super::{Carry, Decision, Quota};
use crate::class::Class;
use crate::error::{Reason, Rejected};
use crate::gate::{Gate, Now, Permit};
use crate::name::Name;
use crate::sync::atomic::{AtomicBool, AtomicU8, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use crate::telemetry::{Kind, Telemetry, What};
use crate::time::Instant;
use arc_swap::ArcSwap;
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

/// A rate limit for each key: a user, an API key, an address, a route, a tenant.
///
/// Clones share the limits. Any hashable key will do: only a 64-bit fingerprint of it is kept, under secrets that each
/// limiter draws for itself. A key that was seen before is found without a lock.
///
/// # Examples
///
/// ```
/// use seawall::rate_limit::{KeyedRateLimiter, Quota};
///
/// let limiter = KeyedRateLimiter::new("per user", Quota::per_second(1), 10_000);
/// assert!(limiter.check("alice").is_ok());
/// assert!(limiter.check("alice").is_err());
/// assert!(limiter.check("bob").is_ok());
/// ```
///
/// As a layer, by what the request says:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use seawall::{Gate, LiftLayer, rate_limit::{KeyedRateLimiter, Quota}};
/// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
///
/// struct Request { user: u64 }
///
/// let limiter = KeyedRateLimiter::new("per user", Quota::per_hour(1), 10_000);
/// let mut service = ServiceBuilder::new()
///     .layer(limiter.by(|request: &Request| request.user).layer())
///     .layer(LiftLayer)
///     .service(service_fn(|_: Request| async { Ok::<_, std::io::Error>(()) }));
/// assert!(service.ready().await.unwrap().call(Request { user: 1 }).await.is_ok());
/// assert!(service.ready().await.unwrap().call(Request { user: 1 }).await.is_err());
/// assert!(service.ready().await.unwrap().call(Request { user: 2 }).await.is_ok());
/// # }
/// ```
///
/// # Memory
///
/// `max_keys` slots of 16 bytes, all of them from the start, whatever the key: 16 MB for a million. A slot is
/// taken over only from a bucket that is full, which nobody can tell from one that was never there; so no key in
/// debt is ever forgotten, and no task sweeps. Where there is no such slot, [`WhenFull`] says what happens.
///
/// A key may stand in one of four lines of four slots, and those that stand there may move to make room. So the first newcomer
/// without room comes when 92 to 98 % of `max_keys` are in debt at once, the fewer keys the later, whatever the keys are; before 90 % in fewer
/// than one limiter of a thousand (one of 32 keys or fewer is used to the last slot). A sixth more than the keys you expect to be busy is enough.
///
/// # Keys that an attacker chooses
///
/// Two keys of one fingerprint share a bucket: refused earlier, never admitted more. Fingerprints hang on 127 secret bits, so nobody can
/// make up keys that meet, neither one another nor a victim's: among `n` busy keys a new one meets one of them with a chance of
/// `n` in 2⁶⁴. What an attacker can do is to come with ever new keys; [`WhenFull`] is the answer to that, and those who are known stay
/// untouched by it.
#[derive(Clone)]
pub struct KeyedRateLimiter(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub(super) table: Table,
    fingerprints: Fingerprints,
    full: AtomicU8,
    // Whether there is anything in `overrides`: most have none, and then nobody looks.
    overridden: AtomicBool,
    overrides: ArcSwap<HashMap<u64, Quota>>,
    telemetry: Telemetry,
}

/// What becomes of a new key when every slot in which it may stand is in use.
///
/// # Examples
///
/// ```
/// use seawall::Reason;
/// use seawall::rate_limit::{KeyedRateLimiter, Quota, WhenFull};
///
/// let limiter = KeyedRateLimiter::new("per user", Quota::per_hour(1), 1).when_full(WhenFull::Refuse);
/// assert!(limiter.check("alice").is_ok());
/// assert_eq!(limiter.check("bob").unwrap_err().reason(), Reason::KeysFull);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WhenFull {
    /// It is refused, with the time until a slot is free: [`Reason::KeysFull`].
    Refuse,
    /// All such keys share one bucket of the same quota: a flood of new keys shuts nobody out altogether.
    #[default]
    SharedBucket,
    /// It is admitted and not recorded.
    Admit,
}

const POLICIES: [WhenFull; 3] = [WhenFull::Refuse, WhenFull::SharedBucket, WhenFull::Admit];

impl KeyedRateLimiter {
    /// A token bucket of this quota for each key, for at most `max_keys` keys at a time (at least one).
    ///
    /// ```
    /// use seawall::rate_limit::{KeyedRateLimiter, Quota};
    /// let limiter = KeyedRateLimiter::new("per user", Quota::per_second(10).burst(20), 100_000);
    /// assert_eq!(limiter.available("alice"), 20);
    /// ```
    #[must_use]
    pub fn new(telemetry: impl Into<Telemetry>, quota: Quota, max_keys: usize) -> Self {
        Self(Arc::new(Shared {
            table: Table::new(quota, max_keys),
            fingerprints: Fingerprints::new(),
            full: AtomicU8::new(WhenFull::default() as u8),
            overridden: AtomicBool::new(false),
            overrides: ArcSwap::default(),
            telemetry: telemetry.into(),
        }))
    }

    /// What becomes of a new key when there is no room for it.
    ///
    /// ```
    /// use seawall::rate_limit::{KeyedRateLimiter, Quota, WhenFull};
    /// let limiter = KeyedRateLimiter::new("per user", Quota::per_second(10), 100).when_full(WhenFull::Admit);
    /// # let _ = limiter;
    /// ```
    #[must_use]
    pub fn when_full(self, policy: WhenFull) -> Self {
        self.0.full.store(policy as u8, Relaxed);
        self
    }

    /// One permit for this key, now and for good.
    ///
    /// ```
    /// use seawall::rate_limit::{KeyedRateLimiter, Quota};
    /// let limiter = KeyedRateLimiter::new("per tenant", Quota::per_second(10), 100);
    /// limiter.check(&("eu", 7))?;
    /// # Ok::<(), seawall::Rejected>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Reason::RateLimited`] with the time to come back, or [`Reason::KeysFull`].
    #[inline]
    pub fn check<K: Hash + ?Sized>(&self, key: &K) -> Result<(), Rejected> {
        self.check_at(key, Instant::now())
    }

    /// [`check`](Self::check) at a time that the caller already holds.
    ///
    /// ```
    /// use seawall::{Instant, rate_limit::{KeyedRateLimiter, Quota}};
    /// let limiter = KeyedRateLimiter::new("per user", Quota::per_second(1), 100);
    /// assert!(limiter.check_at("alice", Instant::from_nanos(0)).is_ok());
    /// assert!(limiter.check_at("alice", Instant::from_nanos(999_999_999)).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    #[inline]
    pub fn check_at<K: Hash + ?Sized>(&self, key: &K, now: Instant) -> Result<(), Rejected> {
        self.take(self.fingerprint(key), 1, None, now).map(drop)
    }

    /// Leave to make one call for this key.
    ///
    /// ```
    /// use seawall::rate_limit::{KeyedRateLimiter, Quota};
    /// let limiter = KeyedRateLimiter::new("per user", Quota::per_hour(1), 100);
    /// limiter.try_acquire("alice")?.release();
    /// assert!(limiter.try_acquire("alice").is_ok());
    /// # Ok::<(), seawall::Rejected>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    #[inline]
    pub fn try_acquire<K: Hash + ?Sized>(&self, key: &K) -> Result<Permit<&Self>, Rejected> {
        self.try_acquire_many_at(key, 1, Instant::now())
    }

    /// Leave for a call that costs `cost` permits of this key's: all of them at once, or none.
    ///
    /// ```
    /// use seawall::rate_limit::{KeyedRateLimiter, Quota};
    /// let limiter = KeyedRateLimiter::new("per user", Quota::per_hour(10), 100);
    /// assert!(limiter.try_acquire_many("alice", 8).is_ok());
    /// assert!(limiter.try_acquire_many("alice", 8).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check), or [`Reason::TooLarge`] for a cost above the burst.
    #[inline]
    pub fn try_acquire_many<K: Hash + ?Sized>(&self, key: &K, cost: u32) -> Result<Permit<&Self>, Rejected> {
        self.try_acquire_many_at(key, cost, Instant::now())
    }

    /// [`try_acquire_many`](Self::try_acquire_many) at a time that the caller already holds.
    ///
    /// ```
    /// use seawall::{Instant, rate_limit::{KeyedRateLimiter, Quota}};
    /// let limiter = KeyedRateLimiter::new("per user", Quota::per_hour(10), 100);
    /// assert!(limiter.try_acquire_many_at("alice", 10, Instant::ZERO).is_ok());
    /// ```
    ///
    /// # Errors
    ///
    /// As [`try_acquire_many`](Self::try_acquire_many).
    #[inline]
    pub fn try_acquire_many_at<K: Hash + ?Sized>(
        &self,
        key: &K,
        cost: u32,
        now: Instant,
    ) -> Result<Permit<&Self>, Rejected> {
        let taken = self.take(self.fingerprint(key), cost, None, now)?;
        Ok(Permit::new(self, taken))
    }

    /// What a call of this cost would be told now. It takes nothing.
    ///
    /// ```
    /// use seawall::rate_limit::{KeyedRateLimiter, Quota};
    /// let limiter = KeyedRateLimiter::new("per user", Quota::per_hour(10), 100);
    /// assert!(limiter.peek("alice", 10).is_admitted());
    /// ```
    pub fn peek<K: Hash + ?Sized>(&self, key: &K, cost: u32) -> Decision {
        self.peek_at(key, cost, Instant::now())
    }

    /// [`peek`](Self::peek) at a time that the caller already holds.
    ///
    /// ```
    /// use seawall::{Instant, rate_limit::{KeyedRateLimiter, Quota}};
    /// let limiter = KeyedRateLimiter::new("per user", Quota::per_hour(10), 100);
    /// assert_eq!(limiter.peek_at("alice", 1, Instant::ZERO).remaining(), 10);
    /// ```
    pub fn peek_at<K: Hash + ?Sized>(&self, key: &K, cost: u32, now: Instant) -> Decision {
        let key = self.fingerprint(key);
        self.0.table.peek(key, cost, self.own(key, None), now)
    }

    /// Whole permits that this key has now.
    ///
    /// ```
    /// use seawall::rate_limit::{KeyedRateLimiter, Quota};
    /// assert_eq!(KeyedRateLimiter::new("per user", Quota::per_hour(10), 100).available("alice"), 10);
    /// ```
    #[must_use]
    pub fn available<K: Hash + ?Sized>(&self, key: &K) -> u32 {
        self.peek(key, 0).remaining()
    }

    /// Takes without asking, for a cost known only afterwards; the debt is paid before this key's next admission.
    /// Answers the time until it is. Under [`WhenFull::Refuse`] a new key without room is not charged.
    ///
    /// ```
    /// use seawall::rate_limit::{KeyedRateLimiter, Quota};
    /// let limiter = KeyedRateLimiter::new("tokens per user", Quota::per_minute(1000), 100);
    /// limiter.charge("alice", 1500); // what the model's answer turned out to cost
    /// assert!(limiter.check("alice").is_err());
    /// ```
    pub fn charge<K: Hash + ?Sized>(&self, key: &K, cost: u32) -> Duration {
        let now = Instant::now();
        let (key, charge) = (self.fingerprint(key), true);
        let own = self.own(key, None);
        let ask = Ask { by: self.name(), key, cost, own, full: self.policy(), now, charge };
        let wait = match self.0.table.admit(ask) {
            Ok((Home::Nowhere, _)) | Err(_) => Duration::ZERO,
            Ok((_, full_at)) => self.0.table.debt(full_at, own, now),
        };
        self.0.telemetry.note(Kind::RateLimiter, || What::Admitted { cost });
        wait
    }

    /// Gives permits to this key, at most to the full: the operator's grant.
    ///
    /// ```
    /// use seawall::rate_limit::{KeyedRateLimiter, Quota};
    /// let limiter = KeyedRateLimiter::new("per user", Quota::per_hour(1), 100);
    /// limiter.check("alice").unwrap();
    /// limiter.refund("alice", 1);
    /// assert!(limiter.check("alice").is_ok());
    /// ```
    pub fn refund<K: Hash + ?Sized>(&self, key: &K, permits: u32) {
        let key = self.fingerprint(key);
        self.0.table.give_back(key, Home::Slot, permits, self.own(key, None));
    }

    /// Forgets what this key has taken.
    ///
    /// ```
    /// use seawall::rate_limit::{KeyedRateLimiter, Quota};
    /// let limiter = KeyedRateLimiter::new("per user", Quota::per_hour(1), 100);
    /// limiter.check("alice").unwrap();
    /// limiter.reset("alice");
    /// assert!(limiter.check("alice").is_ok());
    /// ```
    pub fn reset<K: Hash + ?Sized>(&self, key: &K) {
        self.0.table.update(self.fingerprint(key), None, |_, _| 0);
    }

    /// Changes the quota of all keys that have none of their own; what is left to each stays.
    ///
    /// The whole table is walked meanwhile, and callers wait: a few milliseconds for a million keys.
    ///
    /// ```
    /// use seawall::rate_limit::{KeyedRateLimiter, Quota};
    /// let limiter = KeyedRateLimiter::new("per user", Quota::per_hour(100), 1000);
    /// limiter.try_acquire_many("alice", 60).unwrap();
    /// limiter.set_quota(Quota::per_hour(200));
    /// assert_eq!((limiter.available("alice"), limiter.available("bob")), (40, 200));
    /// ```
    pub fn set_quota(&self, quota: Quota) {
        let now = Instant::now();
        let from = self.0.table.replace(quota, |old, new, state| new.carry(old, state, Carry::Keep, now));
        if from != quota {
            self.0.telemetry.tell(Kind::RateLimiter, What::QuotaChanged { from, to: quota });
        }
    }

    /// Gives one key a quota of its own, or with `None` the common one again. It is remembered although the key
    /// be idle; at most `max_keys` keys can have one.
    ///
    /// ```
    /// use seawall::rate_limit::{KeyedRateLimiter, Quota};
    /// let limiter = KeyedRateLimiter::new("per user", Quota::per_hour(100), 1000);
    /// limiter.set_quota_of("alice", Some(Quota::per_hour(5000)))?;
    /// assert_eq!((limiter.available("alice"), limiter.available("bob")), (5000, 100));
    /// # Ok::<(), seawall::Rejected>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Reason::KeysFull`] if as many keys as may have a quota of their own.
    pub fn set_quota_of<K: Hash + ?Sized>(&self, key: &K, quota: Option<Quota>) -> Result<(), Rejected> {
        let key = self.fingerprint(key);
        let mut room = true;
        self.0.overrides.rcu(|overrides| {
            let mut overrides = HashMap::clone(overrides);
            room = quota.is_none() || overrides.contains_key(&key) || overrides.len() < self.max_keys();
            match quota {
                Some(quota) if room => overrides.insert(key, quota),
                _ if room => overrides.remove(&key),
                _ => None,
            };
            overrides
        });
        self.0.overridden.store(true, Release);
        if room { Ok(()) } else { Err(Rejected::new(self.0.telemetry.name(), Reason::KeysFull)) }
    }

    /// The quota of all keys that have none of their own.
    ///
    /// ```
    /// use seawall::rate_limit::{KeyedRateLimiter, Quota};
    /// let limiter = KeyedRateLimiter::new("per user", Quota::per_hour(100), 1000);
    /// assert_eq!(limiter.quota(), Quota::per_hour(100));
    /// ```
    #[must_use]
    pub fn quota(&self) -> Quota {
        self.0.table.quota()
    }

    /// How many keys there is room for.
    ///
    /// ```
    /// use seawall::rate_limit::{KeyedRateLimiter, Quota};
    /// assert_eq!(KeyedRateLimiter::new("per user", Quota::per_hour(100), 1000).max_keys(), 1000);
    /// ```
    #[must_use]
    pub fn max_keys(&self) -> usize {
        self.0.table.max_keys()
    }

    /// How many keys are remembered because something is still missing from their buckets. It walks the whole
    /// table: for a metric, not for a request.
    ///
    /// ```
    /// use seawall::rate_limit::{KeyedRateLimiter, Quota};
    /// let limiter = KeyedRateLimiter::new("per user", Quota::per_hour(100), 1000);
    /// limiter.check("alice").unwrap();
    /// assert_eq!(limiter.live_keys(), 1);
    /// ```
    #[must_use]
    pub fn live_keys(&self) -> usize {
        self.0.table.live(Instant::now())
    }

    /// The gate that takes its key from the request.
    ///
    /// ```
    /// use seawall::{Gate, rate_limit::{KeyedRateLimiter, Quota}};
    /// use std::net::IpAddr;
    /// struct Request { client: IpAddr }
    /// let limiter = KeyedRateLimiter::new("per client", Quota::per_second(10), 10_000);
    /// let layer = limiter.by(|request: &Request| request.client).layer();
    /// # let _ = layer;
    /// ```
    pub fn by<F, Req: ?Sized, K>(&self, key: F) -> ByKey<F>
    where
        F: Fn(&Req) -> K,
        K: Hash,
    {
        ByKey::new(self.clone(), key)
    }

    /// The gate that takes its key from the request without copying it: a `&str`, a slice of bytes, anything that the
    /// request holds.
    ///
    /// ```
    /// use seawall::gate::{Admit, Now};
    /// use seawall::rate_limit::{KeyedRateLimiter, Quota};
    /// struct Request { api_key: String }
    /// let limiter = KeyedRateLimiter::new("per key", Quota::per_hour(1), 10_000);
    /// let gate = limiter.by_ref(|request: &Request| request.api_key.as_str());
    ///
    /// let request = Request { api_key: "k-1".to_owned() };
    /// assert!(gate.admit(&request, &mut Now::lazy()).is_ok());
    /// // The same key, however it is given.
    /// assert!(limiter.check("k-1").is_err());
    /// ```
    pub fn by_ref<F, Req: ?Sized, K>(&self, key: F) -> ByKey<Lent<F>>
    where
        F: for<'a> Fn(&'a Req) -> &'a K,
        K: Hash + ?Sized,
    {
        ByKey::new(self.clone(), Lent(key))
    }

    /// The name by which it refuses.
    ///
    /// ```
    /// use seawall::rate_limit::{KeyedRateLimiter, Quota};
    /// assert_eq!(KeyedRateLimiter::new("per user", Quota::per_hour(10), 100).name().as_str(), "per user");
    /// ```
    #[must_use]
    pub fn name(&self) -> Name {
        self.0.telemetry.name()
    }

    #[inline]
    pub(crate) fn fingerprint<K: Hash + ?Sized>(&self, key: &K) -> u64 {
        Table::fit(self.0.fingerprints.hash_one(key))
    }

    #[inline]
    pub(super) fn fingerprint_of<K: Keys<Req>, Req: ?Sized>(&self, key: &K, request: &Req) -> u64 {
        let mut state = self.0.fingerprints.build_hasher();
        key.hash(request, &mut state);
        Table::fit(state.finish())
    }

    #[inline]
    pub(super) fn take(
        &self,
        key: u64,
        cost: u32,
        own: Option<Quota>,
        now: Instant,
    ) -> Result<TakenByKey, Rejected> {
        let Shared { table, overridden, telemetry, .. } = &*self.0;
        if own.is_none() && !telemetry.is_observed() && !overridden.load(Acquire) {
            match table.try_admit(telemetry.name(), key, cost, now) {
                Some(Ok(())) => return Ok(TakenByKey { key, own: None, cost, home: Home::Slot }),
                Some(Err(rejected)) => {
                    telemetry.tell_refused(Kind::RateLimiter, &rejected);
                    return Err(rejected);
                }
                None => {}
            }
        }
        self.take_slowly(key, cost, own, now)
    }

    /// The same with all that is not needed on a quiet day: new keys, quotas of their own, an observer.
    #[inline(never)]
    fn take_slowly(
        &self,
        key: u64,
        cost: u32,
        own: Option<Quota>,
        now: Instant,
    ) -> Result<TakenByKey, Rejected> {
        let own = self.own(key, own);
        let ask = Ask { by: self.name(), key, cost, own, full: self.policy(), now, charge: false };
        match self.0.table.admit(ask) {
            Ok((home, _)) => {
                let taken = TakenByKey { key, own, cost, home };
                self.0.telemetry.note_admitted(Kind::RateLimiter, self, taken, cost);
                Ok(taken)
            }
            Err(rejected) => {
                self.0.telemetry.tell_refused(Kind::RateLimiter, &rejected);
                Err(rejected)
            }
        }
    }

    #[inline]
    pub(super) fn own(&self, key: u64, own: Option<Quota>) -> Option<Quota> {
        if self.0.overridden.load(Acquire) { self.overridden(key).or(own) } else { own }
    }

    #[cold]
    fn overridden(&self, key: u64) -> Option<Quota> {
        self.0.overrides.load().get(&key).copied()
    }

    #[inline]
    fn policy(&self) -> WhenFull {
        POLICIES[usize::from(self.0.full.load(Relaxed)) % POLICIES.len()]
    }
}

/// The permits that a call took from its key's bucket.
#[derive(Clone, Copy, Debug)]
pub struct TakenByKey {
    key: u64,
    own: Option<Quota>,
    cost: u32,
    home: Home,
}

impl Gate for KeyedRateLimiter {
    type Pass = TakenByKey;

    fn refused(&self, rejected: &Rejected) {
        if rejected.by() == self.0.telemetry.name() {
            self.0.telemetry.tell_refused(Kind::RateLimiter, rejected);
        }
    }

    #[inline]
    fn settle(&self, _: TakenByKey, class: Class, _: &mut Now) {
        self.0.telemetry.note(Kind::RateLimiter, || What::Settled(class));
    }

    fn release(&self, TakenByKey { key, own, cost, home }: TakenByKey) {
        self.0.table.give_back(key, home, cost, own);
        self.0.telemetry.note(Kind::RateLimiter, || What::Released);
    }

    #[inline]
    fn abandon(&self, _: TakenByKey) {
        self.0.telemetry.note(Kind::RateLimiter, || What::Abandoned);
    }
}

impl std::panic::UnwindSafe for KeyedRateLimiter {}
impl std::panic::RefUnwindSafe for KeyedRateLimiter {}

impl fmt::Debug for KeyedRateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedRateLimiter")
            .field("name", &self.0.telemetry.name())
            .field("quota", &self.quota())
            .field("max_keys", &self.max_keys())
            .finish_non_exhaustive()
    }
}
