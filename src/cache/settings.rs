use super::lifetime::Lifetime;
use super::negative::Negative;
use super::tier::Tier;
use crate::class::Class;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub(super) type Weigh<K, V> = Arc<dyn Fn(&K, &V) -> u32 + Send + Sync>;
pub(super) type Judge<E> = Arc<dyn Fn(&E) -> Class + Send + Sync>;

/// How a cache keeps and loads. A plain [`Lifetime`] is one with every other setting at its default.
///
/// # Defaults
///
/// | setting | default | why |
/// |---|---|---|
/// | [`load_deadline`](Self::load_deadline) | 30 s | without one a hung loader holds its key until restart |
/// | [`max_loads`](Self::max_loads), [`waiting`](Self::waiting) | 1 024, 1 024 | memory is bounded |
/// | [`soft`](Self::soft), [`hard`](Self::hard) | off | how long a caller waits is the caller's to say |
/// | [`age_limit`](Self::age_limit) | off | a second load of a key must be asked for |
/// | [`fence_lag`](Self::fence_lag) | none | a source is taken to show a write as soon as it has acknowledged it |
/// | [`negative`](Self::negative) | off | old "nothing" must be asked for, as old data must |
/// | [`weigh`](Self::weigh) | 1 each | capacity is a number of entries |
/// | [`classify`](Self::classify) | every error is `Transient` | as everywhere in this crate |
///
/// # Examples
///
/// ```
/// use seawall::cache::{CacheAside, Lifetime, Memory, Settings};
/// use std::time::Duration;
///
/// let settings = Settings::new(Lifetime::of(Duration::from_secs(60)))
///     .weigh(|_: &u64, page: &String| page.len() as u32)
///     .hard(Duration::from_secs(2));
/// let pages = CacheAside::<u64, String, std::io::Error>::new("pages", Memory::lru(64 << 20), settings);
/// # let _ = pages;
/// ```
#[must_use]
pub struct Settings<K, V, E> {
    pub(super) lifetime: Lifetime,
    pub(super) load_deadline: Duration,
    pub(super) max_loads: usize,
    pub(super) waiting: usize,
    pub(super) soft: Duration,
    pub(super) hard: Duration,
    pub(super) age_limit: Duration,
    pub(super) fence_lag: Duration,
    pub(super) negative: Option<Negative<E>>,
    pub(super) weigh: Option<Weigh<K, V>>,
    pub(super) judge: Option<Judge<E>>,
    pub(super) tier: Option<Arc<dyn Tier<K, V>>>,
}

impl<K, V, E> Settings<K, V, E> {
    /// Every value lives as `lifetime` says.
    ///
    /// ```
    /// use seawall::cache::{Lifetime, Settings};
    /// let settings = Settings::<u64, String, ()>::new(Lifetime::forever());
    /// # let _ = settings;
    /// ```
    pub fn new(lifetime: Lifetime) -> Self {
        Self {
            lifetime,
            load_deadline: Duration::from_secs(30),
            max_loads: 1024,
            waiting: 1024,
            soft: Duration::MAX,
            hard: Duration::MAX,
            age_limit: Duration::MAX,
            fence_lag: Duration::ZERO,
            negative: None,
            weigh: None,
            judge: None,
            tier: None,
        }
    }

    /// A load that has run for so long is dropped, and all who wait for it get `TimedOut`. `Duration::MAX` is none.
    ///
    /// ```
    /// use seawall::cache::{Lifetime, Settings};
    /// use std::time::Duration;
    /// let settings = Settings::<u64, String, ()>::new(Lifetime::forever()).load_deadline(Duration::from_secs(5));
    /// # let _ = settings;
    /// ```
    pub const fn load_deadline(mut self, limit: Duration) -> Self {
        self.load_deadline = limit;
        self
    }

    /// At most so many loads at once, over all keys.
    ///
    /// ```
    /// use seawall::cache::{Lifetime, Settings};
    /// let settings = Settings::<u64, String, ()>::new(Lifetime::forever()).max_loads(16);
    /// # let _ = settings;
    /// ```
    pub const fn max_loads(mut self, loads: usize) -> Self {
        self.max_loads = loads;
        self
    }

    /// At most so many loads wait for one of those to end, first come, first served; further ones are refused.
    ///
    /// ```
    /// use seawall::cache::{Lifetime, Settings};
    /// let settings = Settings::<u64, String, ()>::new(Lifetime::forever()).max_loads(16).waiting(64);
    /// # let _ = settings;
    /// ```
    pub const fn waiting(mut self, loads: usize) -> Self {
        self.waiting = loads;
        self
    }

