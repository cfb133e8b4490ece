//! The store as a limiter's store: any rules, named by whoever asks.

use super::questions::{Permits, Questions};
use super::script::Act;
use super::store::{Store, Unavailable};
use crate::rate_limit::Decision;
use crate::rate_limit::remote::{self, Ask, Verb};
use crate::time::Instant;

/// The same scripts and the same keys as a [`SharedRateLimiter`](super::SharedRateLimiter)'s, one trip for each question, and
/// nothing remembered here: a limit of one name is one limit, whoever asks.
///
/// ```no_run
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use seawall::rate_limit::Quota;
/// use seawall::rate_limit::remote::{Ask, Limit, Rule, Store as _};
/// use seawall::redis::Store;
///
/// let store = Store::new("limits", redis::Client::open("redis://127.0.0.1/")?);
/// let limits = [Limit::new("per minute", Rule::TokenBucket(Quota::per_minute(60)))];
/// let decision = store.decide(Ask::take(b"alice", &limits, 1)).await?;
/// println!("{} left", decision.remaining());
/// # Ok(())
/// # }
/// ```
impl remote::Store for Store {
    type Error = Unavailable;

    async fn decide(&self, ask: Ask<'_>) -> Result<Decision, Unavailable> {
        let limits =
            ask.limits.iter().map(|limit| (limit.name().to_string(), Some(limit.name()), limit.rule()));
        let (questions, key) = (Questions::new(self, limits, 0), self.hash(ask.key));
        let due = self.due(Instant::now());
        let (act, permits) = match ask.verb {
            Verb::Take if ask.cost > questions.capacity => {
                return Ok(Decision::too_large(0, 0, questions.capacity));
            }
            Verb::Take if ask.cost == 0 => return questions.peek(self, key, 0, due).await,
            Verb::Peek => return questions.peek(self, key, ask.cost, due).await,
            Verb::Reset => {
                questions.reset(self, key, due).await?;
                return Ok(Decision::admitted(questions.capacity, 0));
            }
            Verb::Take => (Act::Take, Permits::of(ask.cost)),
            Verb::GiveBack => (Act::Give, Permits::of(ask.cost)),
            Verb::Charge => (Act::Charge, Permits::of(ask.cost)),
        };
        if questions.is_empty() {
            return Ok(Decision::admitted(u32::MAX, 0));
        }
        Ok(questions.ask(self, act, key, permits, due).await?.decision)
    }
}
