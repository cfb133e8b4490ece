use std::fmt;
use std::time::Duration;

/// For how long the news is kept that there is nothing.
///
/// Kept apart from the values, with a bound of its own: misses cannot push out what is there. Exact, without jitter
/// and without stale windows.
///
/// # Defaults
///
/// 10 000 keys; errors are not kept.
///
/// # Examples
///
/// ```
/// use seawall::cache::{CacheAside, Lifetime, Memory, Negative, Settings};
/// use std::time::Duration;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let settings = Settings::new(Lifetime::forever()).negative(Negative::ttl(Duration::from_secs(5)));
/// let users = CacheAside::<u64, String, std::io::Error>::new("users", Memory::lru(100), settings);
/// let load = || async { Ok(None::<String>) };
/// assert!(users.get_or_find(&7, load).await.unwrap().is_none());
/// // Known to be nobody: this loader never runs.
/// assert!(users.get_or_find(&7, || async { Ok(Some(String::from("Ada"))) }).await.unwrap().is_none());
/// # }
/// ```
#[must_use]
pub struct Negative<E> {
    pub(super) ttl: Duration,
    pub(super) capacity: u64,
    pub(super) errors: Option<Keeps<E>>,
}

type Keeps<E> = Box<dyn Fn(&E) -> bool + Send + Sync>;

impl<E> Negative<E> {
    /// Keeps "nothing" for `ttl`.
    ///
    /// ```
    /// use seawall::cache::Negative;
    /// let negative = Negative::<()>::ttl(std::time::Duration::from_secs(5));
    /// # let _ = negative;
    /// ```
    pub const fn ttl(ttl: Duration) -> Self {
        Self { ttl, capacity: 10_000, errors: None }
    }

    /// For at most so many keys.
    ///
    /// ```
    /// use seawall::cache::Negative;
    /// let negative = Negative::<()>::ttl(std::time::Duration::from_secs(5)).capacity(100);
    /// # let _ = negative;
    /// ```
    pub const fn capacity(mut self, keys: u64) -> Self {
        self.capacity = keys;
        self
    }

    /// Keeps these errors too: until then they are answered without a load.
    ///
    /// ```
    /// use seawall::cache::Negative;
    /// let negative = Negative::ttl(std::time::Duration::from_secs(5)).errors(|status: &u16| *status == 403);
    /// # let _ = negative;
    /// ```
    pub fn errors(mut self, keeps: impl Fn(&E) -> bool + Send + Sync + 'static) -> Self {
        self.errors = Some(Box::new(keeps));
        self
    }
}

impl<E> fmt::Debug for Negative<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Negative");
        shown.field("ttl", &self.ttl).field("capacity", &self.capacity).finish_non_exhaustive()
    }
}