    /// A caller who could have a stale value gets it once the load has run for so long. Only where a
    /// [`Background`](super::Background) runs, which ends the load: else it would be thrown away each time.
    ///
    /// ```
    /// use seawall::cache::{Lifetime, Settings};
    /// use std::time::Duration;
    /// let settings = Settings::<u64, String, ()>::new(Lifetime::forever()).soft(Duration::from_millis(50));
    /// # let _ = settings;
    /// ```
    pub const fn soft(mut self, limit: Duration) -> Self {
        self.soft = limit;
        self
    }

    /// No caller waits for longer than this; then a stale value if there is one, else `TimedOut`.
    ///
    /// ```
    /// use seawall::cache::{Lifetime, Settings};
    /// use std::time::Duration;
    /// let settings = Settings::<u64, String, ()>::new(Lifetime::forever()).hard(Duration::from_secs(2));
    /// # let _ = settings;
    /// ```
    pub const fn hard(mut self, limit: Duration) -> Self {
        self.hard = limit;
        self
    }

    /// Nobody joins a load that has run for so long: the next caller begins another, whose value is kept in place of the
    /// first one's. Who waits for the first is answered by it all the same. Never more than two of a key at a time. For
    /// loads that may hang and are not to be cut off; below the [`load_deadline`](Self::load_deadline).
    ///
    /// ```
    /// use seawall::cache::{Lifetime, Settings};
    /// use std::time::Duration;
    /// let settings = Settings::<u64, String, ()>::new(Lifetime::forever()).age_limit(Duration::from_secs(2));
    /// # let _ = settings;
    /// ```
    pub const fn age_limit(mut self, limit: Duration) -> Self {
        self.age_limit = limit;
        self
    }

    /// For so long after a key was fenced what is loaded of it is answered and not kept: for loads from a replica that
    /// lags by as much. A value that is [`put`](super::CacheAside::put) is kept. Fences of tags and of everything know
    /// no keys, and have no such time after them.
    ///
    /// ```
    /// use seawall::cache::{Lifetime, Settings};
    /// use std::time::Duration;
    /// let settings = Settings::<u64, String, ()>::new(Lifetime::forever()).fence_lag(Duration::from_millis(500));
    /// # let _ = settings;
    /// ```
    pub const fn fence_lag(mut self, lag: Duration) -> Self {
        self.fence_lag = lag;
        self
    }

    /// Keeps the news that there is nothing, in a small store of its own.
    ///
    /// ```
    /// use seawall::cache::{Lifetime, Negative, Settings};
    /// use std::time::Duration;
    /// let negative = Negative::ttl(Duration::from_secs(5));
    /// let settings = Settings::<u64, String, ()>::new(Lifetime::forever()).negative(negative);
    /// # let _ = settings;
    /// ```
    pub fn negative(mut self, negative: Negative<E>) -> Self {
        self.negative = Some(negative);
        self
    }

    /// What an entry weighs; 0 counts as 1. The store's capacity is a total weight then.
    ///
    /// ```
    /// use seawall::cache::{Lifetime, Settings};
    /// let settings = Settings::<u64, String, ()>::new(Lifetime::forever()).weigh(|_, text| text.len() as u32);
    /// # let _ = settings;
    /// ```
    pub fn weigh(mut self, weigh: impl Fn(&K, &V) -> u32 + Send + Sync + 'static) -> Self {
        self.weigh = Some(Arc::new(weigh));
        self
    }

    /// What an error says. `Neutral` is an answer, not a failure: nothing stale stands in for it, and what was kept
    /// is dropped. `Overload(after)` keeps the next load away for at least `after`.
    ///
    /// ```
    /// use seawall::Class;
    /// use seawall::cache::{Lifetime, Settings};
    /// use std::io;
    /// let settings = Settings::<u64, String, io::Error>::new(Lifetime::forever()).classify(|error| {
    ///     if error.kind() == io::ErrorKind::NotFound { Class::Neutral } else { Class::Transient }
    /// });
    /// # let _ = settings;
    /// ```
    pub fn classify(mut self, judge: impl Fn(&E) -> Class + Send + Sync + 'static) -> Self {
        self.judge = Some(Arc::new(judge));
        self
    }

    /// A second tier between this process and the loader.
    pub fn tier(mut self, tier: impl Tier<K, V> + 'static) -> Self {
        self.tier = Some(Arc::new(tier));
        self
    }
}

impl<K, V, E> From<Lifetime> for Settings<K, V, E> {
    fn from(lifetime: Lifetime) -> Self {
        Self::new(lifetime)
    }
}

impl<K, V, E> fmt::Debug for Settings<K, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("lifetime", &self.lifetime)
            .field("load_deadline", &self.load_deadline)
            .field("max_loads", &self.max_loads)
            .field("waiting", &self.waiting)
            .finish_non_exhaustive()
    }
}
