//! How long a caller will wait, as headers say it.

use super::is_grpc;
use super::retry_after::digits;
use crate::deadline::Deadline;
use http::Request;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use std::time::Duration;

const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// The headers in which a deadline comes and goes on: `grpc-timeout` on gRPC requests, and on others one of whole
/// milliseconds, if you name it.
///
/// # Examples
///
/// In: the deadline of each request, never later than ten seconds from now.
///
/// ```
/// use http::{HeaderName, Request};
/// use seawall::deadline::Deadlines;
/// use seawall::http::DeadlineHeaders;
/// use std::time::Duration;
///
/// let headers = DeadlineHeaders::new()
///     .millis(HeaderName::from_static("x-envoy-expected-rq-timeout-ms"))
///     .at_most(Duration::from_secs(10));
/// let deadlines = Deadlines::per_request("api", move |request: &Request<String>| headers.of(request));
/// # let _ = deadlines;
/// ```
///
/// Out: [`pass_on`](Self::pass_on) writes what is left; [`PassDeadline`](super::PassDeadline) does so for a client.
///
/// # What is read
///
/// `grpc-timeout` is one to eight digits and a unit (`H M S m u n`). What is malformed is as if absent.
///
/// # What is written
///
/// What is left, rounded down: never more than there is. `grpc-timeout` in the finest unit that fits eight digits.
/// A smaller value that is there already stays.
#[derive(Clone, Debug, Default)]
pub struct DeadlineHeaders {
    millis: Option<HeaderName>,
    at_most: Option<Duration>,
}

impl DeadlineHeaders {
    /// `grpc-timeout` on gRPC requests, and nothing else.
    ///
    /// ```
    /// use http::HeaderMap;
    /// use seawall::http::DeadlineHeaders;
    /// use std::time::Duration;
    ///
    /// let mut headers = HeaderMap::new();
    /// headers.insert("content-type", "application/grpc".parse()?);
    /// headers.insert("grpc-timeout", "250m".parse()?);
    /// assert_eq!(DeadlineHeaders::new().patience(&headers), Some(Duration::from_millis(250)));
    /// # Ok::<_, http::header::InvalidHeaderValue>(())
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { millis: None, at_most: None }
    }

    /// On requests that are not gRPC, a header of whole milliseconds: believed, and passed on, only if you name it.
    ///
    /// ```
    /// use http::{HeaderMap, HeaderName};
    /// use seawall::http::DeadlineHeaders;
    /// use std::time::Duration;
    ///
    /// let name = HeaderName::from_static("x-request-timeout-ms");
    /// let mut headers = HeaderMap::new();
    /// headers.insert(&name, 250.into());
    /// assert_eq!(DeadlineHeaders::new().patience(&headers), None);
    /// assert_eq!(DeadlineHeaders::new().millis(name).patience(&headers), Some(Duration::from_millis(250)));
    /// ```
    #[must_use]
    pub fn millis(mut self, name: HeaderName) -> Self {
        self.millis = Some(name);
        self
    }

    /// However patient the caller: no longer than this, and so long if the caller does not say.
    ///
    /// ```
    /// use http::HeaderMap;
    /// use seawall::http::DeadlineHeaders;
    /// use std::time::Duration;
    /// let headers = DeadlineHeaders::new().at_most(Duration::from_secs(10));
    /// assert_eq!(headers.patience(&HeaderMap::new()), Some(Duration::from_secs(10)));
    /// ```
    #[must_use]
    pub const fn at_most(mut self, longest: Duration) -> Self {
        self.at_most = Some(longest);
        self
    }

    /// How long the sender of these headers will wait.
    ///
    /// ```
    /// use http::HeaderMap;
    /// assert_eq!(seawall::http::DeadlineHeaders::new().patience(&HeaderMap::new()), None);
    /// ```
    #[must_use]
    pub fn patience(&self, headers: &HeaderMap) -> Option<Duration> {
        match (self.said(headers), self.at_most) {
            (Some(said), Some(longest)) => Some(said.min(longest)),
            (said, longest) => said.or(longest),
        }
    }

    /// The deadline of a request that has just come in.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// use http::Request;
    /// use seawall::http::DeadlineHeaders;
    /// use std::time::Duration;
    /// let deadline = DeadlineHeaders::new().at_most(Duration::from_secs(10)).of(&Request::new(()));
    /// assert_eq!(deadline.unwrap().remaining(), Duration::from_secs(10));
    /// # }
    /// ```
    #[must_use]
    pub fn of<B>(&self, request: &Request<B>) -> Option<Deadline> {
        self.patience(request.headers()).map(Deadline::within)
    }

    /// Tells whoever gets these headers that `left` is left; false if that is less than can be told, so that the
    /// request should not be sent.
    ///
    /// ```
    /// use http::{HeaderMap, HeaderName};
    /// use seawall::http::DeadlineHeaders;
    /// use std::time::Duration;
    ///
    /// let name = HeaderName::from_static("x-request-timeout-ms");
    /// let out = DeadlineHeaders::new().millis(name);
    /// let mut headers = HeaderMap::new();
    /// assert!(out.pass_on(&mut headers, Duration::from_micros(1_999)));
    /// assert_eq!(headers["x-request-timeout-ms"], "1");
    /// assert!(!out.pass_on(&mut headers, Duration::from_micros(999)));
    /// ```
    #[must_use]
    pub fn pass_on(&self, headers: &mut HeaderMap, left: Duration) -> bool {
        let grpc = is_grpc(headers);
        let name = match &self.millis {
            _ if grpc => &GRPC_TIMEOUT,
            Some(name) => name,
            None => return !left.is_zero(),
        };
        let Some(value) = (if grpc { in_grpc_units(left) } else { in_millis(left) }) else { return false };
        if self.said(headers).is_none_or(|said| said > left) {
            headers.insert(name, value);
        }
        true
    }

    /// What the headers say themselves.
    fn said(&self, headers: &HeaderMap) -> Option<Duration> {
        if is_grpc(headers) {
            grpc_timeout(headers.get(GRPC_TIMEOUT)?.as_bytes())
        } else {
            digits(headers.get(self.millis.as_ref()?)?.as_bytes()).map(Duration::from_millis)
        }
    }
}

