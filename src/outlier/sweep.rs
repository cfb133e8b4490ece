use super::config::Outliers;

/// What was counted of one endpoint in an interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) successes: u32,
    pub(crate) failures: u32,
}

impl Counted {
    const fn calls(self) -> u64 {
        self.successes as u64 + self.failures as u64
    }

    /// The success rate, in points.
    fn rate(self) -> f64 {
        100.0 * f64::from(self.successes) / self.calls() as f64
    }
}

/// Those of `counted` that are outliers, by index: by their success rates, the worst first, then by their failure
/// shares likewise. Of equals the first comes first.
pub(crate) fn outliers(config: &Outliers, counted: &[Counted]) -> Vec<usize> {
    let mut found = below_the_mean(config, counted);
    let by_share = failing(config, counted);
    let more: Vec<_> = by_share.into_iter().filter(|index| !found.contains(index)).collect();
    found.extend(more);
    found
}

fn below_the_mean(config: &Outliers, counted: &[Counted]) -> Vec<usize> {
    let Some(rule) = config.rate else {
        return Vec::new();
    };
    let judged = with_calls(counted, rule.calls);
    if judged.is_empty() || judged.len() < rule.members as usize {
        return Vec::new();
    }
    let rates = || judged.iter().map(|&index| counted[index].rate());
    let mean = rates().sum::<f64>() / judged.len() as f64;
    let variance = rates().map(|rate| (rate - mean).powi(2)).sum::<f64>() / judged.len() as f64;
    let threshold = f64::from(rule.tenths).mul_add(-variance.sqrt() / 10.0, mean);
    let mut found: Vec<_> = judged.clone();
    found.retain(|&index| {
        let rate = counted[index].rate();
        rate < threshold && mean - rate >= f64::from(rule.gap)
    });
    worst_first(found, counted)
}

fn failing(config: &Outliers, counted: &[Counted]) -> Vec<usize> {
    let Some(rule) = config.share else {
        return Vec::new();
    };
    let mut found = with_calls(counted, rule.calls);
    if found.len() < rule.members as usize {
        return Vec::new();
    }
    found.retain(|&index| {
        let Counted { failures, .. } = counted[index];
        failures > 0 && rule.share.is_reached(failures.into(), counted[index].calls())
    });
    worst_first(found, counted)
}

/// Those with enough calls to be judged; without any nobody is.
fn with_calls(counted: &[Counted], calls: u32) -> Vec<usize> {
    let enough = |&index: &usize| counted[index].calls() >= u64::from(calls.max(1));
    (0..counted.len()).filter(enough).collect()
}

fn worst_first(mut found: Vec<usize>, counted: &[Counted]) -> Vec<usize> {
    // The sort is stable: of equals the first comes first.
    found.sort_by(|&a, &b| counted[a].rate().total_cmp(&counted[b].rate()));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ratio::Ratio;

    fn rates(rates: &[u32]) -> Vec<Counted> {
        rates.iter().map(|&rate| Counted { successes: rate, failures: 100 - rate }).collect()
    }

    #[test]
    fn one_of_five_at_half_is_found_and_one_at_ninety_is_kept_by_the_gap() {
        let config = Outliers::new();
        // Mean 90, deviation 20, threshold 52.
        assert_eq!(outliers(&config, &rates(&[100, 50, 100, 100, 100])), [1]);
        // Mean 98, deviation 4, threshold 90.4; but only 8 points below.
        assert_eq!(outliers(&config, &rates(&[90, 100, 100, 100, 100])), [0; 0]);
        assert_eq!(outliers(&config.success_rate(19, 0, 100, 5), &rates(&[90, 100, 100, 100, 100])), [0]);
    }

    #[test]
    fn too_few_endpoints_or_calls_are_not_judged() {
        let config = Outliers::new();
        assert_eq!(outliers(&config, &rates(&[0, 100, 100, 100])), [0; 0]);
        let mut counted = rates(&[0, 100, 100, 100, 100]);
        counted[0] = Counted { successes: 0, failures: 99 };
        assert_eq!(outliers(&config, &counted), [0; 0]);
        assert_eq!(outliers(&config, &[]), [0; 0]);
        assert_eq!(outliers(&config.success_rate(0, 0, 0, 0), &[Counted::default(); 3]), [0; 0]);
    }

    #[test]
    fn many_equally_bad_ones_hide_from_the_deviation_but_not_from_their_share() {
        let half = rates(&[0, 0, 0, 100, 100, 100]);
        assert_eq!(outliers(&Outliers::new(), &half), [0; 0]);
        let config = Outliers::new().failure_share(Ratio::percent(85), 50, 5);
        assert_eq!(outliers(&config, &half), [0, 1, 2]);
    }

    #[test]
    fn the_worst_comes_first_and_nobody_twice() {
        let config = Outliers::new().success_rate(5, 10, 100, 5).failure_share(Ratio::percent(50), 50, 5);
        let counted = rates(&[40, 100, 10, 100, 100, 10, 100, 100]);
        assert_eq!(outliers(&config, &counted), [2, 5, 0]);
    }
}
