//! What one draw of 64 random bits decides. The mappings are fixed: the same bits choose the same index everywhere.

/// An index below `n`, by the upper half of the draw (Lemire's multiplication instead of a division).
#[inline]
pub(crate) const fn index(draw: u64, n: u32) -> u32 {
    (((draw >> 32) * n as u64) >> 32) as u32
}

/// Two different indices below `n`, which is at least 2, each ordered pair equally likely.
#[inline]
pub(crate) const fn pair(draw: u64, n: u32) -> (u32, u32) {
    let i = index(draw, n);
    let j = (((draw & 0xffff_ffff) * (n as u64 - 1)) >> 32) as u32;
    (i, if j >= i { j + 1 } else { j })
}

/// A point below `total`, for a search through running sums.
#[inline]
pub(crate) const fn point(draw: u64, total: u64) -> u64 {
    ((draw as u128 * total as u128) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mappings_are_the_published_ones() {
        assert_eq!(index(1 << 63, 10), 5);
        assert_eq!(pair(0xdead_beef_cafe_babe, 10), (8, 7));
        assert_eq!(pair(u64::MAX, 3), (2, 1));
        // Weights 1, 2, 3: the running sums are 1, 3, 6, and 3 is the first point of the last.
        assert_eq!(point(1 << 63, 6), 3);
    }

    #[test]
    fn a_pair_never_holds_one_index_twice() {
        let mut chance = crate::Chance::seeded(1);
        for n in 2..40 {
            for _ in 0..200 {
                let (i, j) = pair(chance.draw(), n);
                assert!(i != j && i < n && j < n);
            }
        }
    }
}
