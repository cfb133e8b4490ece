//! Which answer a refusal or a timeout becomes.

use super::mark::Mark;
use super::{grpc, is_grpc, retry_after_value, retry_info};
use crate::error::{Reason, Rejected, TimedOut};
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, Request, Response, StatusCode, Version};

/// A call that has no answer of its own, about to be given one: what a function of
/// [`Respond::answer`](super::Respond::answer) is told.
///
/// # Examples
///
/// ```
/// use seawall::Reason;
/// use seawall::http::Unanswered;
///
/// fn is_quota(unanswered: &Unanswered) -> bool {
///     unanswered.rejected().is_some_and(|rejected| rejected.reason() == Reason::RateLimited)
/// }
/// # let _ = is_quota;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unanswered {
    pub(super) why: Why,
    pub(super) asked: Asked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    Rejected(Rejected),
    TimedOut(TimedOut),
}

/// How the request was asked, as far as it shapes the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    grpc: bool,
    http1: bool,
}

impl Asked {
    #[inline]
    pub(super) fn by<B>(request: &Request<B>) -> Self {
        Self { grpc: is_grpc(request.headers()), http1: request.version() <= Version::HTTP_11 }
    }
}

impl Unanswered {
    /// The refusal, if it was one: nothing was handed over.
    ///
    /// ```
    /// # use seawall::http::Unanswered;
    /// fn who(unanswered: &Unanswered) -> Option<&'static str> {
    ///     unanswered.rejected().map(|rejected| rejected.by().as_str())
    /// }
    /// # let _ = who;
    /// ```
    #[must_use]
    pub const fn rejected(&self) -> Option<&Rejected> {
        match &self.why {
            Why::Rejected(rejected) => Some(rejected),
            Why::TimedOut(_) => None,
        }
    }

    /// The timeout, if it was one: the call may or may not have happened.
    ///
    /// ```
    /// # use seawall::http::Unanswered;
    /// fn waited(unanswered: &Unanswered) -> Option<std::time::Duration> {
    ///     unanswered.timed_out().map(|timed_out| timed_out.after())
    /// }
    /// # let _ = waited;
    /// ```
    #[must_use]
    pub const fn timed_out(&self) -> Option<&TimedOut> {
        match &self.why {
            Why::Rejected(_) => None,
            Why::TimedOut(timed_out) => Some(timed_out),
        }
    }

    /// Whether the request was gRPC, so that its answer must be.
    ///
    /// ```
    /// # use seawall::http::Unanswered;
    /// fn wants_json(unanswered: &Unanswered) -> bool {
    ///     !unanswered.is_grpc()
    /// }
    /// # let _ = wants_json;
    /// ```
    #[must_use]
    pub const fn is_grpc(&self) -> bool {
        self.asked.grpc
    }

    /// The answer of the table, without its mark.
    pub(super) fn answer(&self) -> Response<Bytes> {
        let (status, code) = match &self.why {
            Why::Rejected(rejected) => codes(rejected),
            Why::TimedOut(_) => LATE,
        };
        let mut answer = Response::new(Bytes::new());
        if self.asked.grpc {
            self.grpc(code, answer.headers_mut());
        } else {
            *answer.status_mut() = status;
            self.http(answer.headers_mut());
        }
        answer
    }

    pub(super) const fn mark(&self) -> Mark {
        match self.why {
            Why::Rejected(_) => Mark::Refused,
            Why::TimedOut(_) => Mark::TimedOut,
        }
    }

    fn http(&self, headers: &mut HeaderMap) {
        let Some(rejected) = self.rejected() else { return };
        if rejected.reason() == Reason::Draining && self.asked.http1 {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(wait) = rejected.retry_after()
            && may_come_back(rejected.reason())
        {
            headers.insert(RETRY_AFTER, retry_after_value(wait));
        }
    }

    /// Trailers only: the status stands in the head, and there is no body. The head says no more than a
    /// stranger may know: neither the instance nor its limits.
    fn grpc(&self, code: Code, headers: &mut HeaderMap) {
        headers.insert(CONTENT_TYPE, grpc::GRPC);
        headers.insert(grpc::STATUS, HeaderValue::from_static(code.0));
        headers.insert(grpc::MESSAGE, HeaderValue::from_static(code.1));
        let Some(rejected) = self.rejected() else { return };
        let pushback = match rejected.retry_after() {
            _ if !may_come_back(rejected.reason()) => grpc::NEVER,
            Some(wait) => {
                retry_info::write(code.0.parse().unwrap_or(2), code.1, wait, headers);
                grpc::pushback_value(wait)
            }
            None => return,
        };
        headers.insert(grpc::PUSHBACK, pushback);
    }
}

/// A gRPC status and its message, which is the same for everybody.
type Code = (&'static str, &'static str);

const INVALID: Code = ("3", "no client key");
const LATE: (StatusCode, Code) = (StatusCode::GATEWAY_TIMEOUT, ("4", "deadline exceeded"));
const EXHAUSTED: Code = ("8", "rate limited");
const TOO_LARGE: Code = ("8", "costs more than can ever be admitted");
const UNAVAILABLE: Code = ("14", "unavailable");

const fn codes(rejected: &Rejected) -> (StatusCode, Code) {
    match rejected.reason() {
        // A queue answers as what was waited for.
        Reason::RateLimited | Reason::QueueFull | Reason::QueueTimeout if rejected.is_for_quota() => {
            (StatusCode::TOO_MANY_REQUESTS, EXHAUSTED)
        }
        Reason::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE),
        Reason::NoKey => (StatusCode::BAD_REQUEST, INVALID),
        Reason::Deadline => LATE,
        _ => (StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE),
    }
}

