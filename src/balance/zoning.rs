use super::pick::point;
use crate::name::Name;
use std::collections::BTreeMap;

/// Keeps calls within the caller's own zone as far as that overloads nobody.
///
/// Calls between zones cost time and money; but if all callers stayed at home, a zone with many callers and few
/// endpoints would drown. So of the calls from here so much stays as this zone's endpoints can take of this zone's
/// callers, and the rest goes to the zones that have room (Envoy's zone-aware routing). Only on level 0, with at
/// least six endpoints in, and not in panic; picks by key go by their key.
///
/// # Examples
///
/// ```
/// use seawall::balance::{Config, Endpoint, P2c, Pool, Zoning};
///
/// // Three instances of this program run in a, three in b.
/// let zoning = Zoning::of("a").callers([("a", 3), ("b", 3)]);
/// let pool = Pool::new("api", Config::new(P2c::new()).zoning(zoning));
/// pool.set((0..6).map(|i| Endpoint::new(format!("10.0.0.{i}:80"), ()).zone(["a", "b"][i % 2])));
/// // Each zone has as large a part of the endpoints as of the callers: all stays at home.
/// let home = ["10.0.0.0:80", "10.0.0.2:80", "10.0.0.4:80"];
/// assert!((0..50).all(|_| home.contains(&pool.pick().unwrap().id().as_str())));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "locality")]
#[doc(alias = "zone aware")]
pub struct Zoning {
    own: Name,
    callers: BTreeMap<Name, u32>,
}

impl Zoning {
    /// This caller stands in zone `own`; callers are taken to be spread evenly over the zones that have endpoints.
    ///
    /// ```
    /// let zoning = seawall::balance::Zoning::of("eu-1a");
    /// # let _ = zoning;
    /// ```
    #[must_use]
    pub fn of(own: impl Into<Name>) -> Self {
        Self { own: own.into(), callers: BTreeMap::new() }
    }

    /// How many callers like this one each zone has.
    ///
    /// ```
    /// let zoning = seawall::balance::Zoning::of("eu-1a").callers([("eu-1a", 4), ("eu-1b", 2)]);
    /// # let _ = zoning;
    /// ```
    #[must_use]
    pub fn callers<N: Into<Name>>(mut self, callers: impl IntoIterator<Item = (N, u32)>) -> Self {
        self.callers = callers.into_iter().map(|(zone, count)| (zone.into(), count)).collect();
        self
    }

    /// How calls from here go to zones of these weights, which are in the order of their names.
    pub(super) fn route(&self, zones: &[(Option<Name>, u64)]) -> Route {
        let total: u64 = zones.iter().map(|&(_, weight)| weight).sum();
        let part =
            |weight: u64, of: u64| (u128::from(weight) * WHOLE).checked_div(of.into()).unwrap_or(0) as u64;
        let here: u64 = self.callers.values().map(|&count| u64::from(count)).sum();
        let callers = |zone: Option<Name>| match zone {
            _ if here == 0 => part(1, zones.len() as u64),
            Some(zone) => part(self.callers.get(&zone).copied().unwrap_or_default().into(), here),
            None => 0,
        };
        let own = zones.iter().position(|&(zone, _)| zone == Some(self.own));
        let stay = own.map_or(0, |own| {
            let (able, asked) = (part(zones[own].1, total), callers(Some(self.own)));
            if able >= asked { WHOLE as u64 } else { part(able, asked) }
        });
        let room = |equally: bool| {
            let of_zone = |(index, &(zone, weight)): (usize, &(Option<Name>, u64))| match Some(index) == own {
                true => 0,
                false if equally => 1,
                false => part(weight, total).saturating_sub(callers(zone)),
            };
            let sums = zones.iter().enumerate().map(of_zone).scan(0, |sum, room| {
                *sum += room;
                Some(*sum)
            });
            sums.collect::<Box<[u64]>>()
        };
        let rest = Some(room(false)).filter(|sums| sums.last().is_some_and(|&sum| sum > 0));
        Route { own: own.unwrap_or_default(), stay, rest: rest.unwrap_or_else(|| room(true)) }
    }
}

const WHOLE: u128 = 10_000;

/// Where calls from here go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    own: usize,
    /// Of ten thousand calls so many stay.
    stay: u64,
    /// Running sums of what the others have room for.
    rest: Box<[u64]>,
}

impl Route {
    /// To each zone in proportion to its part; nothing, if none has any.
    pub(super) fn by_parts(parts: impl Iterator<Item = u64>) -> Option<Self> {
        let sums: Box<[u64]> = parts
            .scan(0, |sum, part| {
                *sum += part;
                Some(*sum)
            })
            .collect();
        sums.last().is_some_and(|&sum| sum > 0).then_some(Self { own: 0, stay: 0, rest: sums })
    }

    /// The zone of a call, by one draw, and a second one if it does not stay.
    #[inline]
    pub(super) fn zone(&self, mut draw: impl FnMut() -> u64) -> usize {
        if self.stay >= WHOLE as u64 || self.stay > 0 && draw() % (WHOLE as u64) < self.stay {
            return self.own;
        }
        let x = point(draw(), self.rest.last().copied().unwrap_or_default());
        self.rest.iter().position(|&sum| sum > x).unwrap_or(self.own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zones(weights: &[(&'static str, u64)]) -> Vec<(Option<Name>, u64)> {
        weights.iter().map(|&(zone, weight)| (Some(Name::new(zone)), weight)).collect()
    }

    #[test]
    fn what_the_own_zone_cannot_take_goes_where_there_is_room() {
        let zoning = Zoning::of("a").callers([("a", 1), ("b", 1)]);
        let route = zoning.route(&zones(&[("a", 2), ("b", 2), ("c", 2)]));
        assert_eq!((route.own, route.stay), (0, 6666));
        let mut chance = crate::Chance::seeded(1);
        let mut seen = [0; 3];
        (0..30_000).for_each(|_| seen[route.zone(|| chance.draw())] += 1);
        assert_eq!(seen[1], 0);
        assert!((19_700..20_300).contains(&seen[0]), "{seen:?}");
    }

    #[test]
    fn with_room_enough_all_stays() {
        let zoning = Zoning::of("b").callers([("a", 3), ("b", 1)]);
        let route = zoning.route(&zones(&[("a", 1), ("b", 1)]));
        assert_eq!((route.own, route.stay), (1, 10_000));
        assert_eq!(route.zone(|| unreachable!("nothing to draw for")), 1);
        // Unknown callers are taken to be spread evenly.
        assert_eq!(Zoning::of("a").route(&zones(&[("a", 1), ("b", 1)])).stay, 10_000);
    }

    #[test]
    fn a_caller_without_endpoints_at_home_spreads_over_the_rest() {
        let route = Zoning::of("z").callers([("z", 1)]).route(&zones(&[("a", 3), ("b", 1)]));
        let mut chance = crate::Chance::seeded(2);
        let in_a = (0..10_000).filter(|_| route.zone(|| chance.draw()) == 0).count();
        assert!((7300..7700).contains(&in_a), "{in_a}");
        // Nobody has room: equally.
        let full = Zoning::of("a").callers([("a", 1), ("b", 1)]).route(&zones(&[("b", 2)]));
        assert_eq!(full.zone(|| u64::MAX), 0);
    }
}
