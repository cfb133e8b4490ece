/// One round of nginx's smooth weighted round robin, written out: each pick adds every weight to its current
/// value, the greatest wins (the first on ties) and loses the total. So 5, 1, 1 give `a a b a c a a` and never
/// five `a` in a row.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cycle(Box<[u16]>);

/// Written out at most so many steps, which is at most a millisecond and two megabytes.
const STEPS: u64 = 1 << 20;

impl Cycle {
    /// The round of these weights, unless it would be too long.
    pub(crate) fn of(weights: &[u32]) -> Option<Self> {
        let divisor = weights.iter().copied().fold(0, gcd);
        if divisor == 0 {
            return None;
        }
        let total: u64 = weights.iter().map(|&weight| u64::from(weight / divisor)).sum();
        // At most a thousand members fit, because each has a slot: so a slot fits 16 bits.
        if total.checked_mul(weights.len() as u64).is_none_or(|steps| steps > STEPS) {
            return None;
        }
        let mut current = vec![0i64; weights.len()];
        let slots = (0..total).map(|_| {
            let mut best = 0;
            for (index, &weight) in weights.iter().enumerate() {
                current[index] += i64::from(weight / divisor);
                if current[index] > current[best] {
                    best = index;
                }
            }
            current[best] -= total as i64;
            best as u16
        });
        Some(Self(slots.collect()))
    }

    /// Whose turn the pick of count `count` is.
    #[inline]
    pub(crate) fn slot(&self, count: u64) -> usize {
        self.0[(count % self.0.len() as u64) as usize].into()
    }
}

const fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cycle(weights: &[u32]) -> Vec<u16> {
        Cycle::of(weights).unwrap().0.into_vec()
    }

    #[test]
    fn the_sequences_are_nginxs() {
        assert_eq!(cycle(&[5, 1, 1]), [0, 0, 1, 0, 2, 0, 0]);
        assert_eq!(cycle(&[1, 2]), [1, 0, 1]);
        assert_eq!(cycle(&[3, 1]), [0, 0, 1, 0]);
        assert_eq!(cycle(&[50, 10, 10]), cycle(&[5, 1, 1]));
        assert_eq!(cycle(&[7, 7, 7]), [0, 1, 2]);
    }

    #[test]
    fn what_is_too_long_is_not_written_out() {
        assert_eq!(Cycle::of(&[]), None);
        assert_eq!(Cycle::of(&[0, 0]), None);
        assert_eq!(Cycle::of(&[u32::MAX, 1]), None);
        assert_eq!(Cycle::of(&[u32::MAX; 3]).unwrap().0.len(), 3);
    }

    proptest! {
        #[test]
        fn each_has_as_many_slots_as_its_weight(weights in prop::collection::vec(1u32..40, 1..20)) {
            let divisor = weights.iter().copied().fold(0, gcd);
            let cycle = cycle(&weights);
            for (index, weight) in weights.iter().enumerate() {
                let slots = cycle.iter().filter(|&&slot| usize::from(slot) == index).count();
                prop_assert_eq!(slots as u32, weight / divisor);
            }
        }
    }
}
