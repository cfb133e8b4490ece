use crate::class::{Class, Classify};
use crate::error::{Fault, Reason, Seen};

/// Why an outcome may be replaced.
///
/// By default everything that is no answer is: [`Class::Transient`], [`Class::Permanent`], [`Class::Overload`],
/// a timeout, and every refusal. The class table calls a refusal neutral because it is no evidence; here the
/// question is whether there is an answer.
///
/// # Examples
///
/// ```
/// use seawall::{Class, Reason, fallback::Why};
/// assert!(Why::Rejected(Reason::CircuitOpen).is_lacking());
/// assert!(!Why::Answered(Class::Neutral).is_lacking());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// The service answered, and its answer was of this class.
    Answered(Class),
    /// It was given up on.
    TimedOut,
    /// It was never handed over.
    Rejected(Reason),
}

impl Why {
    /// Whether there is no answer worth having: the default of what is replaced.
    ///
    /// ```
    /// assert!(seawall::fallback::Why::TimedOut.is_lacking());
    /// ```
    #[must_use]
    pub const fn is_lacking(self) -> bool {
        match self {
            Self::Answered(class) => class.is_failure(),
            Self::TimedOut | Self::Rejected(_) => true,
        }
    }

    #[inline]
    pub(super) fn of<C, T, E>(classifier: &C, result: &Result<T, E>) -> Self
    where
        E: Fault,
        C: Classify<T, E::Inner>,
    {
        match result {
            Ok(answer) => Self::Answered(classifier.classify(Ok(answer))),
            Err(fault) => match fault.see() {
                Seen::Rejected(rejected) => Self::Rejected(rejected.reason()),
                Seen::TimedOut(_) => Self::TimedOut,
                Seen::Inner(error) => Self::Answered(classifier.classify(Err(error))),
            },
        }
    }
}
