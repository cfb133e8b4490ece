use super::body::{BoxError, Erased, Stream};
use super::directives::Directives;
use super::handle::Inner;
use super::key::{Address, Key, selecting};
use super::passage::{End, Passage, Pouring};
use super::rules::{Arrival, Verdict, date_it, freshened, judge, selects, strip};
use super::stored::{Failed, Failure, Held, OriginError, Passing, Stored};
use crate::cache::{Cached, Loaded};
use crate::error::{Error, Fault, Seen};
use crate::sync::Mutex;
use crate::time::Instant;
use bytes::Bytes;
use http::header::{AGE, CONTENT_LENGTH, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderMap, Request, Response, StatusCode, request, response};
use http_body::Body;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tower_service::Service;

/// One question to the origin.
pub(super) struct Load {
    pub(super) cache: Arc<Inner>,
    pub(super) primary: Key,
    pub(super) key: Key,
    pub(super) request: request::Parts,
    pub(super) asked: Directives,
    /// What is there already, to be validated or to stand in.
    pub(super) previous: Option<Cached<Held>>,
    pub(super) passage: Arc<Passage>,
}

type Brought = Result<Loaded<Held>, Error<Failure>>;

impl Load {
    pub(super) async fn run<S, B, R>(self, mut origin: S) -> Brought
    where
        S: Service<Request<B>, Response = Response<R>, Error: Fault + Into<BoxError>>,
        B: Default,
        R: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        // Before anything is asked: what is purged from now on is not answered by this.
        let number = self.cache.prefixes.number();
        self.passage.tell(|told| told.ran = true);
        let previous = self.previous.as_ref().and_then(|cached| cached.stored());
        let mut known = previous.filter(|stored| stored.has_validator());
        loop {
            let begun = Instant::now();
            let (head, body) = match ask(&mut origin, self.question(known)).await {
                Ok(response) => response.into_parts(),
                Err(error) => return self.failed(failed(error)),
            };
            self.passage.tell(|told| told.status = Some(head.status));
            let arrival = Arrival { at: wall_clock(), delay: Instant::now() - begun };
            if let Some(stored) = known
                && head.status == StatusCode::NOT_MODIFIED
            {
                if !selects(&stored.headers, &head.headers) {
                    // It is about another answer than ours: once more, for the whole of it.
                    known = None;
                    continue;
                }
                return Ok(self.validated(stored, &head.headers, arrival, number));
            }
            return self.answered(head, body, arrival, number).await;
        }
    }

    /// The request as the origin is to see it: with our conditions, not the client's.
    fn question<B: Default>(&self, known: Option<&Stored>) -> Request<B> {
        let mut parts = self.request.clone();
        parts.headers.remove(IF_NONE_MATCH);
        parts.headers.remove(IF_MODIFIED_SINCE);
        if let Some(stored) = known {
            for (validator, condition) in [(ETAG, IF_NONE_MATCH), (LAST_MODIFIED, IF_MODIFIED_SINCE)] {
                if let Some(value) = stored.headers.get(validator) {
                    parts.headers.insert(condition, value.clone());
                }
            }
        }
        Request::from_parts(parts, B::default())
    }

    fn validated(&self, stored: &Stored, new: &HeaderMap, arrival: Arrival, number: u64) -> Loaded<Held> {
        let headers = freshened(&stored.headers, new);
        match judge(&self.cache.config, &self.request, stored.status, &headers, arrival) {
            Some(verdict) => self.keep(verdict, stored.status, headers, stored.body.clone(), number),
            None => self.pass(stored.status, headers, VecDeque::from([stored.body.clone()]), None),
        }
    }

    async fn answered<R>(&self, head: response::Parts, body: R, arrival: Arrival, number: u64) -> Brought
    where
        R: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let response::Parts { status, mut headers, .. } = head;
        let erased: Stream = Box::pin(Erased { body });
        if matches!(status.as_u16(), 500 | 502 | 503 | 504) {
            if self.may_be_stale() {
                return Err(Error::Inner(Failure { what: Failed::Status, authoritative: false }));
            }
            return Ok(self.pass(status, headers, VecDeque::new(), Some(erased)));
        }
        let verdict = if status == StatusCode::TOO_MANY_REQUESTS {
            None
        } else {
            judge(&self.cache.config, &self.request, status, &headers, arrival)
        };
        let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        let fits = length.is_none_or(|length| length <= self.cache.config.body as u64);
        let tagged = verdict.as_ref().is_none_or(|verdict| verdict.tags.len() <= self.cache.config.tags);
        match (&verdict, fits, tagged) {
            (Some(_), false, _) => self.passage.tell(|told| told.detail = Some("too-large")),
            (Some(_), true, false) => self.passage.tell(|told| told.detail = Some("too-many-tags")),
            _ => {}
        }
        let Some(verdict) = verdict.filter(|_| fits && tagged) else {
            if status != StatusCode::TOO_MANY_REQUESTS {
                self.supersede();
            }
            return Ok(self.pass(status, headers, VecDeque::new(), Some(erased)));
        };
        date_it(&mut headers, arrival);
        let mut shown = headers.clone();
        strip(&mut shown);
        let pouring = self.passage.open((status, shown));
        let broken = |pouring: Pouring, error: BoxError| {
            let error = OriginError(Arc::from(error));
            pouring.end(End::Failed(error.clone().into()));
            self.failed(Failed::Error(error))
        };
        match read(erased, self.cache.config.body, &pouring).await {
            Err(error) => broken(pouring, error),
            Ok(Read::Whole(body)) if length.is_some_and(|length| length != body.len() as u64) => {
                broken(pouring, std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into())
            }
            Ok(Read::Whole(body)) => {
                pouring.end(End::Whole);
                Ok(self.keep(verdict, status, headers, body, number))
            }
            Ok(Read::TooLong(rest)) => {
                pouring.end(End::Rest(rest));
                self.supersede();
                Ok(Loaded::pass(Held::Passing(Mutex::new(None))))
            }
        }
    }

    fn keep(
        &self,
        verdict: Verdict,
        status: StatusCode,
        mut headers: HeaderMap,
        body: Bytes,
        number: u64,
    ) -> Loaded<Held> {
        let Verdict { lifetime, age, revalidate, if_error, never_stale, vary, tags } = verdict;
        headers.remove(AGE);
        strip(&mut headers);
        if !vary.is_empty() {
            let gone = self.cache.variants.learn(self.primary, self.key, &vary, &self.request.headers);
            gone.iter().for_each(|key| self.cache.kept.invalidate(key));
        }
        let said = selecting(&vary, &self.request.headers);
        let address = Address::of(&self.request.uri, &self.request.headers);
        let address = address.map_or_else(String::new, |address| address.to_string()).into();
        let stored = Stored { status, headers, body, vary, said, address, number, if_error, never_stale };
        // An answer with a validator is worth keeping beyond its windows; whether it may be sent is asked each time.
        let keep = if stored.has_validator() { self.cache.config.keep } else { Duration::ZERO };
        self.passage.tell(|told| told.stored = true);
        Loaded::value(Held::Stored(stored))
            .ttl(lifetime)
            .age(age)
            .stale_while_revalidate(revalidate)
            .stale_if_error(if_error.max(keep))
            .tags(tags)
    }

    fn pass(
        &self,
        status: StatusCode,
        mut headers: HeaderMap,
        read: VecDeque<Bytes>,
        rest: Option<Stream>,
    ) -> Loaded<Held> {
        strip(&mut headers);
        let mut passing: Passing = Response::new((read, rest));
        *passing.status_mut() = status;
        *passing.headers_mut() = headers;
        Loaded::pass(Held::Passing(Mutex::new(Some(passing))))
    }

    /// What is stored is not what the origin says any more, and neither is what it says to be stored.
    fn supersede(&self) {
        if self.previous.is_some() {
            self.cache.kept.invalidate(&self.key);
        }
    }

    fn may_be_stale(&self) -> bool {
        self.previous.as_ref().is_some_and(|cached| {
            cached
                .stored()
                .is_some_and(|stored| stored.may_be_stale(cached.fresh_until(), self.asked, Instant::now()))
        })
    }

    fn failed(&self, what: Failed) -> Brought {
        if self.may_be_stale() {
            return Err(match what {
                Failed::Rejected(rejected) => Error::Rejected(rejected),
                Failed::TimedOut(timed_out) => Error::TimedOut(timed_out),
                what => Error::Inner(Failure { what, authoritative: false }),
            });
        }
        // RFC 9111, 5.2.2.2: what must be validated and cannot be is a 504, not the origin's trouble.
        let must = self
            .previous
            .as_ref()
            .and_then(|cached| cached.stored())
            .is_some_and(|stored| stored.never_stale);
        if must {
            return Ok(self.pass(StatusCode::GATEWAY_TIMEOUT, HeaderMap::new(), VecDeque::new(), None));
        }
        Err(Error::Inner(Failure { what, authoritative: true }))
    }
}

