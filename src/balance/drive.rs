use super::checking::Checking;
use super::driving::Driving;
use super::endpoint::Endpoint;
use super::following::Following;
use super::following_changes::FollowingChanges;
use super::id::Id;
use super::member::Member;
use super::pick::{Probe, Report};
use super::pool::Pool;
use super::probing::{Probes, Probing};
use super::ready::Ready;
use super::ticket::Ticket;
use super::warming::Warming;
use crate::chance::Chance;
use crate::discover::{Change, Discovery, Source};
use crate::health::{Checks, Finding, Health};
use crate::telemetry::{Kind, Outage, What};
use crate::time::Instant;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// So often at most, and at least, it is looked whether something is due.
const SHORTEST_LOOK: Duration = Duration::from_millis(1);
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// What drives a pool from the outside: its health, and who is there.
impl<S> Pool<S> {
    /// Sets what is known of an endpoint's health; `false` if there is none of this id.
    ///
    /// [`Pool::check`](Self::check) sets it by active checks; this is for whoever else knows.
    ///
    /// ```
    /// use seawall::balance::{Endpoint, Pool, RoundRobin, State};
    /// use seawall::health::Health;
    /// let pool = Pool::new("api", RoundRobin::new());
    /// pool.insert(Endpoint::new("a", ()));
    /// assert!(pool.set_health("a", Health::Draining));
    /// assert_eq!(pool.endpoints()[0].state, State::Drained);
    /// ```
    #[expect(clippy::must_use_candidate, reason = "that it is set is enough to know for most")]
    pub fn set_health(&self, id: &str, health: Health) -> bool {
        let snapshot = self.0.current.load();
        let Some(live) = snapshot.member(id).map(|member| &member.live) else {
            return false;
        };
        match (live.set_health(health), health) {
            (before, after) if before == after => {}
            (_, Health::Unhealthy | Health::Draining) => {
                self.0.common.went_out(live.serial(), Outage::Unhealthy, Duration::MAX);
            }
            (Health::Healthy | Health::Degraded, _) => self.0.common.due_now(),
            (Health::Unhealthy | Health::Draining, _) => {
                live.ready_again(Instant::now());
                self.0.common.due_now();
                let endpoint = live.serial();
                self.0.common.telemetry.tell(Kind::Balance, What::EndpointIn { endpoint });
            }
        }
        true
    }

    /// Ends the [ejection](crate::outlier) of an endpoint before its time; `false` if it is not ejected, or not
    /// there.
    ///
    /// ```
    /// use seawall::Class;
    /// use seawall::balance::{Config, Endpoint, P2c, Pool, State};
    /// use seawall::outlier::Outliers;
    /// let pool = Pool::new("api", Config::new(P2c::new()).outliers(Outliers::new().consecutive(1)));
    /// pool.set(["a", "b"].map(|id| Endpoint::new(id, ())));
    /// let picked = pool.pick().unwrap();
    /// let id = picked.id().clone();
    /// picked.settle(Class::Transient);
    /// assert!(pool.uneject(id.as_str()));
    /// assert!(!pool.uneject(id.as_str()));
    /// ```
    #[expect(clippy::must_use_candidate, reason = "that it is over is enough to know for most")]
    pub fn uneject(&self, id: &str) -> bool {
        let snapshot = self.0.current.load();
        let over = snapshot.member(id).is_some_and(|member| member.live.uneject(Instant::now()));
        if over {
            self.0.common.due_now();
        }
        over
    }

    /// Hears what an endpoint reports of its load, where the pool picks by [`Reported`](super::Reported); `false` if
    /// there is none of this id, or the pool does not.
    ///
    /// ```
    /// use seawall::balance::{Endpoint, Pool, Report, Reported};
    /// let pool = Pool::new("api", Reported::new());
    /// pool.insert(Endpoint::new("a", ()));
    /// assert!(pool.report("a", Report::new(100.0).cpu(0.5)));
    /// ```
    #[expect(clippy::must_use_candidate, reason = "a report of one who has just left is nobody's concern")]
    pub fn report(&self, id: &str, report: Report) -> bool {
        let snapshot = self.0.current.load();
        let (Some(rules), Some(member)) = (self.0.rules.picker.reported(), snapshot.member(id)) else {
            return false;
        };
        let now = Instant::now();
        member.live.hear(rules, report, now);
        self.0.common.due_at(now + rules.period());
        true
    }

