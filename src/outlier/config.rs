use crate::ratio::Ratio;
use std::time::Duration;

/// When an endpoint is an outlier, and for how long it is left out then.
///
/// # Examples
///
/// ```
/// use seawall::Ratio;
/// use seawall::outlier::Outliers;
/// use std::time::Duration;
///
/// let outliers = Outliers::new()
///     .consecutive(3)
///     .failure_share(Ratio::percent(85), 50, 5)
///     .most(Ratio::percent(30))
///     .times(Duration::from_secs(10), Duration::from_secs(120))
///     .slow(Duration::from_secs(2));
/// # let _ = outliers;
/// ```
///
/// Its defaults stand on the [module's page](crate::outlier#defaults).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outliers {
    pub(crate) run: u32,
    pub(crate) interval: Duration,
    pub(crate) rate: Option<Rate>,
    pub(crate) share: Option<FailureShare>,
    pub(crate) most: Ratio,
    pub(crate) base: Duration,
    pub(crate) longest: Duration,
    pub(crate) slow: Option<Duration>,
}

/// The rule of the success rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// How many tenths of a standard deviation below the mean.
    pub(crate) tenths: u32,
    /// And how many points below it.
    pub(crate) gap: u32,
    pub(crate) calls: u32,
    pub(crate) members: u32,
}

/// The rule of the failure share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FailureShare {
    pub(crate) share: Ratio,
    pub(crate) calls: u32,
    pub(crate) members: u32,
}

impl Outliers {
    /// The defaults.
    ///
    /// ```
    /// let outliers = seawall::outlier::Outliers::new();
    /// # let _ = outliers;
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self {
            run: 5,
            interval: Duration::from_secs(10),
            rate: Some(Rate { tenths: 19, gap: 10, calls: 100, members: 5 }),
            share: None,
            most: Ratio::percent(10),
            base: Duration::from_secs(30),
            longest: Duration::from_secs(300),
            slow: None,
        }
    }

    /// Ejects at once after so many failures in a row; 0 never does.
    ///
    /// ```
    /// let outliers = seawall::outlier::Outliers::new().consecutive(3);
    /// # let _ = outliers;
    /// ```
    #[must_use]
    pub const fn consecutive(mut self, failures: u32) -> Self {
        self.run = failures;
        self
    }

    /// Looks at all endpoints once in so long; at least a millisecond.
    ///
    /// ```
    /// use std::time::Duration;
    /// let outliers = seawall::outlier::Outliers::new().interval(Duration::from_secs(5));
    /// # let _ = outliers;
    /// ```
    #[must_use]
    pub const fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Ejects an endpoint whose success rate stands both `tenths` tenths of a standard deviation and `gap` points
    /// below the mean, of endpoints with at least `calls` calls in the interval, if there are `members` of them.
    ///
    /// Of n endpoints k equally bad ones stand √((n−k)/k) deviations below the mean, however bad they are: with
    /// 1.9 they are found only while k is less than 22 % of n.
    ///
    /// ```
    /// let as_envoy = seawall::outlier::Outliers::new().success_rate(19, 0, 100, 5);
    /// # let _ = as_envoy;
    /// ```
    #[must_use]
    pub const fn success_rate(mut self, tenths: u32, gap: u32, calls: u32, members: u32) -> Self {
        self.rate = Some(Rate { tenths, gap, calls, members });
        self
    }

    /// Does not compare success rates.
    ///
    /// ```
    /// let outliers = seawall::outlier::Outliers::new().no_success_rate();
    /// # let _ = outliers;
    /// ```
    #[must_use]
    pub const fn no_success_rate(mut self) -> Self {
        self.rate = None;
        self
    }

    /// Ejects an endpoint of whose calls in the interval at least `share` failed, if it had at least `calls`, and
    /// `members` endpoints had. Off by default.
    ///
    /// ```
    /// use seawall::Ratio;
    /// let outliers = seawall::outlier::Outliers::new().failure_share(Ratio::percent(85), 50, 5);
    /// # let _ = outliers;
    /// ```
    #[must_use]
    #[doc(alias = "failure_percentage")]
    pub const fn failure_share(mut self, share: Ratio, calls: u32, members: u32) -> Self {
        self.share = Some(FailureShare { share, calls, members });
        self
    }

    /// At most this part of the endpoints is ejected at a time; one always may be, unless it is the last.
    ///
    /// ```
    /// use seawall::Ratio;
    /// let outliers = seawall::outlier::Outliers::new().most(Ratio::percent(50));
    /// # let _ = outliers;
    /// ```
    #[must_use]
    #[doc(alias = "max_ejection_percent")]
    pub const fn most(mut self, part: Ratio) -> Self {
        self.most = part;
        self
    }

    /// The first ejection lasts `base`, the next one twice that, and so on up to `longest`; each interval without
    /// one takes one step back.
    ///
    /// ```
    /// use std::time::Duration;
    /// let outliers =
    ///     seawall::outlier::Outliers::new().times(Duration::from_secs(5), Duration::from_secs(60));
    /// # let _ = outliers;
    /// ```
    #[must_use]
    pub const fn times(mut self, base: Duration, longest: Duration) -> Self {
        self.base = base;
        self.longest = longest;
        self
    }

    /// A call that took so long counts as failed, whether it ended so or was given up: so one that hangs is found
    /// though an outer timeout cancels its calls.
    ///
    /// ```
    /// use std::time::Duration;
    /// let outliers = seawall::outlier::Outliers::new().slow(Duration::from_secs(2));
    /// # let _ = outliers;
    /// ```
    #[must_use]
    pub const fn slow(mut self, slow: Duration) -> Self {
        self.slow = Some(slow);
        self
    }
}

impl Default for Outliers {
    fn default() -> Self {
        Self::new()
    }
}
