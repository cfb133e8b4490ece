use super::ask::Ask;
use super::config::Config;
use super::endpoint::Endpoint;
use super::id::Id;
use super::member::{Common, Member};
use super::pick::Probe;
use super::pick_probed::PickProbed;
use super::picker::Turn;
use super::roster::{Changed, Roster};
use super::rules::Rules;
use super::seat::{Picked, View};
use super::service::Balance;
use super::snapshot::{Nobody, Snapshot};
use super::status::Status;
use super::ticket::Ticket;
use super::tried::Passed;
use super::watch::Watch;
use crate::chance::Chance;
use crate::discover::Change;
use crate::error::{Reason, Rejected};
use crate::gate::Now;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};
use crate::telemetry::{Kind, Telemetry, What};
use crate::time::Instant;
use arc_swap::ArcSwap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::task::Waker;

/// The endpoints of one upstream, from which each call picks one.
///
/// Clones share it. A pick reads one immutable snapshot and never waits; endpoints may be [`set`](Self::set),
/// [`insert`](Self::insert)ed and [`remove`](Self::remove)d while it is used.
///
/// # Examples
///
/// ```
/// use seawall::Class;
/// use seawall::balance::{Endpoint, LeastConnections, Pool};
///
/// let pool = Pool::new("api", LeastConnections::new());
/// pool.set(["10.0.0.1:80", "10.0.0.2:80"].map(|id| Endpoint::new(id, ())));
///
/// let (one, two) = (pool.pick().unwrap(), pool.pick().unwrap());
/// assert_ne!(one.id(), two.id());
/// one.settle(Class::Success);
/// assert_eq!(pool.in_flight(), 1);
/// # drop(two);
/// ```
#[doc(alias = "cluster")]
#[doc(alias = "upstream")]
pub struct Pool<S>(pub(super) Arc<Shared<S>>);

pub(super) struct Shared<S> {
    pub(super) current: ArcSwap<Snapshot<S>>,
    pub(super) rules: Rules,
    turn: Turn,
    // The one stream of draws of a seeded pool.
    draws: Option<AtomicU64>,
    strict: bool,
    require: bool,
    pub(super) common: Arc<Common>,
    // Guarded: who belongs here. Held while a snapshot is made, never while user code runs.
    roster: Mutex<Roster<S>>,
    // Guarded: who waits for a change of the endpoints.
    pub(super) wakers: Mutex<Vec<Waker>>,
}

impl<S> Pool<S> {
    /// A pool without endpoints, which picks by `config`: a picker alone will do.
    ///
    /// ```
    /// use seawall::Reason;
    /// use seawall::balance::{Pool, RoundRobin};
    /// let pool = Pool::<()>::new("api", RoundRobin::new());
    /// assert_eq!(pool.pick().unwrap_err().reason(), Reason::NoEndpoint);
    /// ```
    pub fn new(telemetry: impl Into<Telemetry>, config: impl Into<Config>) -> Self {
        let Config {
            picker,
            strict,
            panic,
            over,
            fail_in_panic,
            require,
            slow_start,
            zones,
            failover,
            outliers,
            seed,
            token_seed,
        } = config.into();
        let watch = outliers.map(|outliers| Watch::new(outliers, Instant::now()));
        let mut chance = seed.map_or_else(Chance::new, Chance::seeded);
        Self(Arc::new(Shared {
            current: ArcSwap::from_pointee(Snapshot::empty()),
            turn: Turn::starting_at(picker.start(&mut chance)),
            draws: seed.map(|_| AtomicU64::new(chance.draw())),
            strict,
            require,
            common: Arc::new(Common::new(telemetry.into(), &picker, watch).token_seed(token_seed)),
            roster: Mutex::new(Roster::default()),
            wakers: Mutex::new(Vec::new()),
            rules: Rules { picker, panic, over, fail_in_panic, slow_start, zones, failover },
        }))
    }

