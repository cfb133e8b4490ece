use super::tokens::{Budget, Kind, Purse, TOKEN};
use crate::class::Class;
use crate::stripe::Striped;
use crate::sync::atomic::{AtomicU32, Ordering::Relaxed};
use crate::sync::{Mutex, Padded};
use crate::time::Instant;
use std::fmt;
use std::ops::DerefMut;
use std::sync::Arc;

/// How many retries and hedges one peer is asked to bear: one per peer, its clones given to each
/// [`Retry`](super::Retry) and hedge that call it.
///
/// # Examples
///
/// Shared by two clients of one peer:
///
/// ```
/// use seawall::retry::{Plan, Retry, RetryBudget};
///
/// let budget = RetryBudget::default();
/// let reads = Retry::new("reads", Plan::new()).budget(budget.clone());
/// let writes = Retry::new("writes", Plan::new()).budget(budget);
/// # let _ = (reads, writes);
/// ```
///
/// By hand:
///
/// ```
/// use seawall::retry::RetryBudget;
///
/// let budget = RetryBudget::default();
/// budget.deposit(); // once per request
/// // …the attempt failed, and may be made again only for a token:
/// if let Some(token) = budget.withdraw() {
///     token.spend();
/// }
/// ```
///
/// # Defaults
///
/// [`Budget::default`]: 20 % of the requests, a reserve of 10 a second, a hold of 100.
///
/// # Memory
///
/// About 2 KiB each: the deposits are counted in parts, so that threads do not meet at them.
#[derive(Clone)]
pub struct RetryBudget {
    // Known without a look at what is shared: what a request has to do for it.
    duty: Duty,
    shared: Arc<Shared>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Duty {
    Deposit,
    // Below another driver, which has deposited already.
    Nothing,
    Settle,
}

#[expect(clippy::large_enum_variant, reason = "one per peer, and on the heap already")]
enum Shared {
    Ratio(Requests),
    Tokens(Tokens),
}

/// What lives by how attempts end: one number, and what it does at which end.
struct Tokens {
    left: Padded<AtomicU32>,
    by: By,
}

#[derive(Clone, Copy)]
enum By {
    Throttle { max: u32, per_success: u32 },
    Quota { size: u32 },
}

struct Requests {
    // Deposits that the purse has not seen yet.
    deposits: Striped,
    // Asked only when something failed.
    purse: Mutex<Purse>,
}

/// What the AWS SDKs take.
const RETRY: u32 = 5;
const RETRY_AFTER_TIMEOUT: u32 = 10;

impl RetryBudget {
    /// A budget on these terms.
    ///
    /// ```
    /// use seawall::retry::{Budget, RetryBudget};
    /// assert_eq!(RetryBudget::new(Budget::quota(500)).available(), 500);
    /// ```
    #[must_use]
    pub fn new(budget: Budget) -> Self {
        let tokens = |n, by| Shared::Tokens(Tokens { left: Padded(AtomicU32::new(n)), by });
        let (duty, shared) = match budget.0 {
            Kind::Ratio(share) => {
                let purse = Mutex::new(Purse::new(share));
                (Duty::Deposit, Shared::Ratio(Requests { deposits: Striped::default(), purse }))
            }
            Kind::Throttle { max, per_success } => {
                (Duty::Settle, tokens(max, By::Throttle { max, per_success }))
            }
            Kind::Quota { size } => (Duty::Settle, tokens(size, By::Quota { size })),
        };
        Self { duty, shared: Arc::new(shared) }
    }

    /// The same tokens, for use below another driver that has already deposited for the request: a hedge inside
    /// a retry, or the inner of two retries.
    ///
    /// ```
    /// use seawall::{Ratio, retry::{Budget, RetryBudget}};
    /// let outer = RetryBudget::new(Budget::ratio(Ratio::ONE).reserve(0));
    /// let inner = outer.withdraw_only();
    /// outer.deposit();
    /// inner.deposit(); // nothing
    /// assert_eq!(outer.available(), 1);
    /// ```
    #[must_use]
    pub fn withdraw_only(&self) -> Self {
        let duty = if self.duty == Duty::Deposit { Duty::Nothing } else { self.duty };
        Self { duty, shared: Arc::clone(&self.shared) }
    }

