use super::config::Config;
use super::directives::{Directives, seconds, vary};
use http::header::{
    AGE, AUTHORIZATION, CACHE_CONTROL, DATE, ETAG, EXPIRES, HeaderName, HeaderValue, LAST_MODIFIED,
    SET_COOKIE,
};
use http::{HeaderMap, Method, Request, Response, StatusCode, request};
use http_cache_semantics::{CacheOptions, CachePolicy};
use std::time::{Duration, SystemTime};

/// What may be done with an answer, once and for all of its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) lifetime: Duration,
    /// How old it was when it arrived (RFC 9111, 4.2.3).
    pub(super) age: Duration,
    pub(super) revalidate: Duration,
    pub(super) if_error: Duration,
    /// Nothing stale of it may ever be sent (RFC 9111, 4.2.4).
    pub(super) never_stale: bool,
    pub(super) vary: Vec<HeaderName>,
    pub(super) tags: Vec<String>,
}

/// When an answer came, and how long it took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) at: SystemTime,
    pub(super) delay: Duration,
}

/// What may be done with the answer to `request`; none: it is not stored (RFC 9111, 3).
pub(super) fn judge(
    config: &Config,
    request: &request::Parts,
    status: StatusCode,
    headers: &HeaderMap,
    arrival: Arrival,
) -> Option<Verdict> {
    let asked = Directives::of(&request.headers);
    let mut told = Directives::of(headers);
    // RFC 9111, 5.2.2.3: `no-store` is for those who know less; a status that is not understood is not stored below.
    told.no_store &= !told.must_understand;
    let shared = config.shared;
    let tags = tags(headers);
    let refused = request.method != Method::GET
        || status == StatusCode::PARTIAL_CONTENT
        || asked.no_store
        || shared && headers.contains_key(SET_COOKIE) && !config.store_set_cookie;
    let vary = vary(headers)?;
    if refused {
        return None;
    }
    let policy = policy(config, request, status, headers, told, arrival);
    if !policy.is_storable() {
        return None;
    }
    let never_stale = told.no_cache
        || told.must_revalidate
        || shared && told.proxy_revalidate
        || shared && told.s_maxage.is_some() && !config.lenient_s_maxage;
    let window = |told: Option<u64>, default: Duration| {
        if never_stale { Duration::ZERO } else { told.map_or(default, seconds) }
    };
    let explicit = told.max_age.is_some() || told.s_maxage.is_some() || headers.contains_key(EXPIRES);
    let lifetime = policy.time_to_live(arrival.at);
    Some(Verdict {
        lifetime: if explicit { lifetime } else { lifetime.min(config.most_heuristic) },
        age: age(headers, arrival),
        revalidate: window(told.stale_while_revalidate, config.stale_while_revalidate),
        if_error: window(told.stale_if_error, config.stale_if_error),
        never_stale,
        vary,
        tags,
    })
}

/// The rules of HTTP as their crate knows them, given only what it reads right: directives cleaned, one date format, no `Age`, no cookies,
/// no `Vary`, for those are judged here.
fn policy(
    config: &Config,
    request: &request::Parts,
    status: StatusCode,
    headers: &HeaderMap,
    told: Directives,
    arrival: Arrival,
) -> CachePolicy {
    let mut ask = Request::new(());
    *ask.uri_mut() = request.uri.clone();
    if let Some(value) = request.headers.get(AUTHORIZATION) {
        ask.headers_mut().insert(AUTHORIZATION, value.clone());
    }
    let mut answer = Response::new(());
    *answer.status_mut() = status;
    let clean = answer.headers_mut();
    let text = told.to_text();
    if let Ok(value) = HeaderValue::from_str(&text)
        && !text.is_empty()
    {
        clean.insert(CACHE_CONTROL, value);
    }
    let mut dated = |name: HeaderName, otherwise: Option<SystemTime>| {
        let lines = headers.get_all(&name).iter();
        // Of several the earliest; what is no date has passed (RFC 9111, 5.3).
        let date = lines.map(|line| date(line).unwrap_or(SystemTime::UNIX_EPOCH)).min().or(otherwise);
        if let Some(value) = date.and_then(|date| HeaderValue::from_str(&httpdate::fmt_http_date(date)).ok())
        {
            clean.insert(name, value);
        }
    };
    dated(DATE, Some(arrival.at));
    dated(EXPIRES, None);
    dated(LAST_MODIFIED, None);
    let options =
        CacheOptions { shared: config.shared, cache_heuristic: config.heuristic, ..CacheOptions::default() };
    CachePolicy::new_options(&ask, &answer, arrival.at, options)
}

