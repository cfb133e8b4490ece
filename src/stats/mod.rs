//! Counting over windows: what several deciding families need.

mod last_n;
mod slices;
mod tally;

pub(crate) use self::last_n::LastN;
pub(crate) use self::slices::Slices;
pub(crate) use self::tally::Tally;