    /// A request begins: once each, whatever is retried or hedged below. Reads no clock.
    ///
    /// ```
    /// seawall::retry::RetryBudget::default().deposit();
    /// ```
    #[inline]
    pub fn deposit(&self) {
        if self.duty == Duty::Deposit
            && let Shared::Ratio(requests) = &*self.shared
        {
            requests.deposits.add(1);
        }
    }

    /// A token for one more attempt now, or `None`: then the last result is the answer.
    ///
    /// ```
    /// let budget = seawall::retry::RetryBudget::default();
    /// let token = budget.withdraw().unwrap();
    /// drop(token); // the attempt was not made after all
    /// assert_eq!(budget.available(), 100);
    /// ```
    #[must_use = "a token that is dropped goes back"]
    pub fn withdraw(&self) -> Option<Token> {
        self.withdraw_at(Instant::now())
    }

    /// [`withdraw`](Self::withdraw) at a time that the caller already holds.
    ///
    /// ```
    /// use seawall::{Instant, retry::RetryBudget};
    /// assert!(RetryBudget::default().withdraw_at(Instant::ZERO).is_some());
    /// ```
    #[must_use = "a token that is dropped goes back"]
    pub fn withdraw_at(&self, now: Instant) -> Option<Token> {
        self.take(RETRY, now)
    }

    /// [`withdraw_at`](Self::withdraw_at), after an attempt that timed out: a [`quota`](Budget::quota) asks
    /// more of it.
    ///
    /// ```
    /// use seawall::{Instant, retry::{Budget, RetryBudget}};
    /// let budget = RetryBudget::new(Budget::quota(100));
    /// budget.withdraw_after_timeout_at(Instant::ZERO).unwrap().spend();
    /// assert_eq!(budget.available(), 90);
    /// ```
    #[must_use = "a token that is dropped goes back"]
    pub fn withdraw_after_timeout_at(&self, now: Instant) -> Option<Token> {
        self.take(RETRY_AFTER_TIMEOUT, now)
    }

    #[cold]
    fn take(&self, price: u32, now: Instant) -> Option<Token> {
        let cost = match &*self.shared {
            Shared::Ratio(requests) => requests.purse_at(now).withdraw().then_some(1)?,
            Shared::Tokens(tokens) => tokens.take(price)?,
        };
        Some(Token { budget: self.clone(), cost, held: true })
    }

    /// An attempt ended as `class`; `token` is the last one that its call took, if it took any.
    ///
    /// A [`ratio`](Budget::ratio) learns nothing from it, the other two live by it.
    ///
    /// ```
    /// use seawall::{Class, retry::{Budget, RetryBudget}};
    /// let budget = RetryBudget::new(Budget::quota(500));
    /// let mut token = budget.withdraw().unwrap();
    /// token.hand_over();
    /// assert_eq!(budget.available(), 495);
    /// budget.settle(Class::Success, Some(&token));
    /// assert_eq!(budget.available(), 500);
    /// ```
    #[inline]
    pub fn settle(&self, class: Class, token: Option<&Token>) {
        if self.duty == Duty::Settle
            && let Shared::Tokens(tokens) = &*self.shared
        {
            tokens.learn(class, token.map_or(0, |token| token.cost));
        }
    }

    /// Whole tokens now.
    ///
    /// ```
    /// assert_eq!(seawall::retry::RetryBudget::default().available(), 100);
    /// ```
    #[must_use]
    pub fn available(&self) -> u32 {
        self.available_at(Instant::now())
    }

