use crate::ratio::Ratio;
use crate::time::{Instant, nanos};
use std::time::Duration;

/// How long a value lives, and what may be done with it afterwards.
///
/// ```text
///  stored            refresh_at   stale point                + stale_while_revalidate      + stale_if_error
///    ├──── Fresh ────────┼── Early ──┼──────── Revalidate ──────────┼──────── IfError ──────────┼── Gone
///    │ value             │ value,    │ old value at once,           │ waits for a load; if it   │ waits
///    │                   │ refreshed │ refreshed behind             │ fails, the old value      │
/// ```
///
/// Both stale windows count from the stale point and overlap, as in RFC 5861.
///
/// # Defaults
///
/// | setting | default | why |
/// |---|---|---|
/// | ttl | an argument | no sane default |
/// | [`jitter`](Self::jitter) | up to 10 % shorter | what is born together must not die together; the ttl stays an upper bound |
/// | [`early`](Self::early), both stale windows | off | serving old data must be asked for |
/// | [`throttle`](Self::throttle) | 1 s doubling to 30 s | quick to see a recovery, gentle in a long outage |
///
/// # Examples
///
/// ```
/// use seawall::cache::{Early, Lifetime};
/// use seawall::Ratio;
/// use std::time::Duration;
///
/// let lifetime = Lifetime::of(Duration::from_secs(60))
///     .early(Early::at(Ratio::percent(80)))
///     .stale_while_revalidate(Duration::from_secs(30))
///     .stale_if_error(Duration::from_secs(3600));
/// assert_eq!(lifetime.ttl(), Duration::from_secs(60));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use]
pub struct Lifetime {
    pub(super) ttl: Duration,
    pub(super) jitter: Jitter,
    pub(super) early: Early,
    pub(super) swr: Duration,
    pub(super) sie: Duration,
    pub(super) throttle: Pause,
}

impl Lifetime {
    /// A value is fresh for `ttl`. Zero keeps nothing (unless stale windows do), `Duration::MAX` is for ever.
    ///
    /// ```
    /// use seawall::cache::Lifetime;
    /// use std::time::Duration;
    /// assert_eq!(Lifetime::of(Duration::from_secs(1)).ttl(), Duration::from_secs(1));
    /// ```
    pub const fn of(ttl: Duration) -> Self {
        Self {
            ttl,
            jitter: Jitter::shorter(Ratio::percent(10)),
            early: Early::off(),
            swr: Duration::ZERO,
            sie: Duration::ZERO,
            throttle: Pause::doubling(Duration::from_secs(1), Duration::from_secs(30)),
        }
    }

    /// A value is fresh until it is evicted or fenced.
    ///
    /// ```
    /// use seawall::cache::Lifetime;
    /// assert_eq!(Lifetime::forever().ttl(), std::time::Duration::MAX);
    /// ```
    pub const fn forever() -> Self {
        Self::of(Duration::MAX)
    }

    /// How each value's ttl differs from the next one's.
    ///
    /// ```
    /// use seawall::cache::{Jitter, Lifetime};
    /// let exact = Lifetime::forever().jitter(Jitter::off());
    /// # let _ = exact;
    /// ```
    pub const fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// When a value that is still fresh is loaded anew behind its readers.
    ///
    /// ```
    /// use seawall::cache::{Early, Lifetime};
    /// let early = Lifetime::forever().early(Early::xfetch(1.0));
    /// # let _ = early;
    /// ```
    pub const fn early(mut self, early: Early) -> Self {
        self.early = early;
        self
    }

