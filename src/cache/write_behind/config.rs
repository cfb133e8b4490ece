use std::time::Duration;

/// How a [`WriteBehind`](super::WriteBehind) gathers, repeats and bounds its writes.
///
/// # Examples
///
/// ```
/// use seawall::cache::write_behind::Config;
/// use std::time::Duration;
///
/// let config = Config::new().batch(500).max_delay(Duration::from_millis(200)).writers(4);
/// # let _ = config;
/// ```
///
/// # Defaults
///
/// | setting | default | why |
/// |---|---|---|
/// | `capacity` | 10 000 keys | what a crash may lose, and what memory may hold |
/// | `waiting` | 1 024 | a line without end is a leak |
/// | `batch` | 100 keys | where most databases stop gaining from a longer statement |
/// | `max_delay` | 1 s | the longest that the source lags in quiet times; a hot key costs one write a second |
/// | `writers` | 1 | batches in order, one at a time, until somebody measured that two are faster |
/// | `attempts` | 20 | with the back-off more than two minutes: longer than a database takes to fail over |
/// | `backoff` | 100 ms, doubling to 10 s | no jitter: keys that failed together come back as one batch |
/// | `write_deadline` | 10 s | a store that hangs would hold its keys for ever |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    pub(super) capacity: usize,
    pub(super) waiting: usize,
    pub(super) batch: usize,
    pub(super) max_delay: Duration,
    pub(super) writers: usize,
    pub(super) attempts: u32,
    pub(super) base: Duration,
    pub(super) cap: Duration,
    pub(super) write_deadline: Duration,
    pub(super) first_seq: u64,
}

impl Config {
    /// The defaults.
    ///
    /// ```
    /// use seawall::cache::write_behind::Config;
    /// assert_eq!(Config::new(), Config::default());
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self {
            capacity: 10_000,
            waiting: 1024,
            batch: 100,
            max_delay: Duration::from_secs(1),
            writers: 1,
            attempts: 20,
            base: Duration::from_millis(100),
            cap: Duration::from_secs(10),
            write_deadline: Duration::from_secs(10),
            first_seq: 1,
        }
    }

    /// How many keys may be dirty at once, at least one. With none free, [`put`](super::WriteBehind::put) waits.
    ///
    /// ```
    /// let config = seawall::cache::write_behind::Config::new().capacity(500);
    /// # let _ = config;
    /// ```
    #[must_use]
    pub const fn capacity(mut self, keys: usize) -> Self {
        self.capacity = if keys == 0 { 1 } else { keys };
        self
    }

    /// How many callers may wait for room; 0 for none.
    ///
    /// ```
    /// let config = seawall::cache::write_behind::Config::new().waiting(0);
    /// # let _ = config;
    /// ```
    #[must_use]
    pub const fn waiting(mut self, callers: usize) -> Self {
        self.waiting = callers;
        self
    }

    /// How many keys one store call takes at most, at least one. So many leave at once, without waiting for
    /// `max_delay`.
    ///
    /// ```
    /// let config = seawall::cache::write_behind::Config::new().batch(1); // nothing is gathered
    /// # let _ = config;
    /// ```
    #[must_use]
    pub const fn batch(mut self, keys: usize) -> Self {
        self.batch = if keys == 0 { 1 } else { keys };
        self
    }

    /// How long a change waits for others to go with it; zero for not at all, `Duration::MAX` until a batch is
    /// full or somebody flushes.
    ///
    /// ```
    /// use std::time::Duration;
    /// let config = seawall::cache::write_behind::Config::new().max_delay(Duration::from_millis(50));
    /// # let _ = config;
    /// ```
    #[must_use]
    pub const fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// How many store calls may be under way at once, at least one; never two with the same key.
    ///
    /// ```
    /// let config = seawall::cache::write_behind::Config::new().writers(4);
    /// # let _ = config;
    /// ```
    #[must_use]
    pub const fn writers(mut self, writers: usize) -> Self {
        self.writers = if writers == 0 { 1 } else { writers };
        self
    }

    /// How often a key is tried before it becomes a dead letter, at least once; `u32::MAX` for as long as the
    /// process lives.
    ///
    /// ```
    /// let config = seawall::cache::write_behind::Config::new().attempts(u32::MAX);
    /// # let _ = config;
    /// ```
    #[must_use]
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = if attempts == 0 { 1 } else { attempts };
        self
    }

    /// How long a key rests after its first failure in a row, and, doubling, at most.
    ///
    /// ```
    /// use std::time::Duration;
    /// let second = Duration::from_secs(1);
    /// let config = seawall::cache::write_behind::Config::new().backoff(second, 30 * second);
    /// # let _ = config;
    /// ```
    #[must_use]
    pub const fn backoff(mut self, base: Duration, cap: Duration) -> Self {
        self.base = base;
        self.cap = cap;
        self
    }

    /// How long one store call may take; then it is dropped, and its keys are tried again.
    ///
    /// ```
    /// use std::time::Duration;
    /// let config = seawall::cache::write_behind::Config::new().write_deadline(Duration::from_secs(3));
    /// # let _ = config;
    /// ```
    #[must_use]
    pub const fn write_deadline(mut self, deadline: Duration) -> Self {
        self.write_deadline = deadline;
        self
    }

    /// The number of the first change, see [`Write::seq`](super::Write::seq): a source that refuses what is
    /// older than what it has needs numbers that go on rising after a restart.
    ///
    /// ```
    /// // Microseconds of the wall clock at start: more than one process can number.
    /// let config = seawall::cache::write_behind::Config::new().first_seq(1_764_000_000_000_000);
    /// # let _ = config;
    /// ```
    #[must_use]
    pub const fn first_seq(mut self, seq: u64) -> Self {
        self.first_seq = if seq == 0 { 1 } else { seq };
        self
    }

    /// How long a key rests after so many failures in a row.
    pub(super) fn rest(&self, failures: u32) -> Duration {
        let doubled = 1u32
            .checked_shl(failures.saturating_sub(1))
            .map_or(self.cap, |times| self.base.saturating_mul(times));
        doubled.min(self.cap)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}
