use super::body::{CacheBody, Stream};
use super::directives::{Directives, seconds};
use super::key::{Address, selecting};
use super::rules::{has_already, is_same_tag};
use crate::cache::Cached;
use crate::error::{Rejected, TimedOut};
use crate::sync::Mutex;
use crate::time::Instant;
use bytes::Bytes;
use http::header::{AGE, CONTENT_LENGTH, ETAG, HeaderName, HeaderValue, LAST_MODIFIED};
use http::{HeaderMap, Method, Response, StatusCode, request};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// What a load brings: an answer to keep, or one that passes by.
pub(super) enum Held {
    Stored(Stored),
    Passing(Mutex<Option<Passing>>),
}

pub(super) type Passing = Response<(VecDeque<Bytes>, Option<Stream>)>;

/// An answer that is kept.
pub(super) struct Stored {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) vary: Vec<HeaderName>,
    pub(super) said: Vec<u8>,
    pub(super) address: Arc<str>,
    pub(super) number: u64,
    pub(super) if_error: Duration,
    pub(super) never_stale: bool,
}

/// Why a load brought nothing.
#[derive(Clone)]
pub(super) struct Failure {
    pub(super) what: Failed,
    /// Nothing stale may stand in for it.
    pub(super) authoritative: bool,
}

#[derive(Clone)]
pub(super) enum Failed {
    Rejected(Rejected),
    TimedOut(TimedOut),
    Error(OriginError),
    /// The origin answered so.
    Status,
}

/// The origin's own error, which all who waited for it share.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the origin failed")]
pub struct OriginError(#[source] pub(super) Arc<dyn std::error::Error + Send + Sync>);

impl Held {
    pub(super) const fn stored(&self) -> Option<&Stored> {
        match self {
            Self::Stored(stored) => Some(stored),
            Self::Passing(_) => None,
        }
    }

    pub(super) fn weight(&self) -> u32 {
        let Some(stored) = self.stored() else { return 1 };
        let headers: usize =
            stored.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 64).sum();
        u32::try_from(stored.body.len() + headers + 512).unwrap_or(u32::MAX)
    }
}

impl Stored {
    /// Whether it is an answer to this request (RFC 9111, 4.1).
    pub(super) fn is_for(&self, request: &request::Parts) -> bool {
        Address::of(&request.uri, &request.headers).is_some_and(|address| address.is(&self.address))
            && (self.vary.is_empty() || selecting(&self.vary, &request.headers) == self.said)
    }

    pub(super) fn has_validator(&self) -> bool {
        self.headers.contains_key(ETAG) || self.headers.contains_key(LAST_MODIFIED)
    }

    /// Whether it may be sent stale: it within its own window, or the request within the one it grants.
    pub(super) fn may_be_stale(&self, fresh_until: Instant, asked: Directives, now: Instant) -> bool {
        let granted = asked.stale_if_error.max(asked.max_stale).map_or(Duration::ZERO, seconds);
        !self.never_stale && now <= fresh_until + self.if_error.max(granted)
    }

    /// Whether an answer that is not stored says that this is no longer what the origin has (RFC 9111, 4.3.5).
    pub(super) fn is_outdone(&self, status: StatusCode, head: &HeaderMap) -> bool {
        match status {
            StatusCode::NOT_MODIFIED | StatusCode::TOO_MANY_REQUESTS => false,
            status if status.is_server_error() => false,
            status => status != self.status || !self.has_validator() || self.disagrees(head),
        }
    }

    fn disagrees(&self, head: &HeaderMap) -> bool {
        let differs = |name: HeaderName| {
            let both = head.get(&name).zip(self.headers.get(&name));
            both.is_some_and(|(new, old)| if name == ETAG { !is_same_tag(new, old) } else { new != old })
        };
        [ETAG, LAST_MODIFIED].into_iter().any(differs)
            || head.get(CONTENT_LENGTH).is_some_and(|length| *length != self.body.len().to_string())
    }
}

/// Whether an answer is as young as this request asks for (RFC 9111, 5.2.1).
pub(super) fn meets(cached: &Cached<Held>, asked: Directives, now: Instant) -> bool {
    !asked.no_cache
        && asked.max_age.is_none_or(|most| cached.age().as_secs() <= most)
        && asked.min_fresh.is_none_or(|least| cached.fresh_until() - now >= seconds(least))
}

/// The stored answer for one client; `detail` tells why a stale one is sent.
pub(super) fn answer<B>(
    cached: &Cached<Held>,
    method: &Method,
    asked: &HeaderMap,
    now: Instant,
    status: impl FnOnce(i64) -> String,
) -> Option<Response<CacheBody<B>>> {
    let stored = cached.stored()?;
    let mut response = Response::new(CacheBody::whole(Bytes::new()));
    *response.headers_mut() = stored.headers.clone();
    *response.status_mut() = stored.status;
    if stored.status == StatusCode::OK && has_already(asked, &stored.headers) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response.headers_mut().remove(CONTENT_LENGTH);
    } else if *method != Method::HEAD {
        *response.body_mut() = CacheBody::whole(stored.body.clone());
    }
    response.headers_mut().insert(AGE, HeaderValue::from(cached.age().as_secs()));
    let left = (cached.fresh_until() - now).as_secs() as i64;
    let over = (now - cached.fresh_until()).as_secs() as i64;
    note(response.headers_mut(), &status(left - over));
    Some(response)
}

/// Adds a member to `Cache-Status`, after those of caches nearer to the origin (RFC 9211, 2).
pub(super) fn note(headers: &mut HeaderMap, status: &str) {
    if let Ok(value) = HeaderValue::from_str(status) {
        headers.append("cache-status", value);
    }
}
