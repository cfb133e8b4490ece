use super::document::{Checked, document};
use super::said::BadValue;
use super::scalars::{Count, Span, words};
use crate::concurrency::{AdaptiveLimit, Aimd, Gradient, Vegas};
use crate::telemetry::Telemetry;

document! {
    /// A concurrency limit that finds itself.
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall::config::Adaptive;
    /// let adaptive: Adaptive =
    ///     serde_json::from_str(r#"{ "algorithm": "gradient", "min": 10, "max": 500, "initial": 50 }"#)?;
    /// assert_eq!(adaptive.limit("api").limit(), 50);
    /// # Ok::<_, serde_json::Error>(())
    /// ```
    Adaptive {
        /// By which algorithm; AIMD if it is not said.
        algorithm: Algorithm,
        /// Where it begins.
        initial: Count,
        /// It never goes below this.
        min: Count,
        /// Nor above this.
        max: Count,
        /// What takes longer counts as overload; of AIMD only.
        slow: Span,
    }
}

words! {
    /// How a limit finds itself.
    Algorithm: r#""aimd", "vegas" or "gradient""# {
        /// One more for each round that goes well, a part less for one that does not: [`Aimd`].
        Aimd = "aimd",
        /// By the queue that latencies tell of: [`Vegas`].
        Vegas = "vegas",
        /// By how latencies change: [`Gradient`].
        Gradient = "gradient",
    }
}

impl Checked for Adaptive {
    fn check(&self) -> Result<(), BadValue> {
        match (self.min, self.max) {
            (Some(min), Some(max)) if min > max => {
                let said = max.0.to_string();
                Err(BadValue { field: "max", said, may_be: "a whole number not below that of `min`" })
            }
            _ if self.slow.is_some() && !matches!(self.algorithm, None | Some(Algorithm::Aimd)) => {
                Err(BadValue {
                    field: "slow",
                    said: "set".to_owned(),
                    may_be: r#"there where `algorithm` is "aimd""#,
                })
            }
            _ => Ok(()),
        }
    }
}

/// The bounds of the presets.
const BOUNDS: (u32, u32) = (5, 1000);
const INITIAL: u32 = 100;

impl Adaptive {
    /// The limit that it says.
    ///
    /// ```
    /// assert_eq!(seawall::config::Adaptive::default().limit("api").limit(), 100);
    /// ```
    #[must_use]
    pub fn limit(&self, telemetry: impl Into<Telemetry>) -> AdaptiveLimit {
        let (initial, min, max) = self.bounds();
        match self.algorithm {
            None | Some(Algorithm::Aimd) => {
                let aimd = Aimd::new().between(min, max).initial(initial);
                AdaptiveLimit::new(telemetry, self.slow.map_or(aimd, |Span(slow)| aimd.slow(slow)))
            }
            Some(Algorithm::Vegas) => {
                AdaptiveLimit::new(telemetry, Vegas::new().between(min, max).initial(initial))
            }
            Some(Algorithm::Gradient) => {
                AdaptiveLimit::new(telemetry, Gradient::new().between(min, max).initial(initial))
            }
        }
    }

    /// What is not said makes room for what is.
    fn bounds(&self) -> (u32, u32, u32) {
        let of = |count: Option<Count>| count.map(|Count(count)| count.get());
        let (min, max) = (of(self.min), of(self.max));
        let min = min.unwrap_or_else(|| BOUNDS.0.min(max.unwrap_or(BOUNDS.0)));
        let max = max.unwrap_or_else(|| BOUNDS.1.max(min));
        (of(self.initial).unwrap_or(INITIAL).clamp(min, max), min, max)
    }
}
