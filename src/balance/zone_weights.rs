use super::zoning::Route;
use crate::name::Name;
use crate::ratio::Ratio;
use std::collections::BTreeMap;

/// Gives each zone a fixed part of the calls of its level, as far as its endpoints are well: Envoy's locality weights.
///
/// For whoever decides from the outside where calls go: a control plane, a migration from one site to another, a zone
/// that is bought cheaper. A zone takes its weight times what it can carry, 1.4 times the part of it that is well (see
/// [`Config::overprovision`](super::Config::overprovision)); what it cannot, the others take in proportion. Zones without a weight get none, unless no zone has one. Not in panic;
/// picks by key go by their key.
///
/// # Examples
///
/// ```
/// use seawall::balance::{Config, Endpoint, P2c, Pool, ZoneWeights};
///
/// // One call in a hundred to the new site.
/// let weights = ZoneWeights::new([("old", 99), ("new", 1)]);
/// let pool = Pool::new("api", Config::new(P2c::new()).zone_weights(weights).seed(1));
/// pool.set((0..6).map(|i| Endpoint::new(format!("10.0.0.{i}:80"), ()).zone(["old", "new"][i % 2])));
/// let at_new = (0..10_000).filter(|_| ["10.0.0.1:80", "10.0.0.3:80", "10.0.0.5:80"].contains(&pool.pick().unwrap().id().as_str()));
/// assert!((70..130).contains(&at_new.count()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "locality")]
#[doc(alias = "load_balancing_weight")]
pub struct ZoneWeights(BTreeMap<Name, u32>);

/// The weights of one zone of a level: of all its endpoints that may be called at all, and of those that are in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ZoneHas {
    pub(super) total: u64,
    pub(super) able: u64,
}

/// A whole zone, in parts of ten thousand.
const WHOLE: u128 = 10_000;

impl ZoneWeights {
    /// By zone its weight; of two for one zone the last counts.
    ///
    /// ```
    /// let weights = seawall::balance::ZoneWeights::new([("eu-1a", 2), ("eu-1b", 1)]);
    /// # let _ = weights;
    /// ```
    #[must_use]
    pub fn new<N: Into<Name>>(weights: impl IntoIterator<Item = (N, u32)>) -> Self {
        Self(weights.into_iter().map(|(zone, weight)| (zone.into(), weight)).collect())
    }

    /// How calls go to these zones of a level; nothing, if none of them has a weight.
    pub(super) fn route(&self, zones: &[(Option<Name>, ZoneHas)], over: Ratio) -> Option<Route> {
        let part = |&(zone, has): &(Option<Name>, ZoneHas)| {
            let weight = zone.and_then(|zone| self.0.get(&zone)).copied().unwrap_or_default();
            let whole = u128::from(has.total) * u128::from(over.whole().get());
            let able = u128::from(has.able) * WHOLE * u128::from(over.parts());
            let able = able.checked_div(whole).unwrap_or_default();
            u64::from(weight) * able.min(WHOLE) as u64
        };
        Route::by_parts(zones.iter().map(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Ratio = Ratio::percent(140);

    /// The share of the first of two zones, in tenths of a percent, whose weights are 1 and 2; the second is whole.
    fn share(able: u64) -> u64 {
        let zones = [
            (Some(Name::new("x")), ZoneHas { total: 100, able }),
            (Some(Name::new("y")), ZoneHas { total: 7, able: 7 }),
        ];
        let route = ZoneWeights::new([("x", 1), ("y", 2)]).route(&zones, USUAL).unwrap();
        let draws = 100_000;
        let spread = (0..draws).map(|i| route.zone(|| (u64::MAX / draws) * i));
        spread.filter(|&zone| zone == 0).count() as u64 * 1000 / draws
    }

    #[test]
    fn a_zone_takes_its_weight_times_what_it_can_carry() {
        // Envoy's table: 33 % while 1.4 times what is well is all of it, then less.
        assert_eq!([100, 72, 50, 25, 0].map(share), [333, 333, 259, 148, 0]);
    }

    #[test]
    fn without_any_weight_there_is_no_way_by_zones() {
        let zone = |name| (Some(Name::new(name)), ZoneHas { total: 1, able: 1 });
        let weights = ZoneWeights::new([("x", 1)]);
        assert_eq!(weights.route(&[zone("y"), (None, ZoneHas { total: 1, able: 1 })], USUAL), None);
        assert_eq!(weights.route(&[], USUAL), None);
        assert_eq!(ZoneWeights::new([("x", 0)]).route(&[zone("x")], USUAL), None);
        let only = weights.route(&[(None, ZoneHas { total: 1, able: 1 }), zone("x")], USUAL).unwrap();
        assert!([0, u64::MAX / 2, u64::MAX].iter().all(|&draw| only.zone(|| draw) == 1));
    }

    #[test]
    fn the_greatest_weights_do_not_overflow() {
        let most = ZoneHas { total: u64::MAX, able: u64::MAX };
        let zones = [(Some(Name::new("x")), most), (Some(Name::new("y")), most)];
        let route = ZoneWeights::new([("x", u32::MAX), ("y", u32::MAX)]).route(&zones, USUAL).unwrap();
        assert_eq!((route.zone(|| 0), route.zone(|| u64::MAX)), (0, 1));
    }
}