    /// Exactly these endpoints from now on. One whose id is known keeps what was counted of it; of two with one
    /// id the last counts.
    ///
    /// Calls under way at an endpoint that left run to their end.
    ///
    /// ```
    /// use seawall::balance::{Endpoint, Pool, RoundRobin};
    /// let pool = Pool::new("api", RoundRobin::new());
    /// pool.set(["a", "b"].map(|id| Endpoint::new(id, ())));
    /// pool.set([Endpoint::new("b", ()), Endpoint::new("c", ()).weight(2)]);
    /// let ids: Vec<_> = pool.endpoints().iter().map(|endpoint| endpoint.id.to_string()).collect();
    /// assert_eq!(ids, ["b", "c"]);
    /// ```
    pub fn set(&self, endpoints: impl IntoIterator<Item = Endpoint<S>>) {
        // Before the lock: the iterator is the user's.
        let endpoints: Vec<_> = endpoints.into_iter().collect();
        self.change(|roster, common, now| roster.set(endpoints, common, now));
    }

    /// This endpoint too, instead of the one with its id if there is one.
    ///
    /// ```
    /// use seawall::balance::{Endpoint, Pool, RoundRobin};
    /// let pool = Pool::new("api", RoundRobin::new());
    /// pool.insert(Endpoint::new("a", 1));
    /// pool.insert(Endpoint::new("a", 2));
    /// assert_eq!((pool.len(), *pool.pick().unwrap().service()), (1, 2));
    /// ```
    pub fn insert(&self, endpoint: Endpoint<S>) {
        self.change(|roster, common, now| roster.insert(endpoint, common, now));
    }

    /// Without the endpoint of this id; `false` if there is none.
    ///
    /// ```
    /// use seawall::balance::{Endpoint, Pool, RoundRobin};
    /// let pool = Pool::new("api", RoundRobin::new());
    /// pool.insert(Endpoint::new("a", ()));
    /// assert!(pool.remove("a"));
    /// assert!(!pool.remove("a"));
    /// ```
    #[expect(clippy::must_use_candidate, reason = "that it is gone is enough to know for most")]
    pub fn remove(&self, id: &str) -> bool {
        self.change(|roster, _, now| roster.remove(id, now)).removed > 0
    }

    /// All of these changes, in their order, as one.
    pub(super) fn apply(&self, changes: Vec<Change<S>>) {
        self.change(|roster, common, now| {
            changes.into_iter().fold(Changed::default(), |changed, change| {
                changed.and(match change {
                    Change::Insert(endpoint) => roster.insert(endpoint, common, now),
                    Change::Remove(id) => roster.remove(id.as_str(), now),
                })
            })
        });
    }

    /// Picks one, or says why there is none.
    ///
    /// ```
    /// use seawall::balance::{Endpoint, Pool, RoundRobin};
    /// let pool = Pool::new("api", RoundRobin::new());
    /// pool.insert(Endpoint::new("a", ()));
    /// assert_eq!(pool.pick().unwrap().id().as_str(), "a");
    /// ```
    ///
    /// # Errors
    ///
    /// [`Reason::NoEndpoint`], [`Reason::EndpointsOut`] with the time of the soonest return, where that is known,
    /// or [`Reason::EndpointsFull`].
    #[inline]
    pub fn pick(&self) -> Result<Ticket<S>, Rejected> {
        self.pick_for(Ask::new())
    }

    /// [`pick`](Self::pick), with a look at the request.
    ///
    /// ```
    /// use seawall::balance::{Ask, Endpoint, Pool, RoundRobin, Tried};
    /// let pool = Pool::new("api", RoundRobin::new());
    /// pool.set(["a", "b"].map(|id| Endpoint::new(id, ())));
    /// let tried = Tried::new();
    /// pool.pick_for(Ask::new().tried(&tried)).unwrap().release();
    /// assert_eq!(tried.len(), 1);
    /// ```
    ///
    /// # Errors
    ///
    /// As [`pick`](Self::pick), and [`Reason::EndpointsTried`] if the pool is [`strict`](Config::strict).
    #[inline]
    pub fn pick_for(&self, ask: Ask<'_>) -> Result<Ticket<S>, Rejected> {
        let picked = self.pick_beyond(&ask, &Passed::NOBODY);
        if let Err(rejected) = &picked {
            self.refused(rejected);
        }
        picked
    }

