//! Requests and answers through the cache, each with the section that it pins.

#![expect(clippy::disallowed_methods, reason = "a background is the user's to spawn")]

mod sockets;
mod stale;
mod storing;
mod streaming;
mod vectors;

use axum::body::Body;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use parking_lot::Mutex;
use seawall::LiftLayer;
use seawall::http::cache::{Config, HttpCache};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tower::util::BoxCloneSyncService;
use tower::{ServiceBuilder, ServiceExt, service_fn};

type Fields = &'static [(&'static str, &'static str)];

/// What the origin answers from now on.
#[derive(Clone, Copy)]
struct Reply {
    status: u16,
    fields: Fields,
    body: &'static str,
    after: Duration,
    /// What it answers to a condition of ours.
    valid: Option<Fields>,
    down: bool,
}

const OK: Reply =
    Reply { status: 200, fields: &[], body: "body", after: Duration::ZERO, valid: None, down: false };

struct Edge {
    cache: HttpCache,
    reply: Arc<Mutex<Reply>>,
    asked: Arc<Mutex<Vec<(Method, HeaderMap)>>>,
    service: BoxCloneSyncService<Request<Body>, Response<seawall::http::cache::CacheBody<Body>>, String>,
}

/// An answer, taken apart.
#[derive(Debug)]
struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Got {
    fn field(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn told(&self) -> &str {
        self.field("cache-status")
    }
}

impl Edge {
    fn new(config: Config, reply: Reply) -> Self {
        let cache = HttpCache::new("edge", 1 << 24, config);
        tokio::spawn(cache.background());
        let (reply, asked) = (Arc::new(Mutex::new(reply)), Arc::new(Mutex::new(Vec::new())));
        let origin = {
            let (reply, asked) = (Arc::clone(&reply), Arc::clone(&asked));
            service_fn(move |request: Request<Body>| {
                let reply = *reply.lock();
                asked.lock().push((request.method().clone(), request.headers().clone()));
                async move {
                    wait(reply.after).await;
                    if reply.down {
                        return Err(std::io::Error::other("down"));
                    }
                    let conditional = request.headers().contains_key("if-none-match")
                        || request.headers().contains_key("if-modified-since");
                    let (status, fields, body) = match reply.valid {
                        Some(fields) if conditional => (304, fields, ""),
                        _ => (reply.status, reply.fields, reply.body),
                    };
                    let mut response = Response::builder().status(status);
                    for (name, value) in fields {
                        response = response.header(*name, *value);
                    }
                    Ok(response.body(Body::from(body)).unwrap())
                }
            })
        };
        let service = ServiceBuilder::new().layer(cache.clone()).layer(LiftLayer).service(origin);
        let service = BoxCloneSyncService::new(service.map_err(|error| error.to_string()));
        Self { cache, reply, asked, service }
    }

    fn calls(&self) -> usize {
        self.asked.lock().len()
    }

    fn set(&self, reply: Reply) {
        *self.reply.lock() = reply;
    }

    async fn get(&self, fields: Fields) -> Got {
        self.ask(Method::GET, "http://a.example/x", fields).await.unwrap()
    }

    async fn ask(&self, method: Method, uri: &str, fields: Fields) -> Result<Got, String> {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let response = self.service.clone().oneshot(request.body(Body::empty()).unwrap()).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Ok(Got { status: head.status, headers: head.headers, body })
    }
}

/// Lets virtual time go by.
async fn wait(time: Duration) {
    if !time.is_zero() {
        tokio::time::timeout(time, std::future::pending::<Infallible>()).await.unwrap_err();
    }
}

async fn seconds(seconds: u64) {
    wait(Duration::from_secs(seconds)).await;
}
