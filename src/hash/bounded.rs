/// How far the load of one node may stand above the average (consistent hashing with bounded loads, Mirrokni,
/// Thorup and Zadimoghaddam 2016): a key whose node is full goes to its next successor.
///
/// # Examples
///
/// ```
/// use seawall::hash::LoadBound;
///
/// // Ten equal nodes, a quarter above the average: the 9th call may be somebody's second.
/// let bound = LoadBound::default();
/// assert_eq!([8, 9, 16, 17].map(|calls| bound.cap(calls, 1, 10)), [1, 2, 2, 3]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadBound(u32);

impl LoadBound {
    /// `percent` of the average, at least 100.
    ///
    /// ```
    /// use seawall::hash::LoadBound;
    /// assert_eq!(LoadBound::percent(0), LoadBound::percent(100));
    /// ```
    #[must_use]
    pub const fn percent(percent: u32) -> Self {
        Self(if percent < 100 { 100 } else { percent })
    }

    /// The most calls that a node of weight `weight` may have in flight, of `calls` in all (the one that asks
    /// included) over nodes whose weights add up to `total`. At least 1.
    ///
    /// ```
    /// use seawall::hash::LoadBound;
    /// // 10 000 calls over 100 nodes, exactly shared.
    /// assert_eq!(LoadBound::percent(100).cap(10_000, 1, 100), 100);
    /// ```
    #[must_use]
    #[inline]
    pub fn cap(self, calls: u32, weight: u32, total: u64) -> u32 {
        let share = u128::from(self.0) * u128::from(calls) * u128::from(weight);
        let cap = share.div_ceil(100 * u128::from(total.max(1)));
        u32::try_from(cap).unwrap_or(u32::MAX).max(1)
    }
}

impl Default for LoadBound {
    /// A quarter above the average.
    fn default() -> Self {
        Self(125)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_nodes_have_one_call_each_up_to_eight_then_two_then_three() {
        let caps: Vec<_> = (1..=24).map(|calls| LoadBound::default().cap(calls, 1, 10)).collect();
        assert!(caps[..8].iter().all(|&cap| cap == 1));
        assert!(caps[8..16].iter().all(|&cap| cap == 2));
        assert!(caps[16..].iter().all(|&cap| cap == 3));
    }

    #[test]
    fn all_caps_together_hold_every_call_and_the_ends_do_not_overflow() {
        for calls in 0..500 {
            let weights = [1, 2, 5, 9];
            let room: u32 = weights.map(|weight| LoadBound::percent(100).cap(calls, weight, 17)).iter().sum();
            assert!(room >= calls);
        }
        assert_eq!(LoadBound::percent(u32::MAX).cap(u32::MAX, u32::MAX, 1), u32::MAX);
        assert_eq!(LoadBound::default().cap(9, 0, 0), 1);
    }
}
