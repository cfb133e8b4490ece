use super::sketch::Sketch;
use crate::ratio::Ratio;
use crate::time::Instant;
use std::time::Duration;

/// How long an attempt may take before another is made beside it.
///
/// # Examples
///
/// ```
/// use seawall::{Ratio, hedge::Delay};
/// use std::time::Duration;
///
/// // As long as 95 of 100 calls take, by the last minute's own figures; 5 % more load for the tail.
/// let live = Delay::percentile(Ratio::percent(95));
/// let fixed = Delay::fixed(Duration::from_millis(20));
/// # let _ = (live, fixed);
/// ```
///
/// # Defaults
///
/// Of a [`percentile`](Self::percentile):
///
/// | setting | default | why |
/// |---|---|---|
/// | share | 95 % (of [`Delay::default`]) | 5 % more load for the tail |
/// | between | 1 ms and 1 s | below, a hedge costs more than it saves; above, nobody waits for it |
/// | samples | 100 | never on guesswork |
/// | otherwise | none | never on guesswork |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Fixed(Duration),
    Percentile(Percentile),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Percentile {
    share: Ratio,
    min: Duration,
    max: Duration,
    min_samples: u32,
    otherwise: Option<Duration>,
}

impl Delay {
    /// Always `delay`. Zero makes all attempts at once.
    ///
    /// ```
    /// let delay = seawall::hedge::Delay::fixed(std::time::Duration::from_millis(20));
    /// # let _ = delay;
    /// ```
    #[must_use]
    pub const fn fixed(delay: Duration) -> Self {
        Self(Kind::Fixed(delay))
    }

    /// As long as this share of the calls of the last minute took, from their start to the winner's answer.
    ///
    /// The figure does not feed on itself: calls shorter than the delay are never hedged, and losers, being cut
    /// short, teach nothing.
    ///
    /// ```
    /// use seawall::{Ratio, hedge::Delay};
    /// let delay = Delay::percentile(Ratio::percent(99));
    /// # let _ = delay;
    /// ```
    #[must_use]
    pub const fn percentile(share: Ratio) -> Self {
        Self(Kind::Percentile(Percentile {
            share,
            min: Duration::from_millis(1),
            max: Duration::from_secs(1),
            min_samples: 100,
            otherwise: None,
        }))
    }

    /// Never shorter than `min` nor longer than `max`; of a percentile only.
    ///
    /// ```
    /// use seawall::hedge::Delay;
    /// use std::time::Duration;
    /// let delay = Delay::default().between(Duration::from_millis(5), Duration::from_millis(250));
    /// # let _ = delay;
    /// ```
    #[must_use]
    pub const fn between(self, min: Duration, max: Duration) -> Self {
        match self.0 {
            Kind::Percentile(percentile) => Self(Kind::Percentile(Percentile { min, max, ..percentile })),
            Kind::Fixed(_) => self,
        }
    }

    /// No hedge before so many calls have been seen in the last minute; of a percentile only.
    ///
    /// ```
    /// let delay = seawall::hedge::Delay::default().min_samples(20);
    /// # let _ = delay;
    /// ```
    #[must_use]
    pub const fn min_samples(self, min_samples: u32) -> Self {
        match self.0 {
            Kind::Percentile(percentile) => Self(Kind::Percentile(Percentile { min_samples, ..percentile })),
            Kind::Fixed(_) => self,
        }
    }

    /// What to do while there are too few samples: this delay, instead of no hedge; of a percentile only.
    ///
    /// ```
    /// let delay = seawall::hedge::Delay::default().otherwise(std::time::Duration::from_millis(50));
    /// # let _ = delay;
    /// ```
    #[must_use]
    pub const fn otherwise(self, delay: Duration) -> Self {
        let otherwise = Some(delay);
        match self.0 {
            Kind::Percentile(percentile) => Self(Kind::Percentile(Percentile { otherwise, ..percentile })),
            Kind::Fixed(_) => self,
        }
    }

    pub(super) const fn is_live(&self) -> bool {
        matches!(self.0, Kind::Percentile(_))
    }

    /// The delay by these figures; `None` is no hedge.
    pub(super) fn by(&self, sketch: Option<&Sketch>, now: Instant) -> Option<Duration> {
        match self.0 {
            Kind::Fixed(delay) => Some(delay),
            Kind::Percentile(Percentile { share, min, max, min_samples, otherwise }) => sketch
                .and_then(|sketch| sketch.quantile(share, min_samples, now))
                // Bounds the wrong way round are no reason to panic: the upper one counts.
                .map(|delay| delay.max(min).min(max))
                .or(otherwise),
        }
    }
}

impl Default for Delay {
    fn default() -> Self {
        Self::percentile(Ratio::percent(95))
    }
}
