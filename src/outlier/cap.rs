use crate::ratio::Ratio;

/// Whether one more of `members` may be ejected while `ejected` are: within the part, or the first, but never the
/// last that is left.
pub(crate) const fn may_eject(ejected: usize, members: usize, most: Ratio) -> bool {
    let within = (ejected as u64 + 1) * most.whole().get() as u64 <= members as u64 * most.parts() as u64;
    ejected + 1 < members && (within || ejected == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_but_at_least_one_and_never_the_last() {
        let most = |members| (0..members).take_while(|&e| may_eject(e, members, Ratio::percent(10))).count();
        assert_eq!([1, 2, 5, 10, 11, 20, 30].map(most), [0, 1, 1, 1, 1, 2, 3]);
        let all = |members| (0..members).take_while(|&e| may_eject(e, members, Ratio::ONE)).count();
        assert_eq!([0, 1, 2, 5].map(all), [0, 0, 1, 4]);
    }
}
