//! At most so many calls at a time.

mod handle;
mod slots;

pub use self::handle::{ConcurrencyLimit, Held};
