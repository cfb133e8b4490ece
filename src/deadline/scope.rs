use crate::time::Instant;
use std::cell::Cell;

thread_local! {
    static IN_FORCE: Cell<Instant> = const { Cell::new(Instant::MAX) };
}

/// When the request that is being polled must be over; [`Instant::MAX`] if it need not.
#[inline]
pub(crate) fn in_force() -> Instant {
    IN_FORCE.get()
}
