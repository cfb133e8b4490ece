use super::lineup::{Lineup, onward};
use super::shares::Shares;
use crate::chance::Chance;

/// Anyone, each as likely as the next, whatever its weight. No state.
///
/// # Examples
///
/// ```
/// use seawall::balance::{Endpoint, Pool, Random};
///
/// let pool = Pool::new("api", Random);
/// pool.set(["a", "b"].map(|id| Endpoint::new(id, ())));
/// assert!(pool.pick().is_ok());
/// ```
///
/// # Not for
///
/// Few calls over many endpoints: the luckiest of n gets about ln n / ln ln n times its share at once.
/// [`P2c`](super::P2c) costs one more draw and evens that out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Random;

/// Anyone, in proportion to the weights. No state.
///
/// # Examples
///
/// ```
/// use seawall::balance::{Endpoint, Pool, WeightedRandom};
///
/// let pool = Pool::new("api", WeightedRandom);
/// pool.set([Endpoint::new("a", ()), Endpoint::new("b", ()).weight(9)]);
/// let picks = (0..1000).filter(|_| pool.pick().unwrap().id().as_str() == "b").count();
/// assert!((800..980).contains(&picks));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WeightedRandom;

/// One at random, or the next that fits.
#[inline]
pub(crate) fn random(lineup: &(impl Lineup + ?Sized), chance: &mut Chance) -> Option<usize> {
    onward(lineup, super::draw::index(chance.draw(), lineup.len() as u32) as usize)
}

/// One at random in proportion to the weights, or the next that fits.
#[inline]
pub(crate) fn weighted_random(
    lineup: &(impl Lineup + ?Sized),
    shares: &Shares,
    chance: &mut Chance,
) -> Option<usize> {
    onward(lineup, shares.index(chance.draw()))
}

#[cfg(test)]
mod tests {
    use super::super::bench::Bench;
    use super::*;

    fn counts(n: usize, mut pick: impl FnMut() -> Option<usize>) -> Vec<u32> {
        let mut counts = vec![0; n];
        (0..60_000).for_each(|_| counts[pick().unwrap()] += 1);
        counts
    }

    #[test]
    fn random_is_even_and_weighted_random_follows_the_weights() {
        let bench = Bench::of(&[(0, 1), (0, 2), (0, 3)]);
        let mut chance = Chance::seeded(3);
        let even = counts(3, || random(&bench, &mut chance));
        assert!(even.iter().all(|count| (19_500..20_500).contains(count)), "{even:?}");
        let shares = bench.shares();
        let weighted = counts(3, || weighted_random(&bench, &shares, &mut chance));
        assert!(
            weighted.iter().zip([10_000, 20_000, 30_000u32]).all(|(c, w)| c.abs_diff(w) < 500),
            "{weighted:?}"
        );
    }

    #[test]
    fn of_nobody_there_is_nobody() {
        let bench = Bench::of(&[]);
        assert_eq!(random(&bench, &mut Chance::seeded(1)), None);
        assert_eq!(weighted_random(&bench, &bench.shares(), &mut Chance::seeded(1)), None);
    }
}
