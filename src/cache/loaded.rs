use super::lifetime::Lifetime;
use std::time::Duration;

/// What a loader brings: a value, nothing, or the news that nothing has changed.
///
/// A loader may return a plain `V` or an `Option<V>` instead, where nothing more is to be said.
///
/// # Examples
///
/// ```
/// use seawall::cache::Loaded;
/// use std::time::Duration;
///
/// let page = Loaded::value("<html>").ttl(Duration::from_secs(5)).tags(["home"]);
/// let nothing = Loaded::<String>::missing();
/// assert!(Loaded::<u8>::from(None).into_value().is_none());
/// # let _ = (page, nothing);
/// ```
#[derive(Debug)]
#[must_use]
pub struct Loaded<V> {
    pub(crate) what: Found<V>,
    pub(crate) terms: Terms,
}

#[derive(Debug)]
pub(crate) enum Found<V> {
    Value(V),
    /// Answered, and kept nowhere.
    Pass(V),
    Missing,
    Unchanged,
}

/// What this one value asks for beside the cache's own settings.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    pub(crate) ttl: Option<Duration>,
    pub(crate) swr: Option<Duration>,
    pub(crate) sie: Option<Duration>,
    pub(crate) age: Duration,
    pub(crate) at_most: Option<Duration>,
    pub(crate) exact: bool,
    pub(crate) unkept: bool,
    pub(crate) version: Option<u64>,
    pub(crate) tags: Vec<String>,
}

impl<V> Loaded<V> {
    const fn new(what: Found<V>) -> Self {
        let terms = Terms {
            ttl: None,
            swr: None,
            sie: None,
            age: Duration::ZERO,
            at_most: None,
            exact: false,
            unkept: false,
            version: None,
            tags: Vec::new(),
        };
        Self { what, terms }
    }

    /// A value, to be kept as the cache keeps values.
    ///
    /// ```
    /// assert_eq!(seawall::cache::Loaded::value(7).into_value(), Some(7));
    /// ```
    pub const fn value(value: V) -> Self {
        Self::new(Found::Value(value))
    }

    /// There is no such thing; kept only where the cache keeps [negatives](super::Negative).
    ///
    /// ```
    /// assert_eq!(seawall::cache::Loaded::<u8>::missing().into_value(), None);
    /// ```
    pub const fn missing() -> Self {
        Self::new(Found::Missing)
    }

    /// A value for whoever asked, and for nobody else: it is not kept, those who joined load for themselves, and for
    /// two seconds the key's loads are not joined at all.
    ///
    /// ```
    /// assert_eq!(seawall::cache::Loaded::pass(7).into_value(), Some(7));
    /// ```
    #[doc(alias = "hit-for-miss")]
    pub const fn pass(value: V) -> Self {
        Self::new(Found::Pass(value))
    }

    /// The value that the cache has is still right; it gets a whole new life.
    ///
    /// ```
    /// assert_eq!(seawall::cache::Loaded::<u8>::unchanged().into_value(), None);
    /// ```
    #[doc(alias = "not modified")]
    pub const fn unchanged() -> Self {
        Self::new(Found::Unchanged)
    }

