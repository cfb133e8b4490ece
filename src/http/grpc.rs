//! What gRPC says in HTTP headers.

use super::retry_after::digits;
use super::retry_info;
use crate::class::Class;
use crate::deadline;
use crate::time::Instant;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use std::time::Duration;

pub(super) const STATUS: HeaderName = HeaderName::from_static("grpc-status");
pub(super) const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");
pub(super) const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
pub(super) const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// Whether a request or an answer with these headers is gRPC.
///
/// That is a content type of `application/grpc`, alone or followed by `+` or `;`: neither gRPC-Web, whose status
/// stands in the body, nor another word that begins so.
///
/// # Examples
///
/// ```
/// use seawall::http::is_grpc;
/// use http::HeaderMap;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("content-type", "application/grpc+proto".parse()?);
/// assert!(is_grpc(&headers));
/// headers.insert("content-type", "application/grpc-web".parse()?);
/// assert!(!is_grpc(&headers));
/// # Ok::<_, http::header::InvalidHeaderValue>(())
/// ```
#[must_use]
pub fn is_grpc(headers: &HeaderMap) -> bool {
    const NAME: usize = "application/grpc".len();
    headers.get(CONTENT_TYPE).is_some_and(|value| {
        let value = value.as_bytes();
        value.len() >= NAME
            && value[..NAME].eq_ignore_ascii_case(GRPC.as_bytes())
            && matches!(value.get(NAME), None | Some(b'+' | b';'))
    })
}

/// What the head of a gRPC answer says. Without a status in it, a 200 has begun well: how it ends stands in
/// the trailers.
pub(super) fn class(status: StatusCode, headers: &HeaderMap) -> Class {
    let code = match headers.get(STATUS) {
        Some(code) => digits(code.as_bytes()),
        None if status == StatusCode::OK => return Class::Success,
        None => Some(mapped(status)),
    };
    match (code, pushback(headers)) {
        (Some(0), _) => Class::Success,
        // A call that is cut off at our own deadline ends so in some stacks: the peer was too slow.
        (Some(1), _) if deadline::is_over(Instant::now) => Class::Overload(None),
        // The caller's doing. 12 is what a 404 maps to; behind 1 stands the caller too.
        (Some(1 | 3 | 5 | 6 | 7 | 9 | 10 | 11 | 12 | 16), _) => Class::Neutral,
        (Some(15), _) | (_, Pushback::Never) => Class::Permanent,
        (Some(4 | 8), Pushback::Unsaid) => Class::Overload(None),
        (_, Pushback::After(wait)) => Class::Overload(Some(wait)),
        (_, Pushback::Unsaid) => Class::Transient,
    }
}

/// What a gRPC call says that had no status in its head, now that its body is at its end.
pub(super) fn ended(trailers: Option<&HeaderMap>) -> Class {
    match trailers {
        Some(trailers) if trailers.contains_key(STATUS) => class(StatusCode::OK, trailers),
        // No status anywhere: 2, UNKNOWN.
        Some(_) | None => Class::Transient,
    }
}

/// Whether a trailers-only answer says that the call may be made again though it is not idempotent: the server was
/// unavailable, or names the time to come back itself.
pub(super) fn did_nothing(headers: &HeaderMap) -> bool {
    let code = headers.get(STATUS).and_then(|code| digits(code.as_bytes()));
    matches!((code, pushback(headers)), (Some(14), Pushback::Unsaid) | (Some(8 | 14), Pushback::After(_)))
}

/// The code that stands for an answer of something that does not speak gRPC (doc/http-grpc-status-mapping.md).
const fn mapped(status: StatusCode) -> u64 {
    match status.as_u16() {
        400 | 431 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502 | 503 | 504 => 14,
        _ => 2,
    }
}

/// What the server says about trying again (gRFC A6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pushback {
    Unsaid,
    After(Duration),
    Never,
}

fn pushback(headers: &HeaderMap) -> Pushback {
    let mut values = headers.get_all(PUSHBACK).iter();
    match (values.next(), values.next()) {
        // The same in the other way in which servers say it.
        (None, _) => retry_info::read(headers).map_or(Pushback::Unsaid, Pushback::After),
        (Some(value), None) => match digits(value.as_bytes()) {
            Some(millis) if millis <= MOST_MILLIS => Pushback::After(Duration::from_millis(millis)),
            _ => Pushback::Never,
        },
        (Some(_), Some(_)) => Pushback::Never,
    }
}

/// A pushback is an `i32`; what lies beyond it reads as "do not come back".
const MOST_MILLIS: u64 = i32::MAX as u64;

