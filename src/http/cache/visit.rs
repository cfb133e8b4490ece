use super::body::{BoxError, CacheBody, Driving};
use super::directives::{Directives, seconds};
use super::handle::Inner;
use super::key::Key;
use super::load::Load;
use super::passage::{Head, Passage, Told};
use super::rules::has_already;
use super::service::{Answer, refused};
use super::stored::{Failure, Held, OriginError, answer, meets, note};
use super::through::Through;
use crate::cache::{Cached, Freshness, LoadError, Why};
use crate::error::{Error, Fault};
use crate::time::Instant;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Method, Request, Response, StatusCode, request};
use http_body::Body;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use tower_service::Service;

/// One request that the cache may answer.
pub(super) struct Visit {
    pub(super) cache: Arc<Inner>,
    pub(super) primary: Key,
    pub(super) parts: request::Parts,
    pub(super) asked: Directives,
}

impl Visit {
    /// The key and what is stored under it for this request.
    fn look(&self, get: impl Fn(&Key) -> Option<Cached<Held>>) -> (Key, Option<Cached<Held>>) {
        let ours = |cached: &Cached<Held>| {
            cached.stored().is_some_and(|stored| stored.is_for(&self.parts)) && !self.cache.is_purged(cached)
        };
        if let Some(cached) = get(&self.primary).filter(|cached| ours(cached)) {
            return (self.primary, Some(cached));
        }
        match self.cache.key(self.primary, &self.parts.headers) {
            Some(key) => (key, get(&key).filter(|cached| ours(cached))),
            None => (self.primary, None),
        }
    }

    /// What can be answered at once.
    pub(super) fn hit<R>(&self, now: Instant) -> Option<Response<CacheBody<R>>> {
        let (_, cached) = self.look(|key| self.cache.kept.hit_at(key, now));
        let fresh = |cached: &Cached<Held>| cached.freshness() == Freshness::Fresh;
        let cached = cached.filter(|cached| fresh(cached) && meets(cached, self.asked, now))?;
        self.answer(&cached, now, |ttl| format!("seawall; hit; ttl={ttl}"))
    }

    fn answer<R>(
        &self,
        cached: &Cached<Held>,
        now: Instant,
        status: impl FnOnce(i64) -> String,
    ) -> Option<Response<CacheBody<R>>> {
        answer(cached, &self.parts.method, &self.parts.headers, now, status)
    }

    /// Whether this client needs only to be told so.
    fn has_already(&self, (status, headers): &Head) -> bool {
        *status == StatusCode::OK && has_already(&self.parts.headers, headers)
    }

