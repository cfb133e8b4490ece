use super::spread::Weights;
use crate::ratio::Ratio;
use crate::time::Instant;
use std::time::Duration;

/// One level at a time, as with regions: all calls leave a level that is too ill, and come back only after it has
/// been well for a while.
///
/// Without it calls spill over to the next level as far as the one before is ill, call by call, which suits racks
/// and zones. Between regions half of the calls far away is often worse than all of them, because data and
/// sessions live in one place, and a region that flaps must not take the traffic to and fro.
///
/// # Examples
///
/// ```
/// use seawall::balance::{Config, Endpoint, Failover, P2c, Pool};
/// use seawall::health::Health;
///
/// let pool = Pool::new("api", Config::new(P2c::new()).failover(Failover::new()));
/// pool.set([Endpoint::new("eu", ()), Endpoint::new("us", ()).level(1)]);
/// assert_eq!(pool.pick().unwrap().id().as_str(), "eu");
/// pool.set_health("eu", Health::Unhealthy);
/// assert_eq!(pool.pick().unwrap().id().as_str(), "us");
/// // Well again, but not for long enough yet.
/// pool.set_health("eu", Health::Healthy);
/// assert_eq!(pool.pick().unwrap().id().as_str(), "us");
/// ```
///
/// # Defaults
///
/// | what | default | why |
/// |---|---|---|
/// | [`leave_below`](Self::leave_below) | 50 % of the weight well | below that what is left drowns |
/// | [`return_at`](Self::return_at) | 80 % | well above, or it would flap |
/// | [`hold`](Self::hold) | 60 s | caches warm, deployments settle |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "failback")]
#[doc(alias = "region")]
pub struct Failover {
    leave_below: Ratio,
    return_at: Ratio,
    hold: Duration,
}

impl Failover {
    /// With the defaults.
    ///
    /// ```
    /// let failover = seawall::balance::Failover::new();
    /// # let _ = failover;
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { leave_below: Ratio::percent(50), return_at: Ratio::percent(80), hold: Duration::from_secs(60) }
    }

    /// A level of which less than this is well is left at once, if there is another.
    ///
    /// ```
    /// let failover = seawall::balance::Failover::new().leave_below(seawall::Ratio::percent(30));
    /// # let _ = failover;
    /// ```
    #[must_use]
    pub const fn leave_below(mut self, ratio: Ratio) -> Self {
        self.leave_below = ratio;
        self
    }

    /// So much of a level must be well before calls come back to it.
    ///
    /// ```
    /// let failover = seawall::balance::Failover::new().return_at(seawall::Ratio::percent(100));
    /// # let _ = failover;
    /// ```
    #[must_use]
    pub const fn return_at(mut self, ratio: Ratio) -> Self {
        self.return_at = ratio;
        self
    }

    /// And so long without a break.
    ///
    /// ```
    /// use std::time::Duration;
    /// let failover = seawall::balance::Failover::new().hold(Duration::from_secs(300));
    /// # let _ = failover;
    /// ```
    #[must_use]
    pub const fn hold(mut self, hold: Duration) -> Self {
        self.hold = hold;
        self
    }
}

impl Default for Failover {
    fn default() -> Self {
        Self::new()
    }
}

/// Where the calls are, and since when each level before that has been well.
#[derive(Debug, Default)]
pub(super) struct Standing {
    active: Option<u8>,
    well_since: Vec<(u8, Instant)>,
}

