//! At most so many calls at a time.

mod handle;
mod slots;
mod weighing;

pub use self::handle::{ConcurrencyLimit, Held};
pub use self::weighing::Weighing;