    /// Fresh for `ttl` instead of the cache's own; jitter applies.
    ///
    /// ```
    /// use seawall::cache::Loaded;
    /// let short = Loaded::value(7).ttl(std::time::Duration::from_secs(1));
    /// # let _ = short;
    /// ```
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.terms.ttl = Some(ttl);
        self
    }

    /// Another window than the cache's own, see [`Lifetime::stale_while_revalidate`].
    ///
    /// ```
    /// use seawall::cache::Loaded;
    /// let value = Loaded::value(7).stale_while_revalidate(std::time::Duration::from_secs(1));
    /// # let _ = value;
    /// ```
    pub const fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.terms.swr = Some(window);
        self
    }

    /// Another window than the cache's own, see [`Lifetime::stale_if_error`].
    ///
    /// ```
    /// use seawall::cache::Loaded;
    /// let value = Loaded::value(7).stale_if_error(std::time::Duration::from_secs(1));
    /// # let _ = value;
    /// ```
    pub const fn stale_if_error(mut self, window: Duration) -> Self {
        self.terms.sie = Some(window);
        self
    }

    /// The value was already so old when it came: its life began then, and it is exact, without jitter.
    ///
    /// ```
    /// use seawall::cache::Loaded;
    /// let value = Loaded::value(7).age(std::time::Duration::from_secs(1));
    /// # let _ = value;
    /// ```
    pub const fn age(mut self, age: Duration) -> Self {
        self.terms.age = age;
        self.terms.exact = true;
        self
    }

    /// Fresh here for at most so long from now, however long it lives elsewhere. The point of an early refresh stays
    /// that of its whole life.
    ///
    /// ```
    /// use seawall::cache::Loaded;
    /// let value = Loaded::value(7).at_most(std::time::Duration::from_secs(60));
    /// # let _ = value;
    /// ```
    pub const fn at_most(mut self, here: Duration) -> Self {
        self.terms.at_most = Some(here);
        self
    }

    /// Answered to all who wait, and not kept; the key's next reader loads again.
    ///
    /// ```
    /// use seawall::cache::Loaded;
    /// let value = Loaded::value(7).unkept();
    /// # let _ = value;
    /// ```
    pub const fn unkept(mut self) -> Self {
        self.terms.unkept = true;
        self
    }

    /// The source's own version of the value, rising: a shared tier takes it only if it is newer.
    ///
    /// ```
    /// assert_eq!(seawall::cache::Loaded::value(7).version(3).known_version(), Some(3));
    /// ```
    pub const fn version(mut self, version: u64) -> Self {
        self.terms.version = Some(version);
        self
    }

    /// The groups that it belongs to, at most 32: what has more is answered and not kept.
    ///
    /// ```
    /// use seawall::cache::Loaded;
    /// let value = Loaded::value(7).tags(["user:1", "prices"]);
    /// assert_eq!(value.known_tags(), ["user:1", "prices"]);
    /// ```
    #[doc(alias = "surrogate-key")]
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.terms.tags.extend(tags.into_iter().map(Into::into));
        self
    }

    /// Whether it is a value that may be kept.
    pub(super) const fn is_kept(&self) -> bool {
        matches!(self.what, Found::Value(_)) && !self.terms.unkept
    }

    /// Its version, if it has one.
    ///
    /// ```
    /// assert_eq!(seawall::cache::Loaded::value(7).known_version(), None);
    /// ```
    #[must_use]
    pub const fn known_version(&self) -> Option<u64> {
        self.terms.version
    }

    /// Its tags.
    ///
    /// ```
    /// assert!(seawall::cache::Loaded::value(7).known_tags().is_empty());
    /// ```
    #[must_use]
    pub fn known_tags(&self) -> &[String] {
        &self.terms.tags
    }

    /// The value, if it is one.
    ///
    /// ```
    /// assert_eq!(seawall::cache::Loaded::value(7).as_value(), Some(&7));
    /// ```
    #[must_use]
    pub const fn as_value(&self) -> Option<&V> {
        match &self.what {
            Found::Value(value) | Found::Pass(value) => Some(value),
            Found::Missing | Found::Unchanged => None,
        }
    }

    /// The value, if it is one.
    ///
    /// ```
    /// assert_eq!(seawall::cache::Loaded::value(7).into_value(), Some(7));
    /// ```
    #[must_use]
    pub fn into_value(self) -> Option<V> {
        match self.what {
            Found::Value(value) | Found::Pass(value) => Some(value),
            Found::Missing | Found::Unchanged => None,
        }
    }
}

impl Terms {
    /// The life that a value with these terms has in a cache of that lifetime.
    pub(crate) fn lifetime(&self, lifetime: &Lifetime) -> Lifetime {
        let mut own = *lifetime;
        own.ttl = self.ttl.unwrap_or(own.ttl);
        own.swr = self.swr.unwrap_or(own.swr);
        own.sie = self.sie.unwrap_or(own.sie);
        if self.exact {
            own.jitter = super::lifetime::Jitter::off();
        }
        own
    }
}

impl<V> From<V> for Loaded<V> {
    fn from(value: V) -> Self {
        Self::value(value)
    }
}

impl<V> From<Option<V>> for Loaded<V> {
    fn from(value: Option<V>) -> Self {
        value.map_or_else(Self::missing, Self::value)
    }
}
