use super::affinity::Token;
use super::level::{Level, Who};
use super::member::Member;
use super::picker::{Picker, Turn};
use super::roster::Roster;
use super::rules::Rules;
use super::seat::{Picked, Seat, View};
use super::spread::{Portion, Weights};
use crate::chance::Chance;
use crate::health::Health;
use crate::time::Instant;
use std::fmt;
use std::sync::Arc;

/// All that a pick reads, of one moment, behind one pointer.
pub(super) struct Snapshot<S> {
    /// Everybody, in the order of ids.
    pub(super) members: Box<[Arc<Member<S>>]>,
    /// Who may be picked, level by level, then the degraded ones; levels without anybody are left out.
    levels: Box<[Level<S>]>,
    /// The level that has all calls, if one has.
    only: Option<usize>,
    /// By token the place among the members.
    tokens: Arc<[(Token, u32)]>,
    /// The numbers of the levels that panic.
    panicking: Box<[u8]>,
}

/// The weights of a level, by which calls spread over the levels.
fn weights<S>(members: &[Arc<Member<S>>], number: u8, now: Instant) -> Weights {
    let there = members.iter().filter(|member| member.endpoint.level == number && member.is_there());
    there.fold(Weights::default(), |sum, member| {
        let weight = u64::from(member.endpoint.weight);
        Weights {
            total: sum.total + weight,
            well: sum.well + if member.is_well(now) { weight } else { 0 },
            degraded: sum.degraded + if member.is_degraded(now) { weight } else { 0 },
        }
    })
}

/// Why a pick found nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nobody {
    /// There is no endpoint.
    Empty,
    /// None is fit to be called, and the first may be again at that time, if that is known.
    Out(Option<Instant>),
    /// All have been tried.
    Tried,
    /// Those not tried are at their limits.
    Full,
    /// The one to go back to may not be called.
    Away,
}

impl<S> Snapshot<S> {
    pub(super) fn empty() -> Self {
        Self {
            members: Box::default(),
            levels: Box::default(),
            only: None,
            tokens: Arc::default(),
            panicking: Box::default(),
        }
    }

    /// The snapshot of the roster at `now`, and when it will be another though nothing happens.
    pub(super) fn of(roster: &mut Roster<S>, rules: &Rules, now: Instant) -> (Self, Option<Instant>) {
        let members: Box<[_]> = roster.members().map(Arc::clone).collect();
        let weights: Vec<_> =
            roster.plans().map(|(number, _)| (number, weights(&members, number, now))).collect();
        let chosen = rules.failover.map(|failover| roster.standing.choose(failover, &weights, now));
        let portions = rules.portions(&weights, chosen.map(|(active, _)| active));
        let panicking = weights.iter().zip(&portions).filter(|(_, portion)| portion.panics);
        let panicking: Box<[u8]> = panicking.map(|(&(number, _), _)| number).collect();

        let mut until = 0;
        let mut levels = Vec::new();
        let mut add = |plan, who, percent| {
            until += percent;
            levels.push(Level::of(&members, plan, rules, who, until, now));
        };
        for (plan, &Portion { percent, panics, .. }) in roster.plans().zip(&portions) {
            match (panics, rules.fail_in_panic) {
                (false, _) => add(plan, Who::Well, percent),
                (true, false) => add(plan, Who::Anyone, percent),
                (true, true) => {}
            }
        }
        for (plan, &Portion { degraded, panics, .. }) in roster.plans().zip(&portions) {
            // While a level panics they are in it already.
            if !panics {
                add(plan, Who::Degraded, degraded);
            }
        }
        levels.retain(|level: &Level<S>| !level.party.seats.is_empty());
        // Also when all have nothing: then the first is as good as any.
        let only = levels.iter().position(|level| level.until == 100);
        let only = only.filter(|&index| index == 0 || levels[index - 1].until == 0);
        let warm_at = levels.iter().filter_map(Level::warm_at).min();
        let look_again = chosen.and_then(|(_, at)| at);
        let reported = rules.picker.reported().filter(|_| members.iter().any(|m| m.live.heard().is_some()));
        let weighed_at = reported.map(|reported| now + reported.period());
        let stale_at = warm_at.into_iter().chain(look_again).chain(weighed_at).min();
        (Self { members, levels: levels.into(), only, tokens: roster.tokens(), panicking }, stale_at)
    }

