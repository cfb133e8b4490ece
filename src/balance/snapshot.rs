use super::live::Reserved;
use super::member::Member;
use super::pick::{Placed, least};
use super::picker::{Picker, Prepared, Tables, Turn, next_after};
use super::roster::{Plan, Roster};
use super::seat::{Field, Seat, View};
use super::spread::{Weights, spread};
use crate::chance::Chance;
use crate::hash::LoadBound;
use crate::ratio::Ratio;
use crate::time::Instant;
use std::fmt;
use std::sync::Arc;

/// All that a pick reads, of one moment, behind one pointer.
pub(super) struct Snapshot<S> {
    /// Everybody, in the order of ids.
    pub(super) members: Box<[Arc<Member<S>>]>,
    /// Who may be picked, level by level; levels without anybody are left out.
    levels: Box<[Level<S>]>,
    /// The level that has all calls, if one has.
    only: Option<usize>,
}

struct Level<S> {
    /// Of a hundred calls, the ones up to this are its or an earlier level's.
    until: u8,
    seats: Box<[Seat<S>]>,
    tables: Tables,
    hashed: Option<HashedLevel>,
}

/// Where keys live in a level, and which of those places are in.
struct HashedLevel {
    prepared: Arc<Prepared>,
    bound: Option<LoadBound>,
    /// By place the seat, or [`OUT`].
    seats: Box<[u32]>,
}

const OUT: u32 = u32::MAX;

