use super::ask::Ask;
use super::calls::Reserved;
use super::live::Live;
use super::member::Member;
use super::pick::Lineup;
use super::tried::Passed;
use crate::gate::Now;
use crate::time::Instant;
use std::cell::Cell;
use std::sync::Arc;

/// One who may be picked, with what a picker compares close at hand.
pub(super) struct Seat<S> {
    pub(super) live: Arc<Live>,
    /// With fewer calls in flight it fits, and nothing else is to be asked; 0 if it has a gate of its own.
    quick: u32,
    pub(super) weight: u32,
    pub(super) limit: u32,
    pub(super) member: Arc<Member<S>>,
}

impl<S> Seat<S> {
    pub(super) fn of(member: &Arc<Member<S>>) -> Self {
        let limit = member.endpoint.limit.unwrap_or(u32::MAX);
        Self {
            live: Arc::clone(&member.live),
            quick: if member.endpoint.gate.is_some() { 0 } else { limit },
            weight: member.endpoint.weight,
            limit,
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
        view.fresh && self.live.look().is_quietly_below(self.quick) || self.fits_after_all(view)
    }

    #[cold]
    #[inline(never)]
    fn fits_after_all(&self, view: &View<'_>) -> bool {
        let seen = self.live.look();
        seen.in_flight() < self.limit
            && !seen.is_probed()
            && !view.turned_away(self.live.serial())
            && self.is_admitted(view)
    }

    /// The calls in flight, and what recent failures weigh on top.
    #[inline]
    fn load(&self, view: &View<'_>) -> u32 {
        let seen = self.live.look();
        seen.quiet().unwrap_or_else(|| self.load_after_all(view))
    }

    #[cold]
    #[inline(never)]
    fn load_after_all(&self, view: &View<'_>) -> u32 {
        let seen = self.live.look();
        seen.in_flight().saturating_add(self.live.failures_weigh(seen, || view.now()))
    }

    /// Whether its own gate would admit.
    fn is_admitted(&self, view: &View<'_>) -> bool {
        self.member.endpoint.gate.as_ref().is_none_or(|gate| {
            let mut now = view.now.get();
            let admits = gate.foresee(&mut now).is_none();
            view.now.set(now);
            admits
        })
    }
}

/// Who was picked, and what was taken there.
pub(super) type Picked<'a, S> = Option<(&'a Arc<Member<S>>, Reserved)>;

/// What one pick knows beside the snapshot.
pub(super) struct View<'a> {
    pub(super) ask: &'a Ask<'a>,
    /// Turned away from in this call.
    passed: &'a Passed,
    /// Those tried by earlier attempts are picked again.
    lenient: bool,
    /// Nobody has been tried or turned away from, as with nearly all calls.
    fresh: bool,
    /// The calls in flight in the pool, this one included; only counted where a bound asks.
    pub(super) calls: u32,
    /// Read by whoever asks first, if anybody does.
    now: Cell<Now>,
}

impl<'a> View<'a> {
    #[inline]
    pub(super) const fn new(ask: &'a Ask<'a>, passed: &'a Passed, calls: u32, now: Now) -> Self {
        let fresh = ask.tried.is_none() && passed.is_empty();
        Self { ask, passed, lenient: false, fresh, calls, now: Cell::new(now) }
    }

    /// The same, though others were tried before.
    pub(super) const fn leniently(&self) -> Self {
        let now = Cell::new(self.now.get());
        Self { lenient: true, fresh: self.passed.is_empty(), now, ..*self }
    }

    pub(super) fn now(&self) -> Instant {
        let mut now = self.now.get();
        let at = now.get();
        self.now.set(now);
        at
    }

    pub(super) fn turned_away(&self, serial: u32) -> bool {
        let tried = self.ask.tried.filter(|_| !self.lenient);
        self.passed.contains(serial) || tried.is_some_and(|tried| tried.contains(serial))
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
        self.seats.get(index).map_or(u32::MAX, |seat| seat.load(self.view))
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
                match seat.live.failures_weigh(seat.live.look(), || now) {
                    0 => seat.live.latency().cost(now, timing.decay),
                    _ => 0,
                }
            })
        })
    }
}
