use super::scope::{Entered, IN_FORCE};
use crate::time::Instant;

/// Runs `f` under `deadline` alone: work that many requests share, and that none of them may cut short.
pub(crate) fn alone<T>(deadline: Instant, f: impl FnOnce() -> T) -> T {
    let _entered = Entered { before: IN_FORCE.replace(deadline) };
    f()
}
