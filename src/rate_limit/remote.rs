//! What a limiter asks of a store that many processes share: one question, one round trip.
//!
//! ```text
//!   key, limits, verb, cost ──► Store::decide ──► Decision
//!                                  └ its own clock, all limits in one step: all or nothing
//! ```
//!
//! Asking takes a round trip, so who asks is no [`Gate`](crate::Gate), which answers at once; the [`Decision`] is the same.
//!
//! # Examples
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use seawall::rate_limit::remote::{Ask, Limit, Rule, Store, Verb};
//! use seawall::rate_limit::{Decision, Quota};
//! use seawall::{Instant, RateLimiter};
//! use std::convert::Infallible;
//!
//! /// The nearest of all stores, for a test: it knows one key.
//! struct Here(RateLimiter);
//!
//! impl Store for Here {
//!     type Error = Infallible;
//!     async fn decide(&self, ask: Ask<'_>) -> Result<Decision, Infallible> {
//!         Ok(match ask.verb {
//!             Verb::Peek => self.0.peek(ask.cost),
//!             _ => self.0.decide_at(ask.cost, Instant::now()),
//!         })
//!     }
//! }
//!
//! let limits = [Limit::new("per hour", Rule::TokenBucket(Quota::per_hour(1)))];
//! let store = Here(RateLimiter::new("api", Quota::per_hour(1)));
//! assert!(store.decide(Ask::take(b"alice", &limits, 1)).await.unwrap().is_admitted());
//! assert!(!store.decide(Ask::take(b"alice", &limits, 1)).await.unwrap().is_admitted());
//! # }
//! ```

use super::{Decision, Quota};
use crate::name::Name;
use std::future::Future;
use std::time::Duration;

/// Decides for many processes.
///
/// One call is one step for whoever else asks: all limits of the question are asked at one reading of the store's
/// own clock, and either all are charged or none. A refusal is an answer like any other; an `Error` says that
/// there is none, and nobody then knows whether the step was taken.
pub trait Store: Send + Sync {
    /// Why there is no answer.
    type Error: Send;

    /// One question, one round trip. The decision is that of the limits [together](super::Algorithm): the least remaining,
    /// the latest reset, the longest wait, and the place of each that refused.
    fn decide(&self, ask: Ask<'_>) -> impl Future<Output = Result<Decision, Self::Error>> + Send;
}

impl<S: Store + ?Sized> Store for &S {
    type Error = S::Error;

    fn decide(&self, ask: Ask<'_>) -> impl Future<Output = Result<Decision, Self::Error>> + Send {
        (**self).decide(ask)
    }
}

impl<S: Store + ?Sized> Store for std::sync::Arc<S> {
    type Error = S::Error;

    fn decide(&self, ask: Ask<'_>) -> impl Future<Output = Result<Decision, Self::Error>> + Send {
        (**self).decide(ask)
    }
}

/// One question to a [`Store`].
///
/// ```
/// use seawall::rate_limit::{Quota, remote::{Ask, Limit, Rule, Verb}};
/// let limits = [Limit::new("per second", Rule::TokenBucket(Quota::per_second(10)))];
/// let ask = Ask::take(b"alice", &limits, 2);
/// assert_eq!((ask.verb, ask.cost), (Verb::Take, 2));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Whose limits they are, in bytes that are the same in each process.
    pub key: &'a [u8],
    /// All of them agree, or nothing is taken.
    pub limits: &'a [Limit],
    /// What is done.
    pub verb: Verb,
    /// With so many permits.
    pub cost: u32,
}

impl<'a> Ask<'a> {
    /// Takes `cost` permits of each limit, or none.
    ///
    /// ```
    /// use seawall::rate_limit::{Quota, remote::{Ask, Limit, Rule}};
    /// let limits = [Limit::new("per second", Rule::TokenBucket(Quota::per_second(10)))];
    /// assert_eq!(Ask::take(b"alice", &limits, 2).key, b"alice");
    /// ```
    #[must_use]
    pub const fn take(key: &'a [u8], limits: &'a [Limit], cost: u32) -> Self {
        Self { key, limits, verb: Verb::Take, cost }
    }
}

