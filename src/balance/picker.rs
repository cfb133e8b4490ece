use super::pick::{LeastConnections, Lineup, RoundRobin, least, onward, round_robin};
use crate::chance::Chance;
use crate::sync::Padded;
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::fmt;
use std::sync::Arc;

/// A picker of your own.
///
/// # Examples
///
/// ```
/// use seawall::Chance;
/// use seawall::balance::{Endpoint, Lineup, Pick, Picker, Pool};
///
/// /// The last one, as long as it may be picked.
/// struct Last;
///
/// impl Pick for Last {
///     fn pick(&self, lineup: &dyn Lineup, _: &mut Chance) -> Option<usize> {
///         (0..lineup.len()).rev().find(|&index| lineup.fits(index))
///     }
/// }
///
/// let pool = Pool::new("api", Picker::custom(Last));
/// pool.set(["a", "b"].map(|id| Endpoint::new(id, ())));
/// assert_eq!(pool.pick().unwrap().id().as_str(), "b");
/// ```
pub trait Pick: Send + Sync {
    /// The index of the one to call. An answer that does not fit, or is out of range, counts as none, and so
    /// does `None`: then the other levels are asked, and at last the call is refused.
    ///
    /// It runs on the path of every call, under no lock.
    fn pick(&self, lineup: &dyn Lineup, chance: &mut Chance) -> Option<usize>;
}

/// How a pool picks: one of this module's pickers, or [one of your own](Self::custom).
///
/// # Examples
///
/// ```
/// use seawall::balance::{Picker, RoundRobin};
/// let picker = Picker::from(RoundRobin::new());
/// # let _ = picker;
/// ```
#[derive(Clone)]
pub struct Picker(Kind);

#[derive(Clone)]
enum Kind {
    RoundRobin(RoundRobin),
    LeastConnections(LeastConnections),
    Custom(Arc<dyn Pick>),
}

impl Picker {
    /// A picker of your own, see [`Pick`].
    ///
    /// ```
    /// use seawall::balance::{Lineup, Pick, Picker};
    /// # struct Nobody;
    /// # impl Pick for Nobody {
    /// #     fn pick(&self, _: &dyn Lineup, _: &mut seawall::Chance) -> Option<usize> { None }
    /// # }
    /// let picker = Picker::custom(Nobody);
    /// # let _ = picker;
    /// ```
    pub fn custom(pick: impl Pick + 'static) -> Self {
        Self(Kind::Custom(Arc::new(pick)))
    }

    /// Where its counter begins.
    pub(super) fn start(&self, chance: &mut Chance) -> u64 {
        let start = match self.0 {
            Kind::RoundRobin(picker) => picker.start(),
            Kind::LeastConnections(picker) => picker.start(),
            Kind::Custom(_) => None,
        };
        // Far from the end, where a counter would wrap in the middle of a round.
        start.unwrap_or_else(|| chance.draw() >> 32)
    }

    #[inline]
    pub(super) fn pick(&self, lineup: &impl Lineup, turn: &Turn, chance: &mut Chance) -> Option<usize> {
        match &self.0 {
            Kind::RoundRobin(_) => round_robin(lineup, turn.next()),
            Kind::LeastConnections(_) => match lineup.len() {
                0 => None,
                n => least(lineup, (turn.next() % n as u64) as usize),
            },
            Kind::Custom(pick) => pick.pick(lineup, chance).filter(|&i| i < lineup.len() && lineup.fits(i)),
        }
    }
}

/// The first that fits from `start` on: where a pick goes whose slot was taken from under it.
pub(super) fn next_after(lineup: &impl Lineup, start: usize) -> Option<usize> {
    onward(lineup, start)
}

impl From<RoundRobin> for Picker {
    fn from(picker: RoundRobin) -> Self {
        Self(Kind::RoundRobin(picker))
    }
}

impl From<LeastConnections> for Picker {
    fn from(picker: LeastConnections) -> Self {
        Self(Kind::LeastConnections(picker))
    }
}

impl fmt::Debug for Picker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::RoundRobin(picker) => picker.fmt(f),
            Kind::LeastConnections(picker) => picker.fmt(f),
            Kind::Custom(_) => f.write_str("Custom(..)"),
        }
    }
}

/// The counter of a pool, which outlives every change of its endpoints.
#[derive(Debug)]
pub(super) struct Turn(Padded<AtomicU64>);

impl Turn {
    #[expect(clippy::missing_const_for_fn, reason = "the atomics of the models are not made at compile time")]
    pub(super) fn starting_at(count: u64) -> Self {
        Self(Padded(AtomicU64::new(count)))
    }

    #[inline]
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Relaxed)
    }
}
