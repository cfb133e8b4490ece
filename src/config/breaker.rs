use super::document::{Checked, document, read_by};
use super::said::{BadValue, Said, Scalar};
use super::scalars::{Count, Share, Span, Times};
use crate::circuit_breaker::{Config, OpenFor, Probes, Ramp, Trip, Window};
use crate::ratio::Ratio;
use serde::{Serialize, Serializer};
use std::num::NonZeroU32;

document! {
    /// A circuit breaker: when it opens, for how long, and how it closes.
    ///
    /// Of the conditions (`failure_ratio`, `slow_ratio` with `slower_than`, `run_of`) those that are said hold, and with
    /// none of them the default: half of at least 20 calls in 30 s.
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall::config::Breaker;
    /// let breaker: Breaker = serde_json::from_str(
    ///     r#"{ "failure_ratio": "30%", "over": "10s", "min_calls": 50, "run_of": 20, "open_for": "2s" }"#,
    /// )?;
    /// let config = breaker.config();
    /// # let _ = config;
    /// # Ok::<_, serde_json::Error>(())
    /// ```
    Breaker {
        /// Opens when this part of the calls failed.
        failure_ratio: Share,
        /// Opens when this part of the calls took longer than `slower_than`.
        slow_ratio: Share,
        /// What is slow; only with `slow_ratio`.
        slower_than: Span,
        /// Over which calls the parts are taken.
        over: Over,
        /// Of at least so many calls.
        min_calls: u32,
        /// Opens after so many failures in a row.
        run_of: Count,
        /// How long it stays open the first time.
        open_for: Span,
        /// How many times as long the next time.
        open_factor: Times,
        /// At most so long.
        open_cap: Span,
        /// Up to this part sooner.
        open_jitter: Share,
        /// So many calls try whether the peer is well again.
        probes: Count,
        /// So many of them must go well.
        probes_needed: Count,
        /// Closed again, it lets more and more calls through for so long.
        ramp: Span,
    }
}

/// Over which calls a part is taken: the last so many (`100`), or those of a time (`"30s"`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Over {
    /// The last so many calls.
    Calls(Count),
    /// The calls of the last so long.
    Time(Span),
}

impl Scalar for Over {
    const MAY_BE: &'static str = r#"a duration, as "30s", or a number of calls, as 100"#;

    fn read(said: &Said) -> Option<Self> {
        Count::read(said).map(Self::Calls).or_else(|| Span::read(said).map(Self::Time))
    }
}

impl Serialize for Over {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Calls(calls) => calls.serialize(serializer),
            Self::Time(time) => time.serialize(serializer),
        }
    }
}

impl Checked for Breaker {
    fn check(&self) -> Result<(), BadValue> {
        let bad = |field, said: &str, may_be| Err(BadValue { field, said: said.to_owned(), may_be });
        if self.slow_ratio.is_some() && self.slower_than.is_none() {
            return bad("slower_than", "nothing", "a duration, where there is a `slow_ratio`");
        }
        if self.slower_than.is_some() && self.slow_ratio.is_none() {
            return bad("slow_ratio", "nothing", "a share, where there is a `slower_than`");
        }
        match self.probes_needed {
            Some(Count(needed)) if needed > self.probes() => bad(
                "probes_needed",
                &needed.to_string(),
                "a whole number from 1 to that of `probes`, which is 3 unless it is said",
            ),
            _ => Ok(()),
        }
    }
}

impl Breaker {
    /// The config that it says.
    ///
    /// ```
    /// use seawall::circuit_breaker::Config;
    /// assert_eq!(seawall::config::Breaker::default().config(), Config::new());
    /// ```
    #[must_use]
    pub fn config(&self) -> Config {
        let mut config = Config::new();
        if let Some(trip) = self.trip() {
            config = config.trip(trip);
        }
        let mut open_for = OpenFor::default();
        if let Some(Span(base)) = self.open_for {
            open_for = OpenFor::exponential(base).jitter(Ratio::percent(10));
        }
        if let Some(factor) = self.open_factor {
            open_for = open_for.factor(factor.as_f64());
        }
        if let Some(Span(cap)) = self.open_cap {
            open_for = open_for.cap(cap);
        }
        if let Some(Share(jitter)) = self.open_jitter {
            open_for = open_for.jitter(jitter);
        }
        config = config.open_for(open_for);
        if let Some(Count(probes)) = self.probes {
            config = config.probes(Probes::of(probes.get()).need(probes.get() / 2 + 1));
        }
        if let Some(Count(needed)) = self.probes_needed {
            config = config.probes(Probes::of(self.probes().get()).need(needed.get()));
        }
        if let Some(Span(length)) = self.ramp {
            config = config.ramp(Ramp::over(length));
        }
        config
    }

    /// How many probes there are, by default three.
    fn probes(&self) -> NonZeroU32 {
        self.probes.map_or(NonZeroU32::MIN.saturating_add(2), |Count(probes)| probes)
    }

    /// The conditions that are said, if any is.
    fn trip(&self) -> Option<Trip> {
        let window = self.over.map(|over| match over {
            Over::Calls(Count(calls)) => Window::calls(calls.get()),
            Over::Time(Span(length)) => Window::time(length),
        });
        let says_window = window.is_some() || self.min_calls.is_some();
        let run = self.run_of.map(|Count(failures)| Trip::run_of(failures.get()));
        let slow = self.slower_than.zip(self.slow_ratio).map(|(Span(limit), Share(ratio))| {
            let slow = Trip::slow(limit, ratio);
            let slow = window.map_or(slow, |window| slow.over(window));
            Trip::from(self.min_calls.map_or(slow, |calls| slow.min_calls(calls)))
        });
        let alone = run.is_none() && slow.is_none();
        let usual = || (alone && says_window).then_some(Share(Ratio::percent(50)));
        let ratio = self.failure_ratio.or_else(usual);
        let ratio = ratio.map(|Share(ratio)| {
            let ratio = Trip::ratio(ratio);
            let ratio = window.map_or(ratio, |window| ratio.over(window));
            Trip::from(self.min_calls.map_or(ratio, |calls| ratio.min_calls(calls)))
        });
        [ratio, slow, run].into_iter().flatten().reduce(Trip::or)
    }
}

read_by!(Config: Breaker,);
