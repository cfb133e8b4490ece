//! When to come back: `Retry-After`, read and written.

use http::HeaderMap;
use http::header::{DATE, HeaderValue, RETRY_AFTER};
use std::time::{Duration, SystemTime};

/// How long the answer with these headers asks its caller to stay away (RFC 9110, 10.2.3).
///
/// Both forms are read: whole seconds, and the three forms of an HTTP date. A date is measured from the
/// answer's own `Date`, and only without one from this machine's clock, so a wrong clock here does no harm.
/// What is neither (`+3`, `-1`, `1.5`, nothing, a date gone by) is as if absent. Of several lines the longest
/// counts; more digits than a number holds are longer than any cap.
///
/// # Examples
///
/// ```
/// use seawall::http::retry_after;
/// use http::HeaderMap;
/// use std::time::Duration;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("retry-after", "120".parse()?);
/// assert_eq!(retry_after(&headers), Some(Duration::from_secs(120)));
///
/// headers.insert("date", "Wed, 21 Oct 2015 07:28:00 GMT".parse()?);
/// headers.insert("retry-after", "Wed, 21 Oct 2015 07:28:30 GMT".parse()?);
/// assert_eq!(retry_after(&headers), Some(Duration::from_secs(30)));
///
/// headers.insert("retry-after", "soon".parse()?);
/// assert_eq!(retry_after(&headers), None);
/// # Ok::<_, http::header::InvalidHeaderValue>(())
/// ```
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let sent = || headers.get(DATE).and_then(date).unwrap_or_else(wall_clock);
    headers.get_all(RETRY_AFTER).iter().filter_map(|value| read(value, sent)).max()
}

/// `wait` as the value of a `Retry-After`: whole seconds, rounded up, at least one.
///
/// Who waits exactly so long has waited long enough.
///
/// # Examples
///
/// ```
/// use seawall::http::retry_after_value;
/// use std::time::Duration;
///
/// assert_eq!(retry_after_value(Duration::from_nanos(1)), "1");
/// assert_eq!(retry_after_value(Duration::new(1, 1)), "2");
/// ```
#[must_use]
pub fn retry_after_value(wait: Duration) -> HeaderValue {
    let started = u64::from(wait.subsec_nanos() > 0);
    HeaderValue::from(wait.as_secs().saturating_add(started).max(1))
}

fn read(value: &HeaderValue, sent: impl FnOnce() -> SystemTime) -> Option<Duration> {
    match digits(value.as_bytes().trim_ascii()) {
        Some(seconds) => Some(Duration::from_secs(seconds)),
        None => date(value)?.duration_since(sent()).ok(),
    }
}

/// The time from the answer's own `Date` to so many seconds, or milliseconds, of the Unix epoch; zero if gone by.
pub(super) fn since(headers: &HeaderMap, epoch: u64) -> Duration {
    // In seconds that would be the year 5138.
    const MILLIS: u64 = 100_000_000_000;
    let sent = headers.get(DATE).and_then(date).unwrap_or_else(wall_clock);
    let then = if epoch < MILLIS { Duration::from_secs(epoch) } else { Duration::from_millis(epoch) };
    let now = sent.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    then.saturating_sub(now)
}

/// A number of nothing but digits, saturating.
pub(super) fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(
        text.iter()
            .fold(0_u64, |number, digit| number.saturating_mul(10).saturating_add(u64::from(digit - b'0'))),
    )
}

fn date(value: &HeaderValue) -> Option<SystemTime> {
    httpdate::parse_http_date(value.to_str().ok()?.trim()).ok()
}

#[expect(
    clippy::disallowed_methods,
    reason = "an HTTP date is wall time, and the answer brought no clock of its own"
)]
fn wall_clock() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(RETRY_AFTER, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn dated(date: &str, value: &str) -> Option<Duration> {
        let mut headers = lines(&[value]);
        headers.insert(DATE, HeaderValue::from_str(date).unwrap());
        retry_after(&headers)
    }

    #[test]
    fn seconds_are_digits_only() {
        assert_eq!(retry_after(&lines(&[" 120\t"])), Some(Duration::from_secs(120)));
        assert_eq!(retry_after(&lines(&["0"])), Some(Duration::ZERO));
        for garbage in ["+3", "-1", "1.5", "", " ", "1 2", "0x10", "1s", "١"] {
            assert_eq!(retry_after(&lines(&[garbage])), None, "{garbage:?}");
        }
    }

    #[test]
    fn too_many_digits_are_longer_than_any_cap() {
        let wait = retry_after(&lines(&["99999999999999999999999999"])).unwrap();
        assert_eq!(wait, Duration::from_secs(u64::MAX));
    }

    #[test]
    fn of_several_lines_the_longest_counts() {
        assert_eq!(retry_after(&lines(&["3", "garbage", "7", "5"])), Some(Duration::from_secs(7)));
    }

    #[test]
    fn a_date_is_measured_from_the_answers_own() {
        let sent = "Sun, 06 Nov 1994 08:49:37 GMT";
        for later in
            ["Sun, 06 Nov 1994 08:50:07 GMT", "Sunday, 06-Nov-94 08:50:07 GMT", "Sun Nov  6 08:50:07 1994"]
        {
            assert_eq!(dated(sent, later), Some(Duration::from_secs(30)), "{later}");
        }
        assert_eq!(dated(sent, "Sun, 06 Nov 1994 08:49:36 GMT"), None);
    }

    #[test]
    fn a_date_without_a_sender_is_measured_from_here() {
        let far = retry_after(&lines(&["Fri, 31 Dec 9999 23:59:59 GMT"])).unwrap();
        assert!(far > Duration::from_secs(1_000_000_000));
        assert_eq!(retry_after(&lines(&["Sun, 06 Nov 1994 08:49:37 GMT"])), None);
    }

    #[test]
    fn a_wait_is_rounded_up_and_never_nothing() {
        let written = |wait| retry_after_value(wait).to_str().unwrap().to_owned();
        assert_eq!(written(Duration::ZERO), "1");
        assert_eq!(written(Duration::from_nanos(1)), "1");
        assert_eq!(written(Duration::from_millis(200)), "1");
        assert_eq!(written(Duration::from_secs(1)), "1");
        assert_eq!(written(Duration::new(1, 1)), "2");
        assert_eq!(written(Duration::from_millis(59_200)), "60");
        assert_eq!(written(Duration::MAX), u64::MAX.to_string());
    }

    proptest! {
        #[test]
        fn no_header_panics(value in proptest::collection::vec(any::<u8>(), 0..64), date in ".{0,40}") {
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.append(RETRY_AFTER, value);
            }
            if let Ok(date) = HeaderValue::from_str(&date) {
                headers.append(DATE, date);
            }
            let _ = retry_after(&headers);
        }

        #[test]
        fn no_near_date_panics(value in "[A-Z][a-z]{2,8}, [0-9]{1,2}[ -][A-Z][a-z]{2}[ -][0-9]{2,5} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT") {
            let _ = retry_after(&lines(&[&value]));
        }

        #[test]
        fn what_is_written_is_read_as_no_less(wait in any::<Duration>()) {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, retry_after_value(wait));
            let read = retry_after(&headers).unwrap();
            prop_assert!(read >= wait || wait.as_secs() == u64::MAX);
            prop_assert!(read.saturating_sub(wait) <= Duration::from_secs(1));
        }
    }
}
