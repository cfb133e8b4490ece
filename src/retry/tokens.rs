use crate::ratio::Ratio;
use crate::time::Instant;
use std::fmt;

/// What a [`RetryBudget`](super::RetryBudget) goes by: how many retries and hedges a peer is asked to bear.
///
/// | kind | deposit | a retry or hedge | start, ceiling |
/// |---|---|---|---|
/// | [`ratio(r)`](Self::ratio) | `r` per request, when its first attempt starts | takes 1 token | min(hold, 10 s of reserve), hold |
/// | [`throttle(max, r)`](Self::throttle) | `r` per success, −1 per `Transient` or `Overload`, retries too | needs more than max/2, takes none | max, max |
/// | [`quota(size)`](Self::quota) | 1 per success at the first try; after retries, the last cost | takes 5, or 10 after a timeout | size, size |
///
/// All arithmetic is exact: a thousand deposits at p/q are worth 1000·p/q.
///
/// # Examples
///
/// ```
/// use seawall::Ratio;
/// use seawall::retry::{Budget, RetryBudget};
///
/// let budget = RetryBudget::new(Budget::ratio(Ratio::percent(10)).reserve(1).hold(50));
/// assert_eq!(budget.available(), 10);
/// ```
///
/// # Defaults
///
/// | setting | default | why |
/// |---|---|---|
/// | ratio | 20 % | Finagle's and linkerd's: a total outage costs the peer 1.2 times the load, not 3 times |
/// | reserve | 10 a second | a client with little traffic may retry at all |
/// | hold | 100 | what was saved in quiet times is no licence for a storm |
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Budget(pub(super) Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Ratio(Share),
    Throttle { max: u32, per_success: u32 },
    Quota { size: u32 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    ratio: Ratio,
    reserve: u32,
    hold: u32,
}

/// gRPC counts in thousandths: a ratio has three decimals there.
pub(super) const TOKEN: u32 = 1000;

impl Budget {
    /// Retries are a share of the requests, beside a small reserve.
    ///
    /// Over any span, retries ≤ ratio · requests + reserve · seconds + hold. A retry never pays for another:
    /// only requests deposit, once each.
    ///
    /// ```
    /// use seawall::{Ratio, retry::{Budget, RetryBudget}};
    /// let budget = RetryBudget::new(Budget::ratio(Ratio::percent(10)).reserve(0));
    /// (0..25).for_each(|_| budget.deposit());
    /// assert_eq!(budget.available(), 2);
    /// ```
    #[must_use]
    pub const fn ratio(ratio: Ratio) -> Self {
        Self(Kind::Ratio(Share { ratio, reserve: 10, hold: 100 }))
    }

    /// gRPC's throttle (A6): no retry while the tokens are down to half of `max` or fewer. Each success adds
    /// `per_success`, cut to three decimals; each failure takes one. `max` is at most 1000.
    ///
    /// ```
    /// use seawall::{Class, Ratio, retry::{Budget, RetryBudget}};
    /// let budget = RetryBudget::new(Budget::throttle(10, Ratio::percent(50)));
    /// (0..5).for_each(|_| budget.settle(Class::Transient, None));
    /// assert!(budget.withdraw().is_none());
    /// ```
    #[must_use]
    pub const fn throttle(max: u32, per_success: Ratio) -> Self {
        let max = if max > 1000 { 1000 } else { max } * TOKEN;
        let thousandths = per_success.parts() as u64 * TOKEN as u64 / per_success.whole().get() as u64;
        let per_success = if thousandths > max as u64 { max } else { thousandths as u32 };
        Self(Kind::Throttle { max, per_success })
    }

    /// AWS's quota: a retry takes 5 tokens, one after a timeout 10; success gives back.
    ///
    /// ```
    /// use seawall::retry::{Budget, RetryBudget};
    /// let budget = RetryBudget::new(Budget::quota(5));
    /// budget.withdraw().unwrap().spend();
    /// assert!(budget.withdraw().is_none());
    /// ```
    #[must_use]
    pub const fn quota(size: u32) -> Self {
        Self(Kind::Quota { size })
    }

    /// So many more tokens a second, whatever the traffic; of a [`ratio`](Self::ratio) only.
    ///
    /// ```
    /// use seawall::retry::Budget;
    /// let budget = Budget::default().reserve(1);
    /// # let _ = budget;
    /// ```
    #[must_use]
    #[doc(alias = "min_retries_per_second")]
    pub const fn reserve(self, per_second: u32) -> Self {
        match self.0 {
            Kind::Ratio(share) => Self(Kind::Ratio(Share { reserve: per_second, ..share })),
            Kind::Throttle { .. } | Kind::Quota { .. } => self,
        }
    }

    /// At most so many tokens are kept; of a [`ratio`](Self::ratio) only.
    ///
    /// ```
    /// use seawall::retry::Budget;
    /// let budget = Budget::default().hold(1000);
    /// # let _ = budget;
    /// ```
    #[must_use]
    pub const fn hold(self, tokens: u32) -> Self {
        match self.0 {
            Kind::Ratio(share) => Self(Kind::Ratio(Share { hold: tokens, ..share })),
            Kind::Throttle { .. } | Kind::Quota { .. } => self,
        }
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tokens = |thousandths: u32| f64::from(thousandths) / f64::from(TOKEN);
        match self.0 {
            Kind::Ratio(Share { ratio, reserve, hold }) => {
                let mut shown = f.debug_struct("ratio");
                shown.field("ratio", &ratio).field("reserve", &reserve).field("hold", &hold).finish()
            }
            Kind::Throttle { max, per_success } => {
                let mut shown = f.debug_struct("throttle");
                shown.field("max", &tokens(max)).field("per_success", &tokens(per_success)).finish()
            }
            Kind::Quota { size } => f.debug_struct("quota").field("size", &size).finish(),
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::ratio(Ratio::percent(20))
    }
}

/// The tokens of a ratio, exact.
///
/// One unit is the smallest amount that both a deposit and a nanosecond of reserve are whole multiples of: with
/// a ratio of p/q, a token is q·10⁹ units, a deposit p·10⁹, a nanosecond of reserve q·reserve.
#[derive(Debug)]
pub(super) struct Purse {
    share: Share,
    units: u128,
    // Up to when the reserve has accrued. Time begins with the first question.
    accrued: Option<Instant>,
}

const SECOND: u128 = 1_000_000_000;

impl Purse {
    pub(super) fn new(share: Share) -> Self {
        let mut purse = Self { share, units: 0, accrued: None };
        purse.units = u128::from(share.hold.min(share.reserve.saturating_mul(10))) * purse.token();
        purse
    }

    /// Adds what came in since: `deposits` requests, and the reserve up to `now`. The ceiling holds after it.
    pub(super) fn update(&mut self, deposits: u64, now: Instant) {
        let deposited = u128::from(deposits) * u128::from(self.share.ratio.parts()) * SECOND;
        let since = self.accrued.unwrap_or(now);
        let reserve = (now - since)
            .as_nanos()
            .saturating_mul(u128::from(self.share.reserve) * u128::from(self.share.ratio.whole().get()));
        self.accrued = Some(since.max(now));
        self.units = self.units.saturating_add(deposited).saturating_add(reserve).min(self.ceiling());
    }

    /// One token, if there is one.
    pub(super) fn withdraw(&mut self) -> bool {
        let rest = self.units.checked_sub(self.token());
        self.units = rest.unwrap_or(self.units);
        rest.is_some()
    }

    /// A token comes back unused.
    pub(super) fn give_back(&mut self) {
        self.units = (self.units + self.token()).min(self.ceiling());
    }

    pub(super) fn available(&self) -> u32 {
        u32::try_from(self.units / self.token()).unwrap_or(u32::MAX)
    }

    pub(super) const fn share(&self) -> Share {
        self.share
    }

    fn ceiling(&self) -> u128 {
        u128::from(self.share.hold) * self.token()
    }

    fn token(&self) -> u128 {
        u128::from(self.share.ratio.whole().get()) * SECOND
    }
}
