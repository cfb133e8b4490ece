use super::config::Outliers;
use crate::time::{Instant, nanos};

/// How often an endpoint was ejected lately, and until when the last time: so that the next one lasts longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ejection {
    times: u32,
    until: Instant,
}

impl Ejection {
    /// The ejection that begins at `now`.
    pub(crate) fn again(self, config: &Outliers, now: Instant) -> Self {
        let quiet = nanos(now.saturating_since(self.until)) / nanos(config.interval).max(1);
        let left = self.times.saturating_sub(u32::try_from(quiet).unwrap_or(u32::MAX));
        let longest = config.longest.max(config.base);
        let steps = nanos(longest).div_ceil(nanos(config.base).max(1)).max(1);
        let times = left.saturating_add(1).min(u32::try_from(steps).unwrap_or(u32::MAX));
        Self { times, until: now + config.base.saturating_mul(times).min(longest) }
    }

    pub(crate) const fn until(self) -> Instant {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// How long each of so many ejections lasts, `quiet` apart.
    fn lasting(count: usize, quiet: Duration) -> Vec<u64> {
        let (config, mut now) = (Outliers::new(), Instant::from_nanos(1));
        let mut ejection = Ejection::default();
        let mut lasting = Vec::new();
        for _ in 0..count {
            ejection = ejection.again(&config, now);
            lasting.push((ejection.until() - now).as_secs());
            now = ejection.until() + quiet;
        }
        lasting
    }

    #[test]
    fn they_grow_by_the_base_up_to_the_longest() {
        let at_once = lasting(12, Duration::ZERO);
        assert_eq!(at_once, [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300]);
    }

    #[test]
    fn each_quiet_interval_takes_one_step_back() {
        assert_eq!(lasting(4, Duration::from_secs(10)), [30, 30, 30, 30]);
        assert_eq!(lasting(4, Duration::from_millis(9_999)), [30, 60, 90, 120]);
        let mut ejection = Ejection::default();
        let config = Outliers::new();
        for _ in 0..20 {
            ejection = ejection.again(&config, ejection.until());
        }
        // After many it has stopped at ten, so three quiet intervals leave seven.
        let next = ejection.again(&config, ejection.until() + Duration::from_secs(30));
        assert_eq!(next.times, 8);
    }

    #[test]
    fn no_times_overflow() {
        let config = Outliers::new().times(Duration::MAX, Duration::MAX);
        assert_eq!(Ejection::default().again(&config, Instant::MAX).until(), Instant::MAX);
        let none = Outliers::new().times(Duration::ZERO, Duration::ZERO).interval(Duration::ZERO);
        assert_eq!(Ejection::default().again(&none, Instant::ZERO).until(), Instant::ZERO);
    }

    proptest::proptest! {
        /// The naive one keeps the list of all ejections, each with its beginning and its end, in seconds.
        #[test]
        fn it_lasts_as_long_as_all_ejections_before_say(
            gaps in proptest::collection::vec(0..200u64, 1..40),
            base in 1..60u64,
            longest in 1..400u64,
            interval in 1..30u64,
        ) {
            let times = (Duration::from_secs(base), Duration::from_secs(longest));
            let config = Outliers::new().times(times.0, times.1).interval(Duration::from_secs(interval));
            let (mut ejection, mut past, mut now) = (Ejection::default(), Vec::<(u64, u64)>::new(), 1_000_000);
            for gap in gaps {
                now = past.last().map_or(now, |&(_, end)| end) + gap;
                let most = longest.max(base);
                // Each of them adds a step; each whole interval without one took a step back.
                let (mut steps, mut end_before) = (0u64, 0);
                for &(begin, end) in &past {
                    steps = (steps.saturating_sub((begin - end_before) / interval) + 1).min(most.div_ceil(base));
                    end_before = end;
                }
                let steps = (steps.saturating_sub((now - end_before) / interval) + 1).min(most.div_ceil(base));
                let end = now + (base * steps).min(most);
                let at = Instant::ZERO + Duration::from_secs(now);
                ejection = ejection.again(&config, at);
                proptest::prop_assert_eq!((ejection.until() - at).as_secs(), end - now, "{:?}", past);
                past.push((now, end));
            }
        }
    }
}
