//! Why a call has no answer, told by the question that matters: was it sent?

use crate::name::Name;
use crate::time::nanos;
use std::fmt;
use std::time::Duration;

/// Why a call has no answer.
///
/// The variants answer the question that decides what to do next: *was it sent?* Stacking layers never
/// nests this type: however many stand in a stack, it stays one level deep.
///
/// # Examples
///
/// ```
/// use seawall::{Error, Reason, Rejected};
///
/// fn may_try_elsewhere<E>(error: &Error<E>) -> bool {
///     match error {
///         Error::Rejected(_) => true,       // never handed over
///         Error::TimedOut(_) => false,      // may or may not have happened
///         Error::Inner(_) => false,         // the service's own answer
///     }
/// }
///
/// let refused = Error::<std::io::Error>::from(Rejected::new("db", Reason::LimitReached));
/// assert!(may_try_elsewhere(&refused));
/// assert_eq!(refused.to_string(), "db: concurrency limit reached");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error<E> {
    /// Never handed to the service: safe to try elsewhere.
    #[error("{0}")]
    Rejected(Rejected),
    /// Handed over and given up on: it may or may not have happened.
    #[error("{0}")]
    TimedOut(TimedOut),
    /// Handed over, and the service's own error came back.
    #[error("the service failed")]
    Inner(#[source] E),
}

impl<E> Error<E> {
    /// The refusal, if that is what it is.
    ///
    /// ```
    /// use seawall::{Error, Reason, Rejected};
    /// let error: Error<()> = Rejected::new("db", Reason::LimitReached).into();
    /// assert!(error.rejected().is_some());
    /// ```
    #[must_use]
    pub const fn rejected(&self) -> Option<&Rejected> {
        match self {
            Self::Rejected(rejected) => Some(rejected),
            Self::TimedOut(_) | Self::Inner(_) => None,
        }
    }

    /// The service's own error, if that is what it is.
    ///
    /// ```
    /// assert_eq!(seawall::Error::Inner("reset").into_inner(), Some("reset"));
    /// ```
    #[must_use]
    pub fn into_inner(self) -> Option<E> {
        match self {
            Self::Inner(inner) => Some(inner),
            Self::Rejected(_) | Self::TimedOut(_) => None,
        }
    }
}

impl<E> Error<Error<E>> {
    /// One level instead of two, for a direct call made inside another.
    ///
    /// ```
    /// use seawall::{Error, Reason, Rejected};
    /// let nested: Error<Error<()>> = Error::Inner(Rejected::new("db", Reason::LimitReached).into());
    /// assert!(nested.flatten().rejected().is_some());
    /// ```
    #[must_use]
    pub fn flatten(self) -> Error<E> {
        match self {
            Self::Rejected(rejected) => Error::Rejected(rejected),
            Self::TimedOut(timed_out) => Error::TimedOut(timed_out),
            Self::Inner(inner) => inner,
        }
    }
}

impl<E> From<Rejected> for Error<E> {
    fn from(rejected: Rejected) -> Self {
        Self::Rejected(rejected)
    }
}

impl<E> From<TimedOut> for Error<E> {
    fn from(timed_out: TimedOut) -> Self {
        Self::TimedOut(timed_out)
    }
}

/// Why a refusal was given. Each has one status in HTTP and one in gRPC, see the `http` module.
///
/// Non-exhaustive: a new primitive brings its own reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Over the quota for now; waiting [`Rejected::retry_after`] helps.
    RateLimited,
    /// The cost exceeds what could ever be admitted at once; waiting never helps.
    TooLarge,
    /// No room for another key.
    KeysFull,
    /// The circuit is open.
    CircuitOpen,
    /// The circuit is half-open and all its probes are out.
    ProbesTaken,
    /// The circuit is letting traffic back gradually, and this call drew the other lot.
    Ramping,
    /// The circuit was opened by hand.
    ForcedOpen,
    /// As many calls are in flight as may be.
    LimitReached,
    /// As many calls are in flight as may be for one of this importance.
    Priority,
    /// The service was not ready and nobody waits for it.
    NotReady,
    /// Refused here because the peer has been refusing lately.
    Throttled,
    /// No place left in the queue.
    QueueFull,
    /// Waited as long as was allowed, or would have had to wait longer.
    QueueTimeout,
    /// The time for the whole request was up before the call was made.
    Deadline,
    /// The shared store that would have decided is unavailable.
    StoreUnavailable,
    /// The request has no key and none was configured to stand in.
    NoKey,
    /// There is no endpoint.
    NoEndpoint,
    /// No endpoint is fit to be called.
    EndpointsOut,
    /// Every endpoint has been tried by this request.
    EndpointsTried,
    /// Every endpoint is at its limit.
    EndpointsFull,
    /// The endpoint to which the request sticks may not be called.
    EndpointAway,
    /// The service is being shut down.
    Draining,
    /// A load of a cache waits for itself.
    Reentrant,
    /// It was closed, or nobody drives it any more.
    Closed,
}