    /// For how long past its end a value is given at once while one load fetches the next. The last instant counts.
    ///
    /// ```
    /// use seawall::cache::Lifetime;
    /// use std::time::Duration;
    /// let served = Lifetime::of(Duration::from_secs(60)).stale_while_revalidate(Duration::from_secs(30));
    /// # let _ = served;
    /// ```
    #[doc(alias = "swr")]
    pub const fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.swr = window;
        self
    }

    /// For how long past its end a value stands in for a load that failed. The last instant counts.
    ///
    /// ```
    /// use seawall::cache::Lifetime;
    /// use std::time::Duration;
    /// let sturdy = Lifetime::of(Duration::from_secs(60)).stale_if_error(Duration::from_secs(3600));
    /// # let _ = sturdy;
    /// ```
    #[doc(alias = "fail-safe")]
    pub const fn stale_if_error(mut self, window: Duration) -> Self {
        self.sie = window;
        self
    }

    /// For how long after a failed load a stale value is given without another load.
    ///
    /// ```
    /// use seawall::cache::{Lifetime, Pause};
    /// use std::time::Duration;
    /// let calm = Lifetime::forever().throttle(Pause::fixed(Duration::from_secs(5)));
    /// # let _ = calm;
    /// ```
    pub const fn throttle(mut self, pause: Pause) -> Self {
        self.throttle = pause;
        self
    }

    /// How long a value is fresh, before jitter.
    ///
    /// ```
    /// use seawall::cache::Lifetime;
    /// assert_eq!(Lifetime::forever().ttl(), std::time::Duration::MAX);
    /// ```
    #[must_use]
    pub const fn ttl(&self) -> Duration {
        self.ttl
    }

    /// For how long past its end a value is given while the next is fetched.
    ///
    /// ```
    /// use seawall::cache::Lifetime;
    /// assert!(Lifetime::forever().revalidate_window().is_zero());
    /// ```
    #[must_use]
    pub const fn revalidate_window(&self) -> Duration {
        self.swr
    }

    /// For how long past its end a value stands in for a load that failed.
    ///
    /// ```
    /// use seawall::cache::Lifetime;
    /// assert!(Lifetime::forever().error_window().is_zero());
    /// ```
    #[must_use]
    pub const fn error_window(&self) -> Duration {
        self.sie
    }
}

/// How each value's ttl is spread, so that what was loaded together does not expire together.
///
/// ```
/// use seawall::cache::Jitter;
/// use seawall::Ratio;
/// assert_ne!(Jitter::shorter(Ratio::percent(10)), Jitter::off());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jitter {
    ratio: Ratio,
    longer: bool,
}

impl Jitter {
    /// Every value lives exactly as long as it was given.
    ///
    /// ```
    /// let exact = seawall::cache::Jitter::off();
    /// # let _ = exact;
    /// ```
    #[must_use]
    pub const fn off() -> Self {
        Self::shorter(Ratio::ZERO)
    }

    /// Up to `ratio` of the ttl shorter: in (ttl − ratio · ttl, ttl]. More than the whole is the whole.
    ///
    /// ```
    /// let jitter = seawall::cache::Jitter::shorter(seawall::Ratio::percent(10));
    /// # let _ = jitter;
    /// ```
    #[must_use]
    pub const fn shorter(ratio: Ratio) -> Self {
        Self { ratio, longer: false }
    }

    /// Up to `ratio` of the ttl longer: in [ttl, ttl + ratio · ttl).
    ///
    /// ```
    /// let jitter = seawall::cache::Jitter::longer(seawall::Ratio::percent(10));
    /// # let _ = jitter;
    /// ```
    #[must_use]
    pub const fn longer(ratio: Ratio) -> Self {
        Self { ratio, longer: true }
    }

    /// The ttl that the sample `u` of `[0, 1)` makes of `ttl`.
    pub(super) fn spread(self, ttl: Duration, u: f64) -> Duration {
        if ttl == Duration::MAX || self.ratio == Ratio::ZERO {
            return ttl;
        }
        let by = share(ttl, self.ratio.as_f64() * u);
        if self.longer { ttl.saturating_add(by) } else { ttl.saturating_sub(by) }
    }
}

/// When a value that is still fresh is refreshed.
///
/// ```
/// use seawall::cache::Early;
/// assert_eq!(Early::at(seawall::Ratio::percent(100)), Early::off());
/// ```
#[doc(alias = "refresh-ahead")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Early(When);