    /// [`available`](Self::available) at a time that the caller already holds.
    ///
    /// ```
    /// use seawall::{Instant, retry::RetryBudget};
    /// assert_eq!(RetryBudget::default().available_at(Instant::ZERO), 100);
    /// ```
    #[must_use]
    pub fn available_at(&self, now: Instant) -> u32 {
        match &*self.shared {
            Shared::Ratio(requests) => requests.purse_at(now).available(),
            Shared::Tokens(tokens) => tokens.whole(),
        }
    }

    fn give_back(&self, cost: u32) {
        match &*self.shared {
            Shared::Ratio(requests) => requests.purse.lock().give_back(),
            Shared::Tokens(tokens) => tokens.give_back(cost),
        }
    }
}

impl Requests {
    /// The purse, with all that was paid in up to `now`.
    fn purse_at(&self, now: Instant) -> impl DerefMut<Target = Purse> {
        let mut purse = self.purse.lock();
        purse.update(self.deposits.take(), now);
        purse
    }
}

impl Tokens {
    /// Leave for an attempt of this price: what it cost.
    fn take(&self, price: u32) -> Option<u32> {
        match self.by {
            By::Throttle { max, .. } => (self.left.load(Relaxed) > max / 2).then_some(0),
            By::Quota { .. } => {
                let take = |left: u32| left.checked_sub(price);
                self.left.fetch_update(Relaxed, Relaxed, take).ok().map(|_| price)
            }
        }
    }

    #[inline(never)]
    fn learn(&self, class: Class, last: u32) {
        match (self.by, class) {
            (By::Throttle { max, per_success }, Class::Success) => self.raise(per_success, max),
            (By::Throttle { .. }, Class::Transient | Class::Overload(_)) => {
                let take = |left: u32| Some(left.saturating_sub(TOKEN));
                let _ = self.left.fetch_update(Relaxed, Relaxed, take);
            }
            (By::Quota { size }, Class::Success) => self.raise(last.max(1), size),
            _ => {}
        }
    }

    fn give_back(&self, cost: u32) {
        if let By::Quota { size } = self.by {
            self.raise(cost, size);
        }
    }

    /// Adds, up to a ceiling; at the ceiling nothing is written.
    fn raise(&self, by: u32, ceiling: u32) {
        let raise = |left: u32| (left < ceiling).then(|| left.saturating_add(by).min(ceiling));
        let _ = self.left.fetch_update(Relaxed, Relaxed, raise);
    }

    fn whole(&self) -> u32 {
        match self.by {
            By::Throttle { .. } => self.left.load(Relaxed) / TOKEN,
            By::Quota { .. } => self.left.load(Relaxed),
        }
    }
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self::new(Budget::default())
    }
}

impl fmt::Debug for RetryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let budget = Budget(match &*self.shared {
            Shared::Ratio(requests) => Kind::Ratio(requests.purse.lock().share()),
            Shared::Tokens(tokens) => match tokens.by {
                By::Throttle { max, per_success } => Kind::Throttle { max, per_success },
                By::Quota { size } => Kind::Quota { size },
            },
        });
        f.debug_struct("RetryBudget")
            .field("budget", &budget)
            .field("deposits", &(self.duty != Duty::Nothing))
            .finish_non_exhaustive()
    }
}

/// Leave for one more attempt; dropped before the attempt is handed over, it goes back.
///
/// # Examples
///
/// ```
/// let budget = seawall::retry::RetryBudget::default();
/// budget.withdraw().unwrap().spend();
/// assert_eq!(budget.available(), 99);
/// ```
#[derive(Debug)]
pub struct Token {
    budget: RetryBudget,
    cost: u32,
    held: bool,
}

impl Token {
    /// The attempt is made: the token does not come back.
    ///
    /// ```
    /// seawall::retry::RetryBudget::default().withdraw().unwrap().spend();
    /// ```
    pub fn spend(mut self) {
        self.hand_over();
    }