impl Reason {
    /// What was refused for, as a sentence fragment.
    #[must_use]
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::RateLimited => "rate limit exceeded",
            Self::TooLarge => "costs more than can ever be admitted",
            Self::KeysFull => "no room for another key",
            Self::CircuitOpen => "circuit open",
            Self::ProbesTaken => "circuit half-open and all probes out",
            Self::Ramping => "circuit letting traffic back gradually",
            Self::ForcedOpen => "circuit opened by hand",
            Self::LimitReached => "concurrency limit reached",
            Self::Priority => "concurrency limit reached for this priority",
            Self::NotReady => "service not ready",
            Self::Throttled => "throttled because the peer has been refusing",
            Self::QueueFull => "queue full",
            Self::QueueTimeout => "waited too long in the queue",
            Self::Deadline => "deadline passed before the call",
            Self::StoreUnavailable => "limit store unavailable",
            Self::NoKey => "request without a key",
            Self::NoEndpoint => "no endpoint",
            Self::EndpointsOut => "no endpoint fit to be called",
            Self::EndpointsTried => "every endpoint tried",
            Self::EndpointsFull => "every endpoint at its limit",
            Self::EndpointAway => "the endpoint it sticks to is away",
            Self::Draining => "shutting down",
            Self::Reentrant => "the load waits for itself",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refusal: the call was never handed to the service.
///
/// Small, `Copy`, made without allocating.
///
/// # Examples
///
/// ```
/// use seawall::{Reason, Rejected};
/// use std::time::Duration;
///
/// let rejected = Rejected::new("api", Reason::RateLimited).retry_in(Duration::from_millis(250));
/// assert_eq!(rejected.by().as_str(), "api");
/// assert_eq!(rejected.reason(), Reason::RateLimited);
/// assert_eq!(rejected.retry_after(), Some(Duration::from_millis(250)));
/// assert_eq!(rejected.to_string(), "api: rate limit exceeded, retry after 250ms");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub struct Rejected {
    by: Name,
    // Nanoseconds; `UNKNOWN` says that no time is known. A word instead of an `Option<Duration>` keeps
    // the whole at 32 bytes. Where waiting never helps it holds the cost and the capacity instead.
    retry_after: u64,
    reason: Reason,
    // Whether it is a quota that stands in the way: of a rate limit, or of a queue before one.
    quota: bool,
}

const UNKNOWN: u64 = u64::MAX;

impl Rejected {
    /// A refusal by the instance called `by`, with no time known after which to come back.
    ///
    /// ```
    /// use seawall::{Reason, Rejected};
    /// assert_eq!(Rejected::new("db", Reason::LimitReached).retry_after(), None);
    /// ```
    #[must_use]
    pub fn new(by: impl Into<Name>, reason: Reason) -> Self {
        Self { by: by.into(), retry_after: UNKNOWN, reason, quota: matches!(reason, Reason::RateLimited) }
    }

    /// A refusal because `cost` exceeds `capacity`; its text names both.
    pub(crate) const fn too_large(by: Name, cost: u32, capacity: u32) -> Self {
        let retry_after = (cost as u64) << 32 | capacity as u64;
        Self { by, retry_after, reason: Reason::TooLarge, quota: false }
    }

    /// A refusal until so many nanoseconds have passed; of a reason that waiting helps.
    #[inline]
    pub(crate) const fn in_nanos(by: Name, reason: Reason, nanos: u64) -> Self {
        let retry_after = if nanos == UNKNOWN { UNKNOWN - 1 } else { nanos };
        Self { by, retry_after, reason, quota: matches!(reason, Reason::RateLimited) }
    }

    /// The same refusal, with the time after which to come back. One for [`Reason::TooLarge`] has none.
    ///
    /// ```
    /// use seawall::{Reason, Rejected};
    /// use std::time::Duration;
    /// let rejected = Rejected::new("db", Reason::CircuitOpen).retry_in(Duration::from_secs(1));
    /// assert_eq!(rejected.retry_after(), Some(Duration::from_secs(1)));
    /// ```
    #[must_use]
    #[inline]
    pub const fn retry_in(mut self, after: Duration) -> Self {
        if matches!(self.reason, Reason::TooLarge) {
            return self;
        }
        let after = nanos(after);
        self.retry_after = if after == UNKNOWN { UNKNOWN - 1 } else { after };
        self
    }

