use std::time::Duration;

/// The wait after the first attempt that failed to become ready.
const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(30);

/// How long an endpoint rests after its `failures`-th failed connection in a row, 100 ms doubling up to 30 s,
/// spread by ±20 % so that many callers do not come back as one.
pub(super) fn rest(failures: u32, sample: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let plain = (FIRST * (1 << doublings)).min(LONGEST);
    plain.mul_f64(0.4f64.mul_add(sample, 0.8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_from_a_tenth_of_a_second_to_thirty() {
        // A sample of one half is a factor of one.
        let rests = (1..=10).map(|k| rest(k, 0.5).as_millis());
        assert!(rests.eq([100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000]));
        assert_eq!(rest(u32::MAX, 0.5), LONGEST);
        assert_eq!(rest(0, 0.5), FIRST);
    }

    #[test]
    fn it_is_spread_by_a_fifth_both_ways() {
        assert_eq!(rest(1, 0.0).as_millis(), 80);
        assert!((119..=120).contains(&rest(1, 1.0 - f64::EPSILON).as_millis()));
    }
}
