use std::time::Duration;

/// What happened at a cache.
///
/// Non-exhaustive: a new strategy brings its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lookup {
    /// A fresh value was given. Told to observers only, like all of these but failed loads.
    Hit,
    /// It was known that there is nothing.
    NegativeHit,
    /// A stale value was given.
    Stale(Why),
    /// A load began.
    Missed,
    /// A caller joined a load under way.
    Joined,
    /// A load ended.
    Loaded {
        /// How.
        outcome: Outcome,
        /// After how long.
        took: Duration,
    },
    /// Something was fenced: a put, an invalidation, an expiry.
    Fenced,
}

/// Why a stale value was given.
///
/// Exhaustive on purpose, like the stages of the timeline that they come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Why {
    /// The next value is being loaded.
    Revalidating,
    /// The load took longer than the caller's soft limit.
    Slow,
    /// The load failed.
    Failed,
    /// The load, or its caller, ran out of time.
    TimedOut,
    /// The load was refused.
    Refused,
    /// A load failed a short while ago.
    Throttled,
}

impl Why {
    /// The cause as metrics and logs spell it.
    ///
    /// ```
    /// assert_eq!(seawall::telemetry::Why::TimedOut.as_str(), "timed_out");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Revalidating => "revalidating",
            Self::Slow => "slow",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Refused => "refused",
            Self::Throttled => "throttled",
        }
    }
}

/// How a load ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// With a value, with the news that there is none, or that nothing has changed.
    Ok,
    /// With an error, or without an answer.
    Failed,
    /// With a panic.
    Panicked,
    /// Not in time.
    TimedOut,
    /// It was refused.
    Refused,
    /// Everybody left.
    Abandoned,
}

impl Outcome {
    /// The outcome as metrics and logs spell it.
    ///
    /// ```
    /// assert_eq!(seawall::telemetry::Outcome::Ok.as_str(), "ok");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Panicked => "panicked",
            Self::TimedOut => "timed_out",
            Self::Refused => "refused",
            Self::Abandoned => "abandoned",
        }
    }
}
