use super::affinity::Token;
use super::ask::Ask;
use super::live::Live;
use super::member::Member;
use super::pick::{Key, Lineup};
use super::tried::{Passed, Tried};
use crate::gate::Now;
use crate::time::Instant;
use std::cell::Cell;
use std::sync::Arc;

/// One who may be picked, with what a picker compares close at hand.
pub(super) struct Seat<S> {
    pub(super) live: Arc<Live>,
    pub(super) weight: u32,
    pub(super) limit: u32,
    /// It has a gate of its own to be asked.
    pub(super) gated: bool,
    pub(super) member: Arc<Member<S>>,
}

impl<S> Seat<S> {
    pub(super) fn of(member: &Arc<Member<S>>) -> Self {
        Self {
            live: Arc::clone(&member.live),
            weight: member.endpoint.weight,
            limit: member.endpoint.limit.unwrap_or(u32::MAX),
            gated: member.endpoint.gate.is_some(),
            member: Arc::clone(member),
        }
    }

    /// When its own gate may admit again, if it refuses now and knows.
    pub(super) fn refuses_for(&self, view: &View<'_>) -> Option<Instant> {
        let gate = self.member.endpoint.gate.as_ref()?;
        let mut now = view.now.get();
        let after = gate.foresee(&mut now)?.retry_after()?;
        Some(now.get() + after)
    }

    #[inline]
    pub(super) fn fits(&self, view: &View<'_>) -> bool {
        self.live.in_flight() < self.limit
            && !self.live.is_probed()
            && !view.turned_away(self.live.serial())
            && (!self.gated || self.is_admitted(view))
    }

    /// Whether its own gate would admit.
    #[cold]
    fn is_admitted(&self, view: &View<'_>) -> bool {
        self.member.endpoint.gate.as_ref().is_none_or(|gate| {
            let mut now = view.now.get();
            let admits = gate.foresee(&mut now).is_none();
            view.now.set(now);
            admits
        })
    }
}

/// What one pick knows beside the snapshot.
pub(super) struct View<'a> {
    /// Tried by earlier attempts, unless that no longer counts.
    pub(super) tried: Option<&'a Tried>,
    /// Turned away from in this call.
    pub(super) passed: &'a Passed,
    /// Nobody has been tried or turned away from, as with nearly all calls.
    fresh: bool,
    /// What it goes by, where the placement decides.
    pub(super) key: Option<Key<'a>>,
    /// Whom it shall go back to.
    pub(super) token: Option<Token>,
    /// The calls in flight in the pool, this one included; only counted where a bound asks.
    pub(super) calls: u32,
    /// Read by whoever asks first, if anybody does.
    now: Cell<Now>,
}

impl<'a> View<'a> {
    #[inline]
    pub(super) const fn new(ask: Ask<'a>, passed: &'a Passed, calls: u32, now: Now) -> Self {
        let fresh = ask.tried.is_none() && passed.is_empty();
        Self { tried: ask.tried, passed, fresh, key: ask.key, token: ask.token, calls, now: Cell::new(now) }
    }

    /// The same, though others were tried before.
    pub(super) const fn leniently(&self) -> Self {
        Self {
            tried: None,
            passed: self.passed,
            fresh: self.passed.is_empty(),
            key: self.key,
            token: self.token,
            calls: self.calls,
            now: Cell::new(self.now.get()),
        }
    }

    pub(super) fn now(&self) -> Instant {
        let mut now = self.now.get();
        let at = now.get();
        self.now.set(now);
        at
    }

    #[inline]
    pub(super) fn turned_away(&self, serial: u32) -> bool {
        !self.fresh
            && (self.passed.contains(serial) || self.tried.is_some_and(|tried| tried.contains(serial)))
    }
}

/// The seats of a level, as a picker sees them.
pub(super) struct Field<'a, S> {
    pub(super) seats: &'a [Seat<S>],
    pub(super) view: &'a View<'a>,
}

impl<S> Lineup for Field<'_, S> {
    #[inline]
    fn len(&self) -> usize {
        self.seats.len()
    }

    #[inline]
    fn fits(&self, index: usize) -> bool {
        self.seats.get(index).is_some_and(|seat| seat.fits(self.view))
    }

    #[inline]
    fn load(&self, index: usize) -> u32 {
        self.seats.get(index).map_or(u32::MAX, |seat| {
            let streak = seat.live.streak();
            match streak.is_over() {
                true => seat.live.in_flight(),
                false => seat.live.in_flight().saturating_add(streak.weight(self.view.now())),
            }
        })
    }

    #[inline]
    fn weight(&self, index: usize) -> u32 {
        self.seats.get(index).map_or(1, |seat| seat.weight)
    }

    #[inline]
    fn cost(&self, index: usize) -> u64 {
        self.seats.get(index).map_or(0, |seat| {
            let timing = seat.member.common.timing.as_ref();
            timing.map_or(0, |timing| {
                let now = self.view.now();
                // While it fails, what it once took says nothing; and the cost of one that fails for long
                // fades, until nothing would seem quicker.
                match seat.live.streak().weight(now) {
                    0 => seat.live.latency().cost(now, timing.decay),
                    _ => 0,
                }
            })
        })
    }
}