fn date(value: &HeaderValue) -> Option<SystemTime> {
    httpdate::parse_http_date(value.to_str().ok()?.trim()).ok()
}

/// RFC 9111, 4.2.3. To the moment, not rounded up: a `max-age` of one second is worth having.
fn age(headers: &HeaderMap, arrival: Arrival) -> Duration {
    let apparent = headers.get(DATE).and_then(date).and_then(|sent| arrival.at.duration_since(sent).ok());
    let told = headers
        .get_all(AGE)
        .iter()
        .filter_map(|age| crate::http::retry_after::digits(age.as_bytes().trim_ascii()))
        .max();
    let corrected = seconds(told.unwrap_or(0).min(1 << 31)) + arrival.delay;
    // A `Date` tells whole seconds: less than one is no age.
    let apparent = apparent.map_or(Duration::ZERO, |age| seconds(age.as_secs()));
    apparent.max(corrected)
}

/// What the origin groups its answers by.
fn tags(headers: &HeaderMap) -> Vec<String> {
    let of = |name: &str, separator: fn(char) -> bool| {
        let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
        lines
            .flat_map(|line| line.split(separator).map(str::trim))
            .filter(|tag| !tag.is_empty())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let mut tags = of("surrogate-key", |c| c == ' ');
    tags.extend(of("cache-tag", |c| c == ','));
    tags.sort_unstable();
    tags.dedup();
    tags
}

/// Whether the 304 with the headers `new` is about the stored answer with the headers `old` (RFC 9111, 4.3.4).
pub(super) fn selects(old: &HeaderMap, new: &HeaderMap) -> bool {
    if let Some(tag) = new.get(ETAG) {
        return old.get(ETAG).is_some_and(|known| is_same_tag(known, tag));
    }
    new.get(LAST_MODIFIED).is_none_or(|date| old.get(LAST_MODIFIED) == Some(date))
}

/// The weak comparison (RFC 9110, 8.8.3.2).
pub(super) fn is_same_tag(a: &HeaderValue, b: &HeaderValue) -> bool {
    opaque(a.as_bytes()) == opaque(b.as_bytes())
}

fn opaque(tag: &[u8]) -> &[u8] {
    let tag = tag.trim_ascii();
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// Whether a client that asks with these headers has what `stored` tells of already (RFC 9110, 13.2.2).
pub(super) fn has_already(asked: &HeaderMap, stored: &HeaderMap) -> bool {
    use http::header::{IF_MODIFIED_SINCE, IF_NONE_MATCH};
    if asked.contains_key(IF_NONE_MATCH) {
        let known = stored.get(ETAG);
        let mut tags =
            asked.get_all(IF_NONE_MATCH).iter().flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
        return tags.any(|tag| {
            tag.trim_ascii() == b"*" || known.is_some_and(|known| opaque(known.as_bytes()) == opaque(tag))
        });
    }
    let since = asked.get(IF_MODIFIED_SINCE).and_then(date);
    let modified = stored.get(LAST_MODIFIED).or_else(|| stored.get(DATE)).and_then(date);
    since.zip(modified).is_some_and(|(since, modified)| modified <= since)
}

/// The stored headers once a 304 has brought new ones (RFC 9111, 3.2).
pub(super) fn freshened(old: &HeaderMap, new: &HeaderMap) -> HeaderMap {
    let mut merged = old.clone();
    for name in new.keys().filter(|name| !KEPT.contains(&name.as_str())) {
        merged.remove(name);
        for value in new.get_all(name) {
            merged.append(name.clone(), value.clone());
        }
    }
    merged
}

/// What a 304 does not change, since the body stays.
const KEPT: &[&str] =
    &["content-length", "content-encoding", "content-range", "transfer-encoding", "connection"];

/// When it came, for whoever is sent it later (RFC 9110, 6.6.1).
pub(super) fn date_it(headers: &mut HeaderMap, arrival: Arrival) {
    if !headers.contains_key(DATE)
        && let Ok(now) = HeaderValue::from_str(&httpdate::fmt_http_date(arrival.at))
    {
        headers.insert(DATE, now);
    }
}

/// Takes out what is of one connection only (RFC 9110, 7.6.1), and the tags, which are between origin and cache.
pub(super) fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(http::header::CONNECTION)
        .iter()
        .flat_map(|line| line.as_bytes().split(|&byte| byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect();
    let always = [
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "transfer-encoding",
        "upgrade",
        "proxy-authenticate",
    ];
    for name in named.iter().map(HeaderName::as_str).chain(always).chain(["surrogate-key", "cache-tag"]) {
        headers.remove(name);
    }
}
