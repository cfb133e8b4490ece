//! How much a call matters.

use pin_project_lite::pin_project;
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// How much it matters that a call is answered (*Site Reliability Engineering*, chapter 21).
///
/// Exhaustive on purpose: a class more would be a class that nobody sets.
///
/// # Examples
///
/// ```
/// use seawall::Priority;
/// assert!(Priority::CriticalPlus < Priority::Sheddable); // goes first
/// assert_eq!(Priority::default(), Priority::Critical);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Users see it at once, and badly, if it fails.
    CriticalPlus,
    /// Users see it if it fails: what a request is unless somebody says otherwise.
    #[default]
    Critical,
    /// It may fail now and then, and is tried again: batch work.
    SheddablePlus,
    /// It may fail often, and all of it at times.
    Sheddable,
}

thread_local! {
    static IN_FORCE: Cell<Priority> = const { Cell::new(Priority::Critical) };
}

impl Priority {
    /// All classes, the most important first.
    pub const ALL: [Self; 4] = [Self::CriticalPlus, Self::Critical, Self::SheddablePlus, Self::Sheddable];

    /// The class as metrics, logs and headers spell it.
    ///
    /// ```
    /// assert_eq!(seawall::Priority::SheddablePlus.as_str(), "sheddable_plus");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CriticalPlus => "critical_plus",
            Self::Critical => "critical",
            Self::SheddablePlus => "sheddable_plus",
            Self::Sheddable => "sheddable",
        }
    }

    /// The class in force where this is asked: that of the [`scope`](Self::scope) around it.
    ///
    /// ```
    /// use seawall::Priority;
    /// assert_eq!(Priority::in_force(), Priority::Critical);
    /// ```
    #[must_use]
    pub fn in_force() -> Self {
        IN_FORCE.get()
    }

    /// Puts this class in force until what is returned is dropped, on this thread.
    fn enter(self) -> Entered {
        Entered(IN_FORCE.replace(self))
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The class that was in force before.
#[derive(Debug)]
struct Entered(Priority);

impl Drop for Entered {
    fn drop(&mut self) {
        IN_FORCE.set(self.0);
    }
}

impl Priority {
    /// Runs `future` with this class in force for the limits in it that ask for no other.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::Priority;
    ///
    /// let seen = Priority::Sheddable.scope(async { Priority::in_force() }).await;
    /// assert_eq!(seen, Priority::Sheddable);
    /// assert_eq!(Priority::in_force(), Priority::Critical);
    /// # }
    /// ```
    pub const fn scope<F: Future>(self, future: F) -> Prioritized<F> {
        Prioritized { future, priority: self }
    }
}

pin_project! {
    /// A future with a priority in force; made by [`Priority::scope`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Prioritized<F> {
        #[pin]
        future: F,
        priority: Priority,
    }
}

impl<F: Future> Future for Prioritized<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = this.priority.enter();
        this.future.poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_in_force_before_is_in_force_again() {
        {
            let _outer = Priority::Sheddable.enter();
            let _inner = Priority::CriticalPlus.enter();
            assert_eq!(Priority::in_force(), Priority::CriticalPlus);
        }
        assert_eq!(Priority::in_force(), Priority::Critical);
    }
}
