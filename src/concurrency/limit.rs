use crate::error::Rejected;
use crate::gate::{Gate, Now};
use crate::ratio::Ratio;

/// A limit on calls in flight: what [`ConcurrencyLimit`](super::ConcurrencyLimit) and
/// [`AdaptiveLimit`](super::AdaptiveLimit) have in common, for what weighs their requests or tells them apart.
///
/// ```
/// use seawall::concurrency::{ConcurrencyLimit, Limit};
/// use seawall::gate::Now;
///
/// let limit = ConcurrencyLimit::new("db", 10);
/// let two = Limit::take_new(&limit, 2, None, &mut Now::lazy()).unwrap();
/// assert_eq!(limit.in_flight(), 2);
/// seawall::Gate::abandon(&limit, two);
/// ```
pub trait Limit: Gate {
    /// Takes `weight` slots for a newcomer, who passes nobody. Named a share, it is admitted only while fewer
    /// than that share of the limit are in flight.
    ///
    /// # Errors
    ///
    /// The refusal, which has been told.
    fn take_new(&self, weight: u32, share: Option<Ratio>, now: &mut Now) -> Result<Self::Pass, Rejected>;

    /// Takes them at the head of the line.
    ///
    /// # Errors
    ///
    /// The refusal, which nobody has been told.
    fn take_head(&self, weight: u32, share: Option<Ratio>, now: &mut Now) -> Result<Self::Pass, Rejected>;
}
