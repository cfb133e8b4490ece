use super::change::Sent;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// One change to be written: a value, or that the key is gone.
///
/// # Examples
///
/// ```
/// use seawall::cache::write_behind::Write;
///
/// fn statement(write: &Write<u32, String>) -> String {
///     match write.value() {
///         Some(value) => format!("upsert {} {value} where seq < {}", write.key(), write.seq()),
///         None => format!("delete {} where seq < {}", write.key(), write.seq()),
///     }
/// }
/// # let _ = statement;
/// ```
pub struct Write<K, V>(Sent<K, Arc<V>>);

impl<K, V> Write<K, V> {
    pub(super) const fn new(sent: Sent<K, Arc<V>>) -> Self {
        Self(sent)
    }

    /// The key.
    ///
    /// ```
    /// use seawall::cache::write_behind::Write;
    /// let key = |write: &Write<u32, String>| *write.key();
    /// # let _ = key;
    /// ```
    #[must_use]
    pub const fn key(&self) -> &K {
        &self.0.key
    }

    /// The newest value; none if the key was removed.
    ///
    /// ```
    /// use seawall::cache::write_behind::Write;
    /// let is_delete = |write: &Write<u32, String>| write.value().is_none();
    /// # let _ = is_delete;
    /// ```
    #[must_use]
    pub fn value(&self) -> Option<&V> {
        self.0.value.as_deref()
    }

    /// Rises with every change, so per key too: a source that keeps it can refuse a late duplicate, for each change is delivered at
    /// least once.
    ///
    /// ```
    /// use seawall::cache::write_behind::Write;
    /// let newer = |write: &Write<u32, String>, known: u64| write.seq() > known;
    /// # let _ = newer;
    /// ```
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.0.seq
    }

    /// Which attempt in a row at this key this is, counted from 1. Where the write has come back, in a
    /// [`DeadLetter`] or a [`Closed`], how many were made.
    ///
    /// ```
    /// use seawall::cache::write_behind::Write;
    /// let again = |write: &Write<u32, String>| write.attempt() > 1;
    /// # let _ = again;
    /// ```
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.0.attempt
    }

    /// The key and the value, taken apart.
    ///
    /// ```
    /// use seawall::cache::write_behind::Write;
    /// let row = |write: Write<u32, String>| write.into_parts();
    /// # let _ = row;
    /// ```
    #[must_use]
    pub fn into_parts(self) -> (K, Option<Arc<V>>) {
        (self.0.key, self.0.value)
    }
}

impl<K: Clone, V> Clone for Write<K, V> {
    fn clone(&self) -> Self {
        let Sent { key, value, seq, attempt } = &self.0;
        Self(Sent { key: key.clone(), value: value.clone(), seq: *seq, attempt: *attempt })
    }
}

impl<K: fmt::Debug, V> fmt::Debug for Write<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Write")
            .field("key", &self.0.key)
            .field("removes", &self.0.value.is_none())
            .field("seq", &self.0.seq)
            .field("attempt", &self.0.attempt)
            .finish_non_exhaustive()
    }
}

/// What the buffer holds for a key: newer than anything the source has.
///
/// # Examples
///
/// ```
/// use seawall::cache::write_behind::{Config, Pending, Write, WriteBehind};
///
/// let store = |_: Vec<Write<u32, &str>>| async { Ok::<_, ()>(()) };
/// let (orders, _driver) = WriteBehind::new("orders", Config::new(), store, |_| ());
/// orders.try_put(7, "paid").unwrap();
/// orders.try_remove(8).unwrap();
/// assert_eq!(orders.pending(&7).unwrap().value(), Some(&"paid"));
/// assert_eq!(orders.pending(&8).unwrap().value(), None);
/// assert!(orders.pending(&9).is_none()); // ask the source
/// ```
#[derive(Debug, PartialEq, Eq)]
pub enum Pending<V> {
    /// This value is to be written.
    Put(Arc<V>),
    /// The key is to be removed.
    Removed,
}

impl<V> Pending<V> {
    /// The value; none where the key is to be removed.
    ///
    /// ```
    /// use seawall::cache::write_behind::Pending;
    /// assert_eq!(Pending::<u8>::Removed.value(), None);
    /// ```
    #[must_use]
    pub fn value(&self) -> Option<&V> {
        match self {
            Self::Put(value) => Some(value),
            Self::Removed => None,
        }
    }

