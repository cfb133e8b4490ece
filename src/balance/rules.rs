use super::failover::Failover;
use super::picker::Picker;
use super::slow_start::SlowStart;
use super::spread::{Portion, Weights, spread};
use super::zone_weights::ZoneWeights;
use super::zoning::Zoning;
use crate::ratio::Ratio;

/// By what a snapshot is made.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) picker: Picker,
    pub(super) panic: Ratio,
    pub(super) over: Ratio,
    pub(super) fail_in_panic: bool,
    pub(super) slow_start: Option<SlowStart>,
    pub(super) zones: Option<Zones>,
    pub(super) failover: Option<Failover>,
}

/// How calls go to the zones of a level.
#[derive(Clone, Debug)]
pub(super) enum Zones {
    Near(Zoning),
    Weighted(ZoneWeights),
}

impl Rules {
    /// What each of these levels gets, all at once or only the one at `active`.
    pub(super) fn portions(&self, levels: &[(u8, Weights)], active: Option<usize>) -> Vec<Portion> {
        let weights = |of: &[(u8, Weights)]| of.iter().map(|&(_, weights)| weights).collect::<Vec<_>>();
        let Some((place, level)) = active.and_then(|place| Some((place, levels.get(place)?))) else {
            return spread(&weights(levels), self.panic, self.over);
        };
        let mut portions = vec![Portion::default(); levels.len()];
        portions[place] = spread(&[level.1], self.panic, self.over).pop().unwrap_or_default();
        portions
    }
}
