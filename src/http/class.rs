//! What an answer says about the peer.

use super::mark::Mark;
use super::{grpc, is_grpc, retry_after};
use crate::class::{Class, Classify};
use http::{HeaderMap, Response, StatusCode};

/// Classes HTTP and gRPC answers by their head: the classifier for every gate and driver over HTTP.
///
/// | [`Class`] | HTTP status | gRPC status |
/// |---|---|---|
/// | `Success` | 1xx, 2xx, 3xx | 0 |
/// | `Neutral` | other 4xx: the caller's doing, it says nothing about the peer | 1, 3, 5, 6, 7, 9, 10, 11, 12, 16 |
/// | `Transient` | 408, other 5xx, 600 and above | 2, 13, 14 without a pushback; unreadable; above 16 |
/// | `Permanent` | 501, 505, 506, 508, 510, 511: the same request fails again | 15; a pushback that says "never" |
/// | `Overload` | 429, 503, 504, with their `Retry-After` | 4, 8; 14 with a pushback; 1 if our own deadline is over |
///
/// An error without an answer is `Transient`. An answer that [`Respond`](struct@super::Respond) made of a refusal or a
/// timeout, in the same process, is read as what it was: a refusal is never evidence.
///
/// # Examples
///
/// As the classifier of a layer over any `Service` that answers with an [`http::Response`]:
///
/// ```
/// use seawall::ConcurrencyLimit;
/// use seawall::http::Status;
///
/// let layer = ConcurrencyLimit::new("upstream", 64).layer().classifier(Status::new());
/// # let _ = layer;
/// ```
///
/// As a function of the parts, for a client with a response type of its own:
///
/// ```
/// use http::{HeaderMap, StatusCode};
/// use seawall::Class;
/// use seawall::http::Status;
///
/// struct Answer { status: StatusCode, headers: HeaderMap }
///
/// let classify = |result: Result<&Answer, &std::io::Error>| match result {
///     Ok(answer) => Status::new().of(answer.status, &answer.headers),
///     Err(_) => Class::Transient,
/// };
/// let missing = Answer { status: StatusCode::NOT_FOUND, headers: HeaderMap::new() };
/// assert_eq!(classify(Ok(&missing)), Class::Neutral);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    grpc: bool,
}

impl Status {
    /// Answers are gRPC if their content type says so, else HTTP.
    ///
    /// ```
    /// use http::{HeaderMap, StatusCode};
    /// use seawall::{Class, http::Status};
    /// assert_eq!(Status::new().of(StatusCode::BAD_GATEWAY, &HeaderMap::new()), Class::Transient);
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { grpc: false }
    }

    /// The requests are gRPC, so their answers are, whatever a proxy on the way has made of them.
    ///
    /// ```
    /// use http::{HeaderMap, StatusCode};
    /// use seawall::{Class, http::Status};
    /// assert_eq!(Status::grpc().of(StatusCode::UNAUTHORIZED, &HeaderMap::new()), Class::Neutral);
    /// ```
    #[must_use]
    pub const fn grpc() -> Self {
        Self { grpc: true }
    }

    /// The class of an answer with this head.
    ///
    /// ```
    /// use http::{HeaderMap, StatusCode};
    /// use seawall::{Class, http::Status};
    /// use std::time::Duration;
    ///
    /// let mut headers = HeaderMap::new();
    /// headers.insert("retry-after", 2.into());
    /// let class = Status::new().of(StatusCode::SERVICE_UNAVAILABLE, &headers);
    /// assert_eq!(class, Class::Overload(Some(Duration::from_secs(2))));
    /// ```
    #[must_use]
    pub fn of(&self, status: StatusCode, headers: &HeaderMap) -> Class {
        if self.grpc || is_grpc(headers) {
            return grpc::class(status, headers);
        }
        match status.as_u16() {
            ..400 => Class::Success,
            408 => Class::Transient,
            429 | 503 | 504 => Class::Overload(retry_after(headers)),
            400..=499 => Class::Neutral,
            501 | 505 | 506 | 508 | 510 | 511 => Class::Permanent,
            // Other 5xx, and above 599 too: RFC 9110 (15) has an invalid status taken for a 5xx.
            _ => Class::Transient,
        }
    }
}

impl<B, E: ?Sized> Classify<Response<B>, E> for Status {
    fn classify(&self, result: Result<&Response<B>, &E>) -> Class {
        let Ok(answer) = result else { return Class::Transient };
        match answer.extensions().get() {
            None => self.of(answer.status(), answer.headers()),
            Some(Mark::Refused) => Class::Neutral,
            Some(Mark::TimedOut) => Classify::<Response<B>, E>::timed_out(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn of(status: u16) -> Class {
        Status::new().of(StatusCode::from_u16(status).unwrap(), &HeaderMap::new())
    }

    #[test]
    fn each_status_has_its_class() {
        for status in 100..1000 {
            let expected = match status {
                100..400 => Class::Success,
                429 | 503 | 504 => Class::Overload(None),
                408 => Class::Transient,
                400..=499 => Class::Neutral,
                501 | 505 | 506 | 508 | 510 | 511 => Class::Permanent,
                _ => Class::Transient,
            };
            assert_eq!(of(status), expected, "{status}");
        }
    }

    #[test]
    fn only_three_read_retry_after() {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", 9.into());
        for status in 100..1000 {
            let class = Status::new().of(StatusCode::from_u16(status).unwrap(), &headers);
            match status {
                429 | 503 | 504 => assert_eq!(class, Class::Overload(Some(Duration::from_secs(9)))),
                _ => assert_eq!(class, of(status), "{status}"),
            }
        }
    }

    #[test]
    fn a_marked_answer_is_read_as_what_it_was() {
        let classify = |mark| {
            let mut answer = Response::builder().status(503).body(()).unwrap();
            answer.extensions_mut().insert(mark);
            Classify::<_, ()>::classify(&Status::new(), Ok(&answer))
        };
        assert_eq!(classify(Mark::Refused), Class::Neutral);
        assert_eq!(classify(Mark::TimedOut), Class::Overload(None));
    }
}