    /// The value itself; none where the key is to be removed.
    ///
    /// ```
    /// use seawall::cache::write_behind::Pending;
    /// assert_eq!(Pending::<u8>::Removed.into_value(), None);
    /// ```
    #[must_use]
    pub fn into_value(self) -> Option<Arc<V>> {
        match self {
            Self::Put(value) => Some(value),
            Self::Removed => None,
        }
    }
}

impl<V> Clone for Pending<V> {
    fn clone(&self) -> Self {
        match self {
            Self::Put(value) => Self::Put(Arc::clone(value)),
            Self::Removed => Self::Removed,
        }
    }
}

impl<V> From<Option<Arc<V>>> for Pending<V> {
    fn from(value: Option<Arc<V>>) -> Self {
        value.map_or(Self::Removed, Self::Put)
    }
}

/// Why one key was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError<E> {
    /// The store said no, of this key or of its whole batch.
    #[error("the store failed")]
    Failed(#[source] Arc<E>),
    /// The store panicked.
    #[error("the store panicked: {0}")]
    Panicked(Arc<str>),
    /// The store had not answered by the write deadline: it may have happened.
    #[error("the store did not answer within {0:?}")]
    TimedOut(Duration),
    /// The store answered, but not of this key.
    #[error("the store did not answer for this key")]
    Unanswered,
}

impl<E> Clone for WriteError<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Failed(error) => Self::Failed(Arc::clone(error)),
            Self::Panicked(message) => Self::Panicked(Arc::clone(message)),
            Self::TimedOut(after) => Self::TimedOut(*after),
            Self::Unanswered => Self::Unanswered,
        }
    }
}

/// A change that was given up on, handed back once: with its newest value, the attempts made and the last error.
///
/// # Examples
///
/// ```
/// use seawall::cache::write_behind::DeadLetter;
///
/// fn keep(letter: DeadLetter<u32, String, std::io::Error>) {
///     eprintln!("order {} is not in the database: {}", letter.write.key(), letter.error);
/// }
/// # let _ = keep;
/// ```
#[derive(Debug)]
pub struct DeadLetter<K, V, E> {
    /// What was to be written, after so many attempts.
    pub write: Write<K, V>,
    /// Why the last of them failed.
    pub error: WriteError<E>,
}

/// What [`close`](super::WriteBehind::close) reports.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use seawall::cache::write_behind::{Config, Write, WriteBehind};
/// use std::time::Duration;
///
/// let store = |_: Vec<Write<u32, &str>>| async { Ok::<_, ()>(()) };
/// let (orders, driver) = WriteBehind::new("orders", Config::new(), store, |_| ());
/// tokio::spawn(driver);
/// orders.put(7, "paid").await.unwrap();
/// let closed = orders.close(Duration::from_secs(5)).await;
/// assert_eq!((closed.stored, closed.dead, closed.left.len()), (1, 0, 0));
/// # }
/// ```
#[derive(Debug)]
pub struct Closed<K, V> {
    /// How many changes were stored since closing began.
    pub stored: u64,
    /// How many became dead letters since closing began.
    pub dead: u64,
    /// What is not known to be stored, oldest first; what was being stored at the end may be.
    pub left: Vec<Write<K, V>>,
}

/// A change that was not taken in, given back.
///
/// # Examples
///
/// ```
/// use seawall::Reason;
/// use seawall::cache::write_behind::{Config, Write, WriteBehind};
///
/// let store = |_: Vec<Write<u32, String>>| async { Ok::<_, ()>(()) };
/// let (orders, driver) = WriteBehind::new("orders", Config::new(), store, |_| ());
/// drop(driver);
/// let refused = orders.try_put(7, String::from("paid")).unwrap_err();
/// assert_eq!(refused.rejected.reason(), Reason::Closed);
/// assert_eq!(refused.value.as_deref().map(String::as_str), Some("paid"));
/// ```
#[derive(thiserror::Error)]
#[error("{rejected}")]
pub struct NotTaken<V> {
    /// Why.
    pub rejected: crate::error::Rejected,
    /// The value; none if it was a removal.
    pub value: Option<Arc<V>>,
}

impl<V> fmt::Debug for NotTaken<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotTaken").field("rejected", &self.rejected).finish_non_exhaustive()
    }
}

impl<V, E> From<NotTaken<V>> for crate::error::Error<E> {
    fn from(refused: NotTaken<V>) -> Self {
        Self::Rejected(refused.rejected)
    }
}
