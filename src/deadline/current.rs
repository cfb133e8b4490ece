use super::Deadline;
use super::scope::{Entered, Scope, in_force};
use crate::time::Instant;
use std::future::Future;
use std::time::Duration;

impl Deadline {
    /// `rest` from now.
    ///
    /// ```
    /// use seawall::deadline::Deadline;
    /// use std::time::Duration;
    /// assert!(Deadline::within(Duration::from_secs(1)).remaining() <= Duration::from_secs(1));
    /// ```
    #[must_use]
    pub fn within(rest: Duration) -> Self {
        Self::at(Instant::now() + rest)
    }

    /// The deadline in force here: the earliest of all scopes around.
    ///
    /// ```
    /// use seawall::deadline::Deadline;
    /// assert_eq!(Deadline::current(), None);
    /// ```
    #[must_use]
    pub fn current() -> Option<Self> {
        match in_force() {
            Instant::MAX => None,
            instant => Some(Self::at(instant)),
        }
    }

    /// What is left of it now.
    ///
    /// ```
    /// use seawall::{Instant, deadline::Deadline};
    /// assert!(Deadline::at(Instant::ZERO).remaining().is_zero());
    /// ```
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.remaining_at(Instant::now())
    }

    /// Whether nothing is left of it now.
    ///
    /// ```
    /// use seawall::{Instant, deadline::Deadline};
    /// assert!(Deadline::at(Instant::ZERO).is_over());
    /// ```
    #[must_use]
    pub fn is_over(self) -> bool {
        self.is_over_at(Instant::now())
    }

    /// The earlier of this and `longest` from now: for a deadline that came from outside.
    ///
    /// ```
    /// use seawall::{Instant, deadline::Deadline};
    /// use std::time::Duration;
    /// let given = Deadline::at(Instant::MAX).at_most(Duration::from_secs(5));
    /// assert!(given.remaining() <= Duration::from_secs(5));
    /// ```
    #[must_use]
    pub fn at_most(self, longest: Duration) -> Self {
        self.at_most_at(longest, Instant::now())
    }

    /// Puts the deadline in force while `future` is polled: every wait in there shortens itself to it. It ends
    /// nothing by itself; [`Deadlines`](super::Deadlines) does.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::deadline::Deadline;
    /// use std::time::Duration;
    /// let short = Deadline::within(Duration::from_secs(1));
    /// let long = Deadline::within(Duration::from_secs(5));
    /// short
    ///     .scope(long.scope(async { assert_eq!(Deadline::current(), Some(short)) }))
    ///     .await;
    /// # }
    /// ```
    pub const fn scope<F: Future>(self, future: F) -> Scope<F> {
        Scope::new(future, self)
    }

    /// Puts the deadline in force while `f` runs.
    ///
    /// ```
    /// use seawall::deadline::Deadline;
    /// use std::time::Duration;
    /// let deadline = Deadline::within(Duration::from_secs(1));
    /// assert_eq!(deadline.scope_sync(Deadline::current), Some(deadline));
    /// ```
    pub fn scope_sync<T>(self, f: impl FnOnce() -> T) -> T {
        let _entered = Entered::new(self.instant());
        f()
    }
}
