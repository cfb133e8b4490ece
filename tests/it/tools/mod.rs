//! What the suites look with: a suspicious inner service, counted polls, futures cut short.

mod cut;
mod polls;
mod probe;

pub(crate) use self::cut::{CUTS, both, cut};
pub(crate) use self::polls::Polls;
pub(crate) use self::probe::{Answer, Failed, Probe, Step};
