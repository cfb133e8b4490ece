use super::draw::{index, point};

/// Weights made ready to be drawn by: running sums, and a guide that says where in them a draw begins to look.
#[derive(Debug, Default)]
pub(crate) struct Shares {
    total: u64,
    sums: Box<[u64]>,
    /// Per value of a draw's top bits the first index that any such draw may choose; empty for equal weights.
    guide: Box<[u32]>,
    /// 64 less the number of those bits.
    shift: u32,
}

impl Shares {
    pub(crate) fn of(weights: impl ExactSizeIterator<Item = u32> + Clone) -> Self {
        let mut before = weights.clone().zip(weights.clone().skip(1));
        if before.all(|(a, b)| a == b) {
            let total = weights.clone().map(u64::from).sum();
            return Self { total, sums: weights.map(u64::from).collect(), ..Self::default() };
        }
        let sums: Box<[u64]> = weights
            .scan(0, |sum, weight| {
                *sum += u64::from(weight);
                Some(*sum)
            })
            .collect();
        // At least as many guides as weights, so that from each it is about one step.
        let bits = sums.len().next_power_of_two().trailing_zeros().max(1);
        let (shift, total) = (64 - bits, sums.last().copied().unwrap_or_default());
        let mut from = 0;
        let guide = (0..1u64 << bits).map(|top| {
            let first = point(top << shift, total);
            while sums.get(from as usize).is_some_and(|&sum| sum <= first) {
                from += 1;
            }
            from
        });
        Self { guide: guide.collect(), sums, shift, total }
    }

    /// Whether all weights are equal; then each index is as likely as the next.
    #[inline]
    pub(crate) const fn are_equal(&self) -> bool {
        self.guide.is_empty()
    }

    /// The sum of the weights.
    #[inline]
    pub(crate) const fn total(&self) -> u64 {
        self.total
    }

    /// The index that `draw` chooses, in proportion to the weights; 0 of nothing.
    #[inline]
    pub(crate) fn index(&self, draw: u64) -> usize {
        let Some(&from) = self.guide.get((draw >> (self.shift & 63)) as usize) else {
            return index(draw, self.sums.len() as u32) as usize;
        };
        let last = self.sums.len() - 1;
        let x = point(draw, self.sums[last]);
        let mut index = from as usize;
        while index < last && self.sums[index] <= x {
            index += 1;
        }
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_middle_of_one_two_three_is_the_last() {
        let shares = Shares::of([1, 2, 3].into_iter());
        assert_eq!(shares.index(1 << 63), 2);
        assert_eq!((shares.index(0), shares.index(u64::MAX)), (0, 2));
        assert_eq!(Shares::of([].into_iter()).index(9), 0);
        assert_eq!(Shares::of([5].into_iter()).index(u64::MAX), 0);
    }

    proptest! {
        #[test]
        fn the_guide_changes_no_answer(
            weights in prop::collection::vec(1u32.., 1..70),
            draws in prop::collection::vec(any::<u64>(), 50),
        ) {
            let shares = Shares::of(weights.iter().copied());
            let total = weights.iter().map(|&w| u64::from(w)).sum();
            for draw in draws.into_iter().chain([0, u64::MAX]) {
                let x = point(draw, total);
                let mut sum = 0;
                let plain = weights.iter().position(|&w| {
                    sum += u64::from(w);
                    sum > x
                });
                if shares.are_equal() {
                    prop_assert_eq!(shares.index(draw), index(draw, weights.len() as u32) as usize);
                } else {
                    prop_assert_eq!(Some(shares.index(draw)), plain);
                }
            }
        }
    }
}
