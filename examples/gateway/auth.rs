//! Who may call: API keys, compared in constant time.

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use seawall::Priority;
use seawall::rate_limit::Quota;
use subtle::{Choice, ConstantTimeEq};

/// A customer: what its key lets it do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tenant {
    pub(crate) name: &'static str,
    pub(crate) key: &'static str,
    pub(crate) quota: Quota,
    /// Who goes first when there is not enough for all.
    pub(crate) priority: Priority,
}

pub(crate) const GOLD: Tenant = Tenant {
    name: "gold",
    key: "gold-5f0c6a2e9b7d41388c1e",
    quota: Quota::per_second(50_000),
    priority: Priority::Critical,
};
pub(crate) const BRONZE: Tenant = Tenant {
    name: "bronze",
    key: "bronze-77a1d3c2f04e4b96",
    quota: Quota::per_second(50).burst(25),
    priority: Priority::Critical,
};
pub(crate) const BATCH: Tenant = Tenant {
    name: "batch",
    key: "batch-c1b0f2e8a94d4d17",
    quota: Quota::per_second(50_000),
    priority: Priority::Sheddable,
};

/// In real life these come from a store, and hashed.
pub(crate) const TENANTS: [Tenant; 3] = [GOLD, BRONZE, BATCH];

/// Lets a request in with its tenant in its extensions: 400 for a header that is no key, 401 for no key or a wrong one.
pub(crate) async fn authenticate(mut request: Request, next: Next) -> Response {
    let mut keys = request.headers().get_all("x-api-key").iter();
    let tenant = match (keys.next(), keys.next()) {
        (None, _) => return (StatusCode::UNAUTHORIZED, "an x-api-key is needed\n").into_response(),
        (Some(key), None) if key.to_str().is_ok() => find(key.as_bytes()),
        _ => return (StatusCode::BAD_REQUEST, "the x-api-key is not readable\n").into_response(),
    };
    match tenant {
        Some(tenant) => {
            request.extensions_mut().insert(tenant);
            // The backends have no business with it, so what they answer depends on no tenant, and may be cached for all.
            request.headers_mut().remove("x-api-key");
            next.run(request).await
        }
        None => (StatusCode::UNAUTHORIZED, "no such x-api-key\n").into_response(),
    }
}

/// Looks at all keys and at all of each, whatever it finds, so that the time tells nothing but a length.
fn find(key: &[u8]) -> Option<Tenant> {
    TENANTS.iter().fold(None, |found, tenant| {
        let is: Choice = tenant.key.as_bytes().ct_eq(key);
        if is.into() { Some(*tenant) } else { found }
    })
}
