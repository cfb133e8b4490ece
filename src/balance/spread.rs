use crate::ratio::Ratio;

/// The weights of one level: of all who may be called at all, of those who are well, and of the degraded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Weights {
    pub(super) total: u64,
    pub(super) well: u64,
    pub(super) degraded: u64,
}

/// What one level gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Portion {
    /// The share of the calls, in percent, of those of it who are well.
    pub(super) percent: u8,
    /// And of its degraded ones.
    pub(super) degraded: u8,
    /// It uses all who may be called, well or not.
    pub(super) panics: bool,
}

/// How the calls spread over the levels, in their order: Envoy's integers.
///
/// A level takes what it can: `over` times its part that is well, by default 1.4, so that 72 % of it still carry
/// everything; the next one takes the rest. What all who are well cannot carry, the degraded do. Only when all together cannot carry
/// everything does a level panic of which less than `panic` is well or degraded: then it is likelier that the
/// judgement is wrong than that nearly all are ill.
pub(super) fn spread(levels: &[Weights], panic: Ratio, over: Ratio) -> Vec<Portion> {
    let able = |of: fn(&Weights) -> u64| -> Vec<u64> {
        let able = |level| u128::from(of(level)) * u128::from(over.parts());
        let whole = |level: &Weights| u128::from(level.total) * u128::from(over.whole().get());
        levels.iter().map(|level| percent(able(level), whole(level)).min(100)).collect()
    };
    let (well, degraded) = (able(|level| level.well), able(|level| level.degraded));
    let together = well.iter().chain(&degraded).sum::<u64>().min(100);
    let panics = |level: &Weights| {
        let usable = level.well + level.degraded;
        together < 100 && panic.parts() > 0 && level.total > 0 && !panic.is_reached(usable, level.total)
    };
    let panicking: Vec<_> = levels.iter().map(panics).collect();

    let mut counted = levels.iter().zip(&panicking).filter(|(level, _)| level.total > 0);
    let n = levels.len();
    let shares = if together == 0 || counted.all(|(_, &panics)| panics) {
        let all: u64 = levels.iter().map(|level| level.total).sum();
        let shares = levels.iter().map(|level| percent(level.total.into(), all.into())).chain(vec![0; n]);
        fill(shares, |index| index < n && levels[index].total > 0)
    } else {
        let able: Vec<_> = well.into_iter().chain(degraded).collect();
        fill(able.iter().map(|&able| able * 100 / together), |index| able[index] > 0)
    };
    let portions = panicking.into_iter().enumerate();
    portions.map(|(i, panics)| Portion { percent: shares[i], degraded: shares[n + i], panics }).collect()
}

/// `part · 100 / of`, rounded down; nothing of nothing.
fn percent(part: u128, of: u128) -> u64 {
    (part * 100).checked_div(of).unwrap_or_default() as u64
}

/// Gives out a hundred percent; what rounding leaves goes to the first that takes any.
fn fill(shares: impl Iterator<Item = u64>, takes: impl Fn(usize) -> bool) -> Vec<u8> {
    let mut left = 100;
    let mut given: Vec<u8> = shares
        .map(|share| {
            let share = share.min(left);
            left -= share;
            share as u8
        })
        .collect();
    if let Some(first) = (0..given.len()).find(|&index| takes(index)) {
        given[first] += left as u8;
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: Ratio = Ratio::percent(50);
    const USUAL: Ratio = Ratio::percent(140);

    #[test]
    fn the_factor_says_how_much_the_well_carry_for_the_ill() {
        let of = |over, well| {
            let levels = [well, 100].map(|well| Weights { total: 100, well, degraded: 0 });
            spread(&levels, HALF, over)[0].percent
        };
        assert_eq!([100, 99, 50].map(|well| of(Ratio::ONE, well)), [100, 99, 50]);
        assert_eq!([100, 50, 49, 0].map(|well| of(Ratio::percent(200), well)), [100, 100, 98, 0]);
    }

    fn shares(levels: &[(u64, u64)]) -> Vec<u8> {
        portions(levels).iter().map(|portion| portion.percent).collect()
    }

    fn portions(levels: &[(u64, u64)]) -> Vec<Portion> {
        let levels: Vec<_> =
            levels.iter().map(|&(well, total)| Weights { total, well, degraded: 0 }).collect();
        spread(&levels, HALF, USUAL)
    }

    #[test]
    fn a_whole_level_one_takes_what_level_zero_cannot() {
        let of = |well| shares(&[(well, 100), (100, 100)]);
        assert_eq!([100, 72, 71, 50, 25, 0].map(|well| of(well)[0]), [100, 100, 99, 70, 35, 0]);
        assert!((0..=100).all(|well| of(well).iter().sum::<u8>() == 100));
    }

    #[test]
    fn two_that_are_half_well_share() {
        assert_eq!(shares(&[(50, 100), (60, 100)]), [70, 30]);
    }

    #[test]
    fn two_of_six_panic_and_four_of_six_do_not() {
        assert_eq!(portions(&[(2, 6)]), [Portion { percent: 100, degraded: 0, panics: true }]);
        assert_eq!(portions(&[(4, 6)]), [Portion { percent: 100, degraded: 0, panics: false }]);
        // Exactly half is not below half.
        assert!(!portions(&[(3, 6)])[0].panics);
    }

    #[test]
    fn a_level_panics_only_while_all_together_are_too_weak() {
        assert!(!portions(&[(1, 100), (100, 100)])[0].panics);
        let both = portions(&[(10, 100), (20, 300)]);
        assert!(both[0].panics && both[1].panics);
        // By what they have, well or not.
        assert_eq!((both[0].percent, both[1].percent), (25, 75));
    }

    #[test]
    fn without_panic_nothing_ill_is_used_and_levels_without_members_are_ignored() {
        let weak = [Weights { total: 10, well: 1, degraded: 0 }];
        assert!(!spread(&weak, Ratio::ZERO, USUAL)[0].panics);
        assert_eq!(shares(&[(0, 0), (5, 5)]), [0, 100]);
        assert_eq!(shares(&[]), [0; 0]);
        assert_eq!(shares(&[(0, 0)]), [0]);
    }

    #[test]
    fn the_degraded_take_what_the_well_of_all_levels_cannot() {
        let of = |levels: &[(u64, u64)]| -> Vec<(u8, u8)> {
            let weights = |&(well, degraded)| Weights { total: 100, well, degraded };
            let portions = spread(&levels.iter().map(weights).collect::<Vec<_>>(), HALF, USUAL);
            portions.iter().map(|portion| (portion.percent, portion.degraded)).collect()
        };
        assert_eq!(of(&[(72, 28)]), [(100, 0)]);
        assert_eq!(of(&[(50, 50)]), [(70, 30)]);
        assert_eq!(of(&[(0, 100)]), [(0, 100)]);
        assert_eq!(of(&[(50, 50), (100, 0)]), [(70, 0), (30, 0)]);
        assert_eq!(of(&[(0, 50), (20, 0)]), [(0, 71), (29, 0)]);
    }

    #[test]
    fn the_greatest_weights_do_not_overflow() {
        let most = u64::from(u32::MAX) * 1000;
        assert_eq!(shares(&[(most, most), (most, most)]), [100, 0]);
    }
}
