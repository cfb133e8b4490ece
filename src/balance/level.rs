use super::member::Member;
use super::party::Party;
use super::pick::{Placed, least};
use super::picker::{Picker, Prepared, Turn};
use super::roster::Plan;
use super::rules::{self, Rules};
use super::seat::{Field, Picked, Seat, View};
use super::zone_weights::ZoneHas;
use super::zoning::Route;
use crate::chance::Chance;
use crate::hash::LoadBound;
use crate::name::Name;
use crate::ratio::Ratio;
use crate::time::Instant;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One level, or the degraded ones of it.
pub(super) struct Level<S> {
    /// Of a hundred calls, the ones up to this are its or an earlier level's.
    pub(super) until: u8,
    pub(super) party: Party<S>,
    pub(super) hashed: Option<HashedLevel>,
    zones: Option<Zones<S>>,
}

/// Who of a level is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Well,
    Degraded,
    /// Whoever can be reached: the level panics.
    Anyone,
}

/// Where keys live in a level, and which of those places are in.
pub(super) struct HashedLevel {
    pub(super) prepared: Arc<Prepared>,
    bound: Option<LoadBound>,
    /// By place the seat, or [`OUT`].
    seats: Box<[u32]>,
}

/// The zones of a level, in the order of their names, and how calls from here go to them.
struct Zones<S> {
    route: Route,
    parties: Box<[Party<S>]>,
}

const OUT: u32 = u32::MAX;

/// With fewer endpoints zones are too small to balance within.
const ENOUGH_FOR_ZONES: usize = 6;

impl<S> Level<S> {
    pub(super) fn of(
        members: &[Arc<Member<S>>],
        (number, plan): (u8, &Plan),
        rules: &Rules,
        who: Who,
        until: u8,
        now: Instant,
    ) -> Self {
        let there: Vec<_> =
            members.iter().filter(|member| member.endpoint.level == number && member.is_there()).collect();
        let eligible: Vec<_> = there
            .iter()
            .copied()
            .filter(|member| match who {
                Who::Well => member.is_well(now),
                Who::Degraded => member.is_degraded(now),
                Who::Anyone => member.live.rests_until(now).is_none(),
            })
            .collect();
        let whole = eligible.len() == plan.members.len();
        let party = Party::of(&eligible, rules, &plan.prepared, whole, now);
        let zones = match &rules.zones {
            Some(rules::Zones::Near(_))
                if number > 0 || who != Who::Well || eligible.len() < ENOUGH_FOR_ZONES =>
            {
                None
            }
            Some(_) if who == Who::Anyone => None,
            Some(by) => Zones::of(&there, &eligible, (by, rules.over), |zone| {
                Party::of(zone, rules, &plan.prepared, false, now)
            }),
            None => None,
        };
        let hashed = plan.prepared.placed.is_some().then(|| {
            // Both are in the order of the ids.
            let mut next = 0;
            let seat_of = plan.members.iter().map(|(id, _)| match party.seats.get(next as usize) {
                Some(seat) if seat.member.endpoint.id == *id => {
                    next += 1;
                    next - 1
                }
                _ => OUT,
            });
            let prepared = Arc::clone(&plan.prepared);
            HashedLevel { seats: seat_of.collect(), prepared, bound: rules.picker.bound() }
        });
        Self { until, party, hashed, zones }
    }

    /// When somebody will have warmed up, if anybody does.
    pub(super) fn warm_at(&self) -> Option<Instant> {
        self.party.warm_at()
    }

    #[inline]
    pub(super) fn pick(
        &self,
        picker: &Picker,
        turn: &Turn,
        chance: &mut Chance,
        view: &View<'_>,
    ) -> Picked<'_, S> {
        if self.hashed.is_none() && self.zones.is_none() {
            return self.party.pick(picker, turn, chance, view);
        }
        self.pick_where(picker, turn, chance, view)
    }

    /// A pick of which the key or a zone says where.
    #[inline(never)]
    fn pick_where(
        &self,
        picker: &Picker,
        turn: &Turn,
        chance: &mut Chance,
        view: &View<'_>,
    ) -> Picked<'_, S> {
        if let Some(hashed) = &self.hashed
            && let (Some(placed), Some(key)) = (&hashed.prepared.placed, view.ask.key)
        {
            return self.pick_hashed(hashed, placed, placed.hash(key), view);
        }
        if let Some(zones) = &self.zones {
            let zone = &zones.parties[zones.route.zone(|| chance.draw())];
            let picked = zone.pick(picker, turn, chance, view);
            // A zone whose endpoints are all tried or full is left.
            return picked.or_else(|| self.party.pick(picker, turn, chance, view));
        }
        self.party.pick(picker, turn, chance, view)
    }

    /// Those of one zone, if calls go by zones; else all of them.
    pub(super) fn party(&self, chance: &mut Chance) -> &Party<S> {
        let zoned = self.zones.as_ref().map(|zones| &zones.parties[zones.route.zone(|| chance.draw())]);
        zoned.unwrap_or(&self.party)
    }

    /// The first of the key's successors that fits and is below the bound; if none is, the least loaded.
    fn pick_hashed(
        &self,
        hashed: &HashedLevel,
        placed: &Placed,
        hash: u64,
        view: &View<'_>,
    ) -> Picked<'_, S> {
        let Party { seats, tables, .. } = &self.party;
        let seat = |place: usize| seats.get(*hashed.seats.get(place)? as usize);
        let cap = |seat: &Seat<S>| match hashed.bound {
            Some(bound) => bound.cap(view.calls, seat.weight, tables.total_weight()).min(seat.limit),
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
        let field = Field { seats, view };
        let seat = seats.get(least(&field, 0)?)?;
        Some((&seat.member, take(seat, seat.limit)?))
    }
}

impl<S> Zones<S> {
    fn of(
        there: &[&Arc<Member<S>>],
        eligible: &[&Arc<Member<S>>],
        (by, over): (&rules::Zones, Ratio),
        party: impl Fn(&[&Arc<Member<S>>]) -> Party<S>,
    ) -> Option<Self> {
        let mut zones: BTreeMap<Option<Name>, Vec<&Arc<Member<S>>>> = BTreeMap::new();
        for member in eligible {
            zones.entry(member.endpoint.zone).or_default().push(member);
        }
        let weight = |of: &[&Arc<Member<S>>], zone| -> u64 {
            let of_zone = of.iter().filter(|member| member.endpoint.zone == zone);
            of_zone.map(|member| u64::from(member.endpoint.weight)).sum()
        };
        let route = match by {
            rules::Zones::Near(zoning) => {
                let weights: Vec<_> = zones.iter().map(|(&zone, of)| (zone, weight(of, zone))).collect();
                zoning.route(&weights)
            }
            rules::Zones::Weighted(weights) => {
                let has = |(&zone, of): (&Option<Name>, &Vec<_>)| {
                    (zone, ZoneHas { total: weight(there, zone), able: weight(of, zone) })
                };
                weights.route(&zones.iter().map(has).collect::<Vec<_>>(), over)?
            }
        };
        Some(Self { route, parties: zones.values().map(|of| party(of)).collect() })
    }
}