    /// The member of this id.
    pub(super) fn member(&self, id: &str) -> Option<&Arc<Member<S>>> {
        let place = self.members.binary_search_by(|member| member.endpoint.id.as_str().cmp(id));
        self.members.get(place.ok()?)
    }

    /// Picks and reserves.
    #[inline]
    pub(super) fn pick(
        &self,
        picker: &Picker,
        turn: &Turn,
        chance: &mut Chance,
        view: &View<'_>,
    ) -> Picked<'_, S> {
        let first = self.only.unwrap_or_else(|| self.choose(view, chance));
        let chosen = self.levels.get(first)?.pick(picker, turn, chance, view);
        // If its endpoints are all tried or full: the other levels, in order.
        chosen.or_else(|| {
            let others = self.levels.iter().enumerate().filter(|&(index, _)| index != first);
            others.map(|(_, level)| level).find_map(|level| level.pick(picker, turn, chance, view))
        })
    }

    /// Up to so many of those whom a call may go to, to be asked first.
    pub(super) fn drawn(&self, count: usize, chance: &mut Chance, view: &View<'_>) -> Vec<Arc<Member<S>>> {
        let level = self.levels.get(self.only.unwrap_or_else(|| self.choose(view, chance)));
        level.map(|level| level.party(chance).drawn(count, chance, view)).unwrap_or_default()
    }

    /// The one that the call shall go back to, if it may be called: also while it is degraded or drains, whatever
    /// its level.
    #[cold]
    pub(super) fn pick_stuck(&self, view: &View<'_>) -> Picked<'_, S> {
        let token = view.ask.token?;
        let place = self.tokens.binary_search_by_key(&token, |&(token, _)| token).ok()?;
        let member = self.members.get(self.tokens[place].1 as usize)?;
        let now = view.now();
        let is_ill = member.live.health() == Health::Unhealthy || member.live.is_ejected(now);
        if member.live.rests_until(now).is_some()
            || is_ill && !self.panicking.contains(&member.endpoint.level)
        {
            return None;
        }
        let seat = Seat::of(member);
        let reserved = if seat.fits(view) { seat.live.reserve(seat.limit) } else { None };
        Some((member, reserved?))
    }

    /// The level that a call of several goes to: by its key, so that equal keys stay together, or by a draw.
    #[cold]
    fn choose(&self, view: &View<'_>, chance: &mut Chance) -> usize {
        let placed = self.levels.first().and_then(|level| level.hashed.as_ref()?.prepared.placed.as_ref());
        let hash = placed.zip(view.ask.key).map(|(placed, key)| placed.hash(key));
        let x = hash.unwrap_or_else(|| chance.draw()) % 100 + 1;
        self.levels.iter().position(|level| u64::from(level.until) >= x).unwrap_or_default()
    }

    /// Why `pick` found nobody.
    #[cold]
    pub(super) fn nobody(&self, view: &View<'_>) -> Nobody {
        if self.members.is_empty() {
            return Nobody::Empty;
        }
        let seats = || self.levels.iter().flat_map(|level| &level.party.seats);
        if seats().next().is_none() {
            let now = view.now();
            return Nobody::Out(self.members.iter().filter_map(|m| m.live.out_until(now)).min());
        }
        let mut untried = seats().filter(|seat| !view.turned_away(seat.live.serial())).peekable();
        if untried.peek().is_none() {
            return Nobody::Tried;
        }
        let mut back: Option<Instant> = None;
        for seat in untried {
            if seat.live.in_flight() >= seat.limit {
                return Nobody::Full;
            }
            if let Some(after) = seat.refuses_for(view) {
                back = Some(back.map_or(after, |known| known.min(after)));
            }
        }
        Nobody::Out(back)
    }
}

impl<S> fmt::Debug for Snapshot<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("members", &self.members.len()).finish_non_exhaustive()
    }
}