    /// As [`spend`](Self::spend), for a caller who may yet hear that the attempt was refused further in.
    ///
    /// ```
    /// let budget = seawall::retry::RetryBudget::default();
    /// let mut token = budget.withdraw().unwrap();
    /// token.hand_over();
    /// token.give_back(); // refused: it never reached the peer
    /// assert_eq!(budget.available(), 100);
    /// ```
    pub const fn hand_over(&mut self) {
        self.held = false;
    }

    /// The attempt never reached the peer: the token goes back.
    ///
    /// ```
    /// let budget = seawall::retry::RetryBudget::default();
    /// budget.withdraw().unwrap().give_back();
    /// assert_eq!(budget.available(), 100);
    /// ```
    pub fn give_back(mut self) {
        self.held = true;
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        if self.held {
            self.budget.give_back(self.cost);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ratio::Ratio;
    use proptest::prelude::*;
    use std::num::NonZeroU32;
    use std::time::Duration;

    fn granted(budget: &RetryBudget, now: Instant) -> u32 {
        let mut n = 0;
        while let Some(token) = budget.withdraw_at(now) {
            token.spend();
            n += 1;
        }
        n
    }

    #[test]
    fn rt_15_a_share_of_the_requests_exactly() {
        let whole = NonZeroU32::new(10_000).unwrap();
        for (parts, expected) in [(1000, 1000), (2500, 2500), (6000, 6000), (9999, 9999)] {
            let budget = RetryBudget::new(Budget::ratio(Ratio::of(parts, whole)).reserve(0).hold(10_000));
            (0..10_000).for_each(|_| budget.deposit());
            assert_eq!(granted(&budget, Instant::ZERO), expected);
        }
    }

    #[test]
    fn rt_16_the_default_reserve() {
        let budget = RetryBudget::default();
        assert_eq!(granted(&budget, Instant::ZERO), 100);
        let later = Instant::ZERO + Duration::from_millis(100);
        assert_eq!(granted(&budget, Instant::from_nanos(later.as_nanos() - 1)), 0);
        assert_eq!(granted(&budget, later), 1);
    }

    #[test]
    fn rt_17_grpcs_throttle() {
        let half = Ratio::percent(50);
        let budget = RetryBudget::new(Budget::throttle(10, half));
        let thousandths = || match &*budget.shared {
            Shared::Tokens(tokens) => tokens.left.load(Relaxed),
            Shared::Ratio(_) => unreachable!(),
        };
        let succeeds = |index: u32| matches!(index, 0 | 3 | 6 | 10..=14 | 16 | 18);
        let (mut index, mut calls) = (0, Vec::new());
        while calls.len() < 12 {
            let ok = succeeds(index);
            budget.settle(if ok { Class::Success } else { Class::Transient }, None);
            if ok || budget.withdraw_at(Instant::ZERO).is_none() {
                calls.push((index, ok, thousandths()));
            }
            index += 1;
        }
        let ended = [
            (0, true, 10_000),
            (3, true, 8_500),
            (6, true, 7_000),
            (8, false, 5_000),
            (9, false, 4_000),
            (10, true, 4_500),
            (11, true, 5_000),
            (12, true, 5_500),
            (13, true, 6_000),
            (14, true, 6_500),
            (16, true, 6_000),
            (17, false, 5_000),
        ];
        assert_eq!(calls, ended);
    }

    #[test]
    fn rt_18_awss_quota() {
        let budget = RetryBudget::new(Budget::quota(500));
        budget.withdraw().unwrap().spend();
        assert_eq!(budget.available(), 495);
        let mut token = budget.withdraw().unwrap();
        token.hand_over();
        assert_eq!(budget.available(), 490);
        budget.settle(Class::Success, Some(&token));
        drop(token);
        assert_eq!(budget.available(), 495);

        let scarce = RetryBudget::new(Budget::quota(5));
        assert_eq!((granted(&scarce, Instant::ZERO), scarce.available()), (1, 0));

        let slow = RetryBudget::new(Budget::quota(100));
        slow.withdraw_after_timeout_at(Instant::ZERO).unwrap().spend();
        assert_eq!(slow.available(), 90);
        let mut token = slow.withdraw_after_timeout_at(Instant::ZERO).unwrap();
        token.hand_over();
        assert_eq!(slow.available(), 80);
        slow.settle(Class::Success, Some(&token));
        assert_eq!(slow.available(), 90);
        slow.settle(Class::Success, None);
        assert_eq!(slow.available(), 91);
    }

    #[test]
    fn no_terms_are_too_large_or_too_small() {
        let never = Ratio::of(u32::MAX, NonZeroU32::MIN);
        let vast = RetryBudget::new(Budget::ratio(never).reserve(u32::MAX).hold(u32::MAX));
        vast.deposit();
        assert_eq!(vast.available_at(Instant::ZERO), u32::MAX);
        assert_eq!(vast.available_at(Instant::MAX), u32::MAX);
        let thin = Ratio::of(1, NonZeroU32::MAX);
        let none = RetryBudget::new(Budget::ratio(thin).reserve(0).hold(0));
        none.deposit();
        assert!(none.withdraw_at(Instant::MAX).is_none());
        assert!(RetryBudget::new(Budget::throttle(0, Ratio::ZERO)).withdraw().is_none());
        assert!(RetryBudget::new(Budget::quota(0)).withdraw().is_none());
    }

    #[derive(Clone, Debug)]
    enum Act {
        Deposit(u8),
        Ask,
        AskAndReturn,
        Advance(u64),
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let act = prop_oneof![
            1 => any::<u8>().prop_map(Act::Deposit),
            4 => Just(Act::Ask),
            1 => Just(Act::AskAndReturn),
            1 => (0u64..2_000_000_000).prop_map(Act::Advance),
        ];
        prop::collection::vec(act, 0..200)
    }

    proptest! {
        /// Against a twin that adds each deposit and each advance of the clock when it happens, with a ceiling
        /// each time; and against the promise to the peer.
        #[test]
        fn twin_no_history_gets_more_than_its_share(
            (parts, whole, reserve, hold) in (0u32..200, 1u32..100, 0u32..50, 0u32..40),
            acts in acts(),
        ) {
            let ratio = Ratio::of(parts, NonZeroU32::new(whole).unwrap());
            let budget = RetryBudget::new(Budget::ratio(ratio).reserve(reserve).hold(hold));
            // In units of 1/(whole · 10⁹) token.
            let token = u128::from(whole) * 1_000_000_000;
            let ceiling = u128::from(hold) * token;
            let mut units = u128::from(hold.min(reserve * 10)) * token;
            let (mut now, mut begun, mut deposits, mut spent) = (0u64, None, 0u128, 0u128);
            for act in acts {
                match act {
                    Act::Deposit(n) => {
                        for _ in 0..n {
                            budget.deposit();
                        }
                        deposits += u128::from(n);
                        units = (units + u128::from(n) * u128::from(parts) * 1_000_000_000).min(ceiling);
                    }
                    Act::Advance(nanos) => {
                        now += nanos;
                        if begun.is_some() {
                            let accrued = u128::from(nanos) * u128::from(reserve) * u128::from(whole);
                            units = (units + accrued).min(ceiling);
                        }
                    }
                    Act::Ask | Act::AskAndReturn => {
                        begun.get_or_insert(now);
                        let answer = budget.withdraw_at(Instant::from_nanos(now));
                        prop_assert_eq!(answer.is_some(), units >= token);
                        if let Some(answer) = answer && matches!(act, Act::Ask) {
                            answer.spend();
                            units -= token;
                            spent += 1;
                        }
                    }
                }
                let promised = deposits * u128::from(parts) * 1_000_000_000
                    + u128::from(reserve) * u128::from(now - begun.unwrap_or(now)) * u128::from(whole)
                    + ceiling;
                prop_assert!(spent * token <= promised);
            }
        }
    }
}