/// `wait` as a pushback: whole milliseconds, rounded up, at least one.
pub(super) fn pushback_value(wait: Duration) -> HeaderValue {
    let millis = wait.as_nanos().div_ceil(1_000_000).max(1);
    match u64::try_from(millis) {
        Ok(millis) if millis <= MOST_MILLIS => HeaderValue::from(millis),
        _ => NEVER,
    }
}

/// The pushback that says "never".
pub(super) const NEVER: HeaderValue = HeaderValue::from_static("-1");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deadline::Deadline;
    use proptest::prelude::*;

    fn head(code: &str, pushback: &[&str]) -> Class {
        let mut headers = HeaderMap::new();
        headers.insert(STATUS, HeaderValue::from_str(code).unwrap());
        for value in pushback {
            headers.append(PUSHBACK, HeaderValue::from_str(value).unwrap());
        }
        class(StatusCode::OK, &headers)
    }

    #[test]
    fn each_code_has_its_class() {
        let expected = |code: u32| match code {
            0 => Class::Success,
            1 | 3 | 5 | 6 | 7 | 9 | 10 | 11 | 12 | 16 => Class::Neutral,
            15 => Class::Permanent,
            4 | 8 => Class::Overload(None),
            _ => Class::Transient,
        };
        for code in 0..40 {
            assert_eq!(head(&code.to_string(), &[]), expected(code), "{code}");
        }
        for unreadable in ["", "-1", "x", "99999999999999999999999"] {
            assert_eq!(head(unreadable, &[]), Class::Transient, "{unreadable:?}");
        }
    }

    #[test]
    fn cancelled_at_our_own_deadline_is_a_timeout() {
        let at = |deadline: Instant| Deadline::at(deadline).scope_sync(|| head("1", &[]));
        assert_eq!(at(Instant::ZERO), Class::Overload(None));
        assert_eq!(at(Instant::now() + Duration::from_secs(60)), Class::Neutral);
    }

    #[test]
    fn a_pushback_names_the_wait_or_forbids_it() {
        for code in ["4", "8", "14"] {
            assert_eq!(head(code, &["250"]), Class::Overload(Some(Duration::from_millis(250))));
            for never in [&["-1"][..], &["soon"], &[""], &["2147483648"], &["1", "1"]] {
                assert_eq!(head(code, never), Class::Permanent, "{never:?}");
            }
        }
        assert_eq!(head("14", &["0"]), Class::Overload(Some(Duration::ZERO)));
        assert_eq!(head("0", &["-1"]), Class::Success);
        assert_eq!(head("5", &["-1"]), Class::Neutral);
    }

    #[test]
    fn an_answer_without_a_code_is_mapped() {
        let expect = |status: u16, class_: Class| {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(class(status, &HeaderMap::new()), class_, "{status}");
        };
        expect(200, Class::Success);
        expect(204, Class::Transient);
        expect(400, Class::Transient);
        expect(401, Class::Neutral);
        expect(403, Class::Neutral);
        expect(404, Class::Neutral);
        expect(418, Class::Transient);
        expect(429, Class::Transient);
        expect(431, Class::Transient);
        expect(503, Class::Transient);
    }

    #[test]
    fn grpc_is_a_content_type_of_its_own() {
        let is = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_str(value).unwrap());
            is_grpc(&headers)
        };
        for grpc in ["application/grpc", "application/grpc+proto", "Application/GRPC; x=y"] {
            assert!(is(grpc), "{grpc}");
        }
        for other in
            ["application/grpc-web", "application/grpcfoo", "application/grp", "", "text/application/grpc"]
        {
            assert!(!is(other), "{other}");
        }
        assert!(!is_grpc(&HeaderMap::new()));
    }

    #[test]
    fn a_wait_becomes_whole_milliseconds() {
        assert_eq!(pushback_value(Duration::ZERO), "1");
        assert_eq!(pushback_value(Duration::from_micros(1001)), "2");
        assert_eq!(pushback_value(Duration::from_millis(MOST_MILLIS)), "2147483647");
        assert_eq!(pushback_value(Duration::MAX), "-1");
    }

    proptest! {
        #[test]
        fn no_header_panics(
            code in proptest::collection::vec(any::<u8>(), 0..12),
            pushback in proptest::collection::vec(any::<u8>(), 0..12),
            kind in proptest::collection::vec(any::<u8>(), 0..24),
            status in 100_u16..1000,
        ) {
            let mut headers = HeaderMap::new();
            for (name, value) in [(STATUS, code), (PUSHBACK, pushback), (CONTENT_TYPE, kind)] {
                if let Ok(value) = HeaderValue::from_bytes(&value) {
                    headers.append(name, value);
                }
            }
            let _ = (is_grpc(&headers), class(StatusCode::from_u16(status).unwrap(), &headers));
        }
    }
}