    /// A pick that passes over those from whom this call has turned away. A refusal is told to nobody yet.
    #[inline]
    pub(super) fn pick_beyond(&self, ask: &Ask<'_>, passed: &Passed) -> Result<Ticket<S>, Rejected> {
        let common = &*self.0.common;
        let now = if common.may_be_due() { self.refreshed() } else { Now::lazy() };
        let snapshot = self.0.current.load();
        let view = View::new(ask, passed, common.begin(), now);
        let picked = match ask.token {
            None => self.pick_anyone(&snapshot, &view),
            Some(_) => self.pick_stuck(&snapshot, &view),
        };
        let Some((member, reserved)) = picked else {
            return Err(self.refuse(&snapshot, &view));
        };
        let since = if common.is_timed() { view.now() } else { Instant::ZERO };
        if let Some(tried) = ask.tried {
            tried.add(member.live.serial());
        }
        let member = Arc::clone(member);
        if common.telemetry.is_observed() {
            return Ok(Ticket::new(member, reserved, since).told());
        }
        // Made where it is wanted, and before the snapshot is let go: that waits until all is written, so that who moves
        // the ticket need not.
        Ok(Ticket::new(member, reserved, since))
    }

    /// A ticket for this one, whoever else may be picked.
    pub(super) fn hold(&self, member: &Arc<Member<S>>, now: Instant) -> Option<Ticket<S>> {
        self.0.common.begin();
        let Some(reserved) = member.live.reserve(member.endpoint.limit.unwrap_or(u32::MAX)) else {
            self.0.common.end();
            return None;
        };
        let ticket = Ticket::new(Arc::clone(member), reserved, now);
        Some(if self.0.common.telemetry.is_observed() { ticket.told() } else { ticket })
    }

    /// By the picker; if it finds nobody, who was tried is better than none.
    #[inline]
    fn pick_anyone<'a>(&self, snapshot: &'a Snapshot<S>, view: &View<'_>) -> Picked<'a, S> {
        let Shared { rules, turn, strict, .. } = &*self.0;
        let chance = &mut self.chance();
        match snapshot.pick(&rules.picker, turn, chance, view) {
            None if view.ask.tried.is_some() && !strict => {
                snapshot.pick(&rules.picker, turn, chance, &view.leniently())
            }
            picked => picked,
        }
    }

    /// The one that the call shall go back to, or else, unless that one is required, anyone.
    #[cold]
    fn pick_stuck<'a>(&self, snapshot: &'a Snapshot<S>, view: &View<'_>) -> Picked<'a, S> {
        let anyone = || if self.0.require { None } else { self.pick_anyone(snapshot, view) };
        snapshot.pick_stuck(view).or_else(anyone)
    }

    /// The refusal has been given to a caller.
    #[cold]
    pub(super) fn refused(&self, rejected: &Rejected) {
        self.0.common.telemetry.tell(Kind::Balance, What::Refused(*rejected));
    }

