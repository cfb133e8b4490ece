use std::fmt;
use std::sync::Arc;

/// Why a load brought nothing; whoever waited for it gets the same.
///
/// # Examples
///
/// ```
/// use seawall::cache::LoadError;
/// let unanswered = LoadError::<std::io::Error>::Unanswered;
/// assert_eq!(unanswered.to_string(), "the load answered nothing for this key");
/// ```
#[derive(thiserror::Error)]
pub enum LoadError<E> {
    /// The loader failed with its own error.
    #[error("the load failed")]
    Failed(#[source] Arc<E>),
    /// The loader panicked with this message.
    #[error("the load panicked: {0}")]
    Panicked(Arc<str>),
    /// The loader said nothing of this key: a batch left it out, or it was "unchanged" where nothing was kept, or
    /// nothing was found where something has to be.
    #[error("the load answered nothing for this key")]
    Unanswered,
}

impl<E> LoadError<E> {
    /// The loader's own error, if that is what it is.
    ///
    /// ```
    /// use seawall::cache::LoadError;
    /// assert!(LoadError::<u8>::Unanswered.failed().is_none());
    /// ```
    #[must_use]
    pub fn failed(&self) -> Option<&E> {
        match self {
            Self::Failed(error) => Some(error),
            Self::Panicked(_) | Self::Unanswered => None,
        }
    }
}

impl<E> Clone for LoadError<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Failed(error) => Self::Failed(Arc::clone(error)),
            Self::Panicked(message) => Self::Panicked(Arc::clone(message)),
            Self::Unanswered => Self::Unanswered,
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for LoadError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => f.debug_tuple("Failed").field(error).finish(),
            Self::Panicked(message) => f.debug_tuple("Panicked").field(message).finish(),
            Self::Unanswered => f.write_str("Unanswered"),
        }
    }
}