    /// All that the pool wants done beside its calls, in one future to spawn: its endpoints follow `source`, as by
    /// [`follow`](Self::follow), and what is due by time (a return, a comparison of success rates) is done though no call
    /// comes by. [Checks](Driving::check), [connections ahead](Driving::warm) and [probes](Driving::probe) are added to it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// use seawall::balance::{Endpoint, P2c, Pool};
    /// use seawall::discover::{Discovery, Found};
    /// use seawall::health::{Checks, Finding};
    ///
    /// let pool = Pool::new("api", P2c::new());
    /// let ask = || async { Ok::<_, ()>(Found::from_iter([Endpoint::new("a", ())])) };
    /// let driving = pool
    ///     .drive(Discovery::new(), ask, |found| found.with("its client"))
    ///     .check(Checks::new(), |_id, _client| async { Finding::Pass });
    /// tokio::spawn(driving);
    /// pool.ready().await;
    /// assert_eq!(*pool.pick().unwrap().service(), "its client");
    /// # }
    /// ```
    pub fn drive<A, M>(
        &self,
        rules: Discovery,
        source: A,
        make: M,
    ) -> Driving<S, Following<S, A, M, A::Asking>>
    where
        S: Clone,
        A: Source,
        M: FnMut(Endpoint<()>) -> Endpoint<S>,
    {
        Driving::new(self.clone(), self.follow(rules, source, make))
    }

    /// Connects each endpoint by `connect` when it comes, and again when it has rested after a connection that failed, as
    /// long as the future is polled: spawn it. So no call finds out first, and an idle pool is a connected one.
    ///
    /// Any async function that fails while the endpoint cannot be reached will do: making a clone of its service ready,
    /// if its `poll_ready` is what connects, or a check. Who has not connected within 5 s has failed to.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// use seawall::balance::{Endpoint, P2c, Pool, State};
    /// use tower::{ServiceExt, service_fn};
    ///
    /// let pool = Pool::new("api", P2c::new());
    /// let client = service_fn(|n: u32| async move { Ok::<_, std::io::Error>(n) });
    /// pool.set(["a", "b"].map(|id| Endpoint::new(id, client)));
    /// tokio::spawn(pool.warm(|_id, client| {
    ///     let client = client.clone();
    ///     async move { ServiceExt::<u32>::ready_oneshot(client).await }
    /// }));
    /// # }
    /// ```
    pub fn warm<F, Fut>(&self, connect: F) -> Warming<S, F, Fut>
    where
        F: FnMut(&Id, &S) -> Fut,
        Fut: Future<Output: Into<Finding>>,
    {
        Warming::new(self.clone(), connect)
    }

    /// Tickets for up to `most` endpoints that are to be connected: those not `known` yet, and those whose rest is over.
    pub(super) fn to_connect(&self, known: &mut BTreeSet<u32>, most: usize, now: Instant) -> Vec<Ticket<S>> {
        let snapshot = self.0.current.load_full();
        let (mut tickets, mut seen) = (Vec::new(), BTreeSet::new());
        for member in snapshot.members.iter().filter(|member| member.is_there()) {
            let serial = member.live.serial();
            let is_new = !known.contains(&serial);
            let ticket = ((is_new || member.live.is_unready(now)) && tickets.len() < most)
                .then(|| self.hold(member, now))
                .flatten();
            // Who finds no place now is new the next time, too.
            if !is_new || ticket.is_some() {
                seen.insert(serial);
            }
            tickets.extend(ticket);
        }
        *known = seen;
        tickets
    }

    /// When the next of those who could not be reached may be tried again.
    pub(super) fn soonest_rest(&self, now: Instant) -> Option<Instant> {
        self.0.current.load().members.iter().filter_map(|member| member.live.rests_until(now)).min()
    }

    /// Does what is due at `now`, and says when to look again.
    pub(super) fn tend(&self, now: Instant) -> Instant {
        let common = &self.0.common;
        if common.may_be_due() {
            self.refresh(now);
        }
        let mark = common.watch.as_ref().map_or(Instant::MAX, |watch| watch.tend(common, now));
        common.due().min(mark).clamp(now + SHORTEST_LOOK, now + LONGEST_LOOK)
    }