    /// Picks by what a few endpoints answer to `probe` right now, as [`Prequal::sync`](super::Prequal::sync) says.
    ///
    /// As many as that says are asked, at random among those that the call may go to; when all but one have answered, or
    /// after the [timeout](super::Prequal::timeout), the best of them is picked: of those with few calls in flight the
    /// quickest. Without an answer, in a pool of other rules, and for a call that is [sticky](Ask::sticky), it is
    /// [`pick_for`](Self::pick_for).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), seawall::Rejected> {
    /// use seawall::Class;
    /// use seawall::balance::{Ask, Endpoint, Pool, Prequal, Probe};
    /// use std::time::Duration;
    ///
    /// let pool = Pool::new("models", Prequal::new().sync(3));
    /// pool.set(["a", "b", "c"].map(|id| Endpoint::new(id, ())));
    /// // The probe knows the request: who has its model loaded answers with a tenth of the time.
    /// let wanted = "b";
    /// let ticket = pool.pick_probed(Ask::new(), |id, ()| {
    ///     let millis = if id.as_str() == wanted { 20 } else { 200 };
    ///     async move { Some(Probe::new(1, Duration::from_millis(millis))) }
    /// });
    /// let ticket = ticket.await?;
    /// assert_eq!(ticket.id().as_str(), "b");
    /// ticket.settle(Class::Success);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`pick_for`](Self::pick_for).
    ///
    /// # Cancel safety
    ///
    /// Nothing is reserved before it is ready; dropped, it gives up its probes.
    pub const fn pick_probed<'a, F, Fut>(&'a self, ask: Ask<'a>, probe: F) -> PickProbed<'a, S, F, Fut>
    where
        F: FnMut(&Id, &S) -> Fut,
        Fut: Future<Output = Option<Probe>>,
    {
        PickProbed::new(self, ask, probe)
    }

    /// A tower service that calls a picked endpoint for each request.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::Lift;
    /// use seawall::balance::{Endpoint, Pool, RoundRobin};
    /// use tower::{ServiceExt, service_fn};
    ///
    /// let pool = Pool::new("api", RoundRobin::new());
    /// let client = Lift::new(service_fn(|n: u32| async move { Ok::<_, std::io::Error>(n + 1) }));
    /// pool.set(["a", "b"].map(|id| Endpoint::new(id, client.clone())));
    /// assert_eq!(pool.balance().oneshot(1).await.unwrap(), 2);
    /// # }
    /// ```
    #[must_use]
    pub fn balance(&self) -> Balance<S> {
        Balance::new(self.clone())
    }