/// Whether the very same request could ever be admitted.
const fn may_come_back(reason: Reason) -> bool {
    !matches!(reason, Reason::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn refused(reason: Reason, wait: Option<Duration>, grpc: bool) -> Response<Bytes> {
        let mut rejected = Rejected::new("secret", reason);
        if let Some(wait) = wait {
            rejected = rejected.retry_in(wait);
        }
        Unanswered { why: Why::Rejected(rejected), asked: Asked { grpc, http1: true } }.answer()
    }

    fn value<'a>(answer: &'a Response<Bytes>, name: &str) -> Option<&'a str> {
        answer.headers().get(name).map(|value| value.to_str().unwrap())
    }

    #[test]
    fn each_reason_has_its_status_and_its_code() {
        for (reason, status, code) in [
            (Reason::RateLimited, 429, "8"),
            (Reason::TooLarge, 413, "8"),
            (Reason::CircuitOpen, 503, "14"),
            (Reason::ProbesTaken, 503, "14"),
            (Reason::Ramping, 503, "14"),
            (Reason::ForcedOpen, 503, "14"),
            (Reason::LimitReached, 503, "14"),
            (Reason::Priority, 503, "14"),
            (Reason::NotReady, 503, "14"),
            (Reason::Throttled, 503, "14"),
            (Reason::QueueFull, 503, "14"),
            (Reason::QueueTimeout, 503, "14"),
            (Reason::NoEndpoint, 503, "14"),
            (Reason::EndpointsOut, 503, "14"),
            (Reason::KeysFull, 503, "14"),
            (Reason::StoreUnavailable, 503, "14"),
            (Reason::Draining, 503, "14"),
            (Reason::Deadline, 504, "4"),
            (Reason::NoKey, 400, "3"),
        ] {
            assert_eq!(refused(reason, None, false).status(), status, "{reason}");
            let grpc = refused(reason, None, true);
            assert_eq!((grpc.status().as_u16(), value(&grpc, "grpc-status")), (200, Some(code)), "{reason}");
            assert_eq!(value(&grpc, "content-type"), Some("application/grpc"));
            assert!(grpc.body().is_empty());
        }
    }

    #[test]
    fn a_queue_answers_as_what_was_waited_for() {
        for reason in [Reason::QueueFull, Reason::QueueTimeout] {
            let why = Why::Rejected(Rejected::new("queue", reason).for_quota());
            let answer = |grpc| Unanswered { why, asked: Asked { grpc, http1: true } }.answer();
            assert_eq!(answer(false).status(), 429);
            assert_eq!(value(&answer(true), "grpc-status"), Some("8"));
        }
    }

    #[test]
    fn a_timeout_is_504_or_4_and_names_no_wait() {
        let why = Why::TimedOut(TimedOut::new("secret", Duration::from_secs(1)));
        let http = Unanswered { why, asked: Asked { grpc: false, http1: true } }.answer();
        assert_eq!((http.status().as_u16(), http.headers().len()), (504, 0));
        let grpc = Unanswered { why, asked: Asked { grpc: true, http1: false } }.answer();
        assert_eq!((value(&grpc, "grpc-status"), value(&grpc, "grpc-retry-pushback-ms")), (Some("4"), None));
    }

    #[test]
    fn a_known_wait_is_named_and_an_unknown_one_is_not() {
        let wait = Some(Duration::from_millis(1200));
        assert_eq!(value(&refused(Reason::CircuitOpen, wait, false), "retry-after"), Some("2"));
        let grpc = refused(Reason::CircuitOpen, wait, true);
        assert_eq!(value(&grpc, "grpc-retry-pushback-ms"), Some("1200"));
        assert_eq!(retry_info::read(grpc.headers()), wait);
        assert_eq!(value(&refused(Reason::CircuitOpen, None, false), "retry-after"), None);
        assert_eq!(value(&refused(Reason::CircuitOpen, None, true), "grpc-retry-pushback-ms"), None);
    }

    #[test]
    fn what_can_never_pass_is_not_asked_to_come_back() {
        let wait = Some(Duration::from_secs(3));
        assert_eq!(value(&refused(Reason::TooLarge, wait, false), "retry-after"), None);
        assert_eq!(value(&refused(Reason::TooLarge, wait, true), "grpc-retry-pushback-ms"), Some("-1"));
    }

    #[test]
    fn draining_closes_an_http_1_connection_only() {
        assert_eq!(value(&refused(Reason::Draining, None, false), "connection"), Some("close"));
        let why = Why::Rejected(Rejected::new("secret", Reason::Draining));
        let http2 = Unanswered { why, asked: Asked { grpc: false, http1: false } }.answer();
        assert_eq!(value(&http2, "connection"), None);
    }

    #[test]
    fn the_answer_does_not_name_the_instance() {
        for grpc in [false, true] {
            let answer = refused(Reason::RateLimited, Some(Duration::from_secs(1)), grpc);
            assert!(!format!("{answer:?}").contains("secret"));
        }
    }
}
