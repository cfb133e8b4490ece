//! What one result says about the peer.

use std::time::Duration;

/// What one result says about the peer that gave it. One enum, one table, the whole library.
///
/// | `Class` | breaker, outlier | retry | adaptive limit | hedge | fallback | example |
/// |---|---|---|---|---|---|---|
/// | `Success` | success | done | sample | win | pass | 200 |
/// | `Neutral` | not counted | done | not counted | win | pass | 404, a refusal of our own, an abandoned call |
/// | `Transient` | failure | again, after backoff | not counted | wait for the other | replace | reset, 502 |
/// | `Permanent` | failure | done | not counted | win | replace | 501 |
/// | `Overload(after)` | failure | again, not before `after` | shrink | wait for the other | replace | 429, 503, a timeout |
///
/// The enum is exhaustive on purpose: a sixth class would change what every primitive does, and your
/// `match` should be told so by the compiler.
///
/// # Examples
///
/// ```
/// use seawall::Class;
/// use std::time::Duration;
///
/// assert!(Class::Overload(Some(Duration::from_secs(2))).is_failure());
/// assert!(!Class::Neutral.is_failure());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The peer did its work.
    Success,
    /// Says nothing about the peer: the caller's own mistake, a refusal of our own, an abandoned call.
    Neutral,
    /// A failure that may not happen again: worth another try after a backoff.
    Transient,
    /// A failure that will happen again: counted, not repeated.
    Permanent,
    /// The peer has too much to do; it may have named the time after which to come back.
    Overload(Option<Duration>),
}

impl Class {
    /// Whether a breaker or an outlier detector counts it as a failure.
    ///
    /// ```
    /// assert!(seawall::Class::Permanent.is_failure());
    /// ```
    #[must_use]
    #[inline]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Transient | Self::Permanent | Self::Overload(_))
    }

    /// Whether the same request may fare better when sent again.
    ///
    /// ```
    /// assert!(!seawall::Class::Permanent.is_retryable());
    /// ```
    #[must_use]
    #[inline]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Transient | Self::Overload(_))
    }
}

/// Tells the [`Class`] of a result.
///
/// Functions and closures `Fn(Result<&T, &E>) -> Class` are classifiers. A classifier sees only your
/// own `T` and `E`: a refusal by seawall further in is never shown to it (it counts as
/// [`Class::Neutral`], always), and a timeout further in is classed by [`timed_out`](Self::timed_out).
///
/// # Examples
///
/// ```
/// use seawall::{Class, Classify};
/// use std::io;
///
/// fn by_kind<T>(result: Result<&T, &io::Error>) -> Class {
///     match result {
///         Ok(_) => Class::Success,
///         Err(e) if e.kind() == io::ErrorKind::NotFound => Class::Neutral,
///         Err(_) => Class::Transient,
///     }
/// }
///
/// let missing = io::Error::from(io::ErrorKind::NotFound);
/// assert_eq!(by_kind::<()>.classify(Err(&missing)), Class::Neutral);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not classify results of `{T}` and `{E}`",
    label = "not a classifier for this service",
    note = "a classifier is a `Fn(Result<&T, &E>) -> seawall::Class` over the service's own response and error"
)]
pub trait Classify<T: ?Sized, E: ?Sized> {
    /// What `result` says about the peer.
    fn classify(&self, result: Result<&T, &E>) -> Class;

    /// What a timeout further in says about the peer: by default that it has too much to do.
    fn timed_out(&self) -> Class {
        Class::Overload(None)
    }
}

impl<T: ?Sized, E: ?Sized, F> Classify<T, E> for F
where
    F: Fn(Result<&T, &E>) -> Class,
{
    #[inline]
    fn classify(&self, result: Result<&T, &E>) -> Class {
        self(result)
    }
}

/// The default classifier: `Ok` is [`Class::Success`], `Err` is [`Class::Transient`].
///
/// # Examples
///
/// ```
/// use seawall::{ByResult, Class, Classify};
///
/// assert_eq!(ByResult.classify(Ok::<_, &()>(&"answer")), Class::Success);
/// assert_eq!(ByResult.classify(Err::<&(), _>(&"reset")), Class::Transient);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByResult;

impl<T: ?Sized, E: ?Sized> Classify<T, E> for ByResult {
    #[inline]
    fn classify(&self, result: Result<&T, &E>) -> Class {
        match result {
            Ok(_) => Class::Success,
            Err(_) => Class::Transient,
        }
    }
}