impl Standing {
    /// The place in `levels`, which are in order, of the one that all calls go to from `now` on, and when to look
    /// again though nothing changes.
    pub(super) fn choose(
        &mut self,
        rules: Failover,
        levels: &[(u8, Weights)],
        now: Instant,
    ) -> (usize, Option<Instant>) {
        let place_of = |number| levels.iter().position(|&(level, _)| level == number);
        let is_well = |place: usize, ratio: Ratio| {
            let weights = levels[place].1;
            weights.total > 0 && ratio.is_reached(weights.well + weights.degraded, weights.total)
        };
        let first = |ratio| (0..levels.len()).find(|&place| is_well(place, ratio));
        let current = self.active.and_then(place_of);
        let active = match current {
            Some(place) if is_well(place, rules.leave_below) => place,
            // Left, or none yet: whoever is well enough to stay at, or the one where they were.
            _ => first(rules.leave_below).or(current).unwrap_or_default(),
        };
        let before = std::mem::take(&mut self.well_since);
        for place in (0..active).filter(|&place| is_well(place, rules.return_at)) {
            let number = levels[place].0;
            let since = before.iter().find(|&&(level, _)| level == number).map_or(now, |&(_, since)| since);
            self.well_since.push((number, since));
        }
        let back = self.well_since.iter().find(|&&(_, since)| now - since >= rules.hold);
        let active = back.and_then(|&(number, _)| place_of(number)).unwrap_or(active);
        self.active = levels.get(active).map(|&(number, _)| number);
        self.well_since.retain(|&(number, _)| Some(number) < self.active);
        let next = self.well_since.iter().map(|&(_, since)| since + rules.hold).min();
        (active, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_nanos(1) + Duration::from_secs(seconds)
    }

    fn levels(well: [u64; 2]) -> [(u8, Weights); 2] {
        [0, 1].map(|n| (n as u8, Weights { total: 10, well: well[n], degraded: 0 }))
    }

    #[test]
    fn it_leaves_at_once_and_comes_back_after_the_hold() {
        let (rules, mut standing) = (Failover::new(), Standing::default());
        let mut choose = |well, seconds| standing.choose(rules, &levels(well), at(seconds));
        assert_eq!(choose([10, 10], 0), (0, None));
        assert_eq!(choose([5, 10], 1), (0, None), "half of it still carries");
        assert_eq!(choose([4, 10], 2), (1, None));
        assert_eq!(choose([7, 10], 3), (1, None), "not well enough to come back");
        assert_eq!(choose([8, 10], 4), (1, Some(at(64))));
        assert_eq!(choose([7, 10], 50), (1, None), "a break: the hold begins anew");
        assert_eq!(choose([9, 10], 60), (1, Some(at(120))));
        assert_eq!(choose([9, 10], 119), (1, Some(at(120))));
        assert_eq!(choose([9, 10], 120), (0, None));
    }

    #[test]
    fn with_all_too_ill_it_stays_where_it_is_and_takes_the_first_that_recovers() {
        let (rules, mut standing) = (Failover::new(), Standing::default());
        let mut choose = |well, seconds| standing.choose(rules, &levels(well), at(seconds)).0;
        assert_eq!(choose([0, 0], 0), 0);
        assert_eq!(choose([0, 10], 1), 1);
        assert_eq!(choose([0, 0], 2), 1);
        assert_eq!(choose([5, 0], 3), 0, "nobody waits for a hold while the other is down");
        assert_eq!(standing.choose(rules, &[], at(4)), (0, None));
    }

    /// One look in the past: when, how much of each level was well, and where the calls went then.
    type Look = (u64, [u64; 3], usize);

    /// The naive one reads it out of the whole past: in which unbroken row of looks a level before the active one has
    /// been well.
    fn naive(past: &[Look], well: [u64; 3], seconds: u64, rules: (u64, u64, u64)) -> usize {
        let (leave_below, return_at, hold) = rules;
        let before = past.last().map(|&(_, _, active)| active);
        let first = || (0..3).find(|&level| well[level] >= leave_below);
        let active = match before {
            Some(active) if well[active] >= leave_below => active,
            _ => first().or(before).unwrap_or_default(),
        };
        let back = (0..active).find(|&level| {
            let row =
                past.iter().rev().take_while(|(_, then, active)| then[level] >= return_at && level < *active);
            let since = row.last().map_or(seconds, |&(then, ..)| then);
            well[level] >= return_at && seconds - since >= hold
        });
        back.unwrap_or(active)
    }

    proptest::proptest! {
        #[test]
        fn it_stands_where_the_whole_past_says(
            looks in proptest::collection::vec((0..30u64, [0..=10u64, 0..=10u64, 0..=10u64]), 1..60),
            leave_below in 1..=6u64,
            return_at in 6..=10u64,
            hold in 1..60u64,
        ) {
            let percent = |tenths: u64| Ratio::percent(tenths as u32 * 10);
            let rules = Failover::new().leave_below(percent(leave_below)).return_at(percent(return_at));
            let rules = rules.hold(Duration::from_secs(hold));
            let (mut standing, mut past, mut seconds) = (Standing::default(), Vec::<Look>::new(), 0);
            for (after, well) in looks {
                seconds += after;
                let levels = [0, 1, 2].map(|n| (n as u8, Weights { total: 10, well: well[n], degraded: 0 }));
                let (active, next) = standing.choose(rules, &levels, at(seconds));
                let expected = naive(&past, well, seconds, (leave_below, return_at, hold));
                proptest::prop_assert_eq!(active, expected, "{:?} then {:?} at {}", past, well, seconds);
                proptest::prop_assert!(next.is_none_or(|next| next > at(seconds)), "it looks again later, not now");
                past.push((seconds, well, active));
            }
        }
    }
}
