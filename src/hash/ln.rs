/// 1/21, 1/19, … 1.
const SERIES: [f64; 11] = [
    1.0 / 21.0,
    1.0 / 19.0,
    1.0 / 17.0,
    1.0 / 15.0,
    1.0 / 13.0,
    1.0 / 11.0,
    1.0 / 9.0,
    1.0 / 7.0,
    1.0 / 5.0,
    1.0 / 3.0,
    1.0,
];

/// `−ln u` of a `u` in (0, 1), within 1e-14 of itself, by `+ − · /` alone: the same bits on every platform, which
/// the C library's does not promise.
#[inline]
#[expect(clippy::suboptimal_flops, reason = "a fused step rounds otherwise than two, where there is one")]
pub(super) fn minus_ln(u: f64) -> f64 {
    // u = m · 2^e with m between √½ and √2, so that ln m is small.
    let bits = u.to_bits();
    let (mut exponent, mut m) =
        ((bits >> 52) as i64 - 1023, f64::from_bits(bits & ((1 << 52) - 1) | 1023 << 52));
    if m > std::f64::consts::SQRT_2 {
        m *= 0.5;
        exponent += 1;
    }
    // ln m = 2·artanh s = 2·(s + s³/3 + s⁵/5 + …), and s² is at most 0.0295.
    let s = (m - 1.0) / (m + 1.0);
    let q = s * s;
    let series = SERIES.iter().fold(0.0, |series, term| series * q + term);
    -(exponent as f64 * std::f64::consts::LN_2 + 2.0 * s * series)
}

#[cfg(test)]
mod tests {
    use super::minus_ln;

    #[test]
    fn it_is_right_within_a_trillionth() {
        let mut chance = crate::Chance::seeded(5);
        let smallest = 0.5 / (1u64 << 53) as f64;
        let edges = [smallest, 0.5, std::f64::consts::FRAC_1_SQRT_2, 1.0 - f64::EPSILON / 2.0, 0.999_999];
        for u in edges.into_iter().chain((0..100_000).map(|_| chance.sample().max(smallest))) {
            let exact = -u.ln();
            assert!((minus_ln(u) - exact).abs() <= exact * 1e-13, "{u}");
        }
    }

    #[test]
    fn its_bits_stay_what_they_are() {
        assert_eq!(minus_ln(0.5).to_bits(), std::f64::consts::LN_2.to_bits());
        assert_eq!(minus_ln(0.25).to_bits(), (2.0 * std::f64::consts::LN_2).to_bits());
    }
}
