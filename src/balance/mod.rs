//! One of many: picks an endpoint for each call.
//!
//! ```text
//!                 ┌─ snapshot (one pointer, never waited for) ─┐
//!   call ─ pick ─►│ level 0:  a ●●   b ●   c ●●●●              │──► Ticket ─ settle · release · drop
//!                 │ level 1:  d                                │       │
//!                 └────────────────────────────────────────────┘       └─ the endpoint itself, not its place
//!         set · insert · remove ──► a new snapshot; what was counted of an id stays
//! ```
//!
//! # Examples
//!
//! Direct use: pick, call, say how it went.
//!
//! ```
//! use seawall::Class;
//! use seawall::balance::{Endpoint, LeastConnections, Pool};
//!
//! let pool = Pool::new("replicas", LeastConnections::new());
//! pool.set([Endpoint::new("10.0.0.1:5432", "first"), Endpoint::new("10.0.0.2:5432", "second").weight(2)]);
//!
//! let ticket = pool.pick()?;
//! println!("calling {} through {}", ticket.id(), ticket.service());
//! ticket.settle(Class::Success);
//! # Ok::<_, seawall::Rejected>(())
//! ```
//!
//! As a service: the same pool in front of tower services.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use seawall::Lift;
//! use seawall::balance::{Endpoint, Pool, RoundRobin};
//! use tower::{Service, ServiceExt, service_fn};
//!
//! let pool = Pool::new("api", RoundRobin::new());
//! let client = |port: u16| Lift::new(service_fn(move |()| async move { Ok::<_, std::io::Error>(port) }));
//! pool.set([80, 81].map(|port| Endpoint::new(format!("10.0.0.1:{port}"), client(port))));
//!
//! let mut service = pool.balance();
//! let one = service.ready().await.unwrap().call(()).await.unwrap();
//! let two = service.ready().await.unwrap().call(()).await.unwrap();
//! assert_eq!(one + two, 80 + 81);
//! # }
//! ```
//!
//! # Which picker
//!
//! | | looks at | good for |
//! |---|---|---|
//! | [`P2c`] | two, by load | nearly everything |
//! | [`PeakEwma`] | two, by load and latency | endpoints of unequal or changing speed; two readings of the clock a call |
//! | [`LeastConnections`] | all, by load | few endpoints, long calls |
//! | [`RoundRobin`], [`WeightedRoundRobin`] | none | equal calls on equal endpoints |
//! | [`Random`], [`WeightedRandom`] | none | many equal calls, no state at all |
//! | [`Reported`] | what endpoints say of their load | endpoints of unequal size; one reading of the clock |
//! | [`Prequal`] | what endpoints answer to probes | many callers that do not know of each other's load |
//! | [`Hashed`] | the key | caches and sessions |
//!
//! # Who is picked
//!
//! Whoever is in: not drained, not [unhealthy](crate::health), not [ejected](crate::outlier), not resting after a
//! connection that failed. Each level takes what it can carry, [1.4 times](Config::overprovision) its part that is
//! well, and the next one takes the rest. If all together cannot, a level of which less than half is well uses everyone who can be reached. Time
//! brings an endpoint back, whether or not there is traffic.
//!
//! Degraded endpoints carry what those who are well cannot. [`Zoning`] keeps calls within the caller's zone as far as
//! its endpoints can take them, [`ZoneWeights`] give each zone a fixed part; [`Failover`] keeps all calls in one level at a time and comes back only after a
//! while, as between regions; [`SlowStart`] spares who is new or back; a [`Token`] brings a client back to its
//! endpoint.
//!
//! A breaker of its own before each endpoint is a layer around that endpoint's service, and
//! [`Endpoint::foresee`] lets the pool pass over it while it is open.
//!
//! # Defaults
//!
//! | what | default | why |
//! |---|---|---|
//! | weight of an endpoint | 1 | |
//! | limit of an endpoint | none | a pool balances; a limit is the peer's own to know |
//! | [`patience`](Balance::patience) | 250 ms | longer than a handshake within a region |
//! | rest after a failed connection | 100 ms, doubling to 30 s, ±20 % | one caller tries it again, not all |
//! | an id that left is remembered for | 60 s | a restart is not a new endpoint |
//!
//! # What counts
//!
//! `Transient`, `Permanent` and `Overload` lengthen an endpoint's streak of failures, `Success` ends it, `Neutral`,
//! a refusal and an abandoned call change nothing. A streak weighs like `2^min(s, 6) − 1` calls in flight and
//! halves each second, so an endpoint that fails fast never looks idle.
//!
//! # Events
//!
//! `EndpointsChanged`, `EndpointOut`, `EndpointIn` and `DiscoveryFailed`; `Refused`; to observers also `Admitted`, `Settled`,
//! `Released` and `Abandoned` of each call.
//!
//! # Order
//!
//! Innermost: the attempt timeout and the retry stand around it, so that each attempt picks anew. What stands
//! inside belongs to one endpoint.
//!
//! # Memory
//!
//! Per endpoint 128 bytes of counters, its id twice, and its service; per snapshot 32 bytes a member. No
//! allocation per pick.
//!
//! # Cancel safety
//!
//! A ticket dropped at any point gives its slot back and counts nothing. It keeps its endpoint's service alive
//! though the endpoint may have left the pool.
//!
//! # Not for
//!
//! * Services that are `Send` but not `Sync`: the pool clones them from several threads at once. tower's
//!   `BoxCloneSyncService` is the boxed one that fits.

mod affinity;
mod ask;
mod back_off;
mod calls;
mod checking;
mod config;
mod drive;
mod driving;
mod endpoint;
mod failover;
mod following;
mod following_changes;
mod future;
mod id;
mod latency;
mod level;
mod live;
mod look;
mod member;
#[cfg(all(test, any(seawall_loom, seawall_shuttle)))]
mod models;
mod party;
mod pick;
mod pick_probed;
mod picker;
mod pool;
mod probing;
mod ready;
mod roster;
mod rules;
mod seat;
mod service;
mod slow_start;
mod snapshot;
mod spread;
mod status;
mod streak;
mod ticket;
mod tried;
mod warming;
mod watch;
mod zone_weights;
mod zoning;

pub use self::affinity::{NoToken, Token};
pub use self::ask::Ask;
pub use self::checking::Checking;
pub use self::config::Config;
pub use self::driving::Driving;
pub use self::endpoint::Endpoint;
pub use self::failover::Failover;
pub use self::following::Following;
pub use self::following_changes::FollowingChanges;
pub use self::future::ResponseFuture;
pub use self::id::Id;
pub use self::look::{Blind, KeyBy, Look, NoSpare, Spare, TokenBy, TriedBy};
pub use self::pick::{
    Hashed, Key, LeastConnections, Lineup, P2c, PeakEwma, PowerOfTwoChoices, Prequal, Probe, Random, Report,
    Reported, RoundRobin, WeightedRandom, WeightedRoundRobin,
};
pub use self::pick_probed::PickProbed;
pub use self::picker::{Pick, Picker};
pub use self::pool::Pool;
pub use self::probing::Probing;
pub use self::ready::Ready;
pub use self::service::Balance;
pub use self::slow_start::SlowStart;
pub use self::status::{State, Status};
pub use self::ticket::Ticket;
pub use self::tried::Tried;
pub use self::warming::Warming;
pub use self::zone_weights::ZoneWeights;
pub use self::zoning::Zoning;
