//! Stops calling a peer that fails, and finds out with a few probes whether it is back.
//!
//! ```text
//!                      a trip holds                      the time is over, and a call asks
//!   Closed ───────────────────────────────► Open ─────────────────────────────────────────► HalfOpen
//!     ▲  ▲                                   ▲  ▲                                            │   │
//!     │  │                     a trip holds  │  └────────── bad probes, or hung ones ────────┘   │
//!     │  └── the ramp is over ── Ramping ────┘                                                   │
//!     │                             ▲                              with a ramp                   │
//!     │                             └────────────────────────────────────────────────────────────┤
//!     └────────────────────────────────── good probes ───────────────────────────────────────────┘
//!
//!   by hand, until somebody says otherwise: ForcedOpen, ForcedClosed, ObserveOnly
//! ```
//!
//! # Examples
//!
//! Direct use:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use seawall::circuit_breaker::{CircuitBreaker, State, Trip, Window};
//! use seawall::{Error, Ratio};
//!
//! let breaker = CircuitBreaker::new(
//!     "payments",
//!     Trip::ratio(Ratio::percent(50)).over(Window::calls(20)).min_calls(10),
//! );
//! for _ in 0..10 {
//!     let failed = breaker.run(|| async { Err::<(), _>("connection reset") }).await;
//!     assert_eq!(failed, Err(Error::Inner("connection reset")));
//! }
//! assert_eq!(breaker.state(), State::Open);
//! let refused = breaker.run(|| async { Ok::<_, &str>(()) }).await.unwrap_err();
//! assert!(refused.rejected().unwrap().retry_after().is_some());
//! # }
//! ```
//!
//! As a layer, where the service's own answers say what is a failure:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use seawall::circuit_breaker::{CircuitBreaker, Config};
//! use seawall::{Class, LiftLayer};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! let breaker = CircuitBreaker::new("payments", Config::default());
//! let service = ServiceBuilder::new()
//!     .layer(breaker.layer().classify(|answer| match answer {
//!         Ok(500..) | Err(_) => Class::Transient,
//!         Ok(_) => Class::Success,
//!     }))
//!     .layer(LiftLayer)
//!     .service(service_fn(|status: u16| async move { Ok::<_, std::io::Error>(status) }));
//! assert_eq!(service.oneshot(503).await.unwrap(), 503);
//! assert_eq!(breaker.snapshot().failures, 1);
//! # }
//! ```
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | [`Trip`] | ratio 50 % over 30 s (10 slices), 20 calls | a peer that fails one call in five shows ten failures of twenty about once in 400; works from about one call a second up |
//! | slow calls | none | no limit suits everybody, and it costs a clock reading at each end |
//! | [`OpenFor`] | exponential 5 s, ×2, cap 60 s, jitter 10 % | a blip costs 5 s; a long outage is asked once a minute; a fleet is not in step |
//! | `after_cap` | 5 min | a peer may ask for patience, not for an hour |
//! | [`Probes`] | 3, two good | one lucky answer does not close, one unlucky one does not reopen |
//! | `max_wait`, `hung` | 60 s, open | longer than any sane attempt timeout |
//! | [`Ramp`] | none | three probes and a fresh window serve most; a cold cache behind the peer wants a ramp |
//! | [`Start`] | `Closed` | |
//! | name, capacity of a keyed one | none: arguments | |
//!
//! The [guide](crate::guide::circuit_breaker) says how to choose window and thresholds, with the arithmetic.
//!
//! # What counts
//!
//! | [`Class`](crate::Class) | closed | half-open |
//! |---|---|---|
//! | `Success` | a success | a good probe, unless it was slow |
//! | `Transient`, `Permanent`, `Overload` | a failure | a bad probe |
//! | `Neutral`, or a refusal from further in | not counted, however long it took | the slot is free again |
//! | never handed over | as if never asked | the slot is free again |
//! | dropped: cancelled, panicked, lost a race | not counted; beyond the slow limit, slow | the slot is free again; beyond the slow limit, bad |
//!
//! `Overload` with a time keeps the circuit open at least so long, if it is the result that opens it. A permit names
//! its stay in a state: what comes back later decides nothing, and is counted as `late`.
//!
//! # Events
//!
//! [`What::Circuit`](crate::telemetry::What::Circuit) with a [`Turn`] for each transition, once, whoever saw it
//! happen; `Refused` with `CircuitOpen`, `ProbesTaken`, `Ramping` or `ForcedOpen` for each refusal.
//!
//! # Order
//!
//! Inside the retry, so that each attempt asks and is counted; outside the rate limit, so that an open circuit spends
//! no quota; outside the attempt timeout, so that a slow answer is evidence. See [the order](crate::guide::order).
//!
//! # Memory
//!
//! A breaker takes less than 4 KiB, half of it words that each thread has to itself, and its windows: a bit a call, or two
//! counters a slice, whatever the traffic; a slow trip half a KiB more. A [keyed](KeyedCircuitBreaker) one takes less than 2 KiB a key, and no more
//! keys than its capacity. Calls allocate nothing, transitions neither.
//!
//! # Cancel safety
//!
//! A call dropped at any point, and a panic in it, give the probe's slot back and count as neither success nor
//! failure.
//!
//! # Not for
//!
//! * A peer that fails one call in a hundred: that wants a [retry](crate::retry) with a budget.
//! * Several instances behind one name: one breaker over all of them closes the good ones too. One for each, by
//!   [`KeyedCircuitBreaker`] or in the balancer.
//! * A peer with too much to do: a limit on what you send keeps it alive; a breaker only notices that it is not.
//! * Sharing a verdict between processes: a network fault of one would open the circuit of all.
//!
//! Sources: Nygard, *Release It!*; Resilience4j; Polly; failsafe-go; gobreaker; Hystrix; Sentinel; Finagle's failure
//! accrual; linkerd2-proxy.

mod by_hand;
mod by_key;
mod circuit;
mod config;
mod control;
mod flights;
mod gate;
mod handle;
mod keyed;
#[cfg(all(test, any(seawall_loom, seawall_shuttle)))]
mod models;
mod open_for;
mod probes;
mod quick;
mod refusing;
mod shared;
mod snapshot;
mod state;
mod stripes;
mod trip;
mod turning;
mod watch;
mod window;
mod word;

pub use self::by_key::ByKey;
pub use self::circuit::{Circuit, Leave};
pub use self::config::{Config, Start};
pub use self::control::Control;
pub use self::handle::CircuitBreaker;
pub use self::keyed::{KeyedCircuitBreaker, KeyedPassed};
pub use self::open_for::OpenFor;
pub use self::probes::{Probes, Ramp, Verdict};
pub use self::shared::Passed;
pub use self::snapshot::Snapshot;
pub use self::state::{Denied, State, Turn, Turns};
pub use self::trip::{Cause, CountTrip, RatioTrip, SlowTrip, Trip};
pub use self::window::Window;
