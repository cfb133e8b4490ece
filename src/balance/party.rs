use super::member::Member;
use super::pick::{Shares, onward, proportions};
use super::picker::{Picker, Prepared, Tables, Turn};
use super::rules::Rules;
use super::seat::{Field, Picked, Seat, View};
use super::slow_start::SlowStart;
use crate::chance::Chance;
use crate::time::Instant;
use std::sync::Arc;

/// Those among whom one picker picks: a level, or a zone of it.
pub(super) struct Party<S> {
    pub(super) seats: Box<[Seat<S>]>,
    pub(super) tables: Tables,
    /// Who is warm, while some are and some are not.
    warm: Option<Warm>,
}

/// Those to whom who warms up yields.
struct Warm {
    slow_start: SlowStart,
    seats: Box<[u32]>,
    shares: Shares,
}

impl<S> Party<S> {
    /// Of these members; `whole` if those are all that `prepared` is of.
    pub(super) fn of(
        members: &[&Arc<Member<S>>],
        rules: &Rules,
        prepared: &Arc<Prepared>,
        whole: bool,
        now: Instant,
    ) -> Self {
        let mut seats: Box<[_]> = members.iter().map(|member| Seat::of(member)).collect();
        if let Some(reported) = rules.picker.reported() {
            let believed = |seat: &Seat<S>| reported.believed(seat.live.heard()?, now);
            let proportions = proportions(&seats.iter().map(believed).collect::<Vec<_>>());
            seats.iter_mut().zip(proportions).for_each(|(seat, weight)| seat.weight = weight);
        }
        let tables = rules.picker.tables(seats.iter().map(|seat| seat.weight), prepared, whole);
        let warm = rules.slow_start.and_then(|slow_start| Warm::of(&seats, slow_start, now));
        Self { seats, tables, warm }
    }

    /// When the next of them will be warm, if one is not.
    pub(super) fn warm_at(&self) -> Option<Instant> {
        let warm = self.warm.as_ref()?;
        let cold = (0..self.seats.len() as u32).filter(|seat| !warm.seats.contains(seat));
        cold.map(|seat| self.seats[seat as usize].live.ready_since() + warm.slow_start.window()).min()
    }

    #[inline]
    pub(super) fn pick(
        &self,
        picker: &Picker,
        turn: &Turn,
        chance: &mut Chance,
        view: &View<'_>,
    ) -> Picked<'_, S> {
        let field = Field { seats: &self.seats, view };
        let probed = picker.prequal().and_then(|_| self.pick_probed(view));
        let mut index = match probed {
            Some(index) => index,
            None => picker.pick(&field, &self.tables, turn, chance)?,
        };
        if let Some(warm) = &self.warm {
            index = warm.instead_of(index, &self.seats, chance, view);
        }
        let seat = self.seats.get(index)?;
        match seat.live.reserve(seat.limit) {
            Some(reserved) => Some((&seat.member, reserved)),
            None => self.pick_next(&field, index),
        }
    }

    /// Whoever was picked has been taken in between: it is the next one's turn, once around.
    #[cold]
    #[inline(never)]
    fn pick_next(&self, field: &Field<'_, S>, mut index: usize) -> Picked<'_, S> {
        for _ in 1..self.seats.len() {
            index = onward(field, (index + 1) % self.seats.len())?;
            let seat = &self.seats[index];
            if let Some(reserved) = seat.live.reserve(seat.limit) {
                return Some((&seat.member, reserved));
            }
        }
        None
    }
}

impl<S> Party<S> {
    /// Up to so many of those who fit, drawn without replacement.
    pub(super) fn drawn(&self, count: usize, chance: &mut Chance, view: &View<'_>) -> Vec<Arc<Member<S>>> {
        let mut fit: Vec<_> = self.seats.iter().filter(|seat| seat.fits(view)).collect();
        let count = count.min(fit.len());
        for drawn in 0..count {
            let other = drawn + (chance.draw() % (fit.len() - drawn) as u64) as usize;
            fit.swap(drawn, other);
        }
        fit[..count].iter().map(|seat| Arc::clone(&seat.member)).collect()
    }

    /// The one that the answers to probes tell, and more probes.
    #[cold]
    fn pick_probed(&self, view: &View<'_>) -> Option<usize> {
        let probes = self.seats.first()?.member.common.probes.as_ref()?;
        if probes.rules.before().is_some() {
            return None; // asked before a call, by another verb
        }
        let now = view.now();
        let find = |serial: u32, place: u32| {
            let is_it = |&index: &usize| self.seats[index].live.serial() == serial;
            let hinted = Some(place as usize).filter(|&place| place < self.seats.len()).filter(is_it);
            let index = hinted.or_else(|| (0..self.seats.len()).find(is_it))?;
            let seat = &self.seats[index];
            seat.fits(view).then(|| (index, seat.live.failures_weigh(seat.live.look(), || now)))
        };
        let (wanted, chosen) = probes.answers.try_lock()?.choose(probes.rules, now, find);
        probes.want(wanted);
        chosen
    }
}

impl Warm {
    fn of<S>(seats: &[Seat<S>], slow_start: SlowStart, now: Instant) -> Option<Self> {
        let is_warm = |seat: &Seat<S>| now.saturating_since(seat.live.ready_since()) >= slow_start.window();
        let warm: Box<[u32]> = (0..).zip(seats).filter(|(_, seat)| is_warm(seat)).map(|(i, _)| i).collect();
        (!warm.is_empty() && warm.len() < seats.len()).then(|| {
            let weights: Vec<_> = warm.iter().map(|&index| seats[index as usize].weight).collect();
            Self { slow_start, shares: Shares::of(weights.into_iter()), seats: warm }
        })
    }

    /// The one picked, or one that is warm in its place: so that its share is what its age says.
    #[cold]
    fn instead_of<S>(&self, picked: usize, seats: &[Seat<S>], chance: &mut Chance, view: &View<'_>) -> usize {
        let age = view.now().saturating_since(seats[picked].live.ready_since());
        if age >= self.slow_start.window() || chance.sample() < self.slow_start.factor(age) {
            return picked;
        }
        let drawn = self.shares.index(chance.draw());
        let from = self.seats[drawn..].iter().chain(&self.seats[..drawn]).map(|&seat| seat as usize);
        from.into_iter().find(|&seat| seats[seat].fits(view)).unwrap_or(picked)
    }
}