/// Makes the origin ready, and asks.
pub(super) async fn ask<S: Service<Q>, Q>(origin: &mut S, request: Q) -> Result<S::Response, S::Error> {
    poll_fn(|cx| origin.poll_ready(cx)).await?;
    origin.call(request).await
}

pub(super) fn failed<E: Fault + Into<BoxError>>(error: E) -> Failed {
    match error.see() {
        Seen::Rejected(rejected) => Failed::Rejected(*rejected),
        Seen::TimedOut(timed_out) => Failed::TimedOut(*timed_out),
        Seen::Inner(_) => Failed::Error(OriginError(Arc::from(error.into()))),
    }
}

enum Read {
    Whole(Bytes),
    TooLong(Stream),
}

/// Reads the body to be kept, and shows it to its client as it comes.
async fn read(mut body: Stream, most: usize, pouring: &Pouring) -> Result<Read, BoxError> {
    let (mut parts, mut length) = (Vec::new(), 0);
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        if let Ok(data) = frame?.into_data() {
            length += data.len();
            pouring.push(data.clone());
            if length > most {
                return Ok(Read::TooLong(body));
            }
            parts.push(data);
        }
    }
    Ok(Read::Whole(if parts.len() == 1 { parts.pop().unwrap_or_default() } else { parts.concat().into() }))
}

#[expect(clippy::disallowed_methods, reason = "HTTP's dates are of the wall clock")]
fn wall_clock() -> SystemTime {
    SystemTime::now()
}
