//! Who of many: each picker is a function over a [`Lineup`], a counter and a draw.

#[cfg(test)]
mod bench;
mod draw;
mod hashed;
mod least;
mod lineup;
mod nginx_ip;
mod peak_ewma;
mod prequal;
mod random;
mod reported;
mod round_robin;
mod shares;
mod smooth;
mod stride;
mod two_choices;
mod wheel;

pub use self::hashed::{Hashed, Key};
pub use self::least::LeastConnections;
pub use self::lineup::Lineup;
pub use self::peak_ewma::PeakEwma;
pub use self::prequal::{Prequal, Probe};
pub use self::random::{Random, WeightedRandom};
pub use self::reported::{Report, Reported};
pub use self::round_robin::RoundRobin;
pub use self::two_choices::{P2c, PowerOfTwoChoices};
pub use self::wheel::WeightedRoundRobin;

pub(crate) use self::draw::point;
pub(crate) use self::hashed::Placed;
pub(crate) use self::least::least;
pub(crate) use self::lineup::onward;
pub(crate) use self::peak_ewma::peak_ewma;
pub(crate) use self::prequal::Answers;
pub(crate) use self::random::{random, weighted_random};
pub(crate) use self::reported::{Heard, proportions};
pub(crate) use self::round_robin::round_robin;
pub(crate) use self::shares::Shares;
pub(crate) use self::smooth::Cycle;
pub(crate) use self::stride::Stride;
pub(crate) use self::two_choices::two_choices;
pub(crate) use self::wheel::{Wheel, weighted_round_robin};
