use crate::time::Instant;
use std::time::Duration;

/// When a whole request must be over: a point in time, so that it means the same at every depth.
///
/// It travels in a [`scope`](Self::scope), or in a request's extensions. The earliest of all in force wins: an
/// inner scope can only shorten.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use seawall::deadline::Deadline;
/// use std::time::Duration;
///
/// let deadline = Deadline::within(Duration::from_secs(1));
/// deadline
///     .scope(async {
///         // Far below, without an argument for it:
///         let rest = Deadline::current().unwrap().remaining();
///         assert_eq!(rest, Duration::from_secs(1));
///     })
///     .await;
/// # }
/// ```
///
/// The scope does not follow a spawned task; take the deadline along by hand:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use seawall::deadline::Deadline;
///
/// async fn work() -> bool { Deadline::current().is_some() }
///
/// let seen = Deadline::within(std::time::Duration::from_secs(1))
///     .scope(async {
///         let deadline = Deadline::current().unwrap();
///         tokio::spawn(deadline.scope(work())).await.unwrap()
///     })
///     .await;
/// assert!(seen);
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline(Instant);

impl Deadline {
    /// At `instant`.
    ///
    /// ```
    /// use seawall::{Instant, deadline::Deadline};
    /// assert_eq!(Deadline::at(Instant::from_nanos(7)).instant(), Instant::from_nanos(7));
    /// ```
    #[must_use]
    pub const fn at(instant: Instant) -> Self {
        Self(instant)
    }

    /// When it is.
    ///
    /// ```
    /// use seawall::{Instant, deadline::Deadline};
    /// assert_eq!(Deadline::at(Instant::MAX).instant(), Instant::MAX);
    /// ```
    #[must_use]
    pub const fn instant(self) -> Instant {
        self.0
    }

    /// What is left of it at `now`.
    ///
    /// ```
    /// use seawall::{Instant, deadline::Deadline};
    /// use std::time::Duration;
    /// let deadline = Deadline::at(Instant::from_nanos(7));
    /// assert_eq!(deadline.remaining_at(Instant::from_nanos(5)), Duration::from_nanos(2));
    /// assert_eq!(deadline.remaining_at(Instant::from_nanos(9)), Duration::ZERO);
    /// ```
    #[must_use]
    pub const fn remaining_at(self, now: Instant) -> Duration {
        self.0.saturating_since(now)
    }

    /// Whether nothing is left of it at `now`.
    ///
    /// ```
    /// use seawall::{Instant, deadline::Deadline};
    /// let deadline = Deadline::at(Instant::from_nanos(7));
    /// assert!(deadline.is_over_at(Instant::from_nanos(7)));
    /// assert!(!deadline.is_over_at(Instant::from_nanos(6)));
    /// ```
    #[must_use]
    pub const fn is_over_at(self, now: Instant) -> bool {
        self.0.as_nanos() <= now.as_nanos()
    }

    /// The earlier of this and `longest` from `now`: for a deadline that came from outside.
    ///
    /// ```
    /// use seawall::{Instant, deadline::Deadline};
    /// use std::time::Duration;
    /// let asked = Deadline::at(Instant::MAX);
    /// let given = asked.at_most_at(Duration::from_nanos(10), Instant::from_nanos(5));
    /// assert_eq!(given.instant(), Instant::from_nanos(15));
    /// ```
    #[must_use]
    pub fn at_most_at(self, longest: Duration, now: Instant) -> Self {
        self.min(Self(now + longest))
    }
}