    /// How many endpoints there are, fit or not.
    ///
    /// ```
    /// use seawall::balance::{Pool, RoundRobin};
    /// assert_eq!(Pool::<()>::new("api", RoundRobin::new()).len(), 0);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.current.load().members.len()
    }

    /// Whether there is no endpoint.
    ///
    /// ```
    /// use seawall::balance::{Pool, RoundRobin};
    /// assert!(Pool::<()>::new("api", RoundRobin::new()).is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Calls in flight at the endpoints that there are.
    ///
    /// ```
    /// use seawall::balance::{Endpoint, Pool, RoundRobin};
    /// let pool = Pool::new("api", RoundRobin::new());
    /// pool.insert(Endpoint::new("a", ()));
    /// let held = pool.pick().unwrap();
    /// assert_eq!(pool.in_flight(), 1);
    /// # drop(held);
    /// ```
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.0.current.load().members.iter().map(|member| u64::from(member.live.in_flight())).sum()
    }

    /// Each endpoint as it stands now, in the order of ids.
    ///
    /// ```
    /// use seawall::balance::{Endpoint, Pool, RoundRobin, State};
    /// let pool = Pool::new("api", RoundRobin::new());
    /// pool.insert(Endpoint::new("a", ()));
    /// pool.pick().unwrap().unready();
    /// assert!(matches!(pool.endpoints()[0].state, State::Unready { .. }));
    /// ```
    #[must_use]
    pub fn endpoints(&self) -> Vec<Status> {
        let now = Instant::now();
        self.0.current.load().members.iter().map(|member| Status::of(member, now)).collect()
    }

    #[inline]
    pub(super) fn chance(&self) -> Chance {
        self.0.draws.as_ref().map_or_else(Chance::new, |draws| {
            // Each pick begins a stream of its own; which one, only the order of picks decides.
            Chance::seeded(Chance::seeded(draws.fetch_add(1, Relaxed)).draw())
        })
    }

    #[cold]
    #[inline(never)]
    fn refuse(&self, snapshot: &Snapshot<S>, view: &View<'_>) -> Rejected {
        self.0.common.end();
        let away = view.ask.token.is_some() && self.0.require;
        let (reason, back) = match if away { Nobody::Away } else { snapshot.nobody(view) } {
            Nobody::Empty => (Reason::NoEndpoint, None),
            Nobody::Out(back) => (Reason::EndpointsOut, back),
            Nobody::Tried => (Reason::EndpointsTried, None),
            Nobody::Full => (Reason::EndpointsFull, None),
            Nobody::Away => (Reason::EndpointAway, None),
        };
        let rejected = Rejected::new(self.0.common.telemetry.name(), reason);
        back.map_or(rejected, |back| rejected.retry_in(back - view.now()))
    }

    fn change(&self, change: impl FnOnce(&mut Roster<S>, &Arc<Common>, Instant) -> Changed<S>) -> Changed<S> {
        let now = Instant::now();
        let mut roster = self.0.roster.lock();
        let mut changed = change(&mut roster, &self.0.common, now);
        roster.plan(&self.0.rules.picker, self.0.common.token_seed);
        if let Some(watch) = &self.0.common.watch {
            watch.set_members(roster.members().map(|member| Arc::clone(&member.live)).collect());
        }
        let (replaced, returned) = self.rebuild(&mut roster, now);
        drop(roster);
        // Services are dropped here, under no lock.
        drop((replaced, std::mem::take(&mut changed.leftover)));
        let wakers = std::mem::take(&mut *self.0.wakers.lock());
        wakers.into_iter().for_each(Waker::wake);
        self.tell_returned(&returned);
        let Changed { added, removed, repeated, .. } = changed;
        if added + removed + repeated > 0 {
            self.0.common.telemetry.tell(Kind::Balance, What::EndpointsChanged { added, removed, repeated });
        }
        changed
    }

    #[cold]
    #[inline(never)]
    fn refreshed(&self) -> Now {
        let now = Instant::now();
        self.refresh(now);
        Now::at(now)
    }

    /// Somebody may be back, or newly out: one caller makes the lists again, the others go on with what is there.
    pub(super) fn refresh(&self, now: Instant) {
        if !self.0.common.claim(now) {
            return;
        }
        let Some(mut roster) = self.0.roster.try_lock() else {
            // Whoever holds it makes them, but perhaps of what was true before: so once more, soon.
            self.0.common.due_now();
            return;
        };
        let (replaced, returned) = self.rebuild(&mut roster, now);
        drop(roster);
        drop(replaced);
        self.tell_returned(&returned);
    }

    /// Makes the snapshot of the roster the current one; gives out the one before, to be dropped outside the
    /// lock, and the serials of those who are back.
    fn rebuild(&self, roster: &mut Roster<S>, now: Instant) -> (Arc<Snapshot<S>>, Vec<u32>) {
        self.0.common.begin_rebuild();
        let returned = roster.members().filter(|member| member.live.returns(now));
        let returned = returned.map(|member| member.live.serial()).collect();
        if let Some(soonest) = roster.members().filter_map(|member| member.live.out_until(now)).min() {
            self.0.common.due_at(soonest);
        }
        let (snapshot, stale_at) = Snapshot::of(roster, &self.0.rules, now);
        if let Some(at) = stale_at {
            self.0.common.due_at(at);
        }
        (self.0.current.swap(Arc::new(snapshot)), returned)
    }

    fn tell_returned(&self, serials: &[u32]) {
        for &endpoint in serials {
            self.0.common.telemetry.tell(Kind::Balance, What::EndpointIn { endpoint });
        }
    }
}

impl<S> Clone for Pool<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> fmt::Debug for Pool<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("name", &self.0.common.telemetry.name())
            .field("picker", &self.0.rules.picker)
            .field("endpoints", &self.len())
            .finish_non_exhaustive()
    }
}
