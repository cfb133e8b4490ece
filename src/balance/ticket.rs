use super::affinity::Token;
use super::calls::Reserved;
use super::id::Id;
use super::latency::Sample;
use super::live::Live;
use super::member::Member;
use crate::chance::Chance;
use crate::class::Class;
use crate::gate::Now;
use crate::telemetry::{Kind, Outage, What};
use crate::time::Instant;
use std::fmt;
use std::sync::Arc;

/// Leave to call the endpoint that was picked; it holds the endpoint itself, whatever becomes of the pool.
///
/// It ends in one of four ways, each of which gives the slot back exactly once: [`settle`](Self::settle) says how
/// the call went, [`release`](Self::release) that it was never handed over, [`unready`](Self::unready) that the
/// endpoint could not even be reached, and dropping it that nobody knows.
///
/// # Examples
///
/// ```
/// use seawall::Class;
/// use seawall::balance::{Endpoint, Pool, RoundRobin};
///
/// let pool = Pool::new("api", RoundRobin::new());
/// pool.set([Endpoint::new("a", "its client")]);
///
/// let ticket = pool.pick().unwrap();
/// assert_eq!(*ticket.service(), "its client");
/// ticket.settle(Class::Success);
/// ```
#[must_use = "dropping a ticket abandons the call: settle it, release it, or hold it while the call runs"]
pub struct Ticket<S> {
    member: Arc<Member<S>>,
    holds: Holds,
    /// When it was picked, if calls are timed.
    since: Instant,
}

/// What a ticket has to give back. A whole word, so that a ticket that was just made can be moved without a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
enum Holds {
    Slot,
    /// And it is the one that tries whether the endpoint is ready again.
    Probe,
    /// Nothing: it has ended.
    Nothing,
}

impl<S> Ticket<S> {
    #[inline]
    pub(super) const fn new(member: Arc<Member<S>>, reserved: Reserved, since: Instant) -> Self {
        let holds = if reserved.probe { Holds::Probe } else { Holds::Slot };
        Self { member, holds, since }
    }

    /// The same, once those who listen have heard of it.
    #[cold]
    #[inline(never)]
    pub(super) fn told(self) -> Self {
        self.member.common.telemetry.tell(Kind::Balance, What::Admitted { cost: 1 });
        self
    }

    /// What the endpoint is known by.
    ///
    /// ```
    /// use seawall::balance::{Endpoint, Pool, RoundRobin};
    /// let pool = Pool::new("api", RoundRobin::new());
    /// pool.set([Endpoint::new("a", ())]);
    /// assert_eq!(pool.pick().unwrap().id().as_str(), "a");
    /// ```
    #[must_use]
    pub fn id(&self) -> &Id {
        &self.member.endpoint.id
    }

    /// What a client carries to come back to this endpoint, see [`Ask::sticky`](super::Ask::sticky).
    ///
    /// ```
    /// use seawall::balance::{Endpoint, Pool, RoundRobin, Token};
    /// let pool = Pool::new("api", RoundRobin::new());
    /// pool.set([Endpoint::new("a", ())]);
    /// let ticket = pool.pick().unwrap();
    /// assert_eq!(ticket.token(), Token::of(ticket.id()));
    /// ```
    #[must_use]
    pub fn token(&self) -> Token {
        Token::seeded(self.id(), self.member.common.token_seed)
    }

    /// The service that reaches the endpoint.
    ///
    /// ```
    /// use seawall::balance::{Endpoint, Pool, RoundRobin};
    /// let pool = Pool::new("api", RoundRobin::new());
    /// pool.set([Endpoint::new("a", 7)]);
    /// assert_eq!(*pool.pick().unwrap().service(), 7);
    /// ```
    #[must_use]
    pub fn service(&self) -> &S {
        &self.member.endpoint.service
    }

    /// The call was handed over, and went so.
    ///
    /// ```
    /// use seawall::Class;
    /// use seawall::balance::{Endpoint, Pool, RoundRobin};
    /// let pool = Pool::new("api", RoundRobin::new());
    /// pool.set([Endpoint::new("a", ())]);
    /// pool.pick().unwrap().settle(Class::Transient);
    /// assert_eq!(pool.in_flight(), 0);
    /// ```
    #[inline]
    pub fn settle(self, class: Class) {
        self.settle_with(class, &mut Now::lazy());
    }

