use super::watch::Counts;
use crate::ratio::Ratio;
use std::time::Duration;

/// How a half-open circuit finds out whether the peer is back.
///
/// # Examples
///
/// ```
/// use seawall::circuit_breaker::{Probes, Verdict};
/// use std::time::Duration;
///
/// let probes = Probes::of(5).need(4).max_wait(Duration::from_secs(10)).hung(Verdict::Open);
/// # let _ = probes;
/// ```
///
/// # Defaults
///
/// | setting | default | why |
/// |---|---|---|
/// | probes | 3, two good | one lucky answer does not close, one unlucky one does not reopen |
/// | `max_wait` | 60 s | longer than any sane attempt timeout |
/// | `hung` | [`Verdict::Open`] | a peer that does not answer is not back |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probes {
    pub(super) of: u32,
    pub(super) need: u32,
    pub(super) max_wait: Duration,
    pub(super) hung: Verdict,
}

/// What becomes of a half-open circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The peer is back: close.
    Close,
    /// It is not: open again.
    Open,
}

impl Probes {
    pub(super) const DEFAULT: Self = Self::of(3).need(2);

    /// At most `n` probes (at least one), all of which must be good unless [`need`](Self::need) says less.
    ///
    /// ```
    /// use seawall::circuit_breaker::Probes;
    /// assert_eq!(Probes::of(2), Probes::of(2).need(2));
    /// ```
    #[must_use]
    pub const fn of(n: u32) -> Self {
        let n = if n == 0 { 1 } else { n };
        Self { of: n, need: n, max_wait: Duration::from_secs(60), hung: Verdict::Open }
    }

    /// How many of them must be good; read as at least one and at most all.
    ///
    /// ```
    /// use seawall::circuit_breaker::Probes;
    /// assert_eq!(Probes::of(3).need(9), Probes::of(3).need(3));
    /// ```
    #[must_use]
    pub const fn need(mut self, k: u32) -> Self {
        self.need = if k == 0 {
            1
        } else if k > self.of {
            self.of
        } else {
            k
        };
        self
    }

    /// Which share of them must be good, rounded up.
    ///
    /// ```
    /// use seawall::{Ratio, circuit_breaker::Probes};
    /// assert_eq!(Probes::of(5).need_ratio(Ratio::percent(50)), Probes::of(5).need(3));
    /// ```
    #[must_use]
    pub const fn need_ratio(self, ratio: Ratio) -> Self {
        let needed = (self.of as u64 * ratio.parts() as u64).div_ceil(ratio.whole().get() as u64);
        self.need(if needed > u32::MAX as u64 { u32::MAX } else { needed as u32 })
    }

    /// How long after the last probe went out, all slots taken, a call that asks finds them hung.
    ///
    /// ```
    /// use seawall::circuit_breaker::Probes;
    /// use std::time::Duration;
    /// let probes = Probes::of(3).max_wait(Duration::from_secs(10));
    /// # let _ = probes;
    /// ```
    #[must_use]
    pub const fn max_wait(mut self, max_wait: Duration) -> Self {
        self.max_wait = max_wait;
        self
    }

    /// What becomes of the circuit if its probes hang.
    ///
    /// ```
    /// use seawall::circuit_breaker::{Probes, Verdict};
    /// let probes = Probes::of(3).hung(Verdict::Close);
    /// # let _ = probes;
    /// ```
    #[must_use]
    pub const fn hung(mut self, verdict: Verdict) -> Self {
        self.hung = verdict;
        self
    }
}

impl Default for Probes {
    /// Three probes, two of them good.
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The probes of one half-open stay. Those taken and those used never exceed the number allowed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trial {
    pub(super) probes: Probes,
    pub(super) taken: u32,
    pub(super) good: u32,
    pub(super) bad: u32,
}

impl Trial {
    pub(super) const fn new(probes: Probes) -> Self {
        Self { probes, taken: 0, good: 0, bad: 0 }
    }

    /// Takes a slot, if one is free.
    pub(super) const fn take(&mut self) -> bool {
        let free = self.has_room();
        if free {
            self.taken += 1;
        }
        free
    }

    pub(super) fn counts(&self) -> Counts {
        let (recorded, failures) = (u64::from(self.good + self.bad), u64::from(self.bad));
        Counts { recorded, failures, ..Counts::default() }
    }

    pub(super) const fn has_room(&self) -> bool {
        self.taken + self.good + self.bad < self.probes.of
    }

    /// A slot is free again.
    pub(super) const fn give_back(&mut self) {
        // Saturating: a leave of another circuit may pretend.
        self.taken = self.taken.saturating_sub(1);
    }

    /// A slot is used; the verdict as soon as it is certain.
    pub(super) const fn judge(&mut self, good: bool) -> Option<Verdict> {
        self.give_back();
        if good {
            self.good += 1;
        } else {
            self.bad += 1;
        }
        if self.good >= self.probes.need {
            Some(Verdict::Close)
        } else if self.bad > self.probes.of - self.probes.need {
            Some(Verdict::Open)
        } else {
            None
        }
    }
}

/// Lets traffic back gradually once the probes have spoken well: for a peer with a cold cache behind it.
///
/// # Examples
///
/// ```
/// use seawall::Ratio;
/// use seawall::circuit_breaker::{Config, Ramp};
/// use std::time::Duration;
///
/// // A tenth of the calls at first, all of them after half a minute.
/// let config = Config::new().ramp(Ramp::over(Duration::from_secs(30)).from(Ratio::percent(10)));
/// # let _ = config;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ramp {
    pub(super) length: Duration,
    from: Ratio,
}

impl Ramp {
    /// From a tenth of the calls to all of them, evenly over `length`.
    ///
    /// ```
    /// use seawall::circuit_breaker::Ramp;
    /// use std::time::Duration;
    /// assert!(Ramp::over(Duration::from_secs(10)).share(Duration::from_secs(5)) > 0.5);
    /// ```
    #[must_use]
    pub const fn over(length: Duration) -> Self {
        Self { length, from: Ratio::percent(10) }
    }

    /// Which share is admitted at first.
    ///
    /// ```
    /// use seawall::Ratio;
    /// use seawall::circuit_breaker::Ramp;
    /// use std::time::Duration;
    /// let ramp = Ramp::over(Duration::from_secs(10)).from(Ratio::percent(50));
    /// assert_eq!(ramp.share(Duration::from_secs(5)), 0.75);
    /// ```
    #[must_use]
    pub const fn from(mut self, share: Ratio) -> Self {
        self.from = share;
        self
    }

    /// The share of calls admitted so long after the verdict.
    ///
    /// ```
    /// use seawall::circuit_breaker::Ramp;
    /// use std::time::Duration;
    /// assert_eq!(Ramp::over(Duration::from_secs(10)).share(Duration::ZERO), 0.1);
    /// ```
    #[must_use]
    pub fn share(&self, since: Duration) -> f64 {
        if since >= self.length {
            return 1.0;
        }
        let from = self.from.as_f64().min(1.0);
        (1.0 - from).mul_add(since.as_secs_f64() / self.length.as_secs_f64(), from)
    }
}
