//! Stops calling a peer that fails, and finds out with a few probes whether it is back.

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