    /// The same refusal, by a queue before a quota.
    ///
    /// ```
    /// use seawall::{Reason, Rejected};
    /// assert!(Rejected::new("queue", Reason::QueueFull).for_quota().is_for_quota());
    /// ```
    #[must_use]
    pub const fn for_quota(mut self) -> Self {
        self.quota = true;
        self
    }

    /// Whether it is a quota that stands in the way, not a capacity: of a rate limit, or of a queue before one. In
    /// HTTP that is a 429, where a full house is a 503.
    ///
    /// ```
    /// use seawall::{Reason, Rejected};
    /// assert!(Rejected::new("api", Reason::RateLimited).is_for_quota());
    /// assert!(!Rejected::new("queue", Reason::QueueFull).is_for_quota());
    /// ```
    #[must_use]
    pub const fn is_for_quota(&self) -> bool {
        self.quota
    }

    /// The name of the instance that refused.
    ///
    /// ```
    /// use seawall::{Reason, Rejected};
    /// assert_eq!(Rejected::new("db", Reason::LimitReached).by().as_str(), "db");
    /// ```
    #[must_use]
    pub const fn by(&self) -> Name {
        self.by
    }

    /// Why it refused.
    ///
    /// ```
    /// use seawall::{Reason, Rejected};
    /// assert_eq!(Rejected::new("db", Reason::LimitReached).reason(), Reason::LimitReached);
    /// ```
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// How long to wait before asking again, where that is known.
    ///
    /// ```
    /// use seawall::{Reason, Rejected};
    /// assert_eq!(Rejected::new("db", Reason::LimitReached).retry_after(), None);
    /// ```
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        if self.retry_after == UNKNOWN || matches!(self.reason, Reason::TooLarge) {
            None
        } else {
            Some(Duration::from_nanos(self.retry_after))
        }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.reason == Reason::TooLarge && self.retry_after != UNKNOWN {
            let (cost, capacity) = (self.retry_after >> 32, self.retry_after as u32);
            return write!(f, "{}: costs {cost}, more than the capacity of {capacity}", self.by);
        }
        write!(f, "{}: {}", self.by, self.reason)?;
        match self.retry_after() {
            Some(after) => write!(f, ", retry after {after:?}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejected")
            .field("by", &self.by)
            .field("reason", &self.reason)
            .field("retry_after", &self.retry_after())
            .finish()
    }
}

/// The call was handed over and given up on: it may or may not have happened.
///
/// # Examples
///
/// ```
/// use seawall::TimedOut;
/// use std::time::Duration;
///
/// let timed_out = TimedOut::new("payments", Duration::from_secs(2));
/// assert_eq!(timed_out.to_string(), "payments: no answer within 2s");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{by}: no answer within {after:?}")]
pub struct TimedOut {
    by: Name,
    after: Duration,
}

impl TimedOut {
    /// A timeout by the instance called `by`, which waited for `after`.
    ///
    /// ```
    /// use seawall::TimedOut;
    /// use std::time::Duration;
    /// assert_eq!(TimedOut::new("db", Duration::from_secs(1)).by().as_str(), "db");
    /// ```
    #[must_use]
    pub fn new(by: impl Into<Name>, after: Duration) -> Self {
        Self { by: by.into(), after }
    }

    /// The name of the instance that gave up.
    ///
    /// ```
    /// use seawall::TimedOut;
    /// use std::time::Duration;
    /// assert_eq!(TimedOut::new("db", Duration::from_secs(1)).by().as_str(), "db");
    /// ```
    #[must_use]
    pub const fn by(&self) -> Name {
        self.by
    }

    /// How long it waited.
    ///
    /// ```
    /// use seawall::TimedOut;
    /// use std::time::Duration;
    /// assert_eq!(TimedOut::new("db", Duration::from_secs(1)).after(), Duration::from_secs(1));
    /// ```
    #[must_use]
    pub const fn after(&self) -> Duration {
        self.after
    }
}

