//! HTTP and gRPC: what an answer says, a refusal as an answer, who is calling, and what may be sent twice.
//!
//! ```text
//!            ClientAddress                     Replay            Status
//!            who is calling                    may it be         what does the
//!                  │                           sent twice?       answer say?
//!                  ▼                               │                 │
//!   client ──► Respond( limits, timeouts ) ──► handler ──► Policy ──┴──► upstream
//!          ◄── 429, 503, 504, Retry-After
//! ```
//!
//! It names `http`, `http-body` and `bytes`, and no framework: axum, tonic, hyper and reqwest all speak these types.
//! Every decision is a function of parts (a method, a status, headers), and no input makes one panic.
//!
//! # Examples
//!
//! Direct use, by the parts of an answer:
//!
//! ```
//! use http::{HeaderMap, StatusCode};
//! use seawall::{Class, http::Status};
//!
//! assert_eq!(Status::new().of(StatusCode::NOT_FOUND, &HeaderMap::new()), Class::Neutral);
//! assert_eq!(Status::new().of(StatusCode::BAD_GATEWAY, &HeaderMap::new()), Class::Transient);
//! ```
//!
//! As a layer, on an axum router whose error stays `Infallible`:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use axum::{Router, body::Body, routing::get};
//! use http::Request;
//! use seawall::{ConcurrencyLimit, http::Respond};
//! use tower::ServiceExt;
//!
//! let full = ConcurrencyLimit::new("api", 0);
//! let app: Router = Router::new()
//!     .route("/", get(|| async { "hello" }))
//!     .route("/healthz", get(|| async { "fine" }))
//!     .layer(Respond(full.layer()).exempt(|parts| parts.uri.path() == "/healthz"));
//!
//! let ask = |path| Request::builder().uri(path).body(Body::empty()).unwrap();
//! assert_eq!(app.clone().oneshot(ask("/")).await.unwrap().status(), 503);
//! assert_eq!(app.oneshot(ask("/healthz")).await.unwrap().status(), 200);
//! # }
//! ```
//!
//! # Defaults
//!
//! Each type says its own: [`Status`], [`struct@Respond`] and [`Replay`] have their tables, [`ClientAddress`]
//! believes the connection and no header.
//!
//! # What counts
//!
//! An answer counts by the table of [`Status`]. One that [`struct@Respond`] made of a refusal or a timeout counts as
//! what it was, as long as it stays in this process: a refusal is never evidence. Across processes a 503 is a 503.
//!
//! A call ends with the head of its answer; behind [`ToBodyEnd`] it ends with the body, and gRPC is judged by its trailers.
//!
//! # Order
//!
//! Around a handler, from the outside in: request id ► trace ► CORS ► catch panic ► [`struct@Respond`] ►
//! compression, body limits ► handler. Only so is a refusal traced, and readable by a browser.
//!
//! # Memory
//!
//! A made answer is allocated, a passing one is not. A [`ReplayBody`] keeps up to 64 KiB for each request in flight
//! that may be sent again, and nothing for the others.
//!
//! # Cancel safety
//!
//! Every future here owns its inner future and nothing else: dropping it drops the call. A body dropped half-sent
//! leaves its rest to the next attempt.
//!
//! # Not for
//!
//! Traces, request ids, CORS, compression, body sizes, body timeouts, panic catching, redirects: tower-http has
//! them. Header read timeouts, stream and connection caps: hyper has them.

mod answer;
mod attempt;
mod body;
#[cfg(feature = "http-cache")]
pub mod cache;
mod class;
mod client;
mod deadline;
mod exempt;
mod forwarded;
mod grpc;
mod heed;
mod held_body;
mod kept;
mod load_report;
mod mark;
mod net;
mod pass_deadline;
mod per_client;
mod quota_fields;
mod quota_headers;
mod quota_left;
mod replay;
mod replay_body;
mod respond;
mod respond_future;
mod retry_after;
mod retry_info;
mod tell_quota;
mod to_body_end;

pub use self::answer::Unanswered;
pub use self::body::RespondBody;
pub use self::class::Status;
pub use self::client::{Caller, ClientAddress, ClientKey, Fallback, Unknown};
pub use self::deadline::DeadlineHeaders;
pub use self::exempt::{Exempt, ExemptFuture, ExemptService};
pub use self::grpc::is_grpc;
pub use self::heed::{Heed, HeedFuture, HeedService};
pub use self::held_body::HeldBody;
pub use self::load_report::load_report;
pub use self::net::{InvalidNet, Net};
pub use self::pass_deadline::{PassDeadline, PassDeadlineFuture, PassDeadlineService};
pub use self::per_client::PerClient;
pub use self::quota_fields::QuotaFields;
pub use self::quota_headers::{QuotaHeaders, QuotaHeadersFuture, QuotaHeadersService};
pub use self::quota_left::{QuotaLeft, quota_left};
pub use self::replay::{NeverSent, Repeat, Replay, Unsure};
pub use self::replay_body::ReplayBody;
pub use self::respond::{Answer, AsListed, Respond, RespondService};
pub use self::respond_future::ResponseFuture;
pub use self::retry_after::{retry_after, retry_after_value};
pub use self::tell_quota::{TellQuota, Told};
pub use self::to_body_end::{Hold, ToBodyEnd, ToBodyEndFuture, ToBodyEndService};
