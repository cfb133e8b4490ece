use super::breaker::Breaker;
use super::document::{Checked, document};
use super::limits::Adaptive;
use super::retry::Retry;
use super::said::BadValue;
use super::scalars::{Count, Span};
use crate::circuit_breaker::CircuitBreaker;
use crate::class::ByResult;
use crate::concurrency::{AdaptiveLimit, ConcurrencyLimit};
use crate::deadline::{DeadlineLayer, Deadlines};
use crate::policy::Policy;
use crate::rate_limit::{Quota, RateLimiter};
use crate::retry::{self, RetryBudget};
use crate::telemetry::Telemetry;
use crate::timeout::Every;
use tower_layer::Identity;

document! {
    /// A whole [`Policy`]: of its parts those that are said, in the one right order.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::config::Stack;
    /// let stack: Stack = serde_json::from_str(
    ///     r#"{ "deadline": "2s", "retry": {}, "breaker": {}, "concurrency": 64, "rate_limit": "100/s" }"#,
    /// ).unwrap();
    /// let policy = stack.policy("payments");
    /// assert_eq!(policy.run(|| async { Ok::<_, std::io::Error>(42) }).await.unwrap(), 42);
    /// # }
    /// ```
    Stack {
        /// How long the caller waits in all.
        deadline: Span,
        /// Calls again; not at all where it is not said.
        retry: Retry,
        /// Stops calling a peer that fails.
        breaker: Breaker,
        /// How many calls in a time.
        rate_limit: Quota,
        /// How many calls at a time; instead of `adaptive`.
        concurrency: Count,
        /// As many calls at a time as the peer can do; instead of `concurrency`.
        adaptive: Adaptive,
        /// How long each attempt may take.
        attempt_timeout: Span,
    }
}

/// The policy of a [`Stack`]: its type is the same whichever parts are there.
pub type ConfiguredPolicy = Policy<
    Option<CircuitBreaker>,
    Option<RateLimiter>,
    (Option<ConcurrencyLimit>, Option<AdaptiveLimit>),
    ByResult,
    retry::Retry,
    Every,
    Identity,
    DeadlineLayer,
>;

impl Checked for Stack {
    fn check(&self) -> Result<(), BadValue> {
        if self.concurrency.is_some() && self.adaptive.is_some() {
            let may_be = "there where `concurrency` is not";
            return Err(BadValue { field: "adaptive", said: "set".to_owned(), may_be });
        }
        Ok(())
    }
}

impl Stack {
    /// The policy that it says, each part of it under this name.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::config::Stack;
    /// // Nothing is said: calls go through as they are.
    /// let policy = Stack::default().policy("api");
    /// assert!(policy.run(|| async { Ok::<_, std::io::Error>(()) }).await.is_ok());
    /// # }
    /// ```
    #[must_use]
    pub fn policy(&self, telemetry: impl Into<Telemetry>) -> ConfiguredPolicy {
        let telemetry = telemetry.into();
        let retry = match &self.retry {
            Some(document) => {
                retry::Retry::new(&telemetry, document.plan()).budget(RetryBudget::new(document.budget()))
            }
            None => retry::Retry::off(),
        };
        let deadlines = match self.deadline {
            Some(Span(rest)) => Deadlines::within(&telemetry, rest),
            None => Deadlines::off(),
        };
        let breaker = self.breaker.as_ref().map(|breaker| CircuitBreaker::new(&telemetry, breaker.config()));
        let slots = self.concurrency.map(|Count(slots)| ConcurrencyLimit::new(&telemetry, slots.get()));
        Policy::new(&telemetry)
            .deadline(deadlines)
            .retry(retry)
            .breaker(breaker)
            .rate_limit(self.rate_limit.map(|quota| RateLimiter::new(&telemetry, quota)))
            .concurrency((slots, self.adaptive.as_ref().map(|adaptive| adaptive.limit(&telemetry))))
            .attempt_timeout(self.attempt_timeout.map(|Span(limit)| limit))
    }
}