/// What a [`Fault`] turned out to be.
#[derive(Debug)]
pub enum Seen<'a, E: ?Sized> {
    /// A refusal: nothing was handed over.
    Rejected(&'a Rejected),
    /// A timeout: handed over and given up on.
    TimedOut(&'a TimedOut),
    /// The service's own error.
    Inner(&'a E),
}

/// An error type with room for a refusal and a timeout, through which a layer can see all three kinds.
///
/// Every layer asks it of the error of the service it wraps. [`Error<E>`] is one, and so is tower's
/// `BoxError`; a foreign error becomes one through [`Lift`](crate::Lift), which `Policy` does by itself.
///
/// # Examples
///
/// Your own enum can be one:
///
/// ```
/// use seawall::{Fault, Rejected, Seen, TimedOut};
///
/// enum MyError {
///     Busy(Rejected),
///     Late(TimedOut),
///     Db(std::io::Error),
/// }
///
/// impl From<Rejected> for MyError {
///     fn from(rejected: Rejected) -> Self { Self::Busy(rejected) }
/// }
///
/// impl From<TimedOut> for MyError {
///     fn from(timed_out: TimedOut) -> Self { Self::Late(timed_out) }
/// }
///
/// impl Fault for MyError {
///     type Inner = std::io::Error;
///
///     fn see(&self) -> Seen<'_, std::io::Error> {
///         match self {
///             Self::Busy(rejected) => Seen::Rejected(rejected),
///             Self::Late(timed_out) => Seen::TimedOut(timed_out),
///             Self::Db(error) => Seen::Inner(error),
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no room for a refusal or a timeout",
    label = "a layer of seawall stands over a service with this error",
    note = "put `seawall::LiftLayer` innermost, right around the service: it turns a foreign error into `seawall::Error<E>`",
    note = "or implement `seawall::Fault` for your own error type",
    note = "on a server, `seawall::http::Respond` around the layer lifts by itself and makes an answer of each refusal"
)]
pub trait Fault: Sized + From<Rejected> + From<TimedOut> {
    /// The service's own error, as classifiers see it.
    type Inner: ?Sized;

    /// Which of the three this is.
    fn see(&self) -> Seen<'_, Self::Inner>;
}

impl<E> Fault for Error<E> {
    type Inner = E;

    #[inline]
    fn see(&self) -> Seen<'_, E> {
        match self {
            Self::Rejected(rejected) => Seen::Rejected(rejected),
            Self::TimedOut(timed_out) => Seen::TimedOut(timed_out),
            Self::Inner(inner) => Seen::Inner(inner),
        }
    }
}

impl Fault for Box<dyn std::error::Error + Send + Sync> {
    type Inner = dyn std::error::Error + Send + Sync;

    fn see(&self) -> Seen<'_, Self::Inner> {
        if let Some(rejected) = self.downcast_ref() {
            Seen::Rejected(rejected)
        } else if let Some(timed_out) = self.downcast_ref() {
            Seen::TimedOut(timed_out)
        } else {
            Seen::Inner(&**self)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    #[test]
    fn a_refusal_is_small_and_has_no_drop_glue() {
        assert_eq!(size_of::<Rejected>(), 32);
        assert_eq!(size_of::<Option<Rejected>>(), 32);
        assert!(!std::mem::needs_drop::<Rejected>());
    }

    #[test]
    fn the_source_of_an_error_is_the_services_own_at_the_first_step() {
        let error = Error::Inner(std::io::Error::other("disk"));
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("disk"));
        assert!(Error::<std::io::Error>::from(Rejected::new("a", Reason::TooLarge)).source().is_none());
    }

    #[test]
    fn the_longest_wait_is_still_a_wait() {
        let rejected = Rejected::new("a", Reason::RateLimited).retry_in(Duration::MAX);
        assert_eq!(rejected.retry_after(), Some(Duration::from_nanos(u64::MAX - 1)));
    }

    #[test]
    fn what_is_too_large_names_cost_and_capacity_and_no_time() {
        let rejected = Rejected::too_large(Name::new("a"), 11, 10);
        assert_eq!(rejected.to_string(), "a: costs 11, more than the capacity of 10");
        assert_eq!(rejected.retry_in(Duration::from_secs(1)).retry_after(), None);
        let plain = Rejected::new("a", Reason::TooLarge);
        assert_eq!(plain.to_string(), "a: costs more than can ever be admitted");
    }

    #[test]
    fn a_boxed_error_shows_its_kind() {
        type BoxError = Box<dyn std::error::Error + Send + Sync>;
        let refused = BoxError::from(Rejected::new("a", Reason::TooLarge));
        assert!(matches!(refused.see(), Seen::Rejected(_)));
        let late = BoxError::from(TimedOut::new("a", Duration::ZERO));
        assert!(matches!(late.see(), Seen::TimedOut(_)));
        assert!(matches!(BoxError::from("other").see(), Seen::Inner(_)));
    }
}
