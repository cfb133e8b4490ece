use crate::gate::Now;
use std::sync::Arc;

/// A gate that a table of keys may forget once nobody could tell it from one just made.
///
/// # Examples
///
/// ```
/// use seawall::ConcurrencyLimit;
/// use seawall::gate::{Evict, Now};
///
/// let limit = ConcurrencyLimit::new("tenant", 2);
/// let held = limit.try_acquire()?;
/// assert!(!limit.is_fresh(&mut Now::lazy()));
/// drop(held);
/// assert!(limit.is_fresh(&mut Now::lazy()));
/// # Ok::<(), seawall::Rejected>(())
/// ```
pub trait Evict {
    /// Whether forgetting it and making another would change nothing: nothing is in flight, nobody waits, what
    /// was taken is back. Asked under the lock of the table, so it must be quick and ask nobody else.
    fn is_fresh(&self, now: &mut Now) -> bool;
}

impl<G: Evict + ?Sized> Evict for Arc<G> {
    fn is_fresh(&self, now: &mut Now) -> bool {
        (**self).is_fresh(now)
    }
}

impl<G: Evict> Evict for Option<G> {
    fn is_fresh(&self, now: &mut Now) -> bool {
        self.as_ref().is_none_or(|gate| gate.is_fresh(now))
    }
}

macro_rules! tuple {
    ($($gate:ident $index:tt),+) => {
        impl<$($gate: Evict),+> Evict for ($($gate,)+) {
            fn is_fresh(&self, now: &mut Now) -> bool {
                $(self.$index.is_fresh(now))&&+
            }
        }
    };
}

tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
