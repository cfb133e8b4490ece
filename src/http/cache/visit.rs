use super::body::{BoxError, CacheBody};
use super::directives::{Directives, seconds};
use super::handle::Inner;
use super::key::Key;
use super::load::{Load, Told};
use super::service::{Answer, refused, through};
use super::stored::{Failure, Held, OriginError, answer, meets, note};
use crate::cache::{Cached, Freshness, LoadError, Why};
use crate::error::{Error, Fault};
use crate::sync::atomic::Ordering::Relaxed;
use crate::time::Instant;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Method, Request, Response, StatusCode, request};
use http_body::Body;
use std::sync::Arc;
use tower_service::Service;

/// One request that the cache may answer.
pub(super) struct Visit {
    pub(super) cache: Arc<Inner>,
    pub(super) address: Arc<str>,
    pub(super) primary: Key,
    pub(super) parts: request::Parts,
    pub(super) asked: Directives,
}

impl Visit {
    /// The key and what is stored under it for this request.
    fn look(&self, get: impl Fn(&Key) -> Option<Cached<Held>>) -> (Key, Option<Cached<Held>>) {
        let headers = &self.parts.headers;
        let ours = |cached: &Cached<Held>| {
            cached.stored().is_some_and(|stored| stored.is_for(headers)) && !self.cache.is_purged(cached)
        };
        if let Some(cached) = get(&self.primary).filter(|cached| ours(cached)) {
            return (self.primary.clone(), Some(cached));
        }
        match self.cache.key(&self.primary, headers) {
            Some(key) => {
                let cached = get(&key).filter(|cached| ours(cached));
                (key, cached)
            }
            None => (self.primary.clone(), None),
        }
    }

    /// What can be answered at once.
    pub(super) fn hit<R>(&self, now: Instant) -> Option<Response<CacheBody<R>>> {
        let (_, cached) = self.look(|key| self.cache.kept.hit_at(key, now));
        let cached = cached.filter(|cached| meets(cached, self.asked, now))?;
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
            if self.parts.method == Method::HEAD {
                return self.head(origin, &key, previous.as_ref()).await;
            }
            let forward = match &previous {
                Some(cached) if cached.freshness() == Freshness::Fresh => "request",
                Some(_) => "stale",
                None if key != self.primary || self.cache.kept.peek_stale(&self.primary).is_some() => {
                    "vary-miss"
                }
                None => "uri-miss",
            };
            if forward == "request" {
                // It is fresh, and this client will not have it: what it brings is for all, begun after this.
                self.cache.kept.invalidate(&key);
            } else if previous.is_none()
                && self.cache.kept.peek_stale(&key).is_some_and(|cached| self.cache.is_purged(&cached))
            {
                self.cache.kept.invalidate(&key);
            }
            let told = Arc::<Told>::default();
            let load = Load {
                cache: Arc::clone(&self.cache),
                address: Arc::clone(&self.address),
                primary: self.primary.clone(),
                key: key.clone(),
                request: self.parts.clone(),
                asked: self.asked,
                previous: previous.take(),
                told: Arc::clone(&told),
            };
            let service = origin.clone();
            let got = self.cache.kept.get_or_load_lifted(&key, move || load.run(service)).await;
            let now = Instant::now();
            let ran = told.ran.load(Relaxed);
            let status = told.status.load(Relaxed);
            let forwarded = |more: &str| format!("seawall; fwd={forward}; fwd-status={status}{more}");
            let cached = match got {
                Ok(cached) => cached,
                Err(error) => return Err(flat(error)),
            };
            match &*cached {
                Held::Passing(passing) => {
                    let Some(passing) = passing.lock().take() else { continue };
                    let mut response = passing.map(|(read, rest)| CacheBody::begun(read, rest));
                    note(response.headers_mut(), &forwarded(""));
                    return Ok(response);
                }
                Held::Stored(stored)
                    if stored.is_for(&self.parts.headers) && !self.cache.is_purged(&cached) =>
                {
                    let response = match cached.freshness() {
                        _ if ran && status != 0 && cached.freshness() == Freshness::Fresh => {
                            let more = if told.stored.load(Relaxed) { "; stored" } else { "" };
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
                        Freshness::Stale(_) if stored.may_be_stale(cached.fresh_until(), self.asked, now) => {
                            self.answer(&cached, now, |_| {
                                let status = if status == 0 {
                                    String::new()
                                } else {
                                    format!("; fwd-status={status}")
                                };
                                format!("seawall; fwd=stale{status}; detail=stale-if-error")
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
        through(self.cache, origin, request, "bypass").await
    }

    /// A HEAD that nothing stored answers: its own answer is not stored, but may tell that what is stored is old.
    async fn head<S, B, R>(self, origin: S, key: &Key, stored: Option<&Cached<Held>>) -> Answer<R>
    where
        S: Service<Request<B>, Response = Response<R>, Error: Fault + Into<BoxError>>,
        B: Default,
    {
        let why = if stored.is_some() { "stale" } else { "uri-miss" };
        let cache = Arc::clone(&self.cache);
        let request = Request::from_parts(self.parts, B::default());
        let response = through(self.cache, origin, request, why).await?;
        if response.status() == StatusCode::OK
            && stored
                .and_then(|cached| cached.stored())
                .is_some_and(|stored| stored.disagrees(response.headers()))
        {
            cache.kept.expire(key);
        }
        Ok(response)
    }
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
