//! One request on its way out, and its answer on the way back.

use crate::upload::{KEPT, Upload, fault};
use crate::upstream::Upstream;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use seawall::balance::Tried;
use seawall::http::{ReplayBody, RespondService};
use std::net::SocketAddr;
use tower::ServiceExt;

/// Sends a request on, and its answer back.
pub(crate) async fn forward(upstream: Upstream, request: Request) -> Result<Response, StatusCode> {
    let (mut parts, body) = request.into_parts();
    let body = Upload::begin(&parts.headers, body).await?;
    strip(&mut parts.headers);
    if let Some(ConnectInfo(peer)) = parts.extensions.get::<ConnectInfo<SocketAddr>>()
        && let Ok(peer) = HeaderValue::try_from(peer.ip().to_string())
    {
        parts.headers.append(FORWARDED_FOR, peer);
    }
    // The backend's own name is set when one is picked, and what is cached is under our path alone: no client names
    // another host into it.
    parts.headers.remove(header::HOST);
    parts.uri = parts.uri.path_and_query().cloned().map_or_else(Uri::default, Uri::from);
    // A retry goes to a backend that this request has not tried.
    parts.extensions.insert(Tried::new());
    let request = Request::from_parts(parts, ReplayBody::capped(body, KEPT));
    match RespondService::new(upstream).oneshot(request).await {
        Ok(answer) => {
            let mut answer = answer.map(Body::new);
            strip(answer.headers_mut());
            Ok(answer)
        }
        // The client's own fault, if its body broke off on the way.
        Err(error) => Err(fault(&error).unwrap_or(StatusCode::BAD_GATEWAY)),
    }
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Takes out what is meant for the next hop alone (RFC 9110, 7.6.1).
fn strip(headers: &mut HeaderMap) {
    const HOP_BY_HOP: [HeaderName; 8] = [
        header::CONNECTION,
        HeaderName::from_static("keep-alive"),
        header::PROXY_AUTHENTICATE,
        header::PROXY_AUTHORIZATION,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ];
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}