/// What is done with the permits of an [`Ask`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verb {
    /// They are taken if all limits have them.
    Take,
    /// Nothing is taken: the answer that [`Take`](Self::Take) would get.
    Peek,
    /// They come back, at most to the full: taken and never used, or the operator's grant.
    GiveBack,
    /// They are taken whether or not they are there: the level may become a debt.
    Charge,
    /// Everything taken is forgotten; the cost says nothing.
    Reset,
}

/// A limit as a [`Store`] is told of it: its name and its rule.
///
/// ```
/// use seawall::rate_limit::{Quota, remote::{Limit, Rule}};
/// const PER_DAY: Limit = Limit::named(seawall::Name::new("per day"), Rule::TokenBucket(Quota::per_day(1000)));
/// assert_eq!(PER_DAY.name().as_str(), "per day");
/// assert_eq!(PER_DAY.rule().quota(), Quota::per_day(1000));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    name: Name,
    rule: Rule,
}

impl Limit {
    /// This rule under this name, which is part of what the store calls the state: two limits of one name share it.
    ///
    /// ```
    /// use seawall::rate_limit::{Quota, remote::{Limit, Rule}};
    /// let limit = Limit::new(String::from("per tenant"), Rule::TokenBucket(Quota::per_second(10)));
    /// assert_eq!(limit.name().as_str(), "per tenant");
    /// ```
    #[must_use]
    pub fn new(name: impl Into<Name>, rule: Rule) -> Self {
        Self::named(name.into(), rule)
    }

    /// The same where the name is known at compile time.
    ///
    /// ```
    /// use seawall::rate_limit::{Quota, remote::{Limit, Rule}};
    /// const LIMIT: Limit = Limit::named(seawall::Name::new("api"), Rule::TokenBucket(Quota::per_second(10)));
    /// assert_eq!(LIMIT.rule(), Rule::TokenBucket(Quota::per_second(10)));
    /// ```
    #[must_use]
    pub const fn named(name: Name, rule: Rule) -> Self {
        Self { name, rule }
    }

    /// The name by which it refuses.
    ///
    /// ```
    /// use seawall::rate_limit::{Quota, remote::{Limit, Rule}};
    /// assert_eq!(Limit::new("api", Rule::TokenBucket(Quota::per_second(10))).name().as_str(), "api");
    /// ```
    #[must_use]
    pub const fn name(&self) -> Name {
        self.name
    }

    /// How it decides.
    ///
    /// ```
    /// use seawall::rate_limit::{Quota, remote::{Limit, Rule}};
    /// let rule = Rule::TokenBucket(Quota::per_second(10));
    /// assert_eq!(Limit::new("api", rule).rule(), rule);
    /// ```
    #[must_use]
    pub const fn rule(&self) -> Rule {
        self.rule
    }
}

/// An algorithm and its numbers, as data: what a store in another language can be told.
///
/// The decisions are those of the type of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// See [`TokenBucket`](super::TokenBucket).
    TokenBucket(Quota),
    /// See [`FixedWindow`](super::FixedWindow); in a store the windows start at the Unix epoch.
    FixedWindow {
        /// Permits in a window.
        limit: u32,
        /// From one boundary to the next.
        window: Duration,
    },
    /// See [`SlidingWindowCounter`](super::SlidingWindowCounter).
    SlidingWindowCounter {
        /// Permits in a window.
        limit: u32,
        /// Its length.
        window: Duration,
    },
    /// See [`SlidingWindowLog`](super::SlidingWindowLog): for small limits.
    SlidingWindowLog {
        /// Permits in a window.
        limit: u32,
        /// Its length.
        window: Duration,
    },
}

impl Rule {
    /// Permits, period and capacity.
    ///
    /// ```
    /// use seawall::rate_limit::{Quota, remote::Rule};
    /// use std::time::Duration;
    /// let rule = Rule::FixedWindow { limit: 100, window: Duration::from_secs(60) };
    /// assert_eq!(rule.quota(), Quota::per_minute(100));
    /// ```
    #[must_use]
    pub const fn quota(self) -> Quota {
        match self {
            Self::TokenBucket(quota) => quota,
            Self::FixedWindow { limit, window }
            | Self::SlidingWindowCounter { limit, window }
            | Self::SlidingWindowLog { limit, window } => Quota::per(limit, window),
        }
    }
}

impl From<Quota> for Rule {
    fn from(quota: Quota) -> Self {
        Self::TokenBucket(quota)
    }
}
