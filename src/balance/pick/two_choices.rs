use super::draw::pair;
use super::lineup::{Lineup, lighter, onward};
use super::shares::Shares;
use crate::chance::Chance;

/// The less loaded of two drawn at random: the default choice.
///
/// Two looks are nearly as even as looking at everyone (Azar et al. 1994; Mitzenmacher 2001), cost the same for
/// ten endpoints and for ten thousand, and many balancers side by side do not herd. Failures weigh like calls in
/// flight.
///
/// With unequal weights both are drawn in proportion to them, *with* replacement: without, light endpoints would
/// be over-served. A tie goes to the one drawn first, so that an idle pool is even.
///
/// # Examples
///
/// ```
/// use seawall::balance::{Endpoint, P2c, Pool};
///
/// let pool = Pool::new("api", P2c::new());
/// pool.set(["a", "b"].map(|id| Endpoint::new(id, ())));
/// let (one, two) = (pool.pick().unwrap(), pool.pick().unwrap());
/// assert_ne!(one.id(), two.id());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "PowerOfTwoChoices")]
#[doc(alias = "LeastRequest")]
pub struct P2c {
    choices: u8,
}

/// [`P2c`] by its long name.
pub type PowerOfTwoChoices = P2c;

impl P2c {
    /// The less loaded of two.
    ///
    /// ```
    /// let picker = seawall::balance::P2c::new();
    /// # let _ = picker;
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { choices: 2 }
    }

    /// The least loaded of so many, from 2 to 8; what is outside is taken to the nearer end.
    ///
    /// More choices are evener while loads are known at once, and herd the more the older the knowledge.
    ///
    /// ```
    /// let picker = seawall::balance::P2c::new().choices(3);
    /// # let _ = picker;
    /// ```
    #[must_use]
    pub const fn choices(mut self, choices: u8) -> Self {
        self.choices = match choices {
            0..=2 => 2,
            3..=8 => choices,
            9.. => 8,
        };
        self
    }

    pub(crate) const fn draws(self) -> u8 {
        self.choices
    }
}

impl Default for P2c {
    fn default() -> Self {
        Self::new()
    }
}

/// The best of `choices` drawn at random, by `better`; the first drawn on ties.
#[inline]
pub(crate) fn choose<L: Lineup + ?Sized>(
    lineup: &L,
    shares: &Shares,
    choices: u8,
    chance: &mut Chance,
    better: impl Fn(&L, usize, usize) -> bool,
) -> Option<usize> {
    let n = lineup.len();
    if n < 2 {
        return (n == 1 && lineup.fits(0)).then_some(0);
    }
    let (first, second) = if shares.are_equal() {
        let (i, j) = pair(chance.draw(), n as u32);
        (i as usize, j as usize)
    } else {
        (shares.index(chance.draw()), shares.index(chance.draw()))
    };
    let mut best = best_of(lineup, lineup.fits(first).then_some(first), second, &better);
    if choices > 2 {
        best = best_of_more(lineup, shares, choices - 2, chance, best, &better);
    }
    best.or_else(|| around(lineup, first))
}

#[inline]
fn best_of<L: Lineup + ?Sized>(
    lineup: &L,
    best: Option<usize>,
    next: usize,
    better: &impl Fn(&L, usize, usize) -> bool,
) -> Option<usize> {
    match best {
        _ if !lineup.fits(next) => best,
        Some(best) if !better(lineup, next, best) => Some(best),
        _ => Some(next),
    }
}

#[cold]
#[inline(never)]
fn best_of_more<L: Lineup + ?Sized>(
    lineup: &L,
    shares: &Shares,
    more: u8,
    chance: &mut Chance,
    best: Option<usize>,
    better: &impl Fn(&L, usize, usize) -> bool,
) -> Option<usize> {
    (0..more).fold(best, |best, _| best_of(lineup, best, shares.index(chance.draw()), better))
}

#[cold]
#[inline(never)]
fn around<L: Lineup + ?Sized>(lineup: &L, start: usize) -> Option<usize> {
    onward(lineup, start)
}

/// The less loaded per weight of those drawn.
#[inline]
pub(crate) fn two_choices(
    lineup: &(impl Lineup + ?Sized),
    shares: &Shares,
    choices: u8,
    chance: &mut Chance,
) -> Option<usize> {
    choose(lineup, shares, choices, chance, lighter)
}

#[cfg(test)]
mod tests {
    use super::super::bench::Bench;
    use super::*;

    /// Shares of a hundred thousand picks.
    fn shares(bench: &Bench, choices: u8) -> Vec<f64> {
        let (shares, mut chance) = (bench.shares(), Chance::seeded(11));
        let mut counts = vec![0u32; bench.len()];
        for _ in 0..100_000 {
            counts[two_choices(bench, &shares, choices, &mut chance).unwrap()] += 1;
        }
        counts.iter().map(|&count| f64::from(count) / 1e5).collect()
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 0.005
    }

    #[test]
    fn the_lighter_of_the_two_drawn_wins() {
        let bench = Bench::of(&[(4, 1), (1, 1), (7, 1)]);
        // By draw: pair(0, 3) is (0, 1), and 0x123456789abcdef0 gives (0, 2).
        let by = |draw| {
            let (i, j) = pair(draw, 3);
            if lighter(&bench, j as usize, i as usize) { j } else { i }
        };
        assert_eq!((by(0), by(0x1234_5678_9abc_def0)), (1, 0));
    }

    #[test]
    fn idle_equals_are_served_evenly() {
        for n in [2, 3, 5, 10] {
            let seen = shares(&Bench::of(&vec![(0, 1); n]), 2);
            assert!(seen.iter().all(|&share| close(share, 1.0 / n as f64)), "{n}: {seen:?}");
        }
    }

    #[test]
    fn the_only_least_loaded_gets_two_of_n_and_the_only_most_loaded_none() {
        let seen = shares(&Bench::of(&[(1, 1), (0, 1), (1, 1), (9, 1), (1, 1)]), 2);
        assert!(close(seen[1], 0.4), "{seen:?}");
        assert_eq!(seen[3], 0.0, "{seen:?}");
    }

    #[test]
    fn idle_unequals_are_served_by_weight() {
        let seen = shares(&Bench::of(&[(0, 1), (0, 2), (0, 5)]), 2);
        assert!(seen.iter().zip([0.125, 0.25, 0.625]).all(|(&s, w)| close(s, w)), "{seen:?}");
    }

    #[test]
    fn more_choices_find_the_least_more_often() {
        let bench = Bench::of(&[(1, 1), (0, 1), (1, 1), (1, 1), (1, 1)]);
        let (two, three, eight) = (shares(&bench, 2)[1], shares(&bench, 3)[1], shares(&bench, 8)[1]);
        assert!(two < three && three < eight && eight < 1.0, "{two} {three} {eight}");
    }

    #[test]
    fn what_does_not_fit_loses_and_when_both_do_not_the_next_one_is_taken() {
        let mut bench = Bench::of(&[(0, 1), (5, 1), (0, 1)]);
        bench.bar(0);
        bench.bar(2);
        assert_eq!(shares(&bench, 2)[1], 1.0);
        bench.bar(1);
        assert_eq!(two_choices(&bench, &bench.shares(), 2, &mut Chance::seeded(1)), None);
        assert_eq!(two_choices(&Bench::of(&[]), &Shares::default(), 2, &mut Chance::seeded(1)), None);
        assert_eq!(
            two_choices(&Bench::of(&[(9, 1)]), &Shares::default(), 2, &mut Chance::seeded(1)),
            Some(0)
        );
    }
}