    /// [`settle`](Self::settle) at a time that the caller already holds.
    ///
    /// ```
    /// use seawall::{Class, Instant};
    /// use seawall::balance::{Endpoint, Pool, RoundRobin};
    /// let pool = Pool::new("api", RoundRobin::new());
    /// pool.set([Endpoint::new("a", ())]);
    /// pool.pick().unwrap().settle_at(Class::Success, Instant::now());
    /// ```
    #[inline]
    pub fn settle_at(self, class: Class, now: Instant) {
        self.settle_with(class, &mut Now::at(now));
    }

    #[inline]
    fn settle_with(mut self, class: Class, now: &mut Now) {
        let common = &*self.member.common;
        if self.holds == Holds::Probe {
            // It was handed over, so it was ready.
            self.live().became_ready();
        }
        if common.minds_calls() {
            self.time(class, now);
            self.watch(class, now);
        }
        self.holds = Holds::Nothing;
        self.live().settle(class, || now.get());
        common.end();
        common.telemetry.note(Kind::Balance, || What::Settled(class));
    }

    /// Counts how long the call took, if calls are timed: what failed may only raise the cost.
    fn time(&self, class: Class, now: &mut Now) {
        let Some(timing) = &self.member.common.timing else {
            return;
        };
        let took = now.get() - self.since;
        let sample = match class {
            Class::Success => Sample::Took(took),
            Class::Neutral => return,
            _ => Sample::AtLeast(took.max(timing.penalty)),
        };
        self.live().timed(sample, now.get(), timing.decay);
    }

    /// Counts the call where outliers are looked for.
    fn watch(&self, class: Class, now: &mut Now) {
        let Some(watch) = &self.member.common.watch else {
            return;
        };
        let slow = watch.slow().is_some_and(|slow| now.get() - self.since >= slow);
        if slow || class != Class::Neutral {
            watch.ended(&self.member.common, self.live(), slow || class.is_failure(), now.get());
        }
    }

    /// The call was never handed over: it counts nothing.
    ///
    /// ```
    /// use seawall::balance::{Endpoint, Pool, RoundRobin};
    /// let pool = Pool::new("api", RoundRobin::new());
    /// pool.set([Endpoint::new("a", ())]);
    /// pool.pick().unwrap().release();
    /// assert_eq!(pool.in_flight(), 0);
    /// ```
    #[inline]
    pub fn release(mut self) {
        self.end(What::Released);
    }

    /// The endpoint could not be reached, or failed to become ready: it rests, 100 ms at first and doubling up to
    /// 30 s. After that one caller tries it again; the others pass it over until that one knows.
    ///
    /// ```
    /// use seawall::Reason;
    /// use seawall::balance::{Endpoint, Pool, RoundRobin};
    ///
    /// let pool = Pool::new("api", RoundRobin::new());
    /// pool.set([Endpoint::new("a", ())]);
    /// pool.pick().unwrap().unready();
    /// let refused = pool.pick().unwrap_err();
    /// assert_eq!(refused.reason(), Reason::EndpointsOut);
    /// assert!(refused.retry_after().is_some());
    /// ```
    #[cold]
    pub fn unready(mut self) {
        let rest = self.live().back_off(Instant::now(), Chance::new().sample());
        self.holds = Holds::Slot;
        self.end(What::Released);
        self.member.common.went_out(self.serial(), Outage::Unready, rest);
    }

    /// The endpoint became ready for this call.
    #[inline]
    pub(super) fn became_ready(&mut self) {
        self.live().became_ready();
        self.holds = Holds::Slot;
    }

    /// Whether the endpoint has left the pool meanwhile.
    #[inline]
    pub(super) fn is_gone(&self) -> bool {
        self.live().is_gone()
    }

    #[inline]
    pub(super) fn serial(&self) -> u32 {
        self.live().serial()
    }

    #[inline]
    fn live(&self) -> &Live {
        &self.member.live
    }

    #[inline]
    fn end(&mut self, what: What) {
        if self.holds == Holds::Probe {
            self.live().probe_abandoned();
        }
        self.holds = Holds::Nothing;
        self.live().give_back();
        self.member.common.end();
        self.member.common.telemetry.note(Kind::Balance, || what);
    }
}

impl<S> Drop for Ticket<S> {
    #[inline]
    fn drop(&mut self) {
        if self.holds == Holds::Nothing {
            return;
        }
        if self.member.common.is_timed() {
            let now = Instant::now();
            if let Some(timing) = &self.member.common.timing {
                // So long it had no answer: it would have taken at least that.
                self.live().timed(Sample::AtLeast(now - self.since), now, timing.decay);
            }
            // That it was given up counts only if it was slow.
            self.watch(Class::Neutral, &mut Now::at(now));
        }
        self.end(What::Abandoned);
    }
}

impl<S> fmt::Debug for Ticket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("id", self.id()).finish_non_exhaustive()
    }
}
