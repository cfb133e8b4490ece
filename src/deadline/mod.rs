//! When a whole request must be over.

mod scope;

pub(crate) use self::scope::in_force;