#[derive(Clone, Copy, Debug, PartialEq)]
enum When {
    Never,
    At(Ratio),
    Drawn(f64),
}

impl Early {
    /// Not before it is stale.
    ///
    /// ```
    /// let off = seawall::cache::Early::off();
    /// # let _ = off;
    /// ```
    #[must_use]
    pub const fn off() -> Self {
        Self(When::Never)
    }

    /// By the first reader after this share of the life; none and the whole are off.
    ///
    /// ```
    /// let early = seawall::cache::Early::at(seawall::Ratio::percent(80));
    /// # let _ = early;
    /// ```
    #[must_use]
    pub const fn at(share: Ratio) -> Self {
        if share.parts() == 0 || share.parts() >= share.whole().get() {
            Self::off()
        } else {
            Self(When::At(share))
        }
    }

    /// XFetch: at a moment before the end that is drawn once for each value, exponentially distributed, on average
    /// `beta` times as early as its load took. So many processes that hold the same value do not refresh it together,
    /// and what is slow to load is refreshed sooner. 1 is the optimum of Vattani, Chierichetti and Lowenstein
    /// ("Optimal Probabilistic Cache Stampede Prevention", VLDB 2015); not above 0 is off.
    ///
    /// ```
    /// let early = seawall::cache::Early::xfetch(1.0);
    /// # let _ = early;
    /// ```
    #[doc(alias = "probabilistic early expiration")]
    #[must_use]
    pub const fn xfetch(beta: f64) -> Self {
        if beta > 0.0 { Self(When::Drawn(beta)) } else { Self::off() }
    }

    /// When a value is refreshed that was loaded in `took` and lives from `stored` to `end`; `u` is in `[0, 1)`.
    pub(super) fn point(self, stored: Instant, end: Instant, took: Duration, u: f64) -> Instant {
        match self.0 {
            When::Never => end,
            When::At(_) | When::Drawn(_) if end == Instant::MAX => end,
            When::At(part) => stored + share(end - stored, part.as_f64()),
            When::Drawn(beta) => {
                // `1 - u` is in (0, 1], so the logarithm is finite.
                let gap = share(took, -beta * (1.0 - u).ln());
                end_less(end, gap.min(end - stored))
            }
        }
    }
}

/// For how long a failed load keeps the next one away.
///
/// ```
/// use seawall::cache::Pause;
/// use std::time::Duration;
/// let pause = Pause::doubling(Duration::from_secs(1), Duration::from_secs(30));
/// assert_ne!(pause, Pause::fixed(Duration::from_secs(1)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    base: Duration,
    cap: Duration,
}

impl Pause {
    /// Always `pause`; zero is none.
    ///
    /// ```
    /// let pause = seawall::cache::Pause::fixed(std::time::Duration::from_secs(5));
    /// # let _ = pause;
    /// ```
    #[must_use]
    pub const fn fixed(pause: Duration) -> Self {
        Self { base: pause, cap: pause }
    }

    /// `base` after the first failure, twice as long after each further one in a row, at most `cap`.
    ///
    /// ```
    /// use std::time::Duration;
    /// let pause = seawall::cache::Pause::doubling(Duration::from_secs(1), Duration::from_secs(30));
    /// # let _ = pause;
    /// ```
    #[must_use]
    pub const fn doubling(base: Duration, cap: Duration) -> Self {
        Self { base, cap }
    }

    /// The pause after the `failures`th failure in a row, counted from 1.
    pub(super) fn after(self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(63);
        let longer = nanos(self.base).saturating_mul(1 << doublings);
        Duration::from_nanos(longer).min(self.cap)
    }
}

/// `part` of `whole`, saturating.
fn share(whole: Duration, part: f64) -> Duration {
    // Whole nanoseconds of a `u64` lose less than a microsecond in an hour as a float.
    Duration::from_nanos((nanos(whole) as f64 * part) as u64)
}

const fn end_less(end: Instant, gap: Duration) -> Instant {
    Instant::from_nanos(end.as_nanos().saturating_sub(nanos(gap)))
}