    pub(super) async fn miss<S, B, R>(self, origin: S) -> Answer<R>
    where
        S: Service<Request<B>, Response = Response<R>, Error: Fault + Into<BoxError>>
            + Clone
            + Send
            + 'static,
        S::Future: Send,
        S::Error: Send,
        B: Default + Send + 'static,
        R: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        // Twice at most: what others asked for may not be for this one, and then it goes alone.
        for _ in 0..2 {
            let now = Instant::now();
            let (key, mut previous) = self.look(|key| self.cache.kept.peek_stale(key));
            if let Some(cached) = &previous
                && let Some(stored) = cached.stored()
                && self.asked.max_stale.is_some()
                && !self.asked.no_cache
                && self.asked.max_age.is_none_or(|most| cached.age().as_secs() <= most)
                && cached.freshness() != Freshness::Fresh
                && !stored.never_stale
                && now <= cached.fresh_until() + seconds(self.asked.max_stale.unwrap_or(0))
                && let Some(response) =
                    self.answer(cached, now, |ttl| format!("seawall; hit; ttl={ttl}; detail=max-stale"))
            {
                return Ok(response);
            }
            if self.asked.only_if_cached {
                return Ok(made(StatusCode::GATEWAY_TIMEOUT, "seawall; detail=only-if-cached"));
            }
            let forward = match &previous {
                Some(cached) if !meets(cached, self.asked, now) => "request",
                Some(_) => "stale",
                None if key != self.primary || self.cache.kept.peek_stale(&self.primary).is_some() => {
                    "vary-miss"
                }
                None => "uri-miss",
            };
            if self.parts.method == Method::HEAD || forward == "request" {
                return self.past(origin, key, previous, forward).await;
            }
            if previous.is_none()
                && self.cache.kept.peek_stale(&key).is_some_and(|cached| self.cache.is_purged(&cached))
            {
                self.cache.kept.invalidate(&key);
            }
            let passage = Arc::<Passage>::default();
            let load = Load {
                cache: Arc::clone(&self.cache),
                primary: self.primary,
                key,
                request: self.parts.clone(),
                asked: self.asked,
                previous: previous.take(),
                passage: Arc::clone(&passage),
            };
            let (cache, service) = (Arc::clone(&self.cache), origin.clone());
            let mut loading =
                Box::pin(async move { cache.kept.get_or_load_lifted(&key, move || load.run(service)).await });
            let landed = poll_fn(|cx| match loading.as_mut().poll(cx) {
                Poll::Ready(got) => Poll::Ready(Ok(got)),
                Poll::Pending => passage.poll_head(cx, |head| !self.has_already(head)).map(Err),
            });
            let got = match landed.await {
                Ok(got) => got,
                Err(head) => {
                    let driving = Box::pin(async move { drop(loading.await) });
                    return Ok(passing(head, passage, Some(driving), forward));
                }
            };
            let now = Instant::now();
            let Told { ran, status, stored: kept, detail } = passage.told();
            let fwd_status =
                || status.map_or_else(String::new, |status| format!("; fwd-status={}", status.as_u16()));
            let forwarded = |more: &str| format!("seawall; fwd={forward}{}{more}", fwd_status());
            let cached = match got {
                Ok(cached) => cached,
                Err(error) => return Err(flat(error)),
            };
            match &*cached {
                Held::Passing(passing) => {
                    if let Some(passed) = passing.lock().take() {
                        let mut response = passed.map(|(read, rest)| CacheBody::begun(read, rest));
                        let more = detail.map_or_else(String::new, |detail| format!("; detail={detail}"));
                        note(response.headers_mut(), &forwarded(&more));
                        return Ok(response);
                    }
                    if let Some(head) = passage.take_head() {
                        return Ok(self::passing(head, passage, None, forward));
                    }
                }
                Held::Stored(stored) if stored.is_for(&self.parts) && !self.cache.is_purged(&cached) => {
                    let response = match cached.freshness() {
                        _ if ran && status.is_some() && cached.freshness() == Freshness::Fresh => {
                            let more = if kept { "; stored" } else { "" };
                            self.answer(&cached, now, |_| forwarded(more))
                        }
                        Freshness::Fresh if cached.fresh_until() > now => {
                            self.answer(&cached, now, |ttl| format!("seawall; hit; ttl={ttl}; collapsed"))
                        }
                        // Answered for somebody else, and no longer fresh: each must ask.
                        Freshness::Fresh => None,
                        Freshness::Stale(Why::Revalidating) => self.answer(&cached, now, |ttl| {
                            format!("seawall; hit; ttl={ttl}; detail=stale-while-revalidate")
                        }),
                        // Asked a moment ago, and failed: nobody is asked again so soon.
                        Freshness::Stale(Why::Throttled)
                            if stored.may_be_stale(cached.fresh_until(), self.asked, now) =>
                        {
                            self.answer(&cached, now, |ttl| {
                                format!("seawall; hit; ttl={ttl}; detail=stale-if-error")
                            })
                        }
                        Freshness::Stale(_) if stored.may_be_stale(cached.fresh_until(), self.asked, now) => {
                            self.answer(&cached, now, |_| {
                                format!("seawall; fwd=stale{}; detail=stale-if-error", fwd_status())
                            })
                        }
                        Freshness::Stale(_) => None,
                    };
                    if let Some(response) = response {
                        return Ok(response);
                    }
                }
                Held::Stored(_) => {}
            }
        }
        let request = Request::from_parts(self.parts, B::default());
        Through::new(self.cache, origin, request, "bypass").await
    }

    /// What nothing stored answers, and is not stored either: a HEAD, and what must be younger than what there is. The
    /// one who insists harms nobody: what is stored stays, unless the answer says that it is old.
    async fn past<S, B, R>(
        self,
        origin: S,
        key: Key,
        stored: Option<Cached<Held>>,
        why: &'static str,
    ) -> Answer<R>
    where
        S: Service<Request<B>, Response = Response<R>, Error: Fault + Into<BoxError>>,
        B: Default,
    {
        let cache = Arc::clone(&self.cache);
        let request = Request::from_parts(self.parts, B::default());
        let response = Through::new(self.cache, origin, request, why).await?;
        let stored = stored.as_ref().and_then(|cached| cached.stored());
        if stored.is_some_and(|stored| stored.is_outdone(response.status(), response.headers())) {
            cache.kept.expire(&key);
        }
        Ok(response)
    }
}

/// An answer that its client gets while it is being stored, or found too long for that.
fn passing<R>(
    (status, headers): Head,
    passage: Arc<Passage>,
    driving: Option<Driving>,
    forward: &str,
) -> Response<CacheBody<R>> {
    let stored = if driving.is_some() { "; stored" } else { "" };
    let mut response = Response::new(CacheBody::passing(passage, driving));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    note(response.headers_mut(), &format!("seawall; fwd={forward}; fwd-status={}{stored}", status.as_u16()));
    response
}

fn made<R>(status: StatusCode, told: &str) -> Response<CacheBody<R>> {
    let mut response = Response::new(CacheBody::whole(Bytes::new()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_LENGTH, 0.into());
    note(response.headers_mut(), told);
    response
}

fn flat(error: Error<LoadError<Failure>>) -> Error<OriginError> {
    match error {
        Error::Rejected(rejected) => Error::Rejected(rejected),
        Error::TimedOut(timed_out) => Error::TimedOut(timed_out),
        Error::Inner(LoadError::Failed(failure)) => refused(failure.what.clone()),
        // A service's error cannot say a panic (nor is there any other way to be without an answer).
        Error::Inner(LoadError::Panicked(message)) => {
            std::panic::resume_unwind(Box::new(message.to_string()))
        }
        Error::Inner(error @ LoadError::Unanswered) => {
            Error::Inner(OriginError(Arc::from(BoxError::from(error.to_string()))))
        }
    }
}