/// The weights of a level, by which calls spread over the levels.
fn weights<S>(members: &[Arc<Member<S>>], number: u8, now: Instant) -> Weights {
    let there = members.iter().filter(|member| member.endpoint.level == number && member.is_there());
    there.fold(Weights::default(), |sum, member| {
        let weight = u64::from(member.endpoint.weight);
        Weights { total: sum.total + weight, well: sum.well + if member.is_well(now) { weight } else { 0 } }
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
}

impl<S> Snapshot<S> {
    pub(super) fn empty() -> Self {
        Self { members: Box::default(), levels: Box::default(), only: None }
    }

    /// The snapshot of the roster at `now`.
    pub(super) fn of(roster: &Roster<S>, picker: &Picker, panic: Ratio, now: Instant) -> Self {
        let members: Box<[_]> = roster.members().map(Arc::clone).collect();
        let weights: Vec<_> = roster.plans().map(|(number, _)| weights(&members, number, now)).collect();
        let mut until = 0;
        let levels = roster.plans().zip(spread(&weights, panic)).map(|((number, plan), portion)| {
            until += portion.percent;
            Level::of(&members, number, plan, picker, portion.panics, until, now)
        });
        let levels: Box<[_]> = levels.filter(|level| !level.seats.is_empty()).collect();
        // Also when all have nothing: then the first is as good as any.
        let only = levels.iter().position(|level| level.until == 100);
        let only = only.filter(|&index| index == 0 || levels[index - 1].until == 0);
        Self { members, levels, only }
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
    ) -> Option<(&Arc<Member<S>>, Reserved)> {
        let first = self.only.unwrap_or_else(|| self.choose(view, chance));
        let chosen = self.levels.get(first)?.pick(picker, turn, chance, view);
        // If its endpoints are all tried or full: the other levels, in order.
        chosen.or_else(|| {
            let others = self.levels.iter().enumerate().filter(|&(index, _)| index != first);
            others.map(|(_, level)| level).find_map(|level| level.pick(picker, turn, chance, view))
        })
    }

    /// The level that a call of several goes to: by its key, so that equal keys stay together, or by a draw.
    #[cold]
    fn choose(&self, view: &View<'_>, chance: &mut Chance) -> usize {
        let placed = self.levels.first().and_then(|level| level.hashed.as_ref()?.prepared.placed.as_ref());
        let hash = placed.zip(view.key).map(|(placed, key)| placed.hash(key));
        let x = hash.unwrap_or_else(|| chance.draw()) % 100 + 1;
        self.levels.iter().position(|level| u64::from(level.until) >= x).unwrap_or_default()
    }

    /// Why `pick` found nobody.
    #[cold]
    pub(super) fn nobody(&self, view: &View<'_>) -> Nobody {
        if self.members.is_empty() {
            return Nobody::Empty;
        }
        let seats = || self.levels.iter().flat_map(|level| &level.seats);
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

impl<S> Level<S> {
    fn of(
        members: &[Arc<Member<S>>],
        number: u8,
        plan: &Plan,
        picker: &Picker,
        panics: bool,
        until: u8,
        now: Instant,
    ) -> Self {
        let of_level = members.iter().filter(|member| member.endpoint.level == number);
        let eligible = of_level.filter(|member| match panics {
            true => member.is_there() && member.live.rests_until(now).is_none(),
            false => member.is_well(now),
        });
        let seats = eligible.map(|member| Seat {
            live: Arc::clone(&member.live),
            weight: member.endpoint.weight,
            limit: member.endpoint.limit.unwrap_or(u32::MAX),
            member: Arc::clone(member),
        });
        let seats: Box<[_]> = seats.collect();
        let weights = seats.iter().map(|seat| seat.weight);
        let tables = picker.tables(weights, &plan.prepared, seats.len() == plan.members.len());
        let hashed = plan.prepared.placed.is_some().then(|| {
            // Both are in the order of the ids.
            let mut next = 0;
            let seat_of = plan.members.iter().map(|(id, _)| match seats.get(next as usize) {
                Some(seat) if seat.member.endpoint.id == *id => {
                    next += 1;
                    next - 1
                }
                _ => OUT,
            });
            let prepared = Arc::clone(&plan.prepared);
            HashedLevel { seats: seat_of.collect(), prepared, bound: picker.bound() }
        });
        Self { until, tables, seats, hashed }
    }

    #[inline]
    fn pick(
        &self,
        picker: &Picker,
        turn: &Turn,
        chance: &mut Chance,
        view: &View<'_>,
    ) -> Option<(&Arc<Member<S>>, Reserved)> {
        if let Some(hashed) = &self.hashed
            && let (Some(placed), Some(key)) = (&hashed.prepared.placed, view.key)
        {
            return self.pick_hashed(hashed, placed, placed.hash(key), view);
        }
        let field = Field { seats: &self.seats, view };
        let mut index = picker.pick(&field, &self.tables, turn, chance)?;
        // Whoever was picked may have been taken in between; then it is the next one's turn. Once around.
        for _ in 0..self.seats.len() {
            let seat = self.seats.get(index)?;
            if let Some(reserved) = seat.live.reserve(seat.limit) {
                return Some((&seat.member, reserved));
            }
            index = next_after(&field, (index + 1) % self.seats.len())?;
        }
        None
    }
}

impl<S> Level<S> {
    /// The first of the key's successors that fits and is below the bound; if none is, the least loaded.
    fn pick_hashed(
        &self,
        hashed: &HashedLevel,
        placed: &Placed,
        hash: u64,
        view: &View<'_>,
    ) -> Option<(&Arc<Member<S>>, Reserved)> {
        let seat = |place: usize| self.seats.get(*hashed.seats.get(place)? as usize);
        let cap = |seat: &Seat<S>| match hashed.bound {
            Some(bound) => bound.cap(view.calls, seat.weight, self.tables.total_weight()).min(seat.limit),
            None => seat.limit,
        };
        let take = |seat: &Seat<S>, cap| if seat.fits(view) { seat.live.reserve(cap) } else { None };
        // Nearly always the first one, which needs no walk.
        if let Some(seat) = placed.first(hash).and_then(seat)
            && let Some(reserved) = take(seat, cap(seat))
        {
            return Some((&seat.member, reserved));
        }
        let found = placed.walk(hash).filter_map(seat).find_map(|seat| Some((seat, take(seat, cap(seat))?)));
        if let Some((seat, reserved)) = found {
            return Some((&seat.member, reserved));
        }
        hashed.bound?;
        // All stand at their bounds, which only calls that came in between can do.
        let field = Field { seats: &self.seats, view };
        let seat = self.seats.get(least(&field, 0)?)?;
        Some((&seat.member, take(seat, seat.limit)?))
    }
}

impl<S> fmt::Debug for Snapshot<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("members", &self.members.len()).finish_non_exhaustive()
    }
}
