use super::document::{Checked, document, read_by};
use super::scalars::{Count, Share, Span, Times, words};
use crate::ratio::Ratio;
use crate::retry::{After, Backoff, Budget, Jitter, Plan};
use std::time::Duration;

document! {
    /// A retry: how often, after which waits, within which budget.
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall::config::Retry;
    /// let retry: Retry = serde_json::from_str(
    ///     r#"{ "attempts": 4, "backoff": "20ms", "backoff_cap": "1s", "jitter": "equal", "budget": "10%" }"#,
    /// )?;
    /// assert_eq!(retry.plan().max_attempts(), 4);
    /// # Ok::<_, serde_json::Error>(())
    /// ```
    Retry {
        /// Calls in all, the first one included.
        attempts: Count,
        /// The first wait.
        backoff: Span,
        /// How many times as long the next one; 1 is a constant wait.
        backoff_factor: Times,
        /// The longest wait.
        backoff_cap: Span,
        /// How waits are spread.
        jitter: Spread,
        /// No attempt begins later than so long after the first.
        within: Span,
        /// A wait that a peer asks for is kept up to so long; a longer one ends the retrying.
        patience: Span,
        /// So many retries for each call, over all calls.
        budget: Share,
        /// And so many more a second, whatever the traffic.
        budget_reserve: u32,
    }
}

words! {
    /// How waits are spread.
    Spread: r#""full", "equal", "decorrelated" or "none""# {
        /// Anywhere up to the wait.
        Full = "full",
        /// Between half of the wait and all of it.
        Equal = "equal",
        /// By the last wait.
        Decorrelated = "decorrelated",
        /// Not at all.
        None = "none",
    }
}

impl Checked for Retry {}

impl Retry {
    /// The plan that it says.
    ///
    /// ```
    /// use seawall::retry::Plan;
    /// assert_eq!(seawall::config::Retry::default().plan(), Plan::new());
    /// ```
    #[must_use]
    pub fn plan(&self) -> Plan {
        let mut plan = Plan::new();
        if let Some(Count(attempts)) = self.attempts {
            plan = plan.attempts(attempts.get());
        }
        // The defaults of `Backoff`.
        let Span(base) = self.backoff.unwrap_or(Span(Duration::from_millis(50)));
        let Span(cap) = self.backoff_cap.unwrap_or(Span(Duration::from_secs(10)));
        let mut backoff = Backoff::exponential(base).cap(cap);
        if let Some(factor) = self.backoff_factor {
            backoff = backoff.factor(factor.ratio());
        }
        backoff = backoff.jitter(match self.jitter {
            None | Some(Spread::Full) => Jitter::full(),
            Some(Spread::Equal) => Jitter::equal(),
            Some(Spread::Decorrelated) => Jitter::decorrelated(),
            Some(Spread::None) => Jitter::none(),
        });
        plan = plan.backoff(backoff);
        if let Some(Span(within)) = self.within {
            plan = plan.within(within);
        }
        if let Some(Span(patience)) = self.patience {
            plan = plan.after(After::up_to(patience));
        }
        plan
    }

    /// The budget that it says; the default, if it says nothing of it.
    ///
    /// ```
    /// use seawall::retry::Budget;
    /// assert_eq!(seawall::config::Retry::default().budget(), Budget::default());
    /// ```
    #[must_use]
    pub fn budget(&self) -> Budget {
        let Share(ratio) = self.budget.unwrap_or(Share(Ratio::percent(20)));
        let budget = Budget::ratio(ratio);
        self.budget_reserve.map_or(budget, |reserve| budget.reserve(reserve))
    }

    fn config(&self) -> Plan {
        self.plan()
    }
}

read_by!(Plan: Retry,);