    /// Checks the health of every endpoint by `check`, as long as the future is polled: spawn it. What came or
    /// left is followed within a second. A check gives a [`Finding`], or a `Result` or `bool` that becomes one; the
    /// ready-made ones are in [`health`](crate::health).
    ///
    /// ```no_run
    /// # async fn run() {
    /// use seawall::balance::{P2c, Pool};
    /// use seawall::health::{Checks, Finding};
    ///
    /// let pool = Pool::<()>::new("api", P2c::new());
    /// tokio::spawn(pool.check(Checks::new(), |_id, _service| async { Finding::Pass }));
    /// # }
    /// ```
    pub fn check<F, Fut>(&self, checks: Checks, check: F) -> Checking<S, F, Fut>
    where
        F: FnMut(&Id, &S) -> Fut,
        Fut: Future<Output: Into<Finding>>,
    {
        Checking::new(self.clone(), checks, check)
    }

    /// Keeps the endpoints those that `source` finds, as long as the future is polled: spawn it.
    ///
    /// `make` is given each endpoint that is new and gives it its service; a known one keeps the service it has.
    /// How often it is asked, and what happens when that fails, see [`discover`](crate::discover).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// use seawall::balance::{Endpoint, P2c, Pool};
    /// use seawall::discover::{Discovery, Found};
    ///
    /// let pool = Pool::new("api", P2c::new());
    /// let ask = || async { Ok::<_, ()>(Found::from_iter([Endpoint::new("a", ())])) };
    /// let following = pool.follow(Discovery::new(), ask, |found| found.with("its client"));
    /// tokio::spawn(following);
    /// pool.ready().await;
    /// assert_eq!(*pool.pick().unwrap().service(), "its client");
    /// # }
    /// ```
    pub fn follow<A, M>(&self, rules: Discovery, source: A, make: M) -> Following<S, A, M, A::Asking>
    where
        S: Clone,
        A: Source,
        M: FnMut(Endpoint<()>) -> Endpoint<S>,
    {
        Following::new(self.clone(), rules, source, make)
    }

    /// Takes over the changes that a stream tells, services included, as long as the future is polled: spawn it.
    ///
    /// `next` is the stream's `poll_next`, so that any stream will do, tower's `Discover` among them. What it tells at
    /// once is taken over at once, as one change; what follows, at most once in a second. An error is told, and the
    /// stream asked again after a while; its end ends the future, and the endpoints stay.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// use seawall::balance::{Endpoint, P2c, Pool};
    /// use seawall::discover::Change;
    /// use std::pin::Pin;
    /// use tower::discover::{Change as Told, Discover, ServiceList};
    ///
    /// let mut discover = ServiceList::new(["first", "second"].map(|name| tower::service_fn(move |()| async move {
    ///     Ok::<_, std::io::Error>(name)
    /// })));
    /// let pool = Pool::new("api", P2c::new());
    /// let following = pool.follow_changes(move |cx| {
    ///     Pin::new(&mut discover).poll_discover(cx).map_ok(|change| match change {
    ///         Told::Insert(key, service) => Change::Insert(Endpoint::new(key.to_string(), service)),
    ///         Told::Remove(key) => Change::Remove(key.to_string().into()),
    ///     })
    /// });
    /// following.await;
    /// assert_eq!(pool.len(), 2);
    /// # }
    /// ```
    pub fn follow_changes<N, E>(&self, next: N) -> FollowingChanges<S, N>
    where
        N: FnMut(&mut Context<'_>) -> Poll<Option<Result<Change<S>, E>>>,
        E: fmt::Debug,
    {
        FollowingChanges::new(self.clone(), next)
    }

    /// Sends the probes by which a [`Prequal`](super::Prequal) pool picks, as long as the future is polled: spawn it.
    ///
    /// `probe` asks one endpoint for its calls in flight and its latency; `None` is no answer.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// use seawall::balance::{Endpoint, Pool, Prequal, Probe};
    /// use std::time::Duration;
    ///
    /// let pool = Pool::new("api", Prequal::new());
    /// pool.set(["a", "b"].map(|id| Endpoint::new(id, ())));
    /// tokio::spawn(pool.probe(|id, ()| {
    ///     let busy = id.as_str() == "a";
    ///     async move { Some(Probe::new(if busy { 100 } else { 1 }, Duration::from_millis(5))) }
    /// }));
    /// for _ in 0..100 {
    ///     pool.pick().unwrap().settle(seawall::Class::Success);
    ///     tokio::time::sleep(Duration::from_millis(1)).await;
    /// }
    /// # }
    /// ```
    pub fn probe<F, Fut>(&self, probe: F) -> Probing<S, F, Fut>
    where
        F: FnMut(&Id, &S) -> Fut,
        Fut: Future<Output = Option<Probe>>,
    {
        Probing::new(self.clone(), probe)
    }

    pub(super) fn probes(&self) -> Option<&Probes> {
        self.0.common.probes.as_ref()
    }

    /// So many endpoints that may be called, each at most once, and where each stands.
    pub(super) fn drawn(&self, count: u32, chance: &mut Chance) -> Vec<(Arc<Member<S>>, u32)> {
        let (snapshot, now) = (self.0.current.load_full(), Instant::now());
        let mut places: Vec<u32> = Vec::new();
        if count > 0 {
            let well = (0..).zip(&snapshot.members).filter(|(_, member)| member.is_well(now));
            places = well.map(|(place, _)| place).collect();
        }
        let count = places.len().min(count as usize);
        for drawn in 0..count {
            let other = drawn + (chance.draw() % (places.len() - drawn) as u64) as usize;
            places.swap(drawn, other);
        }
        places.truncate(count);
        places.into_iter().map(|place| (Arc::clone(&snapshot.members[place as usize]), place)).collect()
    }

    /// Waits until there is an endpoint, fit or not.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::balance::{Endpoint, P2c, Pool};
    /// let pool = Pool::new("api", P2c::new());
    /// pool.insert(Endpoint::new("a", ()));
    /// pool.ready().await;
    /// # }
    /// ```
    pub const fn ready(&self) -> Ready<'_, S> {
        Ready(self)
    }

