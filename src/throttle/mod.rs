//! The client steps back by itself: it refuses as many calls as the peer lately would have.
//!
//! ```text
//!   refusals ▲                         ┌──── max
//!            │                      ╱
//!            │                   ╱
//!            └────────────────┴──────────► share of calls that the peer refuses
//!                          1 − 1/K
//! ```
//!
//! The peer is spared the work of saying no, which at a multiple of its load is all that it does. The rule is
//! that of *Site Reliability Engineering*, ch. 21 ("Client-Side Throttling").
//!
//! # Examples
//!
//! Direct use:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use seawall::{Throttle, throttle::Config};
//!
//! let throttle = Throttle::new("payments", Config::new());
//! let answer = throttle.run(|| async { Ok::<_, std::io::Error>("paid") }).await;
//! assert_eq!(answer.unwrap(), "paid");
//! # }
//! ```
//!
//! As a layer:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use seawall::{LiftLayer, Throttle, throttle::Config};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! let service = ServiceBuilder::new()
//!     .layer(Throttle::new("payments", Config::new()).layer())
//!     .layer(LiftLayer)
//!     .service(service_fn(|n: u32| async move { Ok::<_, std::io::Error>(n) }));
//! assert_eq!(service.oneshot(7).await.unwrap(), 7);
//! # }
//! ```
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | K | 2 | the book's: half of what is sent may be refused by the peer before the client steps in |
//! | over | 2 minutes, in 20 slices | the book's |
//! | min calls | 10 | no verdict on a handful |
//! | max | 90 % | a tenth gets through to notice the recovery |
//!
//! # What counts
//!
//! Every call that is asked for is a request, those refused here too. `Success`, `Neutral` and `Permanent` are
//! accepted; `Transient` and `Overload` are not. A call that was abandoned or refused further in is neither.
//!
//! # Events
//!
//! `Admitted`, `Refused`, `Settled`, `Released`, `Abandoned`.
//!
//! # Order
//!
//! Among the gates, where a [`circuit_breaker`](crate::circuit_breaker) could stand: the breaker is all or
//! nothing, the throttle a share.
//!
//! # Memory
//!
//! One allocation of less than 400 bytes.
//!
//! # Cancel safety
//!
//! A call that is dropped leaves the counts.
//!
//! # Not for
//!
//! A server that defends itself: see [`concurrency`](crate::concurrency). A quota that the peer states: see
//! [`rate_limit`](crate::rate_limit).

mod handle;
#[cfg(all(test, any(seawall_loom, seawall_shuttle)))]
mod models;
mod odds;
mod window;

pub use self::handle::{Counted, Throttle};
pub use self::odds::Config;
