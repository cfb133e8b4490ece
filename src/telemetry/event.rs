use super::Lookup;
use crate::circuit_breaker::Turn;
use crate::class::Class;
use crate::error::Rejected;
use crate::health::Finding;
use crate::name::Name;
use crate::rate_limit::Quota;
use std::time::Duration;

/// Something worth knowing: who, what it is, and what happened. `Copy`, no strings built.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// The name of the instance.
    pub name: Name,
    /// What kind of primitive it is.
    pub kind: Kind,
    /// What happened.
    pub what: What,
}

/// What kind of primitive an [`Event`] comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// A rate limiter.
    RateLimiter,
    /// A circuit breaker.
    CircuitBreaker,
    /// A concurrency limit.
    ConcurrencyLimit,
    /// An adaptive limit.
    AdaptiveLimit,
    /// A shedder of what a service is not ready for.
    Shed,
    /// A queue before a gate.
    Queue,
    /// A gate for each key.
    Keyed,
    /// A retry.
    Retry,
    /// A hedge.
    Hedge,
    /// A timeout.
    Timeout,
    /// A deadline.
    Deadline,
    /// A fallback.
    Fallback,
    /// A throttle on the client's side.
    Throttle,
    /// A load balancer.
    Balance,
    /// A cache.
    Cache,
    /// A buffer of changes that are written later.
    WriteBehind,
}

impl Kind {
    /// The kind as metrics and logs spell it.
    ///
    /// ```
    /// assert_eq!(seawall::telemetry::Kind::CircuitBreaker.as_str(), "circuit_breaker");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RateLimiter => "rate_limiter",
            Self::CircuitBreaker => "circuit_breaker",
            Self::ConcurrencyLimit => "concurrency_limit",
            Self::AdaptiveLimit => "adaptive_limit",
            Self::Shed => "shed",
            Self::Queue => "queue",
            Self::Keyed => "keyed",
            Self::Retry => "retry",
            Self::Hedge => "hedge",
            Self::Timeout => "timeout",
            Self::Deadline => "deadline",
            Self::Fallback => "fallback",
            Self::Throttle => "throttle",
            Self::Balance => "balance",
            Self::Cache => "cache",
            Self::WriteBehind => "write_behind",
        }
    }
}

/// What happened.
///
/// Non-exhaustive: a new primitive brings its own events.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum What {
    /// A call was admitted. Told to observers only.
    Admitted {
        /// How many permits it took.
        cost: u32,
    },
    /// A call was refused.
    Refused(Rejected),
    /// An admitted call ended, and went so. Told to observers only.
    Settled(Class),
    /// An admitted call was never handed over. Told to observers only.
    Released,
    /// An admitted call was cancelled, or its code panicked. Told to observers only.
    Abandoned,
    /// A call will be made again.
    Retried {
        /// The number of the attempt to come, counted from 1.
        attempt: u32,
        /// After which wait.
        wait: Duration,
    },
    /// A further attempt is made beside the ones that have not answered yet.
    Hedged {
        /// Its number, counted from 1.
        attempt: u32,
    },
    /// An outcome was replaced by a fallback.
    FellBack,
    /// A call would have been made again, but its request may not be sent twice.
    NotReplayable,
    /// A call would have been made again, but the retry budget has no token.
    BudgetExhausted,
    /// A retry or a hedge asked a budget for a token: what is left in it. Told to observers only.
    BudgetLeft {
        /// Whole tokens.
        tokens: u32,
    },
    /// A call is not made again: its attempts, its patience or its time are used up.
    GaveUp {
        /// How many attempts were made.
        attempts: u32,
    },
    /// A caller waits. Told to observers only.
    Queued,
    /// A caller waits no longer: it was admitted, refused or dropped. Told to observers only.
    Dequeued {
        /// How long it waited.
        waited: Duration,
    },
    /// A limit was changed.
    LimitChanged {
        /// The limit before.
        from: u32,
        /// The limit from now on.
        to: u32,
    },
    /// A limit stands low for a while, to find how fast the peer is when it has little to do.
    Probing {
        /// The limit meanwhile.
        limit: u32,
    },
    /// A quota was changed.
    QuotaChanged {
        /// The quota before.
        from: Quota,
        /// The quota from now on.
        to: Quota,
    },
    /// Endpoints came or went.
    EndpointsChanged {
        /// New ids.
        added: u32,
        /// Ids that are gone.
        removed: u32,
        /// Ids that one change named twice; the last counts.
        repeated: u32,
    },
    /// An endpoint is passed over for a while.
    EndpointOut {
        /// Its number, see `balance::Status`.
        endpoint: u32,
        /// Why.
        why: Outage,
        /// For how long.
        rest: Duration,
    },
    /// A source of endpoints failed, or found nobody.
    DiscoveryFailed {
        /// How often in a row.
        failures: u32,
        /// After how long it is asked again.
        retry: Duration,
    },
    /// An endpoint may be picked again.
    EndpointIn {
        /// Its number, see `balance::Status`.
        endpoint: u32,
    },
    /// An endpoint was checked. Told to observers only.
    Checked {
        /// Its number, see `balance::Status`.
        endpoint: u32,
        /// What the check found.
        finding: Finding,
        /// How long it took.
        took: Duration,
    },
    /// A circuit changed its state, or was done something to.
    Circuit(Turn),
    /// A cache was read, loaded or fenced. Told to observers only, but for loads that failed.
    Cache(Lookup),
    /// Changes were buffered, written, or not.
    Spool(Spool),
    /// A call had no answer in time.
    TimedOut {
        /// How long it was given.
        after: Duration,
    },
}

/// What a buffer of changes did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Spool {
    /// A change was taken in. Told to observers only.
    Taken {
        /// It took the place of one that had not been written.
        coalesced: bool,
        /// How many keys are dirty now.
        dirty: u64,
    },
    /// Keys were written. Told to observers only.
    Stored {
        /// How many.
        keys: u32,
        /// How many keys are dirty now.
        dirty: u64,
    },
    /// Keys were not written, and will be tried again.
    Again {
        /// How many.
        keys: u32,
    },
    /// A change was given up on, and handed back.
    Dead {
        /// After how many attempts.
        attempts: u32,
    },
    /// Nobody writes any more, and keys are dirty.
    Lost {
        /// How many.
        keys: u64,
    },
}

/// Why an endpoint is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outage {
    /// It could not be reached, or failed to become ready.
    Unready,
    /// It failed real calls.
    Ejected,
    /// Its checks failed.
    Unhealthy,
}

impl Outage {
    /// The cause as metrics and logs spell it.
    ///
    /// ```
    /// assert_eq!(seawall::telemetry::Outage::Unready.as_str(), "unready");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unready => "unready",
            Self::Ejected => "ejected",
            Self::Unhealthy => "unhealthy",
        }
    }
}
