use super::id::Id;
use super::latency::Decay;
use super::pick::{
    Cycle, Hashed, LeastConnections, Lineup, P2c, PeakEwma, Placed, Prequal, Random, Reported, RoundRobin,
    Shares, Stride, WeightedRandom, WeightedRoundRobin, Wheel, least, peak_ewma, random, round_robin,
    two_choices, weighted_random, weighted_round_robin,
};
use crate::chance::Chance;
use crate::hash::{LoadBound, Nodes};
use crate::sync::Padded;
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

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

    /// Whether it asks for [`Lineup::cost`]. Then each call is timed, which costs two readings of the clock, and
    /// costs fade with a decay of 10 s.
    fn wants_cost(&self) -> bool {
        false
    }
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
    WeightedRoundRobin(WeightedRoundRobin),
    LeastConnections(LeastConnections),
    Random,
    WeightedRandom,
    P2c(P2c),
    PeakEwma(PeakEwma),
    Hashed(Hashed),
    Reported(Reported),
    Prequal(Prequal),
    Custom(Arc<dyn Pick>),
}

/// What a picker keeps ready for the members of a level that are placed, whether or not they are in.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    cycle: Option<Cycle>,
    pub(super) placed: Option<Placed>,
}

/// What a picker keeps ready for those that are in. Made in one pass.
#[derive(Debug, Default)]
pub(super) struct Tables {
    shares: Shares,
    stride: Option<Stride>,
    cycle: Option<Arc<Prepared>>,
}

impl Tables {
    /// The weights of all that are in.
    #[inline]
    pub(super) const fn total_weight(&self) -> u64 {
        self.shares.total()
    }

    #[inline]
    fn wheel(&self) -> Wheel<'_> {
        match (&self.cycle, &self.stride) {
            _ if self.shares.are_equal() => Wheel::Even,
            (Some(prepared), _) => prepared.cycle.as_ref().map_or(Wheel::Even, Wheel::Cycle),
            (None, Some(stride)) => Wheel::Stride(stride),
            (None, None) => Wheel::Even,
        }
    }
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
            Kind::WeightedRoundRobin(picker) => picker.start(),
            Kind::LeastConnections(picker) => picker.start(),
            _ => None,
        };
        // Far from the end, where a counter would wrap in the middle of a round.
        start.unwrap_or_else(|| chance.draw() >> 32)
    }

    /// How the time that calls take is to be counted, if it is.
    pub(super) fn timing(&self) -> Option<Timing> {
        match &self.0 {
            Kind::PeakEwma(picker) => Some(Timing::of(*picker)),
            Kind::Custom(pick) if pick.wants_cost() => Some(Timing::of(PeakEwma::new())),
            _ => None,
        }
    }

    /// By what rules endpoints report, if they do.
    pub(super) const fn reported(&self) -> Option<Reported> {
        if let Kind::Reported(picker) = self.0 { Some(picker) } else { None }
    }

    /// By what rules endpoints are probed, if they are.
    pub(super) const fn prequal(&self) -> Option<Prequal> {
        if let Kind::Prequal(picker) = self.0 { Some(picker) } else { None }
    }

    /// How far above the average a load may stand, if that is bounded.
    pub(super) const fn bound(&self) -> Option<LoadBound> {
        if let Kind::Hashed(picker) = self.0 { picker.bound() } else { None }
    }

    /// What it keeps ready for these members, in the order of their ids, which may take a while to make.
    pub(super) fn prepare(&self, members: &[(Id, u32)]) -> Prepared {
        match self.0 {
            Kind::WeightedRoundRobin(_) | Kind::LeastConnections(_) => {
                let weights: Vec<_> = members.iter().map(|&(_, weight)| weight).collect();
                Prepared { cycle: Cycle::of(&weights), placed: None }
            }
            Kind::Hashed(picker) => {
                let nodes = Nodes::weighted(members.iter().map(|(id, weight)| (id.as_str(), *weight)));
                Prepared { cycle: None, placed: Some(picker.place(nodes)) }
            }
            _ => Prepared::default(),
        }
    }

    /// What it keeps ready for those of these weights that are in; `whole` if those are all that `prepared` is of.
    pub(super) fn tables(
        &self,
        weights: impl ExactSizeIterator<Item = u32> + Clone,
        prepared: &Arc<Prepared>,
        whole: bool,
    ) -> Tables {
        let turns =
            matches!(self.0, Kind::WeightedRoundRobin(_) | Kind::LeastConnections(_) | Kind::Reported(_));
        let cycle = (turns && whole && prepared.cycle.is_some()).then(|| Arc::clone(prepared));
        let stride = (turns && cycle.is_none()).then(|| Stride::of(weights.clone()));
        Tables { shares: Shares::of(weights), stride, cycle }
    }

    #[inline]
    pub(super) fn pick(
        &self,
        lineup: &impl Lineup,
        tables: &Tables,
        turn: &Turn,
        chance: &mut Chance,
    ) -> Option<usize> {
        match &self.0 {
            Kind::RoundRobin(_) => round_robin(lineup, turn.next()),
            Kind::WeightedRoundRobin(_) | Kind::Reported(_) => {
                weighted_round_robin(lineup, tables.wheel(), || turn.next())
            }
            Kind::LeastConnections(_) => {
                let start = tables.wheel().turn(lineup.len(), || turn.next())?;
                least(lineup, start)
            }
            Kind::Random => random(lineup, chance),
            Kind::WeightedRandom => weighted_random(lineup, &tables.shares, chance),
            Kind::P2c(picker) => two_choices(lineup, &tables.shares, picker.draws(), chance),
            Kind::PeakEwma(_) => peak_ewma(lineup, &tables.shares, chance),
            // Without a key, and without fresh answers.
            Kind::Hashed(_) | Kind::Prequal(_) => two_choices(lineup, &tables.shares, 2, chance),
            Kind::Custom(pick) => pick.pick(lineup, chance).filter(|&i| i < lineup.len() && lineup.fits(i)),
        }
    }
}

/// How the time that calls take is counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    pub(super) decay: Decay,
    pub(super) penalty: Duration,
}

impl Timing {
    fn of(picker: PeakEwma) -> Self {
        Self { decay: Decay::over(picker.decay), penalty: picker.penalty.unwrap_or(Duration::ZERO) }
    }
}

impl From<Random> for Picker {
    fn from(_: Random) -> Self {
        Self(Kind::Random)
    }
}

impl From<WeightedRandom> for Picker {
    fn from(_: WeightedRandom) -> Self {
        Self(Kind::WeightedRandom)
    }
}

macro_rules! built_in {
    ($($picker:ident),+) => {
        $(impl From<$picker> for Picker {
            fn from(picker: $picker) -> Self {
                Self(Kind::$picker(picker))
            }
        })+
    };
}
built_in!(RoundRobin, WeightedRoundRobin, LeastConnections, P2c, PeakEwma, Hashed, Reported, Prequal);

impl fmt::Debug for Picker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::RoundRobin(picker) => picker.fmt(f),
            Kind::WeightedRoundRobin(picker) => picker.fmt(f),
            Kind::LeastConnections(picker) => picker.fmt(f),
            Kind::Random => Random.fmt(f),
            Kind::WeightedRandom => WeightedRandom.fmt(f),
            Kind::P2c(picker) => picker.fmt(f),
            Kind::PeakEwma(picker) => picker.fmt(f),
            Kind::Hashed(picker) => picker.fmt(f),
            Kind::Reported(picker) => picker.fmt(f),
            Kind::Prequal(picker) => picker.fmt(f),
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