    /// Exactly those that were found from now on; those that are known keep their services.
    pub(super) fn reconcile(
        &self,
        found: Vec<Endpoint<()>>,
        make: &mut impl FnMut(Endpoint<()>) -> Endpoint<S>,
    ) where
        S: Clone,
    {
        let snapshot = self.0.current.load_full();
        let mut same = found.len() == snapshot.members.len();
        let endpoints = found.into_iter().map(|found| match snapshot.member(found.id.as_str()) {
            // Of another host it is reached in another way.
            Some(member) if member.endpoint.host == found.host => {
                same &= member.endpoint.is_as(&found);
                let gate = member.endpoint.gate.clone();
                Endpoint { gate, ..found.with(member.endpoint.service.clone()) }
            }
            _ => {
                same = false;
                make(found)
            }
        });
        let endpoints: Vec<_> = endpoints.collect();
        if !same {
            self.set(endpoints);
        }
    }

    pub(super) fn discovery_failed(&self, why: &dyn fmt::Debug, failures: u32, retry: Duration) {
        self.0.common.telemetry.explain(Kind::Balance, why);
        self.0.common.telemetry.tell(Kind::Balance, What::DiscoveryFailed { failures, retry });
    }

    /// A check has reached it: it needs no rest.
    pub(super) fn reached(&self, id: &Id) {
        let snapshot = self.0.current.load();
        if snapshot.member(id.as_str()).is_some_and(|member| member.live.reached(Instant::now())) {
            self.0.common.due_now();
        }
    }

    pub(super) fn checked(&self, endpoint: u32, finding: Finding, took: Duration) {
        self.0.common.telemetry.note(Kind::Balance, || What::Checked { endpoint, finding, took });
    }

    /// Wakes `waker` once when the endpoints change.
    pub(super) fn wake_on_change(&self, waker: &Waker) {
        let mut wakers = self.0.wakers.lock();
        if !wakers.iter().any(|known| known.will_wake(waker)) {
            wakers.push(waker.clone());
        }
    }

    /// Shows the serial and the id of each endpoint.
    pub(super) fn with_members(&self, show: impl FnOnce(&mut dyn Iterator<Item = (u32, &Id)>)) {
        let snapshot = self.0.current.load();
        show(&mut snapshot.members.iter().map(|member| (member.live.serial(), &member.endpoint.id)));
    }

    /// What `with` makes of the service of that endpoint, if there is one.
    pub(super) fn with_service<T>(&self, id: &Id, with: impl FnOnce(&S) -> T) -> Option<T> {
        let snapshot = self.0.current.load_full();
        snapshot.member(id.as_str()).map(|member| with(&member.endpoint.service))
    }
}
