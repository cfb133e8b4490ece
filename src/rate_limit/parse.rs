use super::{Quota, QuotaError};
use crate::human::duration;
use std::str::FromStr;

/// Quotas as people write them: permits, a slash or "per", a period, and perhaps a burst.
///
/// What [`Display`](std::fmt::Display) writes is read back as the same quota.
///
/// # Examples
///
/// ```
/// use seawall::rate_limit::{Quota, QuotaError};
/// use std::time::Duration;
///
/// assert_eq!("100/s burst 20".parse(), Ok(Quota::per_second(100).burst(20)));
/// assert_eq!("7 per minute".parse(), Ok(Quota::per_minute(7)));
/// assert_eq!("1/10s".parse(), Ok(Quota::per(1, Duration::from_secs(10))));
/// assert_eq!("5000 per 1.5 hours".parse(), Ok(Quota::per(5000, Duration::from_secs(5400))));
/// assert_eq!("unlimited".parse(), Ok(Quota::unlimited()));
///
/// assert_eq!("0/s".parse::<Quota>(), Err(QuotaError::ZeroPermits));
/// assert_eq!("100/fortnight".parse::<Quota>(), Err(QuotaError::Period));
/// ```
impl FromStr for Quota {
    type Err = QuotaError;

    fn from_str(text: &str) -> Result<Self, QuotaError> {
        match text.trim() {
            "deny all" => return Ok(Self::deny_all()),
            "unlimited" => return Ok(Self::unlimited()),
            _ => {}
        }
        let (permits, rest) =
            text.split_once('/').or_else(|| text.split_once(" per ")).ok_or(QuotaError::Form)?;
        let (period, burst) = match rest.split_once(" burst ") {
            Some((period, burst)) => (period, Some(burst)),
            None => (rest, None),
        };
        let permits = whole(permits).ok_or(QuotaError::Permits)?;
        let burst = burst.map_or(Ok(permits), |burst| whole(burst).ok_or(QuotaError::Burst))?;
        Self::new(permits, duration(period).ok_or(QuotaError::Period)?, burst)
    }
}

/// Digits alone: no sign, as `str::parse` would take.
fn whole(text: &str) -> Option<u32> {
    let text = text.trim();
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn what_is_wrong_is_named() {
        for (text, error) in [
            ("", QuotaError::Form),
            ("100", QuotaError::Form),
            ("x/s", QuotaError::Permits),
            ("-1/s", QuotaError::Permits),
            ("+1/s", QuotaError::Permits),
            ("4294967296/s", QuotaError::Permits),
            ("1.5/s", QuotaError::Permits),
            ("1/", QuotaError::Period),
            ("1/7", QuotaError::Period),
            ("1/1.5ns", QuotaError::Period),
            ("1/1.s", QuotaError::Period),
            ("1/.5s", QuotaError::Period),
            ("1/1.2.3s", QuotaError::Period),
            ("1/99999999999999999999s", QuotaError::Period),
            ("1/s burst", QuotaError::Period),
            ("1/s burst x", QuotaError::Burst),
            ("1/s burst 0", QuotaError::ZeroBurst),
            ("1/0s", QuotaError::ZeroPeriod),
        ] {
            assert_eq!(text.parse::<Quota>(), Err(error), "{text}");
        }
    }

    #[test]
    fn spaces_and_long_words_are_understood() {
        let quota = Quota::per(10, Duration::from_millis(1500)).burst(3);
        for text in ["10/1500ms burst 3", " 10 / 1.5s burst 3 ", "10 per 1.5 seconds burst 3"] {
            assert_eq!(text.parse(), Ok(quota), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(permits in 0..u32::MAX, period in any::<u64>(), burst in 0..u32::MAX) {
            let quota = Quota::per(permits, Duration::from_nanos(period)).burst(burst);
            prop_assert_eq!(quota.to_string().parse(), Ok(quota));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}", like in "[0-9./ nsmhdperbust]{0,30}") {
            let _ = text.parse::<Quota>();
            let _ = like.parse::<Quota>();
        }
    }
}
