/// Static stride scheduling, as gRPC has it (gRFC A58): each in turn, and each turn taken with a frequency in
/// proportion to the weight. Set up in one pass, for weights whose smooth round is too long or has just changed.
#[derive(Debug)]
pub(crate) struct Stride(Box<[u16]>);

const WHOLE: u64 = 65_535;

/// So that not all take and skip their turns in step.
const OFFSET: u64 = 32_767;

impl Stride {
    /// Scaled so that the greatest weight takes every turn and even the least some.
    pub(crate) fn of(weights: impl Iterator<Item = u32> + Clone) -> Self {
        let most = u64::from(weights.clone().max().unwrap_or(1).max(1));
        let scaled =
            weights.map(|weight| ((u64::from(weight) * WHOLE * 2 + most) / (most * 2)).max(1) as u16);
        Self(scaled.collect())
    }

    /// The one whose turn it is, counting on until one takes it; `None` of nobody.
    #[inline]
    pub(crate) fn next(&self, mut count: impl FnMut() -> u64) -> Option<usize> {
        let n = self.0.len() as u64;
        if n == 0 {
            return None;
        }
        // The greatest takes every turn of its own, so in two rounds somebody does.
        for _ in 0..2 * n {
            let count = count();
            let (index, round) = (count % n, count / n);
            let weight = u64::from(self.0[index as usize]);
            if weight.wrapping_mul(round).wrapping_add(index * OFFSET) % WHOLE >= WHOLE - weight {
                return Some(index as usize);
            }
        }
        // Only others' counting in between leads here.
        Some((count() % n) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(weights: &[u32], picks: usize) -> Vec<usize> {
        let stride = Stride::of(weights.iter().copied());
        let (mut count, mut counts) = (0.., vec![0; weights.len()]);
        for _ in 0..picks {
            counts[stride.next(|| count.next().unwrap()).unwrap()] += 1;
        }
        counts
    }

    #[test]
    fn one_and_ten_share_eleven_thousand_picks() {
        let counts = counts(&[1, 10], 11_000);
        assert!(counts[0].abs_diff(1000) <= 5 && counts[1].abs_diff(10_000) <= 5, "{counts:?}");
    }

    #[test]
    fn equal_weights_are_a_round_robin() {
        let stride = Stride::of([9, 9, 9].into_iter());
        let mut count = 0..;
        let picks: Vec<_> = (0..6).map(|_| stride.next(|| count.next().unwrap()).unwrap()).collect();
        assert_eq!(picks, [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn the_greatest_and_the_least_weight_scale() {
        assert_eq!(&*Stride::of([u32::MAX, 1, 0].into_iter()).0, [65_535, 1, 1]);
        assert_eq!(Stride::of([].into_iter()).next(|| 0), None);
        let counts = counts(&[u32::MAX, 1], 70_000);
        assert!(counts[1] >= 1, "{counts:?}");
    }
}