/// The units of `grpc-timeout` from the finest, in nanoseconds.
const UNITS: [(u8, u64); 6] = [
    (b'n', 1),
    (b'u', 1_000),
    (b'm', 1_000_000),
    (b'S', 1_000_000_000),
    (b'M', 60_000_000_000),
    (b'H', 3_600_000_000_000),
];
/// What eight digits can say.
const MOST: u128 = 99_999_999;

fn grpc_timeout(value: &[u8]) -> Option<Duration> {
    let (unit, number) = value.split_last()?;
    let (_, nanos) = UNITS.iter().find(|(letter, _)| letter == unit)?;
    let number = digits(number).filter(|_| number.len() <= 8)?;
    Some(Duration::from_nanos(*nanos).saturating_mul(u32::try_from(number).ok()?))
}

fn in_grpc_units(left: Duration) -> Option<HeaderValue> {
    let (unit, number) = UNITS
        .iter()
        .map(|(unit, nanos)| (unit, left.as_nanos() / u128::from(*nanos)))
        .find(|(_, number)| *number <= MOST)
        .unwrap_or((&b'H', MOST));
    if number == 0 {
        return None;
    }
    HeaderValue::try_from(format!("{number}{}", char::from(*unit))).ok()
}

fn in_millis(left: Duration) -> Option<HeaderValue> {
    let millis = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
    (millis > 0).then(|| HeaderValue::from(millis))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAMED: HeaderName = HeaderName::from_static("x-request-timeout-ms");

    fn grpc(timeout: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/grpc"));
        if !timeout.is_empty() {
            headers.insert(GRPC_TIMEOUT, HeaderValue::from_str(timeout).unwrap());
        }
        headers
    }

    fn told(left: Duration) -> Option<String> {
        let mut headers = grpc("");
        let sent = DeadlineHeaders::new().pass_on(&mut headers, left);
        sent.then(|| headers[GRPC_TIMEOUT].to_str().unwrap().to_owned())
    }

    #[test]
    fn a_grpc_timeout_is_read_in_each_unit() {
        let read = |value| DeadlineHeaders::new().patience(&grpc(value));
        for (value, expected) in [
            ("1H", Duration::from_secs(3600)),
            ("2M", Duration::from_secs(120)),
            ("3S", Duration::from_secs(3)),
            ("4m", Duration::from_millis(4)),
            ("5u", Duration::from_micros(5)),
            ("6n", Duration::from_nanos(6)),
            ("00000007S", Duration::from_secs(7)),
            ("0n", Duration::ZERO),
        ] {
            assert_eq!(read(value), Some(expected), "{value}");
        }
        assert_eq!(read("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        for garbage in ["1", "S", "1s", "-1S", "+1S", "1.5S", "123456789S", "1 S", " 1S", "1SS"] {
            assert_eq!(read(garbage), None, "{garbage:?}");
        }
    }

    #[test]
    fn hours_beyond_the_clock_are_never() {
        let request = Request::from_parts(
            {
                let mut parts = Request::new(()).into_parts().0;
                parts.headers = grpc("99999999H");
                parts
            },
            (),
        );
        assert!(DeadlineHeaders::new().of(&request).is_some());
    }

    #[test]
    fn what_is_left_is_told_in_the_finest_unit_that_fits() {
        for (left, expected) in [
            (Duration::from_secs(1), "1000000u"),
            (Duration::from_millis(1500), "1500000u"),
            (Duration::from_millis(50), "50000000n"),
            (Duration::from_millis(250), "250000u"),
            (Duration::from_secs(2 * 3600), "7200000m"),
            (Duration::from_secs(30 * 3600), "108000S"),
            (Duration::from_nanos(1), "1n"),
            (Duration::MAX, "99999999H"),
        ] {
            assert_eq!(told(left).as_deref(), Some(expected), "{left:?}");
        }
        assert_eq!(told(Duration::ZERO), None);
    }

    #[test]
    fn a_smaller_value_stays_and_a_larger_or_unreadable_one_goes() {
        let out = DeadlineHeaders::new();
        for (there, left, expected) in [("1S", 2, "1S"), ("3S", 2, "2000000u"), ("soon", 2, "2000000u")] {
            let mut headers = grpc(there);
            assert!(out.pass_on(&mut headers, Duration::from_secs(left)));
            assert_eq!(headers[GRPC_TIMEOUT], expected, "{there}");
        }
    }

    #[test]
    fn a_header_of_milliseconds_is_read_and_written_only_if_named() {
        let mut headers = HeaderMap::new();
        headers.insert(NAMED, HeaderValue::from_static("1500"));
        assert_eq!(DeadlineHeaders::new().patience(&headers), None);
        let named = DeadlineHeaders::new().millis(NAMED);
        assert_eq!(named.patience(&headers), Some(Duration::from_millis(1500)));
        assert!(named.pass_on(&mut headers, Duration::from_micros(900_900)));
        assert_eq!(headers[NAMED], "900");
        assert!(DeadlineHeaders::new().pass_on(&mut headers, Duration::from_millis(1)));
        assert_eq!(headers[NAMED], "900");
        assert!(!DeadlineHeaders::new().pass_on(&mut headers, Duration::ZERO));
    }

    #[test]
    fn no_caller_is_given_more_than_the_servers_own_maximum() {
        let server = DeadlineHeaders::new().at_most(Duration::from_secs(5));
        assert_eq!(server.patience(&grpc("1H")), Some(Duration::from_secs(5)));
        assert_eq!(server.patience(&grpc("1S")), Some(Duration::from_secs(1)));
        assert_eq!(server.patience(&grpc("garbage")), Some(Duration::from_secs(5)));
    }

    proptest! {
        #[test]
        fn no_header_panics(value in proptest::collection::vec(any::<u8>(), 0..16), left in any::<Duration>()) {
            let mut headers = grpc("");
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.insert(GRPC_TIMEOUT, value.clone());
                headers.insert(NAMED, value);
            }
            let both = DeadlineHeaders::new().millis(NAMED);
            let _ = (both.patience(&headers), both.pass_on(&mut headers, left));
            headers.remove("content-type");
            let _ = (both.patience(&headers), both.pass_on(&mut headers, left));
        }

        #[test]
        fn never_more_is_told_than_is_left(left in any::<Duration>()) {
            if let Some(told) = told(left) {
                let read = grpc_timeout(told.as_bytes()).unwrap();
                prop_assert!(read <= left);
                // Eight digits lose less than a part in a million, but for what is beyond all units.
                prop_assert!(left - read <= left / 1_000_000 || told == "99999999H");
            }
        }
    }
}
