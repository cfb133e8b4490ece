use std::time::Duration;

/// What an [`HttpCache`](super::HttpCache) stores, and for how long.
///
/// # Examples
///
/// ```
/// use seawall::http::cache::Config;
/// use std::time::Duration;
///
/// let config = Config::new().body(256 * 1024).stale_if_error(Duration::from_secs(3600));
/// # let _ = config;
/// ```
///
/// # Defaults
///
/// | setting | default | why |
/// |---|---|---|
/// | `private` | shared | a gateway serves many; what is for one is not for another |
/// | `body` | 1 MiB | the cache is of answers, not of downloads; a longer one says `detail=too-large` |
/// | `variants` | 16 an address | a `Vary` over something that every client sends differently fills no memory |
/// | tags | 32 an answer, not to be changed | one with more is passed on and not stored, and says `detail=too-many-tags` |
/// | `load_deadline` | 30 s | an answer and its body take no longer, or are given up |
/// | `heuristic` | 10 % of the age, up to 1 day | RFC 9111, 4.2.2 |
/// | `keep` | 10 min | a stale answer with a validator costs a 304 instead of a body |
/// | stale windows | only those that the answer names | serving old data must be asked for |
/// | `Set-Cookie` | not stored | one client's session is not another's |
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    pub(super) shared: bool,
    pub(super) body: usize,
    pub(super) variants: usize,
    pub(super) tags: usize,
    pub(super) heuristic: f32,
    pub(super) most_heuristic: Duration,
    pub(super) keep: Duration,
    pub(super) load_deadline: Duration,
    pub(super) stale_while_revalidate: Duration,
    pub(super) stale_if_error: Duration,
    pub(super) store_set_cookie: bool,
    pub(super) lenient_s_maxage: bool,
    pub(super) ignore_reloads: bool,
}

impl Config {
    /// The defaults.
    ///
    /// ```
    /// use seawall::http::cache::Config;
    /// assert_eq!(Config::new(), Config::default());
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self {
            shared: true,
            body: 1024 * 1024,
            variants: 16,
            tags: 32,
            heuristic: 0.1,
            most_heuristic: Duration::from_secs(24 * 3600),
            keep: Duration::from_secs(600),
            load_deadline: Duration::from_secs(30),
            stale_while_revalidate: Duration::ZERO,
            stale_if_error: Duration::ZERO,
            store_set_cookie: false,
            lenient_s_maxage: false,
            ignore_reloads: false,
        }
    }

    /// The cache of one user: `private` answers are stored, and `s-maxage` is nothing to it.
    ///
    /// ```
    /// let config = seawall::http::cache::Config::new().private();
    /// # let _ = config;
    /// ```
    #[must_use]
    pub const fn private(mut self) -> Self {
        self.shared = false;
        self
    }

    /// The largest body that is stored, in bytes.
    ///
    /// ```
    /// let config = seawall::http::cache::Config::new().body(64 * 1024);
    /// # let _ = config;
    /// ```
    #[must_use]
    pub const fn body(mut self, bytes: usize) -> Self {
        self.body = bytes;
        self
    }

    /// How many answers of one address are stored beside each other, at least one; of more the oldest goes.
    ///
    /// ```
    /// let config = seawall::http::cache::Config::new().variants(4);
    /// # let _ = config;
    /// ```
    #[must_use]
    pub const fn variants(mut self, variants: usize) -> Self {
        self.variants = if variants == 0 { 1 } else { variants };
        self
    }

    /// How long a stale answer with a validator is kept to be validated.
    ///
    /// ```
    /// use std::time::Duration;
    /// let config = seawall::http::cache::Config::new().keep(Duration::from_secs(3600));
    /// # let _ = config;
    /// ```
    #[must_use]
    pub const fn keep(mut self, keep: Duration) -> Self {
        self.keep = keep;
        self
    }

    /// How long the origin may take for an answer that is asked for on behalf of many, and for its body. The deadlines
    /// and timeouts of single clients do not reach it.
    ///
    /// ```
    /// use std::time::Duration;
    /// let config = seawall::http::cache::Config::new().load_deadline(Duration::from_secs(5));
    /// # let _ = config;
    /// ```
    #[must_use]
    pub const fn load_deadline(mut self, limit: Duration) -> Self {
        self.load_deadline = limit;
        self
    }

    /// The window of RFC 5861, 3 for answers that name none and do not forbid it.
    ///
    /// ```
    /// use std::time::Duration;
    /// let config = seawall::http::cache::Config::new().stale_while_revalidate(Duration::from_secs(30));
    /// # let _ = config;
    /// ```
    #[must_use]
    pub const fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.stale_while_revalidate = window;
        self
    }

    /// The window of RFC 5861, 4 for answers that name none and do not forbid it.
    ///
    /// ```
    /// use std::time::Duration;
    /// let config = seawall::http::cache::Config::new().stale_if_error(Duration::from_secs(3600));
    /// # let _ = config;
    /// ```
    #[must_use]
    pub const fn stale_if_error(mut self, window: Duration) -> Self {
        self.stale_if_error = window;
        self
    }

    /// Stores answers with `Set-Cookie` in a shared cache: whoever asks next gets that cookie.
    ///
    /// ```
    /// let config = seawall::http::cache::Config::new().store_set_cookie();
    /// # let _ = config;
    /// ```
    #[must_use]
    pub const fn store_set_cookie(mut self) -> Self {
        self.store_set_cookie = true;
        self
    }

    /// Lets an answer with `s-maxage` be sent stale within the windows that it names; RFC 9111, 5.2.2.10 forbids it.
    ///
    /// ```
    /// let config = seawall::http::cache::Config::new().lenient_s_maxage();
    /// # let _ = config;
    /// ```
    #[must_use]
    pub const fn lenient_s_maxage(mut self) -> Self {
        self.lenient_s_maxage = true;
        self
    }

    /// Clients cannot make the cache ask the origin: their `no-cache`, `max-age` and `min-fresh` are not heard. What a
    /// gateway wants that protects its origin.
    ///
    /// ```
    /// let config = seawall::http::cache::Config::new().ignore_reloads();
    /// # let _ = config;
    /// ```
    #[must_use]
    pub const fn ignore_reloads(mut self) -> Self {
        self.ignore_reloads = true;
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}
