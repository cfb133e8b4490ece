//! Who of many: each picker is a function over a [`Lineup`], a counter and a draw.

#[cfg(test)]
mod bench;
mod draw;
mod least;
mod lineup;
mod round_robin;

pub use self::least::LeastConnections;
pub use self::lineup::Lineup;
pub use self::round_robin::RoundRobin;

pub(crate) use self::least::least;
pub(crate) use self::lineup::onward;
pub(crate) use self::round_robin::round_robin;
